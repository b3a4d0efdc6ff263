//! Coming in and going out: the first password, login, logout, another password.

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{Door, Gate, Person, is_local, no_cookie};
use super::connection::Peer;
use super::house::{carried_out, count};
use super::kinds::Kind;
use super::password::{MAX_PASSWORD_BYTES, NoHash, check};
use super::problem::{Body, Problem, sentence};
use super::second_factor::pass;

/// That sordino runs, and which.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alive {
    /// Always `ok`.
    status: &'static str,
    /// The version of sordino.
    version: &'static str,
}

/// Where the visitor stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Visitor {
    /// Whether a first password is still to be set.
    setup_needed: bool,
    /// Whether the cookie is one of a session that goes on.
    logged_in: bool,
    /// The version of sordino.
    version: &'static str,
}

/// The first password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    /// At least 8 characters.
    #[schema(min_length = 8, max_length = 1024)]
    password: String,
    /// What sordino printed when it started; needed from any machine but its own.
    #[serde(default)]
    code: Option<String>,
}

/// A password to come in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// The password.
    password: String,
    /// The code of the second factor, or a recovery code, where one is asked for.
    #[serde(default)]
    code: Option<String>,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The one in force now.
    current: String,
    /// The one to be; at least 8 characters.
    #[schema(min_length = 8, max_length = 1024)]
    password: String,
}

type Cookie = (StatusCode, AppendHeaders<[(header::HeaderName, HeaderValue); 1]>);

fn with_cookie(cookie: HeaderValue) -> Cookie {
    (StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, cookie)]))
}

/// Says that sordino runs.
#[utoipa::path(get, path = "/health", tag = "session", security(()), responses((status = 200, body = Alive)))]
pub(crate) async fn health() -> impl IntoResponse {
    axum::Json(Alive { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Says where the visitor stands.
#[utoipa::path(get, path = "/session", tag = "session", security(()), responses((status = 200, body = Visitor)))]
pub(crate) async fn session(State(gate): State<Gate>, headers: HeaderMap) -> Result<impl IntoResponse, Problem> {
    let setup_needed = password_hash(gate.door()).is_none();
    Ok(axum::Json(Visitor { setup_needed, logged_in: gate.knows(&headers), version: env!("CARGO_PKG_VERSION") }))
}

/// Sets the first password, and logs in.
#[utoipa::path(post, path = "/setup", tag = "session", security(()), request_body = Setup,
    responses((status = 204, description = "The password is set, and you are logged in")))]
pub(crate) async fn setup(
    State(gate): State<Gate>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    Body(setup): Body<Setup>,
) -> Result<impl IntoResponse, Problem> {
    let door = gate.door();
    if password_hash(door).is_some() {
        let detail = "A password is already set. Log in with it.";
        return Err(Problem::new(StatusCode::CONFLICT, detail).of_kind(Kind::PasswordSet));
    }
    if !is_local(peer.address(), &headers) {
        admit(&gate, peer)?;
        if !setup.code.is_some_and(|code| is_same(code.trim(), &door.setup_code)) {
            let detail = "From another machine the first password needs the code that sordino printed when it started.";
            return Err(Problem::new(StatusCode::FORBIDDEN, detail).of_kind(Kind::SetupCode));
        }
        door.back_off.forgive(peer.address());
    }
    check(&setup.password)?;
    let hash = door.hashing.hash(setup.password).await?;
    carried_out(door.control.set_password(hash, true)).await?;
    tracing::info!("the password of the page was set");
    Ok(with_cookie(gate.let_in(&headers, peer)?))
}

/// Logs in.
#[utoipa::path(post, path = "/login", tag = "session", security(()), request_body = Login,
    responses((status = 204, description = "You are logged in")))]
pub(crate) async fn login(
    State(gate): State<Gate>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    Body(login): Body<Login>,
) -> Result<impl IntoResponse, Problem> {
    let hash = password_hash(gate.door());
    let hash = hash.ok_or_else(|| Problem::new(StatusCode::CONFLICT, "No password is set yet. Set one first."))?;
    verify(&gate, peer, login.password, hash).await?;
    pass(&gate, login.code.as_deref()).await?;
    gate.door().back_off.forgive(peer.address());
    Ok(with_cookie(gate.let_in(&headers, peer)?))
}

/// Ends this session.
#[utoipa::path(post, path = "/logout", tag = "session", security(("login" = [])),
    responses((status = 204, description = "You are logged out")))]
pub(crate) async fn logout(house: Person, headers: HeaderMap) -> impl IntoResponse {
    house.log_out();
    with_cookie(no_cookie(&headers))
}

/// Sets another password, and ends every session but this one.
#[utoipa::path(put, path = "/password", tag = "session", security(("login" = [])), request_body = NewPassword,
    responses((status = 204, description = "The password is another one now; all other sessions are over")))]
pub(crate) async fn change_password(
    _: Person,
    State(gate): State<Gate>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    Body(new): Body<NewPassword>,
) -> Result<impl IntoResponse, Problem> {
    let door = gate.door();
    if door.fixed_hash.is_some() {
        let detail = "The password is set in config.toml and can only be changed there.";
        return Err(Problem::new(StatusCode::CONFLICT, detail).of_kind(Kind::Fixed));
    }
    check(&new.password)?;
    verify_again(&gate, peer, new.current).await?;
    let hash = door.hashing.hash(new.password).await?;
    carried_out(door.control.set_password(hash, false)).await?;
    tracing::info!("the password of the page was changed");
    Ok(with_cookie(gate.let_in(&headers, peer)?))
}

/// Passes when the password is right. The words for a wrong one are the same whatever was wrong with it.
async fn verify(gate: &Gate, peer: Peer, password: String, hash: String) -> Result<(), Problem> {
    admit(gate, peer)?;
    if !gate.door().hashing.verify(password, hash).await? {
        count(&gate.counters().logins_failed);
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "That is not the password.");
        return Err(problem.of_kind(Kind::WrongPassword));
    }
    Ok(())
}

/// Passes when someone who is logged in knows the password still.
pub(crate) async fn verify_again(gate: &Gate, peer: Peer, password: String) -> Result<(), Problem> {
    verify(gate, peer, password, password_hash(gate.door()).unwrap_or_default()).await?;
    gate.door().back_off.forgive(peer.address());
    Ok(())
}

pub(crate) fn admit(gate: &Gate, peer: Peer) -> Result<(), Problem> {
    let door = gate.door();
    door.back_off.admit(peer.address(), door.clock.instant()).map_err(|wait| {
        count(&gate.counters().logins_delayed);
        let detail = "There were too many tries. Wait a moment and try again.";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).of_kind(Kind::TooManyTries).retry_after(wait)
    })
}

/// The hash of the password in force: what `config.toml` says, else what was set in the page.
fn password_hash(door: &Door) -> Option<String> {
    door.fixed_hash.clone().or_else(|| door.control.entrance().password_hash.as_deref().map(str::to_owned))
}

/// Compares without telling by its time where the difference is.
fn is_same(one: &str, other: &str) -> bool {
    let difference = one.bytes().zip(other.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && !one.is_empty() && difference == 0
}

impl From<NoHash> for Problem {
    fn from(why: NoHash) -> Self {
        let detail = sentence(&why.to_string());
        match why {
            NoHash::TooShort | NoHash::TooLong => {
                Self::unusable(detail).of_kind(Kind::PasswordLength).limited(MAX_PASSWORD_BYTES)
            }
            NoHash::Failed => Self::ours(why),
            NoHash::Busy => {
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, detail).of_kind(Kind::Busy);
                problem.retry_after(std::time::Duration::from_secs(1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn a_code_is_right_only_as_a_whole() {
        assert!(is_same("brass-mute-7", "brass-mute-7"));
        for wrong in ["", "brass", "brass-mute-8", "brass-mute-77"] {
            assert!(!is_same(wrong, "brass-mute-7"), "{wrong}");
        }
        assert!(!is_same("", ""), "no code is no way in");
    }
}
