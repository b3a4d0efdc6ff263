//! What programs tell one problem from another by: the `type` of RFC 9457. A type that was answered once keeps its meaning.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};

/// The type of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None of its own: the status says it all.
    Plain,
    AliasAlone,
    Busy,
    Changed,
    CodeNeeded,
    EveryName,
    Fixed,
    InThePast,
    InUse,
    InnerAddress,
    Interrupted,
    ListAddress,
    NoBackup,
    NoTimeZone,
    NotAName,
    NotAPattern,
    NotSaved,
    NotThere,
    Note,
    OtherSite,
    PasswordLength,
    PasswordSet,
    PersonNeeded,
    RecordValue,
    RestoreUnderWay,
    Schedule,
    Scope,
    SetupCode,
    Stopped,
    Taken,
    Token,
    TooLarge,
    TooLate,
    TooMany,
    TooManyTries,
    UnreadableList,
    UnusableName,
    WrongCode,
    WrongHost,
    WrongPassword,
}

impl Kind {
    const ALL: [Self; 40] = [
        Self::Plain,
        Self::AliasAlone,
        Self::Busy,
        Self::Changed,
        Self::CodeNeeded,
        Self::EveryName,
        Self::Fixed,
        Self::InThePast,
        Self::InUse,
        Self::InnerAddress,
        Self::Interrupted,
        Self::ListAddress,
        Self::NoBackup,
        Self::NoTimeZone,
        Self::NotAName,
        Self::NotAPattern,
        Self::NotSaved,
        Self::NotThere,
        Self::Note,
        Self::OtherSite,
        Self::PasswordLength,
        Self::PasswordSet,
        Self::PersonNeeded,
        Self::RecordValue,
        Self::RestoreUnderWay,
        Self::Schedule,
        Self::Scope,
        Self::SetupCode,
        Self::Stopped,
        Self::Taken,
        Self::Token,
        Self::TooLarge,
        Self::TooLate,
        Self::TooMany,
        Self::TooManyTries,
        Self::UnreadableList,
        Self::UnusableName,
        Self::WrongCode,
        Self::WrongHost,
        Self::WrongPassword,
    ];

    /// As it is answered, with the statuses it comes with, and what it means.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Plain => ("about:blank", "any", "nothing but what the status says"),
            Self::AliasAlone => ("/problems/alias-alone", "422", "an alias (CNAME) stands alone at its `name`"),
            Self::Busy => ("/problems/busy", "429, 503", "too much is under way; `Retry-After` says when to try again"),
            Self::Changed => ("/problems/changed-meanwhile", "412", "it is not what `If-Match` names any more"),
            Self::CodeNeeded => ("/problems/code-needed", "401", "the password is right, and a second factor is on"),
            Self::EveryName => ("/problems/every-name", "422", "a rule would be about every name there is"),
            Self::Fixed => ("/problems/fixed", "409", "`config.toml` says it, and only there can it be changed"),
            Self::InThePast => ("/problems/in-the-past", "422", "what ends must end later than now"),
            Self::InUse => {
                ("/problems/in-use", "409", "something else needs it; `what` says which: rules, newcomers, schedule")
            }
            Self::InnerAddress => (
                "/problems/inner-address",
                "422",
                "the server of a list has an address inside the house, and nobody said so",
            ),
            Self::Interrupted => ("/problems/interrupted", "400", "the file did not arrive whole"),
            Self::ListAddress => ("/problems/list-address", "422", "no list can be fetched from this address"),
            Self::NoBackup => {
                ("/problems/no-backup", "422", "the file is no backup, a damaged one, or a newer sordino's")
            }
            Self::NoTimeZone => ("/problems/no-time-zone", "422", "a schedule needs a time zone, and none is known"),
            Self::NotAName => ("/problems/not-a-name", "422", "what should be a domain name (`name`) is none"),
            Self::NotAPattern => {
                ("/problems/not-a-pattern", "422", "no wildcard or no regular expression; `what` says which")
            }
            Self::NotSaved => ("/problems/not-saved", "507", "the disk did not take it; nothing changed"),
            Self::NotThere => ("/problems/not-there", "404, 422", "there is no such thing, or not any more"),
            Self::Note => ("/problems/note", "422", "a note is one line, of at most `limit` characters"),
            Self::OtherSite => ("/problems/other-site", "403", "a browser says that another site sent it"),
            Self::PasswordLength => {
                ("/problems/password-length", "422", "shorter than 8 characters or longer than `limit` octets")
            }
            Self::PasswordSet => ("/problems/password-set", "409", "there is a password, so no first one can be set"),
            Self::PersonNeeded => ("/problems/person-needed", "403", "no token may do this, only a login"),
            Self::RecordValue => {
                ("/problems/record-value", "422", "the value does not fit the type of the record, which is `what`")
            }
            Self::RestoreUnderWay => ("/problems/restore-under-way", "409", "one restore at a time"),
            Self::Schedule => ("/problems/schedule", "422", "it has 1 to `limit` slots, and names a list once"),
            Self::Scope => ("/problems/scope", "403", "the token does not reach so far"),
            Self::SetupCode => {
                ("/problems/setup-code", "403", "from another machine, the first password needs the printed code")
            }
            Self::Stopped => ("/problems/stopped", "409", "someone stopped it; nothing changed"),
            Self::Taken => ("/problems/taken", "409", "there is one of that `name`, or about the same, already"),
            Self::Token => ("/problems/token", "401", "there is no such token, or it has ended"),
            Self::TooLarge => ("/problems/too-large", "413", "the body is larger than this call takes"),
            Self::TooLate => ("/problems/too-late", "409", "what was begun has ended by itself"),
            Self::TooMany => ("/problems/too-many", "409", "there are as many (`limit`) as there may be"),
            Self::TooManyTries => ("/problems/too-many-tries", "429", "wait as long as `Retry-After` says"),
            Self::UnreadableList => ("/problems/unreadable-list", "422", "nothing in it can be read as a list"),
            Self::UnusableName => (
                "/problems/unusable-name",
                "422",
                "what something is called has 1 to `limit` characters, no control characters, no space at either end",
            ),
            Self::WrongCode => ("/problems/wrong-code", "401, 422", "not the code of now, or one that was used before"),
            Self::WrongHost => ("/problems/wrong-host", "421", "the Host header is no name of this sordino"),
            Self::WrongPassword => ("/problems/wrong-password", "401", "that is not the password"),
        }
    }

    pub(crate) const fn text(self) -> &'static str {
        self.words().0
    }

    /// What the type below `/problems/` of this name means, in a line for people: where the type of an answer leads.
    pub(crate) fn meaning(name: &str) -> Option<String> {
        let (_, status, meaning) = Self::ALL
            .iter()
            .map(|kind| kind.words())
            .find(|(text, ..)| text.strip_prefix("/problems/") == Some(name))?;
        Some(format!("{name} ({status}): {meaning}.\n"))
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

    #[test]
    fn each_kind_has_words_in_each_language_of_the_page() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/web/src/lang/pages/refusals.ts");
        let page = std::fs::read_to_string(path).unwrap();
        for language in ["en", "de", "nl"] {
            let (_, rest) = page.split_once(&format!("export const {language}")).unwrap();
            let (table, _) = rest.split_once("\n}").unwrap();
            // A key is quoted where it has to be, and the text behind it is never empty.
            let told: BTreeSet<&str> = table
                .lines()
                .filter_map(|line| line.split_once(": '").filter(|(_, text)| text.len() > 3))
                .map(|(key, _)| key.trim().trim_matches('\''))
                .collect();
            for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Plain) {
                let slug = kind.text().trim_start_matches("/problems/");
                assert!(told.contains(slug), "{path} says nothing of {slug} in {language}");
            }
            for key in told {
                let slug = key.split('.').next().unwrap();
                let known = Kind::ALL.iter().any(|kind| kind.text() == format!("/problems/{slug}"));
                assert!(known, "{path} says {key} in {language}, and no problem is of that type");
            }
        }
    }
}
