//! A forwarder of the demo's own: UDP and TCP on one port of 127.0.0.1, answering out of the made-up [`Internet`].

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::svcb::{Alpn, SvcParamKey, SvcParamValue};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, HTTPS, SOA, SVCB};
use hickory_proto::rr::{Name as WireName, RData, Record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::internet::{Answer, Data, Internet};
use crate::policy::Name;

/// Answers that are on their way at the same time, UDP and TCP together. Further UDP queries are dropped, as a busy
/// server's socket buffer would; further TCP connections wait.
const ANSWERS_UNDER_WAY: usize = 256;
/// How long a TCP connection may stand idle (RFC 7766 §6.2.3 asks for the order of seconds).
const TCP_IDLE: Duration = Duration::from_secs(10);
/// What we take over UDP, and the most we send (as at <https://www.dnsflagday.net/2020/>).
const UDP_PAYLOAD: u16 = 1232;
/// How often a port is tried that is free for TCP but not for UDP.
const BIND_ATTEMPTS: usize = 16;

/// The forwarder, bound and not yet answering.
#[derive(Debug)]
pub struct Forwarder {
    udp: Arc<UdpSocket>,
    tcp: TcpListener,
    internet: Arc<Internet>,
    room: Arc<Semaphore>,
}

impl Forwarder {
    /// Binds a free port of 127.0.0.1, the same for UDP and TCP.
    ///
    /// # Errors
    /// When no port is free for both.
    pub async fn bind(internet: Arc<Internet>) -> io::Result<Self> {
        let room = Arc::new(Semaphore::new(ANSWERS_UNDER_WAY));
        let mut attempt = 1;
        loop {
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            match UdpSocket::bind(tcp.local_addr()?).await {
                Ok(udp) => return Ok(Self { udp: Arc::new(udp), tcp, internet, room }),
                Err(error) if attempt == BIND_ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
            }
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Answers until `stop`.
    pub async fn serve(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let mut packet = [0; UDP_PAYLOAD as usize];
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Ok((length, peer)) = self.udp.recv_from(&mut packet) => self.take_packet(&packet[..length], peer, &tasks),
                Ok((connection, _)) = self.tcp.accept() => self.take_connection(connection, &stop, &tasks),
                // Both sockets failed at once: the loopback interface has gone, and nobody can ask.
                else => break,
            }
        }
        tasks.close();
        tasks.wait().await;
    }

    fn take_packet(&self, packet: &[u8], peer: SocketAddr, tasks: &TaskTracker) {
        let Ok(room) = self.room.clone().try_acquire_owned() else { return };
        let Some(response) = respond(&self.internet, packet) else { return };
        let udp = self.udp.clone();
        tasks.spawn(async move {
            sleep(response.delay).await;
            // Whoever asked and has gone loses the answer, and that is all.
            let _ = udp.send_to(&response.packet, peer).await;
            drop(room);
        });
    }

    fn take_connection(&self, connection: TcpStream, stop: &CancellationToken, tasks: &TaskTracker) {
        let (internet, room, stop) = (self.internet.clone(), self.room.clone(), stop.clone());
        tasks.spawn(async move {
            let Ok(_room) = room.acquire_owned().await else { return };
            tokio::select! {
                () = stop.cancelled() => {}
                // A connection that breaks is the end of that connection only.
                _ = converse(connection, &internet) => {}
            }
        });
    }
}

/// Answers the queries of one connection one after the other (RFC 1035 §4.2.2: two octets of length before each).
async fn converse(mut connection: TcpStream, internet: &Internet) -> io::Result<()> {
    loop {
        let length = timeout(TCP_IDLE, connection.read_u16()).await??;
        let mut packet = vec![0; length.into()];
        timeout(TCP_IDLE, connection.read_exact(&mut packet)).await??;
        let Some(response) = respond(internet, &packet) else { return Ok(()) };
        sleep(response.delay).await;
        let length = u16::try_from(response.packet.len()).map_err(io::Error::other)?;
        let framed = [&length.to_be_bytes()[..], &response.packet].concat();
        timeout(TCP_IDLE, connection.write_all(&framed)).await??;
    }
}

#[derive(Debug)]
struct Response {
    packet: Vec<u8>,
    delay: Duration,
}

/// The response to `packet`; none where it is no query that a resolver would forward to us.
fn respond(internet: &Internet, packet: &[u8]) -> Option<Response> {
    let query = Message::from_vec(packet).ok()?;
    let [question] = query.queries.as_slice() else { return None };
    if query.metadata.message_type != MessageType::Query || query.metadata.op_code != OpCode::Query {
        return None;
    }
    let name = Name::parse(&question.name().to_ascii()).ok()?;
    let answer = internet.answer(name.as_ref(), question.query_type().into());
    let mut message = Message::response(query.metadata.id, OpCode::Query);
    message.metadata.recursion_desired = query.metadata.recursion_desired;
    message.metadata.recursion_available = true;
    message.metadata.response_code = ResponseCode::from_low(answer.rcode);
    message.add_query(question.clone());
    fill(&mut message, question, &answer)?;
    if query.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_PAYLOAD);
        message.set_edns(edns);
    }
    Some(Response { packet: message.to_vec().ok()?, delay: answer.delay })
}

/// Writes `answer` as records: the chain of aliases, then the data, or the SOA of a negative answer (RFC 2308 §3).
fn fill(message: &mut Message, question: &Query, answer: &Answer) -> Option<()> {
    let mut owner = question.name().clone();
    for alias in &answer.aliases {
        let target = wire(alias)?;
        message.add_answer(Record::from_rdata(owner, answer.ttl, RData::CNAME(CNAME(target.clone()))));
        owner = target;
    }
    let data: Vec<RData> = match &answer.data {
        Data::V4(addresses) => addresses.iter().map(|&address| RData::A(A(address))).collect(),
        Data::V6(addresses) => addresses.iter().map(|&address| RData::AAAA(AAAA(address))).collect(),
        Data::Https(protocols) => vec![RData::HTTPS(HTTPS(service(protocols)))],
        Data::Nothing => {
            let zone = owner.base_name();
            let soa = SOA::new(zone.clone(), zone.clone(), 1, 3600, 600, 604_800, answer.ttl);
            message.add_authority(Record::from_rdata(zone, answer.ttl, RData::SOA(soa)));
            Vec::new()
        }
    };
    message.add_answers(data.into_iter().map(|data| Record::from_rdata(owner.clone(), answer.ttl, data)));
    Some(())
}

/// An HTTPS record for the owner itself, with the protocols it speaks.
fn service(protocols: &[&str]) -> SVCB {
    let alpn = Alpn(protocols.iter().map(|&protocol| protocol.to_owned()).collect());
    SVCB::new(1, WireName::root(), vec![(SvcParamKey::Alpn, SvcParamValue::Alpn(alpn))])
}

fn wire(name: &Name) -> Option<WireName> {
    WireName::from_labels(name.as_ref().labels()).ok()
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::RecordType;

    use super::*;

    struct Served {
        at: SocketAddr,
        stop: CancellationToken,
        task: tokio::task::JoinHandle<()>,
    }

    async fn serve() -> Served {
        let forwarder = Forwarder::bind(Arc::new(Internet::new().unwrap())).await.unwrap();
        let (at, stop) = (forwarder.address().unwrap(), CancellationToken::new());
        let task = tokio::spawn(forwarder.serve(stop.clone()));
        Served { at, stop, task }
    }

    fn query(name: &str, qtype: RecordType) -> Vec<u8> {
        let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(WireName::from_ascii(name).unwrap(), qtype));
        message.to_vec().unwrap()
    }

    async fn over_udp(at: SocketAddr, packet: &[u8]) -> Message {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(packet, at).await.unwrap();
        let mut response = [0; 1232];
        let length = socket.recv(&mut response).await.unwrap();
        Message::from_vec(&response[..length]).unwrap()
    }

    #[tokio::test]
    async fn udp_and_tcp_say_the_same() {
        let Served { at, stop, task } = serve().await;
        let packet = query("WwW.Example.com.", RecordType::A);
        let udp = over_udp(at, &packet).await;
        let mut connection = TcpStream::connect(at).await.unwrap();
        for _ in 0..2 {
            connection.write_u16(packet.len() as u16).await.unwrap();
            connection.write_all(&packet).await.unwrap();
            let mut response = vec![0; connection.read_u16().await.unwrap().into()];
            connection.read_exact(&mut response).await.unwrap();
            assert_eq!(Message::from_vec(&response).unwrap(), udp);
        }
        assert_eq!((udp.metadata.id, udp.metadata.message_type), (4711, MessageType::Response));
        assert_eq!(udp.queries[0].name().to_ascii(), "WwW.Example.com.");
        assert_eq!(udp.answers[0].record_type(), RecordType::A);
        stop.cancel();
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_chain_of_aliases_ends_at_the_address() {
        let Served { at, .. } = serve().await;
        let response = over_udp(at, &query("ams-onetrack-relay.intl.xiaomi.com.", RecordType::A)).await;
        let types: Vec<RecordType> = response.answers.iter().map(Record::record_type).collect();
        assert_eq!(types[..3], [RecordType::CNAME, RecordType::CNAME, RecordType::A]);
        assert_eq!(response.answers[2].name.to_ascii(), "ams1.ksyna.net.");
    }

    #[tokio::test]
    async fn negative_answers_carry_an_soa() {
        let Served { at, .. } = serve().await;
        let response = over_udp(at, &query("wpad.localdomain.", RecordType::A)).await;
        assert_eq!(response.metadata.response_code, ResponseCode::NXDomain);
        assert_eq!(response.authorities[0].record_type(), RecordType::SOA);
        let response = over_udp(at, &query("www.example.com.", RecordType::TXT)).await;
        assert_eq!(response.metadata.response_code, ResponseCode::NoError);
        assert!(response.answers.is_empty());
        assert_eq!(response.authorities[0].record_type(), RecordType::SOA);
    }

    #[tokio::test]
    async fn what_is_no_query_gets_no_answer_and_ends_nothing() {
        let Served { at, .. } = serve().await;
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut answered = query("www.example.com.", RecordType::A);
        answered[2] |= 0x80;
        for garbage in [&b""[..], b"garbage", &answered] {
            socket.send_to(garbage, at).await.unwrap();
        }
        socket.send_to(&query("www.example.com.", RecordType::A), at).await.unwrap();
        let mut packet = [0; 1232];
        let length = socket.recv(&mut packet).await.unwrap();
        assert!(!Message::from_vec(&packet[..length]).unwrap().answers.is_empty());
    }
}
