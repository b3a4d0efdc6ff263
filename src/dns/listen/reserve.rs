//! One file descriptor that is kept back for the moment at which the process has no other (D13).
//!
//! Without it whoever comes then waits until somebody else leaves, and does not learn why. With it they are let in and
//! shown out at once, and ask again elsewhere, or over UDP.

use std::io;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt as _;
use nix::errno::Errno;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

/// Connections that are turned away at once at most: as many as the kernel completes before they are accepted.
const MOST: usize = 128;

/// The descriptor.
#[derive(Debug)]
pub(super) struct Reserve(Mutex<Option<Socket>>);

impl Reserve {
    pub(super) fn new() -> Self {
        Self(Mutex::new(any_descriptor()))
    }

    /// Turns away who waits at `listener`; says how many.
    pub(super) fn turn_away(&self, listener: &TcpListener) -> u64 {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = None;
        let mut turned_away = 0;
        // Each is closed before the next is accepted.
        for _ in 0..MOST {
            match listener.accept().now_or_never() {
                Some(Ok(_)) => turned_away += 1,
                _ => break,
            }
        }
        *kept = any_descriptor();
        turned_away
    }
}

/// Whether `error` says that there is no descriptor left, for this process or for the whole machine.
pub(super) fn is_out_of_descriptors(error: &io::Error) -> bool {
    error.raw_os_error().map(Errno::from_raw).is_some_and(|errno| matches!(errno, Errno::EMFILE | Errno::ENFILE))
}

/// A socket that leads nowhere.
fn any_descriptor() -> Option<Socket> {
    Socket::new(Domain::UNIX, Type::DGRAM, None).ok()
}
