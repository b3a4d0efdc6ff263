//! The gate: what the house told sordino is behind it, and a login is the only way through.
//!
//! Handlers get at the house through [`LoggedIn`] alone: [`Gate`], the state of the router, keeps it to itself. So a
//! handler that forgets to ask for the login has nothing to show.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio_util::sync::CancellationToken;

use super::backoff::BackOff;
use super::bearer::{Program, Programs, Secret};
use super::connection::Peer;
use super::house::{Counters, House};
use super::kinds::Kind;
use super::password::Hashing;
use super::problem::Problem;
use super::second_factor::Enrolment;
use super::session::{ABSOLUTE, Sessions, Token, Visit};
use crate::control::Control;
use crate::store::TokenScope;
use crate::time::Clock;

/// Most characters of what a browser says that it is.
const AGENT_CHARS: usize = 200;
/// The name of the cookie.
pub(crate) const COOKIE: &str = "sordino_session";
/// The state of the router. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inside>);

struct Inside {
    sessions: Sessions,
    programs: Programs,
    house: House,
    door: Door,
    /// The password by which all sessions began.
    password: Mutex<Option<Arc<str>>>,
}

/// What decides who comes in; open handlers may use it.
pub(crate) struct Door {
    /// The password that `config.toml` fixes.
    pub(crate) fixed_hash: Option<String>,
    /// What was printed at the console for the first set-up from another machine.
    pub(crate) setup_code: String,
    pub(crate) back_off: BackOff,
    pub(crate) hashing: Hashing,
    /// A second factor that is not confirmed yet.
    pub(crate) enrolment: Enrolment,
    pub(crate) control: Control,
    pub(crate) clock: Clock,
}

impl Gate {
    pub(crate) fn new(door: Door, house: House, stop: CancellationToken) -> Self {
        let password = Mutex::new(door.control.entrance().password_hash.clone());
        let programs = Programs::new(stop.clone());
        Self(Arc::new(Inside { sessions: Sessions::new(stop), programs, house, door, password }))
    }

    pub(crate) fn door(&self) -> &Door {
        &self.0.door
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub(crate) fn programs(&self) -> &Programs {
        &self.0.programs
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.house.counters
    }

    /// Begins a session, in the place of the one that the request came with: an old token must not outlive a login.
    pub(crate) fn let_in(&self, request: &HeaderMap, peer: Peer) -> Result<HeaderValue, Problem> {
        self.heed_password();
        tokens(request).for_each(|token| self.0.sessions.end(&token));
        let clock = &self.door().clock;
        let visit = Visit { since: clock.now(), address: peer.address(), agent: agent_of(request) };
        let token = self.0.sessions.begin(clock.instant(), visit).map_err(Problem::ours)?;
        Ok(cookie(&token.to_string(), ABSOLUTE, request))
    }

    /// Ends every session when the password is another one by now, whoever changed it: someone here, or a backup.
    fn heed_password(&self) {
        let now = self.door().control.entrance().password_hash.clone();
        let mut before = self.0.password.lock().unwrap_or_else(PoisonError::into_inner);
        if *before != now {
            *before = now;
            self.0.sessions.end_all();
        }
    }

    async fn read<T: Send + 'static>(&self, work: impl FnOnce(&House) -> T + Send + 'static) -> Result<T, Problem> {
        let turn = self.0.house.reads.clone().acquire_owned().await.map_err(Problem::ours)?;
        let gate = self.clone();
        // The turn goes along: a browser that hangs up does not make room while its read still goes on.
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&gate.0.house);
            drop(turn);
            result
        });
        done.await.map_err(Problem::ours)
    }

    /// Whether the request comes from someone who is logged in.
    pub(crate) fn knows(&self, request: &HeaderMap) -> bool {
        self.heed_password();
        let now = self.door().clock.instant();
        tokens(request).any(|token| self.0.sessions.goes_on(&token, now))
    }
}

/// Someone who may see how sordino is doing, and no names: logged in, or on this machine, where Prometheus has no cookie.
pub(crate) struct Onlooker(Gate);

impl Deref for Onlooker {
    type Target = House;

    fn deref(&self) -> &House {
        &self.0.0.house
    }
}

impl Onlooker {
    /// As [`LoggedIn::read`].
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&House) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.0.read(work).await
    }
}

impl FromRequestParts<Gate> for Onlooker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        let is_here = peer.is_some_and(|ConnectInfo(peer)| is_local(peer.address(), &parts.headers));
        let program = Secret::of(&parts.headers).is_some_and(|secret| gate.0.program(&secret).is_some());
        if is_here || program || gate.knows(&parts.headers) {
            return Ok(Self(gate.clone()));
        }
        Err(Problem::new(StatusCode::UNAUTHORIZED, "Log in first, or ask from the machine that sordino runs on."))
    }
}

/// Someone who may do what the call does, and with that the house: a person who is logged in, or a program whose token
/// reaches so far. To look takes [`TokenScope::Read`], to change something [`TokenScope::Act`].
pub(crate) struct LoggedIn {
    gate: Gate,
    who: Who,
    ended: CancellationToken,
}

enum Who {
    Person(Token),
    Program(Program),
}

/// A person who is logged in, or a program that may do everything.
pub(crate) struct Admin(LoggedIn);

/// A person who is logged in: what lets others in is no program's affair.
pub(crate) struct Person {
    inside: LoggedIn,
    token: Token,
}

impl Deref for LoggedIn {
    type Target = House;

    fn deref(&self) -> &House {
        &self.gate.0.house
    }
}

impl Deref for Admin {
    type Target = LoggedIn;

    fn deref(&self) -> &LoggedIn {
        &self.0
    }
}

impl Deref for Person {
    type Target = LoggedIn;

    fn deref(&self) -> &LoggedIn {
        &self.inside
    }
}

impl Person {
    /// Ends this session.
    pub(crate) fn log_out(&self) {
        self.gate.0.sessions.end(&self.token);
    }

    /// The secret of this session.
    pub(crate) fn token(&self) -> &Token {
        &self.token
    }
}

impl LoggedIn {
    /// Reads the store off the threads that answer, a few reads at a time.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&House) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.gate.read(work).await
    }

    /// Whether the session goes on, without using it, or the token is still valid.
    pub(crate) fn goes_on(&self) -> bool {
        match &self.who {
            Who::Person(token) => self.gate.0.sessions.goes_on(token, self.clock.instant()),
            Who::Program(program) => self.gate.0.programs.goes_on(*program, &self.control, self.clock.now()),
        }
    }

    /// Cancelled when the session ends or sordino stops.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

impl Inside {
    fn program(&self, secret: &Secret) -> Option<(Program, CancellationToken)> {
        self.programs.let_in(secret, &self.door.control, self.door.clock.now())
    }
}

impl Gate {
    /// Who sends this request. One that brings a token is judged by it alone, whatever cookie it has.
    fn admit(&self, parts: &Parts) -> Result<LoggedIn, Problem> {
        if let Some(secret) = Secret::of(&parts.headers) {
            let (program, ended) = self.0.program(&secret).ok_or_else(|| {
                let detail = "There is no such token, or it has ended. Make another one in the settings of the page.";
                Problem::new(StatusCode::UNAUTHORIZED, detail).of_kind(Kind::Token)
            })?;
            return Ok(LoggedIn { gate: self.clone(), who: Who::Program(program), ended });
        }
        self.heed_password();
        let now = self.door().clock.instant();
        tokens(&parts.headers)
            .find_map(|token| {
                let ended = self.0.sessions.resume(&token, now)?;
                Some(LoggedIn { gate: self.clone(), who: Who::Person(token), ended })
            })
            .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "Log in first."))
    }
}

impl LoggedIn {
    fn reaching(self, needed: TokenScope) -> Result<Self, Problem> {
        match self.who {
            Who::Program(program) if program.scope < needed => {
                let detail = format!("This token does not reach so far: the call needs the scope {needed}.");
                Err(Problem::new(StatusCode::FORBIDDEN, detail).of_kind(Kind::Scope))
            }
            _ => Ok(self),
        }
    }
}

impl FromRequestParts<Gate> for LoggedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Problem> {
        let looks = matches!(parts.method, Method::GET | Method::HEAD);
        gate.admit(parts)?.reaching(if looks { TokenScope::Read } else { TokenScope::Act })
    }
}

impl FromRequestParts<Gate> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Problem> {
        Ok(Self(gate.admit(parts)?.reaching(TokenScope::Admin)?))
    }
}

impl FromRequestParts<Gate> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Problem> {
        let inside = gate.admit(parts)?;
        match &inside.who {
            Who::Person(token) => Ok(Self { token: token.clone(), inside }),
            Who::Program(_) => {
                let detail = "Only a person who is logged in can do this, and no token.";
                Err(Problem::new(StatusCode::FORBIDDEN, detail).of_kind(Kind::PersonNeeded))
            }
        }
    }
}

/// What the browser says that it is, without what could not be shown.
fn agent_of(request: &HeaderMap) -> Option<String> {
    let agent = request.get(header::USER_AGENT)?.to_str().ok()?;
    Some(agent.chars().filter(|letter| !letter.is_control()).take(AGENT_CHARS).collect())
}

/// The cookie that makes a browser forget its session.
pub(crate) fn no_cookie(request: &HeaderMap) -> HeaderValue {
    cookie("", Duration::ZERO, request)
}

/// `Secure` where the page was loaded over https, as the browser itself says in `Origin`: a cookie that is `Secure` on
/// plain http would never come back.
fn cookie(value: &str, max_age: Duration, request: &HeaderMap) -> HeaderValue {
    let https = request.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let secure = if https { "; Secure" } else { "" };
    let max_age = max_age.as_secs();
    let cookie = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age}{secure}");
    HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static(""))
}

/// Every token in the request's cookies. A browser may send two of one name, for different paths or ports.
fn tokens(request: &HeaderMap) -> impl Iterator<Item = Token> + '_ {
    request
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .filter_map(|(_, value)| value.parse().ok())
}

/// Whether the request was made on this machine, and not handed on by a proxy that runs on it.
pub(crate) fn is_local(peer: IpAddr, request: &HeaderMap) -> bool {
    let handed_on = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    peer.to_canonical().is_loopback() && !handed_on.iter().any(|name| request.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_cookie_is_for_this_site_and_not_for_scripts() {
        let plain = cookie("00", ABSOLUTE, &headers(&[("origin", "http://127.0.0.1:8053")]));
        assert_eq!(plain, "sordino_session=00; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800");
        let https = cookie("00", ABSOLUTE, &headers(&[("origin", "https://sordino.example")]));
        assert!(https.to_str().unwrap().ends_with("; Secure"));
    }

    #[test]
    fn tokens_are_found_among_other_cookies() {
        let token = "ab".repeat(32);
        let cookies = format!("a=b; sordino_session=short;sordino_session={token}; xsordino_session={token}");
        assert_eq!(
            tokens(&headers(&[("cookie", &cookies)])).map(|token| token.to_string()).collect::<Vec<_>>(),
            [token]
        );
    }

    #[test]
    fn a_proxy_on_this_machine_is_not_this_machine() {
        let loopback = "::ffff:127.0.0.1".parse().unwrap();
        assert!(is_local(loopback, &headers(&[])));
        assert!(!is_local(loopback, &headers(&[("x-forwarded-for", "192.0.2.1")])));
        assert!(!is_local("192.168.1.7".parse().unwrap(), &headers(&[])));
    }
}
