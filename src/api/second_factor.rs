//! A second factor at login: begun, confirmed, asked for, switched off.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{Gate, Person};
use super::bearer::hash;
use super::connection::Peer;
use super::house::{carried_out, count};
use super::kinds::Kind;
use super::login::verify_again;
use super::problem::{Body, Problem};
use super::totp::{new_secret, step_of, uri};
use crate::store::SecondFactor;
use crate::time::Timestamp;

/// How long one may take to confirm.
const PATIENCE: Duration = Duration::from_secs(600);
/// Recovery codes that are made, and letters in each: 80 bits.
const RECOVERY_CODES: usize = 10;
const RECOVERY_LETTERS: usize = 16;

/// A second factor that was begun and is not confirmed yet. Nothing is asked for by it.
#[derive(Default)]
pub(crate) struct Enrolment(Mutex<Option<(String, Instant)>>);

/// Whether a second factor is asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = SecondFactor)]
pub(crate) struct FactorState {
    /// Whether it is.
    on: bool,
    /// Since when, milliseconds since the epoch.
    #[schema(value_type = Option<u64>)]
    since: Option<Timestamp>,
    /// Recovery codes that were not used yet.
    recovery_left: usize,
}

/// The password, once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordAgain {
    /// The password.
    password: String,
}

/// What the app needs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Begun {
    /// The secret, in Base32, to be typed.
    secret: String,
    /// The same as `otpauth://`, for a QR code.
    uri: String,
}

/// A code of the app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    /// Six digits.
    code: String,
}

/// What opens the door when the app is lost.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// Each works once. They are told this once.
    recovery_codes: Vec<String>,
}

/// Says whether a second factor is asked for.
#[utoipa::path(get, path = "/second-factor", tag = "session", security(("login" = [])),
    responses((status = 200, body = FactorState)))]
pub(crate) async fn factor_state(house: Person) -> Json<FactorState> {
    let entrance = house.control.entrance();
    let factor = entrance.second_factor.as_ref();
    Json(FactorState {
        on: factor.is_some(),
        since: factor.map(|factor| factor.since),
        recovery_left: factor.map_or(0, |factor| factor.recovery.len()),
    })
}

/// Begins a second factor. It is asked for once it is confirmed with a code; one that is there stays until then.
#[utoipa::path(post, path = "/second-factor", tag = "session", security(("login" = [])), request_body = PasswordAgain,
    responses((status = 200, body = Begun, description = "Ten minutes to confirm it")))]
pub(crate) async fn begin_factor(
    _: Person,
    State(gate): State<Gate>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Body(again): Body<PasswordAgain>,
) -> Result<Json<Begun>, Problem> {
    verify_again(&gate, peer, again.password).await?;
    let secret = new_secret().map_err(Problem::ours)?;
    let door = gate.door();
    *door.enrolment.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((secret.clone(), door.clock.instant()));
    Ok(Json(Begun { uri: uri(&secret), secret }))
}

/// Confirms it with a code of the app: it is asked for from now on, and all other sessions end.
#[utoipa::path(post, path = "/second-factor/confirm", tag = "session", security(("login" = [])), request_body = Code,
    responses((status = 200, body = RecoveryCodes, description = "It is asked for from now on")))]
pub(crate) async fn confirm_factor(
    house: Person,
    State(gate): State<Gate>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Body(Code { code }): Body<Code>,
) -> Result<impl IntoResponse, Problem> {
    super::login::admit(&gate, peer)?;
    let door = gate.door();
    let begun = door.enrolment.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let secret = begun.filter(|(_, at)| door.clock.instant().saturating_duration_since(*at) < PATIENCE);
    let Some((secret, _)) = secret else {
        let detail = "No second factor was begun in the last ten minutes. Begin again.";
        return Err(Problem::new(StatusCode::CONFLICT, detail).of_kind(Kind::TooLate));
    };
    let now = door.clock.now();
    let Some(step) = step_of(code.trim(), &secret, now) else {
        let detail = "That is not the code of now. Look whether the clocks of the phone and of this machine are right.";
        return Err(Problem::unusable(detail).of_kind(Kind::WrongCode));
    };
    door.back_off.forgive(peer.address());
    let codes: Result<Vec<String>, _> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
    let codes = codes.map_err(Problem::ours)?;
    let recovery = codes.iter().map(|code| hash(&plain(code))).collect();
    carried_out(house.control.set_second_factor(Some(SecondFactor { secret, since: now, last_step: step, recovery })))
        .await?;
    *door.enrolment.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    gate.sessions().end_others(house.token());
    tracing::info!("a second factor is asked for from now on");
    Ok(Json(RecoveryCodes { recovery_codes: codes }))
}

/// Asks for no second factor any more.
#[utoipa::path(post, path = "/second-factor/off", tag = "session", security(("login" = [])), request_body = PasswordAgain,
    responses((status = 204, description = "The password alone is enough from now on")))]
pub(crate) async fn switch_factor_off(
    house: Person,
    State(gate): State<Gate>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Body(again): Body<PasswordAgain>,
) -> Result<StatusCode, Problem> {
    verify_again(&gate, peer, again.password).await?;
    carried_out(house.control.set_second_factor(None)).await?;
    tracing::info!("no second factor is asked for any more");
    Ok(StatusCode::NO_CONTENT)
}

/// Passes when no second factor is asked for, or `code` is right and was never used before. The password was right.
pub(crate) async fn pass(gate: &Gate, code: Option<&str>) -> Result<(), Problem> {
    let door = gate.door();
    let entrance = door.control.entrance();
    let Some(factor) = &entrance.second_factor else { return Ok(()) };
    let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else {
        let detail = "Give the code of your second factor as well.";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, detail).of_kind(Kind::CodeNeeded));
    };
    let taken = match step_of(code, &factor.secret, door.clock.now()) {
        Some(step) => carried_out(door.control.take_step(step)).await?,
        None => carried_out(door.control.take_recovery(hash(&plain(code)))).await?,
    };
    if taken {
        return Ok(());
    }
    count(&gate.counters().logins_failed);
    let detail = "That is not the code of now, or it was used before. Wait for the next one, or use a recovery code.";
    Err(Problem::new(StatusCode::UNAUTHORIZED, detail).of_kind(Kind::WrongCode))
}

/// As it is shown: in groups of four.
fn recovery_code() -> Result<String, getrandom::Error> {
    // No letter that looks like another.
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let mut random = [0_u8; RECOVERY_LETTERS];
    getrandom::fill(&mut random)?;
    let letters: Vec<char> = random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    Ok(letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-"))
}

/// As it is compared: nobody has to type the lines between the groups.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_code_is_read_however_it_is_typed() {
        let code = recovery_code().unwrap();
        assert_eq!((code.len(), plain(&code).len()), (19, RECOVERY_LETTERS));
        assert_eq!(plain(&code.to_uppercase().replace('-', " ")), plain(&code));
        assert_ne!(code, recovery_code().unwrap());
    }
}
