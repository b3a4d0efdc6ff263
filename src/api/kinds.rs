//! What programs tell one problem from another by: the `type` of RFC 9457. A type that was answered once keeps its meaning.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};

/// The type of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None of its own: the status says it all.
    Plain,
    Changed,
    CodeNeeded,
    Fixed,
    InUse,
    NoBackup,
    NotSaved,
    OtherSite,
    PersonNeeded,
    RestoreUnderWay,
    Scope,
    SetupCode,
    Stopped,
    Taken,
    Token,
    TooMany,
    WrongCode,
    WrongHost,
    WrongPassword,
}

impl Kind {
    const ALL: [Self; 19] = [
        Self::Plain,
        Self::Changed,
        Self::CodeNeeded,
        Self::Fixed,
        Self::InUse,
        Self::NoBackup,
        Self::NotSaved,
        Self::OtherSite,
        Self::PersonNeeded,
        Self::RestoreUnderWay,
        Self::Scope,
        Self::SetupCode,
        Self::Stopped,
        Self::Taken,
        Self::Token,
        Self::TooMany,
        Self::WrongCode,
        Self::WrongHost,
        Self::WrongPassword,
    ];

    /// As it is answered, with the statuses it comes with, and what it means.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Plain => ("about:blank", "any", "nothing but what the status says"),
            Self::Changed => ("/problems/changed-meanwhile", "412", "it is not what `If-Match` names any more"),
            Self::CodeNeeded => ("/problems/code-needed", "401", "the password is right, and a second factor is on"),
            Self::Fixed => ("/problems/fixed", "409", "`config.toml` says it, and only there can it be changed"),
            Self::InUse => ("/problems/in-use", "409", "something else needs it"),
            Self::NoBackup => {
                ("/problems/no-backup", "422", "the file is no backup, a damaged one, or a newer sordino's")
            }
            Self::NotSaved => ("/problems/not-saved", "507", "the disk did not take it; nothing changed"),
            Self::OtherSite => ("/problems/other-site", "403", "a browser says that another site sent it"),
            Self::PersonNeeded => ("/problems/person-needed", "403", "no token may do this, only a login"),
            Self::RestoreUnderWay => ("/problems/restore-under-way", "409", "one restore at a time"),
            Self::Scope => ("/problems/scope", "403", "the token does not reach so far"),
            Self::SetupCode => {
                ("/problems/setup-code", "403", "from another machine, the first password needs the printed code")
            }
            Self::Stopped => ("/problems/stopped", "409", "someone stopped it; nothing changed"),
            Self::Taken => ("/problems/taken", "409", "there is one of that name, or about the same, already"),
            Self::Token => ("/problems/token", "401", "there is no such token, or it has ended"),
            Self::TooMany => ("/problems/too-many", "409", "there are as many as there may be"),
            Self::WrongCode => ("/problems/wrong-code", "401, 422", "not the code of now, or one that was used before"),
            Self::WrongHost => ("/problems/wrong-host", "421", "the Host header is no name of this sordino"),
            Self::WrongPassword => ("/problems/wrong-password", "401", "that is not the password"),
        }
    }

    pub(crate) const fn text(self) -> &'static str {
        self.words().0
    }

    /// All of them as a table in Markdown.
    pub(crate) fn table() -> String {
        let mut table = String::from("| type | status | meaning |\n|---|---|---|\n");
        for kind in Self::ALL {
            let (text, status, meaning) = kind.words();
            // A String takes whatever is written into it.
            let _ = writeln!(table, "| `{text}` | {status} | {meaning} |");
        }
        table
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_kind_has_a_type_of_its_own_and_stands_in_the_documents() {
        let texts: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.text()).collect();
        assert_eq!(texts.len(), Kind::ALL.len());
        let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md")).unwrap();
        for row in Kind::table().lines() {
            assert!(docs.lines().any(|line| line == row), "docs/api.md lacks: {row}");
        }
    }
}
