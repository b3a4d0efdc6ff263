//! The password, as it is kept: argon2id, few at a time, so that a flood of logins costs the house neither memory nor DNS.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::Semaphore;

/// Fewest characters of a password.
pub const MIN_PASSWORD_CHARS: usize = 8;
/// Most bytes of a password.
pub const MAX_PASSWORD_BYTES: usize = 1024;
/// Hashes that are computed at the same time, 19 MiB each.
const AT_ONCE: usize = 2;
/// Logins that wait for their hash; one more is sent away.
const WAITING: usize = 16;
/// 19 MiB and two passes: the 64 MiB of RFC 9106 §4 are too much for a router of 512 MB when two people log in at once.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Why there is no hash of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoHash {
    /// Too few characters.
    #[error("the password needs at least {MIN_PASSWORD_CHARS} characters")]
    TooShort,
    /// Too many bytes.
    #[error("the password is over {MAX_PASSWORD_BYTES} bytes long")]
    TooLong,
    /// The operating system gave no randomness or no memory.
    #[error("the password could not be hashed; there is too little memory or no randomness")]
    Failed,
    /// Too many hashes are asked for; try again in a second.
    #[error("too many logins at once; try again in a moment")]
    Busy,
}

/// Hashes `password` as `[web] password_hash` and the store keep it: a PHC string. Takes tens of milliseconds and 19 MiB.
///
/// # Errors
/// When the password is too short or too long, or the machine has no memory left.
pub fn hash_password(password: &str) -> Result<String, NoHash> {
    check(password)?;
    let hash = argon2()?.hash_password(password.as_bytes()).map_err(|_| NoHash::Failed)?;
    Ok(hash.to_string())
}

/// Whether `text` is a hash that [`hash_password`] or another program with argon2 could have made.
pub fn is_password_hash(text: &str) -> bool {
    argon2::password_hash::phc::PasswordHash::new(text)
        .is_ok_and(|hash| Algorithm::try_from(hash.algorithm.as_str()).is_ok() && Params::try_from(&hash).is_ok())
}

/// Whether a password can be one at all.
pub(crate) fn check(password: &str) -> Result<(), NoHash> {
    if password.len() > MAX_PASSWORD_BYTES {
        Err(NoHash::TooLong)
    } else if password.chars().count() < MIN_PASSWORD_CHARS {
        Err(NoHash::TooShort)
    } else {
        Ok(())
    }
}

fn argon2() -> Result<Argon2<'static>, NoHash> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| NoHash::Failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Where hashes are computed: a few at a time, off the threads that answer.
#[derive(Debug)]
pub(crate) struct Hashing {
    running: Arc<Semaphore>,
    taken_in: Arc<Semaphore>,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(AT_ONCE)), taken_in: Arc::new(Semaphore::new(AT_ONCE + WAITING)) }
    }
}

impl Hashing {
    /// The hash of a new password.
    pub(crate) async fn hash(&self, password: String) -> Result<String, NoHash> {
        self.run(move || hash_password(&password)).await?
    }

    /// Whether `password` is the one that `hash` is of.
    pub(crate) async fn verify(&self, password: String, hash: String) -> Result<bool, NoHash> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Ok(false);
        }
        self.run(move || Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok()).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, NoHash> {
        let taken_in = self.taken_in.clone().try_acquire_owned().map_err(|_| NoHash::Busy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| NoHash::Failed)?;
        // The permits go along: a browser that hangs up does not make room while its hash is still being computed.
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop((taken_in, running));
            result
        });
        done.await.map_err(|_| NoHash::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_argon2id_with_its_parameters_and_another_one_each_time() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(is_password_hash(&hash));
        assert_ne!(hash, hash_password("correct horse").unwrap());
    }

    #[test]
    fn what_is_no_hash_is_told() {
        for text in ["", "correct horse", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=1,t=0,p=0$aaaa$bbbb"] {
            assert!(!is_password_hash(text), "{text}");
        }
    }

    #[test]
    fn length_is_counted_in_characters_and_bounded() {
        assert_eq!(check("1234567"), Err(NoHash::TooShort));
        assert_eq!(check("пароль1"), Err(NoHash::TooShort));
        assert_eq!(check("пароль12"), Ok(()));
        assert_eq!(check(&"x".repeat(1025)), Err(NoHash::TooLong));
    }

    #[tokio::test]
    async fn the_right_password_and_no_other_is_taken() {
        let hashing = Hashing::default();
        let hash = hashing.hash("correct horse".into()).await.unwrap();
        assert_eq!(hashing.verify("correct horse".into(), hash.clone()).await, Ok(true));
        assert_eq!(hashing.verify("correct house".into(), hash).await, Ok(false));
        assert_eq!(hashing.verify("correct horse".into(), "no hash".into()).await, Ok(false));
    }

    #[tokio::test]
    async fn no_more_than_two_are_computed_and_sixteen_wait() {
        let hashing = Arc::new(Hashing::default());
        let gate = Arc::new(std::sync::Barrier::new(AT_ONCE + 1));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let (hashing, gate) = (hashing.clone(), gate.clone());
            tasks.spawn(async move { hashing.run(move || _ = gate.wait()).await });
        }
        for _ in 0..WAITING {
            let hashing = hashing.clone();
            tasks.spawn(async move { hashing.run(|| ()).await });
        }
        while hashing.taken_in.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hashing.run(|| ()).await, Err(NoHash::Busy));
        tokio::task::spawn_blocking(move || gate.wait()).await.unwrap();
        assert!(tasks.join_all().await.into_iter().all(|done| done == Ok(())));
        assert_eq!(hashing.run(|| ()).await, Ok(()));
    }
}
