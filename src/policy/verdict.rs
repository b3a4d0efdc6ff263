//! What the policy says of a name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the policy says of a name, for one device, at one moment.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No rule names it: resolve.
    #[default]
    Pass,
    /// Resolve, but count it as what would have been muted.
    Watch,
    /// Give the blocking answer.
    Block,
    /// An exception names it: resolve, whatever lists say.
    Allow,
}

impl Verdict {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Pass, Self::Watch, Self::Block, Self::Allow];

    /// The number that stands for this verdict in the store.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The verdict that `code` stands for.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The word for it in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Watch => "watch",
            Self::Block => "block",
            Self::Allow => "allow",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Verdict {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|verdict| verdict.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is no verdict: pass, watch, block or allow"))
    }
}
