//! `config.toml`: what the operator says, read into the options of each part.
//!
//! The file is read in two steps. `file` has the shape of the file, with the place of each value in it; `values` are the
//! words and numbers that stand there. `check` puts both together, and every mistake it finds is told with line and
//! column, what is wrong and what to do. Nothing below `app` knows this module.

mod check;
mod encrypted;
mod fetching;
mod file;
mod house;
mod local;
mod mistake;
mod notify;
mod schedules;
mod upstream;
mod values;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use self::mistake::{BadConfig, Mistake};
use crate::{api, control, device, dns, store};

/// Bytes of the file; a larger one is no configuration.
pub const CONFIG_BYTES_BOUND: u64 = 1 << 20;

/// Everything the operator says, by the part that it is said to.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[dns]`, `[upstream]`, `[cache]` and `[limits]`.
    pub dns: dns::Options,
    /// `[time]`, `[[schedule]]`, `[[list]]`, `[[profile]]`, `[[device]]`, `[blocking]`, `[rebinding]`, `[bypass]`, `[[local]]`
    /// and `[[zone]]`.
    pub control: control::Options,
    /// `[lists] ca`: a PEM file of a private CA that may sign for servers of lists, besides the public ones.
    pub lists_ca: Option<PathBuf>,
    /// `[house]`.
    pub house: device::Options,
    /// `[notify]`.
    pub notify: crate::notify::Options,
    /// `[store]`.
    pub store: store::Options,
    /// `[web]`.
    pub web: api::Options,
}

/// When the file is read.
#[derive(Clone, Copy, Debug)]
enum When {
    /// Nothing is in force yet.
    Starting,
    /// What it said before is.
    Running,
}

impl Config {
    /// Reads the file at `path`. Relative paths in it start at its directory.
    ///
    /// # Errors
    /// When it cannot be read, or with every mistake that can be told at once.
    pub fn read(path: &Path) -> Result<Self, BadConfig> {
        Self::read_when(path, When::Starting)
    }

    /// As [`Config::read`], while what it said before is in force. A certificate that cannot be shown is left to whoever
    /// shows certificates, and goes on with the one before: it is no reason to refuse everything else in the file.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn read_again(path: &Path) -> Result<Self, BadConfig> {
        Self::read_when(path, When::Running)
    }

    fn read_when(path: &Path, when: When) -> Result<Self, BadConfig> {
        let refuse = |what: String| BadConfig::whole(path, what);
        let sentence = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => refuse("there is no such file; name yours with --config FILE".into()),
            io::ErrorKind::PermissionDenied => refuse("sordino is not allowed to read it; give it the right to".into()),
            _ => refuse(format!("cannot be read: {error}")),
        };
        // Asked before it is opened: to open a pipe is to wait for its other end.
        if !path.metadata().map_err(sentence)?.is_file() {
            return Err(refuse("is not a file; name yours with --config FILE".into()));
        }
        let mut bytes = Vec::new();
        File::open(path).map_err(sentence)?.take(CONFIG_BYTES_BOUND + 1).read_to_end(&mut bytes).map_err(sentence)?;
        if bytes.len() as u64 > CONFIG_BYTES_BOUND {
            return Err(refuse(
                "is larger than 1 MB, so it is hardly a configuration; name yours with --config FILE".into(),
            ));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
            BadConfig::one(path, &before, good, "this is not UTF-8 text; save the file as UTF-8".into())
        })?;
        Self::parse_when(&text, path, when)
    }

    /// Reads `text` as the content of the file at `path`.
    ///
    /// # Errors
    /// With every mistake that can be told at once.
    pub fn parse(text: &str, path: &Path) -> Result<Self, BadConfig> {
        Self::parse_when(text, path, When::Starting)
    }

    fn parse_when(text: &str, path: &Path, when: When) -> Result<Self, BadConfig> {
        let file: file::File = toml::from_str(text).map_err(|error| mistake::in_words(&error, text, path))?;
        check::check(file, text, path, when)
    }

    /// The sections in which `new` differs from this and which are read at the start only.
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let (dns, web, store) = (&self.dns, &self.web, &self.store);
        let differs = [
            (
                "[dns]",
                dns.listen != new.dns.listen
                    || dns.allow_from != new.dns.allow_from
                    || dns.trusted_forwarders != new.dns.trusted_forwarders,
            ),
            ("[dns.tls], [dns.https] or [dns.quic]", dns.encrypted.needs_restart(&new.dns.encrypted)),
            ("[upstream]", dns.upstream != new.dns.upstream),
            ("[cache]", dns.cache_size != new.dns.cache_size || dns.prefetch != new.dns.prefetch),
            ("[lists] ca", self.lists_ca != new.lists_ca),
            ("[dnssec]", dns.dnssec != new.dns.dnssec),
            ("[limits]", dns.limits != new.dns.limits),
            ("[house] leases, hosts, mdns, router and silent_after", self.house != new.house),
            ("[notify]", self.notify != new.notify),
            (
                "[web]",
                web.listen != new.web.listen
                    || web.password_hash != new.web.password_hash
                    || web.hosts != new.web.hosts,
            ),
            (
                "[store]",
                store.path != new.store.path
                    || store.keep_queries != new.store.keep_queries
                    || store.keep_tallies != new.store.keep_tallies
                    || store.flush != new.store.flush
                    || (store.journal, store.tallies) != (new.store.journal, new.store.tallies)
                    || store.counts_in_memory != new.store.counts_in_memory,
            ),
            ("[privacy]", store.level != new.store.level),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(section, _)| section).collect()
    }
}
