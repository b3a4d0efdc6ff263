//! The household at work: each device asks through a socket of its own, bound to its own loopback address.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name as WireName, RecordType};
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::household::Household;
use super::questions::Question;
use crate::time::{Clock, Timestamp};

/// How long a device waits for an answer before it gives the question up.
const PATIENCE: Duration = Duration::from_secs(5);
/// A question this late is not asked any more: the machine slept, and the past is not made up for in one burst.
const LATE: Duration = Duration::from_secs(60);
/// Longest response that is taken.
const PAYLOAD: u16 = 1232;
/// Longest wait in one go; after it the wall clock is looked at again, which may have been set.
const NAP: Duration = Duration::from_secs(30);

/// What a device learns from an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An address that leads nowhere: nothing can be connected to.
    Nowhere,
    /// Anything else.
    Something,
    /// Nothing in time.
    Silence,
}

/// Lets `device` live until `stop`: its questions go to `dns`, coming round `pace` times as often as in the history.
///
/// # Errors
/// When its socket cannot be had. One address per device takes the whole of 127.0.0.0/8, which Linux gives; elsewhere
/// the addresses must be added to the loopback interface first.
pub async fn live(
    household: Arc<Household>,
    device: usize,
    dns: SocketAddr,
    clock: Clock,
    (seed, pace): (u64, u32),
    stop: CancellationToken,
) -> io::Result<()> {
    let socket = UdpSocket::bind((household.residents()[device].address, 0)).await?;
    socket.connect(dns).await?;
    let forever = Timestamp::from_millis(u64::MAX);
    let mut questions = household.questions_of(device, clock.now(), forever, seed, pace);
    while let Some(question) = questions.next() {
        tokio::select! {
            () = stop.cancelled() => break,
            () = wait_until(question.at, &clock) => {}
        }
        if clock.now() > question.at.after(LATE) {
            continue;
        }
        if ask(&socket, &question).await? == Heard::Nowhere {
            questions.muted(&question);
        }
    }
    Ok(())
}

async fn wait_until(at: Timestamp, clock: &Clock) {
    loop {
        let left = at.millis().saturating_sub(clock.now().millis());
        if left == 0 {
            return;
        }
        sleep(Duration::from_millis(left).min(NAP)).await;
    }
}

/// Asks one question and says what became of it.
async fn ask(socket: &UdpSocket, question: &Question) -> io::Result<Heard> {
    let id = fastrand::u16(..);
    let Some(packet) = query(id, question) else { return Ok(Heard::Silence) };
    // "Connection refused" is an answer to an earlier packet while sordino stops or starts: for a device, silence.
    if socket.send(&packet).await.is_err() {
        return Ok(Heard::Silence);
    }
    Ok(timeout(PATIENCE, hear(socket, id)).await.unwrap_or(Heard::Silence))
}

fn query(id: u16, question: &Question) -> Option<Vec<u8>> {
    let name = WireName::from_labels(question.name.as_ref().labels()).ok()?;
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, RecordType::from(question.qtype)));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    message.set_edns(edns);
    message.to_vec().ok()
}

/// Waits for the response with this ID; what answers an earlier question that was given up is passed over.
async fn hear(socket: &UdpSocket, id: u16) -> Heard {
    let mut packet = [0; PAYLOAD as usize];
    loop {
        let Ok(length) = socket.recv(&mut packet).await else { return Heard::Silence };
        let Ok(response) = Message::from_vec(&packet[..length]) else { continue };
        if response.metadata.id != id {
            continue;
        }
        let mut addresses = response.answers.iter().filter_map(|record| record.data.ip_addr());
        return if addresses.any(|address| address.is_unspecified()) { Heard::Nowhere } else { Heard::Something };
    }
}
