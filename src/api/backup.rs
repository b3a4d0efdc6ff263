//! Backup and restore.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Semaphore, mpsc};
use utoipa::ToSchema;

use super::auth::{Admin, LoggedIn};
use super::kinds::Kind;
use super::problem::{Params, Problem, sentence};
use crate::control::backup::{Errand, NotRestored, look};
use crate::store::backup::{Contents, NoBackup, Progress, Stage, Which, file_name};
use crate::time::Timestamp;

/// Backups at the same time: each reads all that is kept.
static BACKUPS: Semaphore = Semaphore::const_new(1);
/// Octets that are handed to the browser at once, and how many such pieces wait for it.
const PIECE: usize = 64 * 1024;
const WAITING: usize = 2;
/// When to try again where another backup is under way.
const BUSY: Duration = Duration::from_secs(30);
/// Octets that a file may have without a look at the disk, and that are left free on it: room for history is never made
/// by a file that may be none.
const SMALL: u64 = 1 << 20;
const ROOM_TO_LEAVE: u64 = 32 << 20;

/// What a backup is to hold besides the settings.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BackupParams {
    /// The journal, tallies and firsts.
    history: Option<bool>,
    /// Password, second factor and tokens. Sessions never are in it.
    secrets: Option<bool>,
}

/// How to take a backup back.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RestoreParams {
    /// Only says what is in the file, and changes nothing.
    r#try: Option<bool>,
    /// With `false`, the history in the file is left out.
    history: Option<bool>,
}

/// What is in a backup.
#[derive(Serialize, ToSchema)]
pub(crate) struct Restored {
    /// When it was made, milliseconds since the epoch.
    made: Timestamp,
    /// The version of sordino that made it.
    version: String,
    /// Own rules.
    rules: usize,
    /// Pauses.
    pauses: usize,
    /// Names of devices.
    device_names: usize,
    /// Identities that are joined to a device.
    joined: usize,
    /// Addresses that are a device of their own.
    split: usize,
    /// Lists from elsewhere.
    lists: usize,
    /// Profiles.
    profiles: usize,
    /// Devices that were given a profile.
    device_profiles: usize,
    /// Schedules.
    schedules: usize,
    /// Names of the house.
    records: usize,
    /// Guards that are switched off.
    guards_off: usize,
    /// Whether the history is in it.
    history: bool,
    /// Whether password, second factor and tokens are in it.
    secrets: bool,
}

/// How far a restore has come.
#[derive(Serialize, ToSchema)]
pub(crate) struct RestoreProgress {
    /// `idle`, `receiving`, `checking`, `writing` or `putting_in`; in the last it cannot be stopped any more.
    stage: &'static str,
    /// Octets done in this stage.
    bytes: u64,
    /// Octets of this stage, where that is known.
    total: Option<u64>,
}

/// The restore under way, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Restoring(Mutex<Option<Arc<Progress>>>);

/// Everything that the page keeps, in one file.
#[utoipa::path(get, path = "/backup", tag = "backup", security(("login" = []), ("token" = ["admin"])), params(BackupParams), responses(
    (status = 200, content_type = "application/octet-stream", body = Vec<u8>, description = "The file; whole only with its end")))]
pub(crate) async fn back_up(house: Admin, Params(params): Params<BackupParams>) -> Result<impl IntoResponse, Problem> {
    let which = Which { history: params.history.unwrap_or(false), secrets: params.secrets.unwrap_or(false) };
    let Ok(place) = BACKUPS.try_acquire() else {
        let detail = "A backup is under way already. Wait for it to end.";
        return Err(Problem::busy(detail, BUSY));
    };
    let (sender, pieces) = mpsc::channel(WAITING);
    let store = house.store.clone();
    // It ends by itself when the browser is gone: then nobody takes the next piece.
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let out = BufWriter::with_capacity(PIECE, Pipe(sender.clone()));
        let written = store.back_up(which, out, &Progress::default()).and_then(|mut out| out.flush());
        if let Err(error) = written {
            tracing::warn!("a backup was not completed: {error}");
            let _ = sender.blocking_send(Err(error));
        }
    });
    let body = futures_util::stream::unfold(pieces, |mut pieces| async { Some((pieces.recv().await?, pieces)) }).fuse();
    let disposition = format!("attachment; filename=\"{}\"", file_name(house.clock.now()));
    let head = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        // Most of it is packed already.
        (header::CONTENT_ENCODING, "identity".to_owned()),
    ];
    Ok((head, Body::from_stream(body)))
}

/// Takes a backup back: whole and at once, or not at all. Sessions of others end where a password comes with it.
#[utoipa::path(post, path = "/restore", tag = "backup", security(("login" = []), ("token" = ["admin"])), params(RestoreParams),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file"),
    responses((status = 200, body = Restored, description = "It is in force; or, with `try`, could be")))]
pub(crate) async fn restore(
    house: Admin,
    Params(params): Params<RestoreParams>,
    request: Request,
) -> Result<Json<Restored>, Problem> {
    let under_way = house.restoring.begin()?;
    // In a task: whoever hangs up after the last octet does not leave half of it behind.
    let task = tokio::spawn(async move {
        let progress = under_way.0.clone();
        let file = receive(&house, request, &progress).await?;
        let errand = Errand { path: file.0.clone(), leave_history: params.history == Some(false) };
        let contents = match params.r#try {
            Some(true) => look(&errand.path, &progress).await,
            _ => house.control.restore(&house.store, errand, &progress).await,
        };
        if params.r#try != Some(true) && contents.is_ok() {
            tracing::info!("a backup was taken back");
        }
        Ok(Json(contents?.into()))
    });
    task.await.map_err(Problem::ours)?
}

/// Says how far a restore has come.
#[utoipa::path(get, path = "/restore", tag = "backup", security(("login" = []), ("token" = ["admin"])), responses((status = 200, body = RestoreProgress)))]
pub(crate) async fn restore_progress(house: Admin) -> Json<RestoreProgress> {
    let progress = house.restoring.now();
    let stage = match progress.as_ref().map(|progress| progress.stage()).unwrap_or_default() {
        Stage::Idle => "idle",
        Stage::Receiving => "receiving",
        Stage::Checking => "checking",
        Stage::Writing => "writing",
        Stage::PuttingIn => "putting_in",
    };
    let (bytes, total) = progress.map(|progress| progress.octets()).unwrap_or_default();
    Json(RestoreProgress { stage, bytes, total })
}

/// Stops a restore; nothing changes then.
#[utoipa::path(delete, path = "/restore", tag = "backup", security(("login" = []), ("token" = ["admin"])),
    responses((status = 204, description = "It is being stopped")))]
pub(crate) async fn stop_restore(house: Admin) -> Result<StatusCode, Problem> {
    match house.restoring.now().is_some_and(|progress| progress.stop()) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("restore that could be stopped")),
    }
}

/// Writes the body into a file of the store's directory.
async fn receive(house: &LoggedIn, request: Request, progress: &Progress) -> Result<Upload, Problem> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    progress.begin(Stage::Receiving, length);
    let store = house.store.clone();
    let claimed = tokio::task::spawn_blocking(move || store.claim().map(|()| store.upload_path()));
    let path = claimed.await.map_err(io::Error::other).flatten().map_err(|error| not_kept(&error))?;
    let upload = Upload(path);
    let mut options = tokio::fs::OpenOptions::new();
    let opened = options.create(true).truncate(true).write(true).mode(0o600).open(&upload.0).await;
    let mut file = opened.map_err(|error| not_kept(&error))?;
    let mut body = request.into_body().into_data_stream();
    let (mut received, mut looked) = (0_u64, 0_u64);
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|_| {
            Problem::new(StatusCode::BAD_REQUEST, "The file did not arrive whole.").of_kind(Kind::Interrupted)
        })?;
        received += piece.len() as u64;
        if received.saturating_sub(looked) > SMALL {
            looked = received;
            if house.store.room().is_ok_and(|room| room < ROOM_TO_LEAVE) {
                return Err(not_kept(&io::ErrorKind::StorageFull.into()));
            }
        }
        if !progress.go_on(piece.len() as u64) {
            return Err(NotRestored::Backup(NoBackup::Stopped).into());
        }
        file.write_all(&piece).await.map_err(|error| not_kept(&error))?;
    }
    file.flush().await.map_err(|error| not_kept(&error))?;
    Ok(upload)
}

/// A file that goes when nobody needs it any more.
struct Upload(PathBuf);

impl Drop for Upload {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Says that something is under way until it goes.
struct UnderWay(Arc<Progress>, Arc<Restoring>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        *self.1.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Restoring {
    fn begin(self: &Arc<Self>) -> Result<UnderWay, Problem> {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.is_some() {
            let detail = "A restore is under way already. Wait for it to end, or stop it.";
            return Err(Problem::new(StatusCode::CONFLICT, detail).of_kind(Kind::RestoreUnderWay));
        }
        let progress = Arc::new(Progress::default());
        *now = Some(progress.clone());
        Ok(UnderWay(progress, self.clone()))
    }

    fn now(&self) -> Option<Arc<Progress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Hands what is written to the browser.
struct Pipe(mpsc::Sender<Result<Bytes, io::Error>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        self.0.blocking_send(Ok(piece)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<Contents> for Restored {
    fn from(Contents { about, settings }: Contents) -> Self {
        Self {
            made: about.made,
            version: about.sordino,
            rules: settings.rules.len(),
            pauses: settings.pauses.len(),
            device_names: settings.device_names.len(),
            joined: settings.joined.len(),
            split: settings.split.len(),
            lists: settings.lists.len(),
            profiles: settings.profiles.len(),
            device_profiles: settings.device_profiles.len(),
            schedules: settings.schedules.len(),
            records: settings.records.len(),
            guards_off: settings.guards_off.len(),
            history: about.which.history,
            secrets: about.which.secrets,
        }
    }
}

impl From<NotRestored> for Problem {
    fn from(why: NotRestored) -> Self {
        let detail = sentence(&why.to_string());
        match why {
            NotRestored::Settings(refusal) => refusal.into(),
            NotRestored::Half(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, detail),
            NotRestored::Backup(NoBackup::Unreadable(error)) => not_kept(&error),
            NotRestored::Backup(NoBackup::Refused(_)) => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, detail).of_kind(Kind::NotSaved)
            }
            NotRestored::Backup(NoBackup::Stopped) => Self::new(StatusCode::CONFLICT, detail).of_kind(Kind::Stopped),
            NotRestored::Backup(NoBackup::KeepsNone) => Self::new(StatusCode::CONFLICT, detail),
            NotRestored::Backup(_) => Self::unusable(detail).of_kind(Kind::NoBackup),
        }
    }
}

fn not_kept(error: &io::Error) -> Problem {
    let detail = format!(
        "The file could not be kept while it was looked at ({error}). Make room on the disk; nothing was changed."
    );
    Problem::new(StatusCode::INSUFFICIENT_STORAGE, detail).of_kind(Kind::NotSaved)
}
