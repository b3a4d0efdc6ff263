//! The certificates of the encrypted ways in, from the start on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::Failure;
use crate::certificate::Certificates;
use crate::config::{BadConfig, Config, Mistake};
use crate::time::{Clock, Timestamp};

/// How often is looked whether a certificate of our own making must be renewed. Seldom enough to cost nothing, and soon
/// after a router without a clock of its own has learned what time it is.
const LOOK: Duration = Duration::from_secs(60);

/// Reads or makes the certificates that `config` asks for, and says what is wrong with them without being fatal.
pub(super) fn certificates(config: &Config, path: &Path, now: Timestamp) -> Result<Arc<Certificates>, Failure> {
    let encrypted = &config.dns.encrypted;
    let own = encrypted.own(config.store.path.clone());
    let certificates = Certificates::open(own, encrypted.files(), now).map_err(|what| {
        Failure::Config(BadConfig { path: path.to_owned(), mistakes: vec![Mistake { place: None, what }] })
    })?;
    for problem in certificates.problems(now) {
        tracing::warn!("{problem}");
    }
    for shown in certificates.status().iter().filter(|shown| shown.own) {
        let protocol = shown.protocol;
        tracing::info!(
            pin = shown.pin,
            sha256 = shown.sha256,
            "[dns.{protocol}] shows a certificate of its own making"
        );
    }
    Ok(Arc::new(certificates))
}

/// Renews what is of our own making before its end.
pub(super) async fn renew(certificates: Arc<Certificates>, clock: Clock, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        let (certificates, now) = (certificates.clone(), clock.now());
        if let Err(error) = spawn_blocking(move || certificates.renew(now)).await {
            tracing::error!("the certificates could not be looked at: {error}");
        }
    }
}

/// What the line `ready` says of them: ` tls=ADDRESS,… https=ADDRESS,…`.
pub(super) fn in_words(encrypted: &[(&'static str, SocketAddr)]) -> String {
    let mut ways: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (protocol, address) in encrypted {
        ways.entry(protocol).or_default().push(address.to_string());
    }
    ways.iter().map(|(protocol, addresses)| format!(" {protocol}={}", addresses.join(","))).collect()
}
