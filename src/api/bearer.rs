//! Programs that come in with a token instead of a password.
//!
//! A token is 256 random bits, so SHA-256 is enough to keep it by: argon2 makes guessing words slow, and nobody guesses
//! 256 bits, while every single call of a program would cost 19 MiB and tens of milliseconds.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use ring::digest::{SHA256, digest};
use tokio_util::sync::CancellationToken;

use crate::control::{Control, Entrance};
use crate::store::{AccessToken, TokenScope};
use crate::time::Timestamp;

/// What every token begins with, so that it is known for one where it should not be.
const PREFIX: &str = "sordino_";
/// How often the last use of a token is written down. The page shows it as it is.
const NOTED: Duration = Duration::from_secs(3600);

/// A token as it is shown, once.
pub(crate) struct Secret(String);

/// A program that was let in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) id: u64,
    pub(crate) scope: TokenScope,
}

/// Programs that came in since the start.
#[derive(Debug)]
pub(crate) struct Programs {
    seen: Mutex<HashMap<u64, Seen>>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Seen {
    last: Timestamp,
    noted: Option<Timestamp>,
    ended: CancellationToken,
}

impl Secret {
    /// A token that nobody has seen before.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{PREFIX}{}", hexadecimal(&bytes))))
    }

    /// What is kept of it.
    pub(crate) fn hash(&self) -> String {
        hash(&self.0)
    }

    /// The text, to be shown.
    pub(crate) fn text(self) -> String {
        self.0
    }

    /// The token that a request comes with; none where it comes with something else.
    pub(crate) fn of(request: &HeaderMap) -> Option<Self> {
        let value = request.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, text) = value.split_once(' ')?;
        // RFC 9110 §11.1: a scheme is told without regard to case.
        scheme.eq_ignore_ascii_case("bearer").then(|| Self(text.trim().to_owned()))
    }
}

impl fmt::Debug for Secret {
    /// A secret does not go to the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Programs {
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { seen: Mutex::default(), stop }
    }

    /// Lets the program in that has this token; with what is cancelled when the token is taken back.
    pub(crate) fn let_in(
        &self,
        secret: &Secret,
        control: &Control,
        now: Timestamp,
    ) -> Option<(Program, CancellationToken)> {
        let entrance = control.entrance();
        let token = valid(&entrance, &secret.hash(), now)?;
        let mut seen = self.locked();
        // Tokens that were taken back leave nothing here.
        seen.retain(|id, one| {
            let stays = entrance.tokens.iter().any(|token| token.id == *id);
            if !stays {
                one.ended.cancel();
            }
            stays
        });
        let noted = token.last_used;
        let ended = || self.stop.child_token();
        let one = seen.entry(token.id).or_insert_with(|| Seen { last: now, noted, ended: ended() });
        one.last = now;
        let is_due = one.noted.is_none_or(|noted| now.millis().saturating_sub(noted.millis()) >= millis(NOTED));
        if is_due {
            one.noted = Some(now);
            let (control, id) = (control.clone(), token.id);
            tokio::spawn(async move {
                if let Err(refusal) = control.note_use(id, now).await {
                    tracing::debug!("the use of a token was not written down: {refusal}");
                }
            });
        }
        Some((Program { id: token.id, scope: token.scope }, one.ended.clone()))
    }

    /// Whether the token is still valid.
    pub(crate) fn goes_on(&self, program: Program, control: &Control, now: Timestamp) -> bool {
        control.entrance().tokens.iter().any(|token| token.id == program.id && !has_ended(token, now))
    }

    /// Ends what is under way for a token that was taken back.
    pub(crate) fn end(&self, id: u64) {
        if let Some(one) = self.locked().remove(&id) {
            one.ended.cancel();
        }
    }

    /// When the token was last used, to the moment.
    pub(crate) fn last_used(&self, token: &AccessToken) -> Option<Timestamp> {
        let here = self.locked().get(&token.id).map(|one| one.last);
        here.max(token.last_used)
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<u64, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the token has come to its end by itself.
pub(crate) fn has_ended(token: &AccessToken, now: Timestamp) -> bool {
    token.until.is_some_and(|until| until <= now)
}

/// SHA-256 of a text, in hexadecimal.
pub(crate) fn hash(text: &str) -> String {
    hexadecimal(digest(&SHA256, text.as_bytes()).as_ref())
}

fn valid<'a>(entrance: &'a Entrance, hash: &str, now: Timestamp) -> Option<&'a AccessToken> {
    // Compared by hash: how long that takes tells nothing of the token itself.
    entrance.tokens.iter().find(|token| token.hash == hash && !has_ended(token, now))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash_and_shown_to_nobody() {
        let secret = Secret::new().unwrap();
        let shown = format!("{secret:?}");
        let (hash, text) = (secret.hash(), secret.text());
        assert!(text.starts_with("sordino_") && text.len() == 8 + 64 && !shown.contains(&text[8..16]));
        assert_eq!(super::hash(&text), hash);
        // FIPS 180-4, the message "abc".
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(super::hash("abc"), abc);
    }

    #[test]
    fn only_bearer_is_read() {
        let of = |value: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            Secret::of(&headers).map(Secret::text)
        };
        assert_eq!(of("Bearer sordino_1").as_deref(), Some("sordino_1"));
        assert_eq!(of("bearer  sordino_1 ").as_deref(), Some("sordino_1"));
        for other in ["Basic c29yZGlubw==", "Bearer", "sordino_1"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
