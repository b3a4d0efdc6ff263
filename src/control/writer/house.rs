//! Commands about who is in the house.

use std::collections::HashMap;
use std::net::IpAddr;

use tokio::task::spawn_blocking;

use super::Writer;
use crate::control::{DEVICE_NAMES_BOUND, JOINS_BOUND, Refusal, Teller};
use crate::device::Fact;
use crate::policy::{DeviceId, MacAddr};

impl Writer {
    pub(super) async fn meet(&mut self, table: HashMap<IpAddr, MacAddr>) {
        let now = self.clock.now();
        let known = &self.state.neighbours;
        let seen = table.into_iter().map(|(address, mac)| {
            let before = known.get(&address).filter(|(before, _)| *before == mac);
            (address, before.copied().unwrap_or((mac, now)))
        });
        let seen = seen.collect();
        if self.state.neighbours != seen {
            self.state.neighbours = seen;
            self.publish();
            self.look_up_makers().await;
        }
    }

    pub(super) async fn hear(&mut self, teller: Teller, told: Vec<Fact>) {
        if self.state.told.get(&teller).is_none_or(|before| *before != told) {
            self.state.told.insert(teller, told);
            self.publish();
            self.look_up_makers().await;
        }
    }

    /// Looks for the makers of devices that are new. The snapshot without them is published first: a name to show is
    /// not worth a wait.
    async fn look_up_makers(&mut self) {
        let Some(table) = self.state.options.makers.clone() else { return };
        let macs: Vec<MacAddr> = self.cell.current().devices.iter().filter_map(|device| device.mac).collect();
        let missing = self.state.makers.missing(macs);
        if missing.is_empty() {
            return;
        }
        let mut makers = self.state.makers.clone();
        let looking = spawn_blocking(move || makers.look_up(&missing, &table).map(|()| makers));
        match looking.await {
            Ok(Ok(makers)) => {
                self.state.makers = makers;
                self.publish();
            }
            // Debian's package is recommended and not required.
            Ok(Err(error)) => tracing::debug!(%error, "makers of devices are not told"),
            Err(error) => tracing::debug!(%error, "makers of devices are not told"),
        }
    }

    pub(super) async fn name_device(&mut self, device: DeviceId, name: Option<String>) -> Result<(), Refusal> {
        let devices = self.cell.current().devices.clone();
        // An identity that was joined to another has no name of its own until they are split.
        let device = devices.main(&device).clone();
        match devices.find(&device) {
            Some(known) if known.fixed => return Err(Refusal::Fixed(format!("the name of {}", known.name))),
            None if matches!(device, DeviceId::Named(_)) => return Err(Refusal::Unknown(format!("device {device}"))),
            _ => {}
        }
        let mut settings = self.swept(self.clock.now());
        settings.device_names.retain(|(id, _)| *id != device);
        if let Some(name) = name {
            if settings.device_names.len() >= DEVICE_NAMES_BOUND {
                return Err(Refusal::TooMany(DEVICE_NAMES_BOUND, "device names"));
            }
            settings.device_names.push((device, name));
        }
        self.change(settings).await
    }

    pub(super) async fn join_device(&mut self, device: DeviceId, to: Option<DeviceId>) -> Result<(), Refusal> {
        let devices = self.cell.current().devices.clone();
        let fixed = devices.iter().any(|known| known.fixed && known.id == device);
        if fixed && to.is_some() {
            return Err(Refusal::Fixed(format!("the device {device}")));
        }
        let mut settings = self.swept(self.clock.now());
        settings.joined.retain(|(member, _)| *member != device);
        if let Some(to) = to {
            // To the end of the chain at once, and never to itself.
            let main = devices.main(&to).clone();
            if main == device {
                return Err(Refusal::Unknown(format!("other device called {to}")));
            }
            if settings.joined.len() >= JOINS_BOUND {
                return Err(Refusal::TooMany(JOINS_BOUND, "joined devices"));
            }
            for (_, earlier) in settings.joined.iter_mut().filter(|(_, earlier)| *earlier == device) {
                earlier.clone_from(&main);
            }
            settings.joined.push((device, main));
        }
        self.change(settings).await
    }

    pub(super) async fn split_address(&mut self, address: IpAddr, apart: bool) -> Result<(), Refusal> {
        let address = address.to_canonical();
        let mut settings = self.swept(self.clock.now());
        settings.split.retain(|earlier| *earlier != address);
        if apart {
            if settings.split.len() >= JOINS_BOUND {
                return Err(Refusal::TooMany(JOINS_BOUND, "addresses split off"));
            }
            settings.split.push(address);
        }
        self.change(settings).await
    }
}
