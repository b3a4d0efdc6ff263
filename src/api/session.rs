//! Who is logged in. In memory only: a restart ends every session, and so does a stolen copy of the disk.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::sessions::SessionRow;
use crate::time::Timestamp;

/// Sessions at the same time; one more ends the one that was used longest ago.
pub(crate) const MAX_SESSIONS: usize = 64;
/// A session that nobody used for so long is over.
pub(crate) const IDLE: Duration = Duration::from_secs(12 * 3600);
/// A session is over after so long, however much it was used.
pub(crate) const ABSOLUTE: Duration = Duration::from_secs(7 * 24 * 3600);

/// The secret in the cookie: 256 random bits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Token([u8; 32]);

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: u64,
    visit: Visit,
    made: Instant,
    used: Instant,
    ended: CancellationToken,
}

/// Who began a session, for people to know it again.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) since: Timestamp,
    pub(crate) address: IpAddr,
    /// What the browser said that it is, as far as it is worth keeping.
    pub(crate) agent: Option<String>,
}

/// All sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    open: Mutex<HashMap<Token, Session>>,
    begun: AtomicU64,
    stop: CancellationToken,
}

impl Sessions {
    /// None yet. When `stop` comes, what waits for the end of a session is woken too.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { open: Mutex::default(), begun: AtomicU64::new(0), stop }
    }

    /// Begins a session under a token that nobody has seen before.
    pub(crate) fn begin(&self, now: Instant, visit: Visit) -> Result<Token, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let token = Token(bytes);
        let mut open = self.locked();
        forget(&mut open, |session| session.is_over(now));
        while open.len() >= MAX_SESSIONS {
            let Some(stalest) = open.values().map(|session| session.used).min() else { break };
            forget(&mut open, |session| session.used == stalest);
        }
        let id = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        open.insert(token.clone(), Session { id, visit, made: now, used: now, ended: self.stop.child_token() });
        Ok(token)
    }

    /// Whether the session goes on. If it does, this was a use of it; what is answered is cancelled at its end.
    pub(crate) fn resume(&self, token: &Token, now: Instant) -> Option<CancellationToken> {
        let mut open = self.locked();
        let session = open.get_mut(token).filter(|session| !session.is_over(now))?;
        session.used = now;
        Some(session.ended.clone())
    }

    /// Whether the session goes on, without using it: a page left open does not keep its own session alive.
    pub(crate) fn goes_on(&self, token: &Token, now: Instant) -> bool {
        self.locked().get(token).is_some_and(|session| !session.is_over(now))
    }

    /// Ends one session.
    pub(crate) fn end(&self, token: &Token) {
        if let Some(session) = self.locked().remove(token) {
            session.ended.cancel();
        }
    }

    /// Ends all of them.
    pub(crate) fn end_all(&self) {
        forget(&mut self.locked(), |_| true);
    }

    /// Ends those that are meant; how many that were.
    pub(crate) fn end_where(&self, which: impl Fn(&Session) -> bool) -> usize {
        let mut open = self.locked();
        let before = open.len();
        forget(&mut open, which);
        before - open.len()
    }

    /// Ends all but the one of `token`.
    pub(crate) fn end_others(&self, token: &Token) {
        let mut open = self.locked();
        let id = open.get(token).map(|session| session.id);
        forget(&mut open, |session| Some(session.id) != id);
    }

    /// Those that go on, the latest first, as `token` sees them.
    pub(crate) fn list(&self, token: &Token, now: Instant) -> Vec<SessionRow> {
        let open = self.locked();
        let live = open.iter().filter(|(_, session)| !session.is_over(now));
        let row = |(of, session): (&Token, &Session)| SessionRow {
            id: session.id,
            since: session.visit.since,
            used: session.visit.since.after(session.used.saturating_duration_since(session.made)),
            address: session.visit.address.to_string(),
            agent: session.visit.agent.clone(),
            current: of == token,
        };
        let mut rows: Vec<SessionRow> = live.map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.id));
        rows
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Token, Session>> {
        // Every change is one insert or remove, so what a panic left behind is whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) >= IDLE || now.saturating_duration_since(self.made) >= ABSOLUTE
    }
}

fn forget(open: &mut HashMap<Token, Session>, which: impl Fn(&Session) -> bool) {
    open.retain(|_, session| {
        let over = which(session);
        if over {
            session.ended.cancel();
        }
        !over
    });
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Token {
    /// A secret does not go to the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl FromStr for Token {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.as_bytes();
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() {
            return Err(());
        }
        for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let digit = |at: usize| char::from(digits[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = digit(0).ok_or(())? << 4 | digit(1).ok_or(())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit() -> Visit {
        let address = IpAddr::from([192, 0, 2, 7]);
        Visit { since: Timestamp::from_millis(1_000), address, agent: None }
    }

    fn none() -> Sessions {
        Sessions::new(CancellationToken::new())
    }

    #[test]
    fn a_token_reads_back_as_itself_and_does_not_show_in_debug() {
        let token = none().begin(Instant::now(), visit()).unwrap();
        assert!(token.to_string().parse::<Token>() == Ok(token.clone()));
        assert!(!format!("{token:?}").contains(&token.to_string()[..8]));
        for text in ["", "00", &"g".repeat(64), &"é".repeat(32), &"0".repeat(65)] {
            assert!(text.parse::<Token>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn use_keeps_a_session_but_not_for_ever() {
        let (sessions, begin) = (none(), Instant::now());
        let token = sessions.begin(begin, visit()).unwrap();
        let mut now = begin;
        while now + IDLE / 2 < begin + ABSOLUTE {
            now += IDLE / 2;
            assert!(sessions.resume(&token, now).is_some());
        }
        assert!(sessions.resume(&token, begin + ABSOLUTE).is_none());
    }

    #[test]
    fn looking_does_not_keep_a_session() {
        let (sessions, begin) = (none(), Instant::now());
        let token = sessions.begin(begin, visit()).unwrap();
        assert!(sessions.goes_on(&token, begin + IDLE / 2));
        assert!(!sessions.goes_on(&token, begin + IDLE));
    }

    #[test]
    fn the_end_of_a_session_is_told_to_those_who_wait_for_it() {
        let (sessions, now) = (none(), Instant::now());
        let (one, two) = (sessions.begin(now, visit()).unwrap(), sessions.begin(now, visit()).unwrap());
        let (end_of_one, end_of_two) = (sessions.resume(&one, now).unwrap(), sessions.resume(&two, now).unwrap());
        sessions.end(&one);
        assert!(end_of_one.is_cancelled() && !end_of_two.is_cancelled());
        sessions.end_all();
        assert!(end_of_two.is_cancelled() && sessions.resume(&two, now).is_none());
    }

    #[test]
    fn the_number_of_sessions_is_bounded_and_the_stalest_goes() {
        let (sessions, begin) = (none(), Instant::now());
        let tokens: Vec<_> = (0..=MAX_SESSIONS as u32)
            .map(|n| sessions.begin(begin + Duration::from_secs(n.into()), visit()).unwrap())
            .collect();
        let now = begin + Duration::from_secs(100);
        assert!(!sessions.goes_on(&tokens[0], now));
        assert_eq!(tokens.iter().filter(|token| sessions.goes_on(token, now)).count(), MAX_SESSIONS);
    }

    #[test]
    fn sessions_are_listed_and_ended_one_by_one() {
        let (sessions, begin) = (none(), Instant::now());
        let (one, two) = (sessions.begin(begin, visit()).unwrap(), sessions.begin(begin, visit()).unwrap());
        let three = sessions.begin(begin, visit()).unwrap();
        let later = begin + Duration::from_secs(7);
        sessions.resume(&one, later);
        let rows = sessions.list(&two, later);
        assert_eq!(
            rows.iter().map(|row| (row.id, row.current)).collect::<Vec<_>>(),
            [(3, false), (2, true), (1, false)]
        );
        assert_eq!((rows[2].since.millis(), rows[2].used.millis()), (1_000, 8_000));
        assert_eq!((sessions.end_where(|session| session.id == 3), sessions.goes_on(&three, later)), (1, false));
        assert_eq!(sessions.end_where(|session| session.id == 3), 0);
        sessions.end_others(&two);
        assert!(!sessions.goes_on(&one, later) && sessions.goes_on(&two, later));
    }
}
