//! What listeners show, and what can be exchanged behind it while they serve.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::own::RENEWED_BEFORE;
use super::{BadCertificate, Certificate, Facts, Files, Own};
use crate::time::Timestamp;

/// How long before its end a certificate is a problem.
const END_IS_NEAR: Duration = Duration::from_secs(14 * 86_400);

/// The certificate that is shown now. A handshake takes the one it finds; connections keep theirs.
#[derive(Debug)]
pub struct Shown(RwLock<Certificate>);

/// A certificate for each way in, and what is needed to look after them.
#[derive(Debug)]
pub struct Certificates {
    shown: Vec<(&'static str, Arc<Shown>)>,
    kept: Mutex<Keeping>,
}

#[derive(Debug)]
struct Keeping {
    own: Own,
    /// Where each is read from; none is of our own making.
    files: Vec<Option<Files>>,
    /// What went wrong at the last look.
    problems: Vec<String>,
}

/// A certificate as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct CertificateStatus {
    /// `tls`, `https` or `quic`.
    pub protocol: &'static str,
    /// Whether sordino made it, so that devices must be told to trust it.
    pub own: bool,
    /// Names it is for.
    pub names: Vec<String>,
    /// Addresses it is for.
    #[schema(value_type = Vec<String>)]
    pub addresses: Vec<std::net::IpAddr>,
    /// When it ends, milliseconds since the epoch.
    #[schema(value_type = u64)]
    pub expires: Timestamp,
    /// Its fingerprint: SHA-256, hexadecimal.
    pub sha256: String,
    /// SHA-256 of its public key, Base64, for clients that pin it.
    pub pin: String,
    /// The certificate itself, in DER.
    #[serde(skip)]
    #[schema(ignore)]
    pub der: Vec<u8>,
}

impl Shown {
    fn replace(&self, certificate: Certificate) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = certificate;
    }

    /// The certificate itself, in DER.
    fn der(&self) -> Vec<u8> {
        let certificate = self.0.read().unwrap_or_else(PoisonError::into_inner);
        certificate.key.cert.first().map(|der| der.to_vec()).unwrap_or_default()
    }

    /// What is worth saying of it.
    pub fn facts(&self) -> Facts {
        self.0.read().unwrap_or_else(PoisonError::into_inner).facts().clone()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).key.clone())
    }
}

impl Certificates {
    /// Reads or makes what each way in shows: its name as in the configuration, and where it is read from.
    ///
    /// # Errors
    /// When one cannot be shown: what is wrong, and for files which.
    pub fn open(own: Own, ways: Vec<(&'static str, Option<Files>)>, now: Timestamp) -> Result<Self, String> {
        let mut problems = Vec::new();
        let mut shown = Vec::new();
        for (protocol, files) in &ways {
            let certificate = obtain(files.as_ref(), &own, now, &mut problems)?;
            shown.push((*protocol, Arc::new(Shown(RwLock::new(certificate)))));
        }
        let files = ways.into_iter().map(|(_, files)| files).collect();
        Ok(Self { shown, kept: Mutex::new(Keeping { own, files, problems }) })
    }

    /// What this way in shows.
    pub fn shown(&self, protocol: &str) -> Option<Arc<Shown>> {
        self.shown.iter().find(|(known, _)| *known == protocol).map(|(_, shown)| shown.clone())
    }

    /// Reads the operator's files again, perhaps others than before. What cannot be read leaves the one before in use; it
    /// is said, now and in [`Certificates::problems`].
    pub fn reload(&self, ways: &[(&'static str, Option<Files>)], now: Timestamp) -> Vec<String> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, (protocol, _)) in self.shown.iter().enumerate() {
            if let Some((_, files)) = ways.iter().find(|(named, _)| named == protocol) {
                kept.files[place].clone_from(files);
            }
        }
        self.look(&mut kept, now)
    }

    /// Renews what is of our own making before its end.
    pub fn renew(&self, now: Timestamp) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let due = |shown: &Shown| shown.facts().expires <= now.after(RENEWED_BEFORE);
        if self.shown.iter().zip(&kept.files).any(|((_, shown), files)| files.is_none() && due(shown)) {
            self.look(&mut kept, now);
        }
    }

    fn look(&self, kept: &mut Keeping, now: Timestamp) -> Vec<String> {
        let mut problems = Vec::new();
        for ((protocol, shown), files) in self.shown.iter().zip(&kept.files) {
            match obtain(files.as_ref(), &kept.own, now, &mut problems) {
                Ok(certificate) => shown.replace(certificate),
                Err(bad) => problems.push(format!("{bad}; [dns.{protocol}] goes on with the certificate it had")),
            }
        }
        problems.dedup();
        kept.problems.clone_from(&problems);
        problems
    }

    /// What is wrong, and what to do.
    pub fn problems(&self, now: Timestamp) -> Vec<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut problems = kept.problems.clone();
        for ((protocol, shown), files) in self.shown.iter().zip(&kept.files) {
            let facts = shown.facts();
            if let Some(files) = files
                && end_is_near(&facts, now)
            {
                let file = files.certificate.display();
                let days = facts.expires.millis().saturating_sub(now.millis()) / 86_400_000;
                problems.push(match facts.expires <= now {
                    true => format!("the certificate of [dns.{protocol}] has expired, so devices refuse it; put a new one into {file} and send SIGHUP"),
                    false => format!("the certificate of [dns.{protocol}] ends in {days} days; put a new one into {file} and send SIGHUP"),
                });
            }
            if let Some(files) = files.as_ref().filter(|_| facts.exposed) {
                let file = files.key.display();
                problems.push(format!("others can read the private key {file}; run `chmod 600 {file}`"));
            }
        }
        problems.dedup();
        problems
    }

    /// What each way in shows.
    pub fn status(&self) -> Vec<CertificateStatus> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let status = self.shown.iter().zip(&kept.files).map(|((protocol, shown), files)| {
            let Facts { expires, names, addresses, sha256, pin, .. } = shown.facts();
            let der = shown.der();
            CertificateStatus { protocol, own: files.is_none(), names, addresses, expires, sha256, pin, der }
        });
        status.collect()
    }
}

fn end_is_near(facts: &Facts, now: Timestamp) -> bool {
    facts.expires <= now.after(END_IS_NEAR)
}

fn obtain(files: Option<&Files>, own: &Own, now: Timestamp, problems: &mut Vec<String>) -> Result<Certificate, String> {
    match files {
        Some(files) => files.read().map_err(|bad: BadCertificate| bad.to_string()),
        None => own.keep(now).map(|kept| {
            problems.extend(kept.problem);
            kept.certificate
        }),
    }
}
