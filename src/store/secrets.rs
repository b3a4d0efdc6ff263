//! What lets someone in besides the password: tokens of programs, and a second factor. Nothing here can be turned back
//! into what was shown, but for the secret of the second factor, which codes are computed from.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::time::Timestamp;

/// How far a token reaches; each goes as far as those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenScope {
    /// To look.
    Read,
    /// To change what the page changes every day.
    Act,
    /// To back up, to restore and to forget.
    Admin,
}

/// A token that a program comes in with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessToken {
    /// What it is told from others by.
    pub id: u64,
    /// What it is for, in the operator's words.
    pub name: String,
    /// How far it reaches.
    pub scope: TokenScope,
    /// SHA-256 of the token, in hexadecimal.
    pub hash: String,
    /// When it was made.
    pub since: Timestamp,
    /// When it ends by itself.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// When it was last used, as far as that was written down.
    #[serde(default)]
    pub last_used: Option<Timestamp>,
}

/// A second factor at login: codes by the time (RFC 6238).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondFactor {
    /// The secret that is shared with the app, in Base32 (RFC 4648 §6) without padding.
    pub secret: String,
    /// When it was confirmed.
    pub since: Timestamp,
    /// The time step of the last code that was taken: neither it nor one before it is taken again (RFC 6238 §5.2).
    pub last_step: u64,
    /// SHA-256 of the recovery codes that are left, in hexadecimal.
    pub recovery: Vec<String>,
}

impl fmt::Display for TokenScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Act => "act",
            Self::Admin => "admin",
        })
    }
}

impl Settings {
    /// The settings without what lets someone in.
    pub fn without_secrets(self) -> Self {
        Self { password_hash: None, second_factor: None, tokens: Vec::new(), ..self }
    }

    /// The settings as they take the place of `old`: what lets someone in comes with them only with `secrets`.
    pub fn in_place_of(self, old: &Self, secrets: bool) -> Self {
        let Self { password_hash, second_factor, tokens, .. } = old.clone();
        if !secrets {
            return Self { password_hash, second_factor, tokens, ..self };
        }
        // A house whose password stood in config.toml has none to give, and must not leave the other one open.
        Self { password_hash: self.password_hash.or(password_hash), ..self }
    }
}

impl fmt::Debug for AccessToken {
    /// Even the hash does not go to the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessToken({} {:?})", self.id, self.scope)
    }
}

impl fmt::Debug for SecondFactor {
    /// A secret does not go to the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecondFactor(…)")
    }
}
