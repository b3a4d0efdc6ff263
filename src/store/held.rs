//! A store that nobody else may open while somebody looks at its directory.

use std::io;
use std::path::Path;

use super::home::{Home, Trouble};

/// The directory of a store that is held without the store being opened. Nobody else writes there until this goes.
#[derive(Debug)]
pub struct Held {
    _home: Home,
}

impl Held {
    /// Takes the directory at `path`; nothing where another process has it.
    ///
    /// # Errors
    /// When it cannot be used at all.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let home = Home::new(path.to_owned());
        match home.claim() {
            Ok(()) => Ok(Some(Self { _home: home })),
            Err(Trouble::Taken(_)) => Ok(None),
            Err(trouble) => Err(trouble.into_io()),
        }
    }
}
