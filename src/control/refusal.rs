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
    /// `config.toml` fixes it.
    #[error("{0} is set in config.toml and can only be changed there")]
    Fixed(String),
    /// Something has this name already.
    #[error("there is already a list called {0}; choose another name")]
    Taken(String),
    /// Something has this name already, and what.
    #[error("there is already a {0} called {1}; choose another name")]
    NameTaken(&'static str, String),
    /// Something else needs it, and what to do.
    #[error("{0}")]
    InUse(String),
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
