//! Reading `config.toml` and the lists again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::supervisor;
use crate::certificate::Certificates;
use crate::config::Config;
use crate::control::Control;
use crate::time::Clock;

/// Asks for a reload. However often it is asked while one is under way, one more follows.
#[derive(Debug)]
pub(super) struct Reload(Arc<Notify>);

impl Reload {
    /// The handle, and the task that reloads until `stop`; the caller spawns it.
    pub(super) fn new(
        path: &Path,
        started_with: Config,
        control: Control,
        certificates: (Arc<Certificates>, Clock),
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let asked = Arc::new(Notify::new());
        let (path, asking) = (path.to_owned(), Self(asked.clone()));
        let task = async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = asked.notified() => {
                        supervisor::reloading();
                        reload(&path, &started_with, &control, &certificates).await;
                        supervisor::reloaded();
                    }
                }
            }
        };
        (asking, task)
    }

    pub(super) fn ask(&self) {
        self.0.notify_one();
    }
}

async fn reload(path: &Path, started_with: &Config, control: &Control, certificates: &(Arc<Certificates>, Clock)) {
    let file: PathBuf = path.to_owned();
    let config = match spawn_blocking(move || Config::read_again(&file)).await {
        Ok(Ok(config)) => config,
        Ok(Err(mistakes)) => {
            let problem = format!("{mistakes}\nwhat was in force before stays in force");
            tracing::error!("{problem}");
            let _ = control.refuse_config(problem).await;
            return;
        }
        Err(error) => return tracing::error!("{} could not be read again: {error}", path.display()),
    };
    for section in started_with.needs_restart(&config) {
        tracing::warn!("what changed in {section} of {} is in force after a restart", path.display());
    }
    let ((certificates, clock), files) = (certificates.clone(), config.dns.encrypted.files());
    let exchanged = spawn_blocking(move || certificates.reload(&files, clock.now())).await;
    for problem in exchanged.unwrap_or_default() {
        tracing::error!("{problem}");
    }
    match control.reload(Some(config.control)).await {
        Ok(problems) => {
            for problem in problems {
                tracing::warn!("{problem}");
            }
            tracing::info!("read {} and the lists again", path.display());
        }
        Err(refusal) => tracing::error!("{} was not read again: {refusal}", path.display()),
    }
}
