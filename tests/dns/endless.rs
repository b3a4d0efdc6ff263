//! Forwarders whose answers never come to an end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crate::support::client::framed;
use crate::support::forwarder::{a, answer};
use crate::support::sordino::Setup;
use crate::support::wire::*;
use crate::support::{PATIENCE, until};

/// Over TCP; drips on its first connection, an octet now and then of the longest message there is, and answers on all
/// others. Says when the first connection is closed.
fn dripping() -> (SocketAddr, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (closed, told) = sync_channel(1);
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let (stream, closed) = (stream.unwrap(), closed.clone());
            std::thread::spawn(move || match number {
                0 => drip(stream, &closed),
                _ => answer_all(stream),
            });
        }
    });
    (address, told)
}

fn next_question(stream: &mut TcpStream) -> Option<Message> {
    let mut len = [0; 2];
    stream.read_exact(&mut len).ok()?;
    let mut packet = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut packet).ok()?;
    Message::parse(&packet)
}

fn drip(mut stream: TcpStream, closed: &SyncSender<()>) {
    next_question(&mut stream).unwrap();
    stream.write_all(&[0xff, 0xff]).unwrap();
    while stream.write_all(&[0]).is_ok() {
        std::thread::park_timeout(Duration::from_millis(50));
    }
    closed.send(()).unwrap();
}

fn answer_all(mut stream: TcpStream) {
    while let Some(query) = next_question(&mut stream) {
        let reply = answer(&query, &[a(&query.asked(), 300, "192.0.2.1")]);
        let _ = stream.write_all(&framed(&reply.wire()));
    }
}

/// D15: who asks hears of it before it gives up, the connection is let go, and the next question has another one.
#[test]
fn d15_an_answer_that_drips_ends_in_time_and_its_connection_is_let_go() {
    let (address, closed) = dripping();
    let sordino = Setup::new().server(format!("tcp://{address}")).start();
    let (begin, reply) = (Instant::now(), sordino.ask("dripped.example", A));
    assert!(begin.elapsed() < Duration::from_secs(5), "a stub would have given up: {:?}", begin.elapsed());
    assert_eq!(reply.rcode(), SERVFAIL);
    assert!(matches!(reply.ede(), Some((22 | 23, _))), "{:?}", reply.ede());
    closed.recv_timeout(PATIENCE).expect("the connection to be closed");
    until("an answer over another connection", || (sordino.resolve("next.example") == ["A 192.0.2.1"]).then_some(()));
}
