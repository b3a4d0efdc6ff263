//! The certificates that sordino shows to who comes over TLS or QUIC: the operator's, read from files, or one of its own
//! making for a house that has none. None is ever fetched from anywhere.
//!
//! [`Shown`] is what listeners hold; what stands behind it can be exchanged while they serve. [`Certificates`] holds one for
//! each way in, and looks after them.

mod der;
mod own;
mod shown;
mod trust;

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

pub use self::own::{HOUSE_NAME, Own, reached_at};
pub use self::shown::{CertificateStatus, Certificates, Shown};
pub use self::trust::{believing, provider, towards};
use crate::time::Timestamp;

/// Octets of a file that is read; a chain with a key takes some thousand.
const MOST_OCTETS: u64 = 1 << 20;

/// Where the operator keeps a certificate and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The certificate, and behind it those that lead to its authority.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A certificate that can be shown: its key fits.
#[derive(Debug)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    facts: Facts,
}

/// What is worth saying of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// When it ends.
    pub expires: Timestamp,
    /// The names it is for, in small letters; `*.` stands for one label.
    pub names: Vec<String>,
    /// The addresses it is for.
    pub addresses: Vec<IpAddr>,
    /// SHA-256 of the certificate, hexadecimal: what a browser shows as its fingerprint.
    pub sha256: String,
    /// SHA-256 of its public key, Base64: what clients pin (RFC 7858 §4.2). It stays when only the certificate is renewed.
    pub pin: String,
    /// Whether others than its owner may read the file of the key.
    pub exposed: bool,
}

/// Why a certificate cannot be shown: which file, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}", file = file.display())]
pub struct BadCertificate {
    /// The file.
    pub file: PathBuf,
    /// What is wrong and what to do.
    pub what: String,
}

impl Files {
    /// Reads both files.
    ///
    /// # Errors
    /// When one cannot be read or is not what it should be, or the key is another certificate's.
    pub fn read(&self) -> Result<Certificate, BadCertificate> {
        let (chain, _) = read(&self.certificate)?;
        let (key, exposed) = read(&self.key)?;
        let mut certificate = Certificate::from_pem(&chain, &key).map_err(|bad| match bad {
            BadPem::Certificate(what) => BadCertificate { file: self.certificate.clone(), what },
            BadPem::Key(what) => BadCertificate { file: self.key.clone(), what },
        })?;
        certificate.facts.exposed = exposed;
        Ok(certificate)
    }
}

/// The content of a file, and whether others than its owner may read it.
fn read(path: &Path) -> Result<(Vec<u8>, bool), BadCertificate> {
    let refuse = |error: std::io::Error| {
        let what = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file; write the path of one".into(),
            std::io::ErrorKind::PermissionDenied => "sordino is not allowed to read it; give it the right to".into(),
            _ => format!("cannot be read ({error}); write the path of a PEM file"),
        };
        BadCertificate { file: path.to_owned(), what }
    };
    let meta = path.metadata().map_err(refuse)?;
    if !meta.is_file() {
        return Err(BadCertificate { file: path.to_owned(), what: "is not a file; write the path of one".into() });
    }
    let mut content = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_OCTETS).read_to_end(&mut content)).map_err(refuse)?;
    Ok((content, meta.permissions().mode() & 0o077 != 0))
}

/// Which of the two texts cannot be used, and why.
enum BadPem {
    Certificate(String),
    Key(String),
}

impl Certificate {
    fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, BadPem> {
        let no_certificate =
            || BadPem::Certificate("holds no certificate that can be read; PEM is what is meant".into());
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(|_| no_certificate())?;
        let leaf = chain.first().ok_or_else(no_certificate)?;
        let facts = Facts::of(leaf).ok_or_else(no_certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| BadPem::Key("holds no private key; PEM is what is meant".into()))?;
        let key = any_supported_type(&key)
            .map_err(|_| BadPem::Key("is a key of a kind that TLS does not know; take ECDSA, RSA or Ed25519".into()))?;
        let key = CertifiedKey::new(chain, key);
        match key.keys_match() {
            // What cannot tell its public key is believed.
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(BadPem::Key("is the key of another certificate; name the one that belongs to it".into()));
            }
            Err(_) => return Err(no_certificate()),
        }
        Ok(Self { key: Arc::new(key), facts })
    }

    /// What is worth saying of it.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// SHA-256 of the public key in a certificate (RFC 7858 §4.2): what a pin is about. None where it cannot be read.
pub fn pin_of(certificate: &[u8]) -> Option<[u8; 32]> {
    digest::digest(&digest::SHA256, der::read(certificate)?.public_key).as_ref().try_into().ok()
}

impl Facts {
    fn of(certificate: &[u8]) -> Option<Self> {
        let read = der::read(certificate)?;
        Some(Self {
            expires: read.expires,
            names: read.names,
            addresses: read.addresses,
            sha256: hexadecimal(digest::digest(&digest::SHA256, certificate).as_ref()),
            pin: BASE64_STANDARD.encode(digest::digest(&digest::SHA256, read.public_key)),
            exposed: false,
        })
    }

    /// Whether it is for `name` (RFC 6125 §6.4): itself, or any label in the place of `*`.
    pub fn covers(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let behind_first = name.split_once('.').map(|(_, rest)| rest);
        self.names
            .iter()
            .any(|own| *own == name || own.strip_prefix("*.").is_some_and(|rest| Some(rest) == behind_first))
    }
}

fn hexadecimal(octets: &[u8]) -> String {
    use fmt::Write as _;
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
        // Nothing can go wrong while a text grows.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn pair(names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = rcgen::date_time_ymd(2031, 2, 3);
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn facts(names: &[&str]) -> Facts {
        let (chain, key) = pair(names);
        match Certificate::from_pem(chain.as_bytes(), key.as_bytes()) {
            Ok(certificate) => certificate.facts,
            Err(BadPem::Certificate(what) | BadPem::Key(what)) => panic!("{what}"),
        }
    }

    #[test]
    fn names_addresses_and_the_end_are_read() {
        let facts = facts(&["Dns.Example", "192.0.2.1", "2001:db8::1"]);
        assert_eq!(facts.names, ["dns.example"]);
        assert_eq!(facts.addresses, ["192.0.2.1".parse::<IpAddr>().unwrap(), "2001:db8::1".parse().unwrap()]);
        assert_eq!(facts.expires.millis(), 1_927_843_200_000, "2031-02-03");
        assert_eq!((facts.sha256.len(), facts.pin.len()), (64, 44));
    }

    #[test]
    fn a_star_stands_for_one_label() {
        let facts = facts(&["dns.example", "*.house.example"]);
        for (name, covered) in [
            ("dns.example", true),
            ("DNS.example.", true),
            ("phone.house.example", true),
            ("house.example", false),
            ("a.phone.house.example", false),
            ("example", false),
        ] {
            assert_eq!(facts.covers(name), covered, "{name}");
        }
    }

    #[test]
    fn what_does_not_belong_together_is_told_by_its_file() {
        let dir = tempfile::TempDir::new().unwrap();
        let ((chain, key), (_, other)) = (pair(&["a.example"]), pair(&["a.example"]));
        let files = Files { certificate: dir.path().join("c.pem"), key: dir.path().join("k.pem") };
        let bad = |chain: &str, key: &str| {
            std::fs::write(&files.certificate, chain).unwrap();
            std::fs::write(&files.key, key).unwrap();
            files.read().map(|_| ()).map_err(|bad| (bad.file == files.key, bad.what))
        };
        assert_eq!(bad(&chain, &key), Ok(()));
        for (chain, key, of_key, word) in [
            (chain.as_str(), other.as_str(), true, "another certificate"),
            (&chain, "nothing", true, "no private key"),
            ("nothing", &key, false, "no certificate"),
            (&key, &key, false, "no certificate"),
        ] {
            let (file, what) = bad(chain, key).unwrap_err();
            assert!(file == of_key && what.contains(word), "{what}");
        }
        std::fs::remove_file(&files.key).unwrap();
        assert!(files.read().unwrap_err().to_string().contains("no such file"));
    }

    proptest::proptest! {
        #[test]
        fn no_octets_make_the_reader_fall(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = Facts::of(&octets);
        }
    }
}
