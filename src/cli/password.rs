//! `sordino hash-password`.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::api;
use crate::app::Failure;

/// Bytes read; the limit of a password is below.
const INPUT_BOUND: u64 = 4096;

/// The hash of the password on the first line of `input`.
pub(super) fn hash(input: impl BufRead) -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        let _ = write!(io::stderr(), "The password, which is shown as you type: ");
    }
    let mut line = String::new();
    input
        .take(INPUT_BOUND)
        .read_line(&mut line)
        .map_err(|error| Failure::Other(format!("no password could be read: {error}; give it as a line of text")))?;
    let password = line.trim_end_matches(['\n', '\r']);
    api::hash_password(password).map_err(|error| Failure::Other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_prints_is_taken_as_a_hash() {
        let hash = hash(&b"correct horse\nrest"[..]).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,"), "{hash}");
        assert!(api::is_password_hash(&hash));
    }

    #[test]
    fn a_short_password_is_refused() {
        assert_eq!(hash(&b"short\n"[..]).unwrap_err().exit_code(), 1);
    }
}
