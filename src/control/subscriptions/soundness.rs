//! Whether what a server gave is fit to take the place of the copy that is in force.

use std::fs;
use std::path::Path;

use super::Failure;
use super::record::Size;
use crate::policy::{Format, ListReport, survey};
use crate::time::Timestamp;

/// A copy of fewer names may shrink as it likes.
const SHRINKING_FROM: u64 = 20;

/// What came, and what it is to replace.
pub(super) struct Candidate<'a> {
    pub(super) path: &'a Path,
    pub(super) content_type: Option<&'a str>,
    pub(super) format: Format,
    /// The size of the copy in force, if it is of the same place.
    pub(super) before: Option<Size>,
    /// Whether the operator said that it may be much smaller.
    pub(super) accept_smaller: bool,
}

/// Reads the file. Its size, or why it is kept out. Blocks.
pub(super) fn look(candidate: &Candidate<'_>, at: Timestamp) -> Result<Size, Failure> {
    let content =
        fs::read(candidate.path).map_err(|error| Failure::plain(format!("it cannot be read again ({error})")))?;
    if content.trim_ascii().is_empty() {
        return Err(Failure::suspicious("the server gave an empty list"));
    }
    if is_page(&content, candidate.content_type) {
        return Err(Failure::suspicious("the server answered with a web page instead of a list; check its address"));
    }
    let ListReport { format, names, rejected, problem, .. } = survey(&content, candidate.format);
    if format == Format::Catalogue {
        let why =
            "it is written as a catalogue, which can shield names from other lists; only a file on this machine may";
        return Err(Failure::suspicious(why));
    }
    if let Some(problem) = problem {
        return Err(Failure::suspicious(problem));
    }
    if names == 0 {
        return Err(Failure::suspicious("no line of what the server gave is a rule"));
    }
    let size = Size { at, bytes: content.len() as u64, names: names as u64, refused: rejected as u64 };
    match candidate.before {
        Some(before) if !candidate.accept_smaller && has_collapsed(before.names, size.names) => {
            Err(Failure::suspicious(format!(
                "it shrank from {} to {} names, so it is kept out until you take it as it is",
                before.names, size.names
            )))
        }
        _ => Ok(size),
    }
}

/// Whether it is HTML: by what the server says, or because the first thing in it is a tag. No format of lists begins so.
fn is_page(content: &[u8], content_type: Option<&str>) -> bool {
    let begin = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content).trim_ascii_start();
    let said = content_type.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"));
    said || begin.starts_with(b"<")
}

/// Whether nine names in ten are gone, or more.
fn has_collapsed(before: u64, now: u64) -> bool {
    before >= SHRINKING_FROM && now.saturating_mul(10) <= before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(content: &str, content_type: Option<&str>, before: Option<u64>) -> Result<u64, Failure> {
        let house = tempfile::tempdir().unwrap();
        let path = house.path().join("a");
        fs::write(&path, content).unwrap();
        let at = Timestamp::from_millis(1);
        let before = before.map(|names| Size { at, bytes: 1, names, refused: 0 });
        let candidate = Candidate { path: &path, content_type, format: Format::Auto, before, accept_smaller: false };
        look(&candidate, at).map(|size| size.names)
    }

    #[test]
    fn a_list_of_names_is_sound() {
        assert_eq!(looked("# ads\nads.example\n||t.example^\n", Some("text/plain"), None).unwrap(), 2);
    }

    #[test]
    fn what_is_no_list_is_kept_out() {
        for (content, content_type, said) in [
            ("", None, "empty"),
            (" \n\r\n\t", None, "empty"),
            ("\u{feff}\n <!DOCTYPE html><p>Log in", None, "web page"),
            ("ads.example\n", Some("text/HTML; charset=utf-8"), "web page"),
            ("# nothing yet\n", None, "no line"),
            ("vendor = \"X\"\n[[product]]\n", None, "catalogue"),
            (&"what is this?\n".repeat(60), None, "lines could be read"),
        ] {
            let failure = looked(content, content_type, None).unwrap_err();
            assert!(failure.suspicious && failure.why.contains(said), "{content:?}: {failure:?}");
        }
    }

    #[test]
    fn a_list_that_loses_nine_names_in_ten_is_kept_out() {
        let names = |count: usize| (0..count).map(|n| format!("n{n}.example\n")).collect::<String>();
        assert!(looked(&names(10), None, Some(100)).unwrap_err().why.contains("from 100 to 10"));
        assert_eq!(looked(&names(11), None, Some(100)).unwrap(), 11);
        assert_eq!(looked(&names(1), None, Some(19)).unwrap(), 1);
    }
}
