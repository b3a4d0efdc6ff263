//! The tasks that find out who is in the house.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::control::{Control, Teller};
use crate::device::{self, Lookout, files, mdns, neighbour};
use crate::time::Clock;

/// What all of them need.
pub(super) struct Watching<'a> {
    pub(super) control: &'a Control,
    pub(super) lookout: &'a Arc<Lookout>,
    pub(super) clock: &'a Clock,
    pub(super) tasks: &'a TaskTracker,
    pub(super) stop: &'a CancellationToken,
}

impl Watching<'_> {
    /// Starts them. `unknown` are addresses that asked and that nobody knows.
    pub(super) fn start(&self, options: device::Options, unknown: mpsc::Receiver<IpAddr>) {
        let told = self.control.clone();
        let seen = (self.lookout.clone(), self.clock.clone());
        self.tasks.spawn(neighbour::watch(unknown, seen, self.stop.clone(), move |table| {
            let told = told.clone();
            async move { told.neighbours(table).await.is_ok() }
        }));
        let (told, clock) = (self.control.clone(), self.clock.clone());
        self.tasks.spawn(files::watch(options.files, clock, self.stop.clone(), move |facts| {
            let told = told.clone();
            async move { told.told(Teller::Files, facts).await.is_ok() }
        }));
        if options.mdns {
            let (told, lookout) = (self.control.clone(), self.lookout.clone());
            let (clock, stop) = (self.clock.clone(), self.stop.clone());
            self.tasks.spawn(async move {
                let publish = |facts| {
                    let told = told.clone();
                    async move { told.told(Teller::Mdns, facts).await.is_ok() }
                };
                mdns::watch(clock, &lookout, stop, publish).await;
            });
        }
    }
}
