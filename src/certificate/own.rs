//! A certificate of the house's own making, for who has none. It is kept, so that a device which was told to trust it goes
//! on to, and its key stays the same when it is renewed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use nix::ifaddrs::getifaddrs;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};

use super::{Certificate, Files};
use crate::time::Timestamp;

/// How long one is good. Some systems refuse more than 398 days.
const GOOD_FOR: Duration = Duration::from_secs(397 * DAY);
/// It is made anew when less is left.
pub(super) const RENEWED_BEFORE: Duration = Duration::from_secs(30 * DAY);
const DAY: u64 = 86_400;
/// The name that every house's certificate is for, besides those that are configured.
pub const HOUSE_NAME: &str = "sordino.home.arpa";

/// What a certificate of our own is for, and where it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// The directory it is kept in; it exists, or nothing is kept.
    pub dir: PathBuf,
    /// Names it is for, besides the house's.
    pub names: Vec<String>,
    /// Addresses that are listened on. One that stands for all means those the machine has.
    pub listen: Vec<IpAddr>,
}

/// The certificate, and what keeps it from being kept.
pub(super) struct Kept {
    pub(super) certificate: Certificate,
    pub(super) problem: Option<String>,
}

impl Own {
    /// Where it is kept.
    pub fn files(&self) -> Files {
        Files { certificate: self.dir.join("certificate.pem"), key: self.dir.join("certificate-key.pem") }
    }

    /// The one that is kept, if it is still good for what is wanted; else a new one for the same key.
    ///
    /// # Errors
    /// When none can be made, in words.
    pub(super) fn keep(&self, now: Timestamp) -> Result<Kept, String> {
        let files = self.files();
        let (names, addresses) = (self.all_names(), self.all_addresses());
        if let Ok(certificate) = files.read() {
            let facts = certificate.facts();
            let lasts = facts.expires > now.after(RENEWED_BEFORE)
                && facts.expires <= now.after(GOOD_FOR + Duration::from_secs(DAY));
            if lasts
                && names.iter().all(|name| facts.names.contains(name))
                && addresses.iter().all(|address| facts.addresses.contains(address))
            {
                return Ok(Kept { certificate, problem: None });
            }
        }
        let in_words = |error: rcgen::Error| format!("no certificate could be made: {error}");
        let kept_key = fs::read_to_string(&files.key).ok().and_then(|pem| KeyPair::from_pem(&pem).ok());
        let key = kept_key.map_or_else(KeyPair::generate, Ok).map_err(in_words)?;
        let (chain, key) = (make(&names, &addresses, &key, now).map_err(in_words)?, key.serialize_pem());
        let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes())
            .map_err(|_| "the certificate that was made cannot be read again".to_owned())?;
        // The key first: a certificate without its key is made anew, for another key that nobody trusts.
        let kept = write(&files.key, &key).and_then(|()| write(&files.certificate, &chain));
        let problem = kept.err().map(|error| {
            format!(
                "the certificate of our own making cannot be kept in {} ({error}), so devices will not know it after the next \
                 start; make that a directory that sordino may write to",
                self.dir.display()
            )
        });
        Ok(Kept { certificate, problem })
    }

    fn all_names(&self) -> Vec<String> {
        let mut names = vec![HOUSE_NAME.to_owned()];
        for name in &self.names {
            // A device's label stands in front of the name.
            names.extend([name.to_ascii_lowercase(), format!("*.{}", name.to_ascii_lowercase())]);
        }
        names.dedup();
        names
    }

    /// The addresses that are listened on, each once and in order.
    pub fn all_addresses(&self) -> Vec<IpAddr> {
        let mut addresses: Vec<IpAddr> = Vec::new();
        for listen in &self.listen {
            addresses.extend(reached_at(*listen));
        }
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }
}

/// Where others reach what listens on `listen`: there, or at each address of this machine where it listens everywhere.
pub fn reached_at(listen: IpAddr) -> Vec<IpAddr> {
    if listen.is_unspecified() {
        of_this_machine().filter(|address| address.is_ipv4() == listen.is_ipv4()).collect()
    } else {
        vec![listen]
    }
}

/// Addresses by which others reach this machine; without the kernel's answer, none.
fn of_this_machine() -> impl Iterator<Item = IpAddr> {
    getifaddrs().into_iter().flatten().filter_map(|interface| {
        let address = interface.address?;
        let ipv4 = address.as_sockaddr_in().map(|address| IpAddr::from(address.ip()));
        ipv4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::from(address.ip()))).filter(is_of_the_house)
    })
}

/// Whether an address stays: link-local ones come with their interface, and temporary global ones go after a day.
fn is_of_the_house(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

fn make(names: &[String], addresses: &[IpAddr], key: &KeyPair, now: Timestamp) -> Result<String, rcgen::Error> {
    let all: Vec<String> = names.iter().cloned().chain(addresses.iter().map(ToString::to_string)).collect();
    let mut params = CertificateParams::new(all)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "sordino");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let day = |moment: Timestamp| {
        let millis = i64::try_from(moment.millis()).unwrap_or(i64::MAX);
        let date = jiff::Timestamp::from_millisecond(millis).unwrap_or_default().to_zoned(TimeZone::UTC).date();
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    // A day of grace for devices whose clock is behind.
    (params.not_before, params.not_after) = (day(now.before(Duration::from_secs(DAY))), day(now.after(GOOD_FOR)));
    Ok(params.self_signed(key)?.pem())
}

/// Replaces a file whole: it holds the old text or the new, and nobody else reads it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn own(dir: &TempDir, names: &[&str], listen: &[&str]) -> Own {
        Own {
            dir: dir.path().to_owned(),
            names: names.iter().map(ToString::to_string).collect(),
            listen: listen.iter().map(|address| address.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn it_stays_the_same_until_its_end_comes_near() {
        let dir = TempDir::new().unwrap();
        let own = own(&dir, &["dns.example"], &["192.0.2.1"]);
        let first = own.keep(NOW).unwrap();
        assert_eq!(first.problem, None);
        let facts = first.certificate.facts().clone();
        assert!(facts.covers("sordino.home.arpa") && facts.covers("phone.dns.example"), "{facts:?}");
        assert_eq!(facts.addresses, own.all_addresses());
        assert!(!facts.exposed && own.files().read().is_ok());
        let days = |days: u64| NOW.after(Duration::from_secs(days * DAY));
        assert_eq!(own.keep(days(300)).unwrap().certificate.facts().sha256, facts.sha256);
        let renewed = own.keep(days(380)).unwrap().certificate;
        assert!(renewed.facts().sha256 != facts.sha256 && renewed.facts().expires > days(700));
        assert_eq!(renewed.facts().pin, facts.pin, "whoever pinned the key goes on");
    }

    #[test]
    fn what_it_is_for_decides_whether_it_is_still_good() {
        let dir = TempDir::new().unwrap();
        let first = own(&dir, &[], &["192.0.2.1"]).keep(NOW).unwrap().certificate;
        let moved = own(&dir, &[], &["192.0.2.2"]).keep(NOW).unwrap().certificate;
        assert_ne!(first.facts().sha256, moved.facts().sha256);
        let named = own(&dir, &["dns.example"], &["192.0.2.2"]).keep(NOW).unwrap().certificate;
        assert_ne!(named.facts().sha256, moved.facts().sha256);
        assert_eq!(named.facts().pin, first.facts().pin);
    }

    #[test]
    fn one_that_cannot_be_kept_serves_and_is_said() {
        let dir = TempDir::new().unwrap();
        let mut own = own(&dir, &[], &["192.0.2.1"]);
        own.dir = dir.path().join("missing");
        assert!(own.keep(NOW).unwrap().problem.unwrap().contains("cannot be kept"));
    }
}
