//! Forwarders that ask sordino what sordino asks them.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::support::client::Udp;
use crate::support::forwarder::{Forwarder, Hold, Plan, a, answer, with_rcode};
use crate::support::sordino::{Setup, Sordino};
use crate::support::until;
use crate::support::wire::*;

/// A forwarder that forwards what is below `name` back to sordino.
fn circle(name: &str, sordino: &Arc<OnceLock<SocketAddr>>) -> Forwarder {
    let forwarder = Forwarder::plain();
    let back = sordino.clone();
    forwarder.on(name, move |query, _| {
        let (hold, again, address) = (Hold::new(), query.clone(), *back.get().unwrap());
        let released = hold.clone();
        std::thread::spawn(move || {
            let udp = Udp::to(address);
            udp.send(&again.wire());
            udp.next_packet(Duration::from_secs(5));
            released.release();
        });
        Plan::Held(hold, Box::new(Plan::Answer(with_rcode(query, SERVFAIL))))
    });
    forwarder
}

fn problems(sordino: &Sordino) -> Vec<serde_json::Value> {
    sordino.rest().read("/api/v1/status")["problems"].as_array().unwrap().clone()
}

/// D16: a loop is found, told, and costs next to nothing.
#[test]
fn d16_a_forwarder_that_asks_us_back_is_found_out() {
    let address = Arc::new(OnceLock::new());
    let forwarder = circle("circle.example", &address);
    let sordino = Setup::before(&forwarder).start();
    address.set(sordino.dns()).unwrap();
    let begin = Instant::now();
    let reply = sordino.ask("www.circle.example", A);
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(reply.rcode(), SERVFAIL);
    assert!(forwarder.asked_all().len() <= 5, "{} questions for one", forwarder.asked_all().len());
    assert!(reply.ede().is_some_and(|(_, text)| text.contains("loop")), "{:?}", reply.ede());
    // From now on it is known: the next name of that zone is not asked about at all, others are.
    let before = forwarder.asked_all().len();
    let reply = sordino.ask("mail.circle.example", A);
    assert!(reply.ede().is_some_and(|(_, text)| text.contains("loop")), "{:?}", reply.ede());
    assert_eq!(forwarder.asked_all().len(), before);
    assert_eq!(sordino.resolve("www.straight.example"), ["A 192.0.2.1"]);
    let told = problems(&sordino);
    let told = told.iter().find(|problem| problem["kind"] == "loop").unwrap_or_else(|| panic!("{told:?}"));
    assert!(told["text"].as_str().unwrap().contains("circle.example"), "{told}");
}

/// A router is a forwarder and a device: that it asks what it is being asked is no loop.
#[test]
fn d16_a_router_that_asks_for_itself_is_no_loop() {
    let forwarder = Forwarder::plain();
    let hold = Hold::new();
    let kept = hold.clone();
    forwarder.on("shared.example", move |query, _| {
        let answered = Plan::Answer(answer(query, &[a("shared.example", 300, "192.0.2.6")]));
        if query.asked().to_lowercase().starts_with("sordino-") {
            answered
        } else {
            Plan::Held(kept.clone(), Box::new(answered))
        }
    });
    let sordino = Setup::before(&forwarder).start();
    let (device, router) = (sordino.udp(), sordino.udp());
    device.send(&query("www.shared.example", A).wire());
    forwarder.wait_for("www.shared.example");
    // The same address as the forwarder's, the same question, at the same time.
    router.send(&query("www.shared.example", A).wire());
    until("the question whether it is a loop", || {
        forwarder
            .asked_all()
            .iter()
            .any(|asked| asked.query.asked().to_lowercase().starts_with("sordino-"))
            .then_some(())
    });
    hold.release();
    assert_eq!(device.next().rcode(), NOERROR);
    assert_eq!(router.next().rcode(), NOERROR);
    assert_eq!(sordino.ask("mail.shared.example", A).rcode(), NOERROR);
    assert!(problems(&sordino).iter().all(|problem| problem["kind"] != "loop"));
}
