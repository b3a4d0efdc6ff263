//! The router knows what it gave addresses to, and is asked; nobody else is.

use std::io::Write as _;
use std::net::UdpSocket;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::PTR;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::house::{House, Player, ip};
use crate::support::until;

/// Answers everything at `address`, PTR with `name` if there is one; where there is none, being asked for one is the end.
fn serve(address: &str, name: Option<&str>) {
    let socket = UdpSocket::bind((address, 53)).unwrap();
    let mut packet = [0; 4096];
    loop {
        let Ok((len, from)) = socket.recv_from(&mut packet) else { continue };
        let Ok(question) = Message::from_vec(&packet[..len]) else { continue };
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.queries.clone_from(&question.queries);
        answer.metadata.response_code = ResponseCode::NXDomain;
        if let Some(asked) = question.queries.iter().find(|asked| asked.query_type() == RecordType::PTR) {
            let Some(name) = name else { std::process::exit(1) };
            if asked.name().to_string().eq_ignore_ascii_case("2.0.77.10.in-addr.arpa.") {
                answer.metadata.response_code = ResponseCode::NoError;
                let name = RData::PTR(PTR(Name::from_ascii(name).unwrap()));
                answer.answers.push(Record::from_rdata(asked.name().clone(), 60, name));
            }
        }
        let _ = socket.send_to(&answer.to_vec().unwrap(), from);
    }
}

#[test]
#[ignore = "the router and a forwarder; the test below starts them"]
fn answers_as_a_router_and_as_a_forwarder() {
    let forwarder = std::thread::spawn(|| serve("10.77.0.2", None));
    println!("\nlistening");
    std::io::stdout().flush().unwrap();
    serve("10.77.0.3", Some("Annas-Phone.fritz.box."));
    forwarder.join().unwrap();
}

#[test]
fn a_device_is_called_what_the_router_says_and_no_forwarder_is_asked() {
    let Some(house) = House::build() else { return };
    assert!(ip(&["-n", &house.phone, "address", "add", "10.77.0.3/24", "dev", "lan"]).status.success());
    let mut players = Player::start(&house.phone, "routers::answers_as_a_router_and_as_a_forwarder");
    players.hear("listening");
    let sordino = house.setup().set("house", "router", "\"10.77.0.3\"").start();
    let jar = house.log_in(&sordino);
    house.ask("10.77.0.2", "10.77.0.1");
    let device =
        until("a phone with a name", || house.devices(&jar).into_iter().find(|device| device["name"] == "Annas-Phone"));
    assert_eq!(device["guess"]["kind"], "phone", "{device}");
    let page = house.fetch(&jar, &format!("/devices/{}", device["id"].as_str().unwrap()));
    let told = page["facts"].as_array().unwrap().iter().find(|fact| fact["source"] == "router").unwrap();
    assert_eq!((&told["address"], &told["name"]), (&"10.77.0.2".into(), &"Annas-Phone".into()));
    // Forwarded, and so the forwarder was there all the time, and was asked for no PTR record.
    let output = house.on_phone(&["dig", "+tries=1", "-b", "10.77.0.2", "@10.77.0.1", "elsewhere.example"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("NXDOMAIN"), "{output:?}");
    assert!(players.is_there(), "the forwarder was asked what an address of the house is called");
}
