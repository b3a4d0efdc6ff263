//! The tasks that find out who is in the house.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::control::{Control, Teller};
use crate::device::router::{self, Unanswered};
use crate::device::{self, Lookout, files, mdns, neighbour};
use crate::dns::Lookup;
use crate::snapshot::SnapshotCell;
use crate::time::Clock;

/// What all of them need.
pub(super) struct Watching<'a> {
    pub(super) control: &'a Control,
    pub(super) lookout: &'a Arc<Lookout>,
    pub(super) snapshot: &'a Arc<SnapshotCell>,
    /// Asked what addresses of the house are called.
    pub(super) names: Lookup,
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
        let (told, snapshot) = (self.control.clone(), self.snapshot.clone());
        let (names, clock, stop) = (self.names.clone(), self.clock.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let addresses = || {
                let devices = snapshot.current().devices.clone();
                devices.iter().flat_map(|device| device.addresses.clone()).collect()
            };
            let ask = |address| {
                let names = names.clone();
                async move { names.name_of(address).await.map_err(|_| Unanswered) }
            };
            let publish = |facts| {
                let told = told.clone();
                async move { told.told(Teller::Router, facts).await.is_ok() }
            };
            router::watch(addresses, ask, clock, stop, publish).await;
        });
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
