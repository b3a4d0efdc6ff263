//! How much of a query is kept, applied before anything else sees it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::policy::{DeviceId, Name};

/// How much of a query is kept, in memory as on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Who asked what, and when.
    #[default]
    Everything,
    /// What was asked, and not by whom.
    Names,
    /// How much was asked and muted, by the hour.
    Counts,
    /// Nothing.
    Nothing,
}

/// Where something is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keeping {
    /// On disk, until its time is over.
    #[default]
    Disk,
    /// In memory, as far as there is room, until sordino ends.
    Memory,
    /// Nowhere.
    Off,
}

/// Stands for all devices where they are not told apart.
pub const EVERYONE: &str = "everyone";

impl Level {
    /// What may be kept of `event`; none where that is nothing.
    pub(super) fn redact(self, event: Event) -> Option<Event> {
        let anyone = |event: Event| Event {
            device: DeviceId::Named(Arc::from(EVERYONE)),
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            ..event
        };
        match self {
            Self::Everything => Some(event),
            Self::Names => Some(anyone(event)),
            Self::Counts => Some(Event {
                name: Name::root(),
                at: event.at.hour().start(),
                qtype: 0,
                alias: None,
                upstream: None,
                took_us: 0,
                ..anyone(event)
            }),
            Self::Nothing => None,
        }
    }

    /// Whether single queries may be kept at all.
    pub(super) fn allows_journal(self) -> bool {
        self <= Self::Names
    }
}
