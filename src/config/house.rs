//! `[house]`: where to look for who is in the house.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::mistake::{Mistakes, suggest};
use super::values::Span;
use crate::device::{self, DEFAULT_TABLE, files};

const DNS_PORT: u16 = 53;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [house]")]
pub(super) struct House {
    leases: Option<Vec<String>>,
    hosts: Option<Vec<String>>,
    newcomers: Option<Spanned<String>>,
    makers: Option<String>,
    mdns: Option<bool>,
    silent_after: Option<Span>,
    router: Option<Spanned<String>>,
}

/// What the section says.
pub(super) struct Said {
    pub(super) watched: device::Options,
    pub(super) newcomers: Option<String>,
    pub(super) makers: Option<PathBuf>,
}

pub(super) fn said(house: House, profiles: &[String], directory: &Path, mistakes: &mut Mistakes<'_>) -> Said {
    let usual = files::Options::default();
    let paths = |written: Option<Vec<String>>, usual: Vec<PathBuf>| {
        written.map_or(usual, |paths| paths.iter().map(|path| directory.join(path)).collect())
    };
    if let Some(newcomers) = &house.newcomers
        && !profiles.contains(newcomers.get_ref())
    {
        let known: Vec<&str> = profiles.iter().map(String::as_str).collect();
        let what = format!("there is no profile {:?}; {}", newcomers.get_ref(), suggest(newcomers.get_ref(), &known));
        mistakes.add(&newcomers.span(), what);
    }
    let router = house.router.and_then(|written| {
        let text = written.get_ref();
        let read = text.parse().map(|ip| SocketAddr::new(ip, DNS_PORT)).or_else(|_| text.parse::<SocketAddr>());
        let what = format!("{text:?} is not an address; write the one of your router, as in \"192.168.1.1\"");
        read.map_err(|_| mistakes.add(&written.span(), what)).ok()
    });
    let makers = house.makers.unwrap_or_else(|| DEFAULT_TABLE.to_owned());
    let files = files::Options { leases: paths(house.leases, usual.leases), hosts: paths(house.hosts, usual.hosts) };
    Said {
        watched: device::Options {
            files,
            mdns: house.mdns.unwrap_or(true),
            silent_after: house.silent_after.map_or(device::SILENT_AFTER, |span| span.0),
            router,
        },
        newcomers: house.newcomers.map(Spanned::into_inner),
        makers: (!makers.is_empty()).then(|| directory.join(makers)),
    }
}
