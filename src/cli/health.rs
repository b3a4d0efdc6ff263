//! `sordino health`.

use std::path::Path;
use std::time::Duration;

use crate::app::Failure;
use crate::config::Config;
use crate::dns::{own_door, pulse};

/// How long a sordino that is well may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Says that the sordino with the configuration at `path` answers on this machine.
pub(super) async fn health(path: &Path) -> Result<String, Failure> {
    let config = Config::read_again(path)?;
    let listen: Vec<_> = config.dns.listen.iter().copied().filter(|address| address.port() != 0).collect();
    if listen.is_empty() {
        return Err(Failure::Other(
            "[dns] listen takes whatever port is free (port 0), so nobody can tell which to ask; write a port there"
                .into(),
        ));
    }
    let Some(door) = own_door(&config.dns, &listen) else {
        return Err(Failure::Other(
            "this machine may not ask sordino, so nobody can tell here whether it answers; add \"loopback\" to [dns] allow_from"
                .into(),
        ));
    };
    match pulse(door, PATIENCE).await {
        Ok(()) => Ok(format!("sordino answers on {door}.")),
        Err(error) => Err(Failure::Other(format!("no answer from {door} ({error}); is sordino running?"))),
    }
}
