//! Why a command was not carried out, in words for whoever gave it.

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The disk did not take the change; nothing changed.
    #[error(
        "the change could not be saved ({0}); nothing was changed. Make room on the disk, or make the store's directory writable."
    )]
    NotSaved(#[source] std::io::Error),
    /// No such rule, device or list.
    #[error("there is no {0}")]
    Unknown(String),
    /// It makes no sense: one sentence.
    #[error("{0}")]
    Unusable(String),
    /// A record beside an alias, or an alias beside a record: the name.
    #[error("{0} has another record, and an alias (CNAME) stands alone; remove one of the two")]
    AliasAlone(String),
    /// A schedule where nobody knows which time zone.
    #[error("this system does not tell its time zone; write [time] with zone = \"Europe/Berlin\", say, in config.toml")]
    NoTimeZone,
    /// A schedule that is none: how many slots it may have, and one sentence on what is wrong.
    #[error("{1}")]
    NotASchedule(usize, String),
    /// It names something that is not there: one sentence.
    #[error("{0}")]
    Missing(String),
    /// `config.toml` fixes it.
    #[error("{0} is set in config.toml and can only be changed there")]
    Fixed(String),
    /// Something has this name already.
    #[error("there is already a list called {0}; choose another name")]
    Taken(String),
    /// Something has this name already, and what.
    #[error("there is already a {0} called {1}; choose another name")]
    NameTaken(&'static str, String),
    /// Something else needs it: what does, and what to do in one sentence.
    #[error("{1}")]
    InUse(Needed, String),
    /// Another own rule is about the same, for the same.
    #[error("another of your rules is about {0} already, for the same devices; change or remove that one")]
    RuleTaken(String),
    /// Too many of something.
    #[error("there are already {0} {1}, which is the limit; remove some first")]
    TooMany(usize, &'static str),
    /// A password was set before.
    #[error("a password is already set")]
    PasswordSet,
    /// It is no more what whoever asked has seen.
    #[error("someone changed this in the meantime, so nothing was changed now; load it again and look")]
    Changed,
    /// Too many commands wait, or sordino is stopping.
    #[error("sordino is busy or stopping; try again")]
    Busy,
}

/// What needs something that someone wants to change.
#[derive(Debug, PartialEq, Eq)]
pub enum Needed {
    /// Own rules need the profile of this name.
    ByRules(String),
    /// Devices that are new get the profile of this name.
    ByNewcomers(String),
    /// The list of this name has another schedule.
    BySchedule(String),
}
