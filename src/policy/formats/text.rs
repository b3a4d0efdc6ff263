//! Whether bytes are a list at all, and its lines.

use super::super::rule::{Mistake, Refused};
use super::MAX_LINE;

/// Refuses what is no text of ours: a page, a packed file, UTF-16. Takes the byte order mark away.
pub(super) fn check(content: &[u8]) -> Result<&[u8], String> {
    if content.starts_with(&[0xff, 0xfe]) || content.starts_with(&[0xfe, 0xff]) {
        return Err("encoding: it is UTF-16; save it as UTF-8".into());
    }
    let content = content.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(content);
    for (magic, what) in [(&[0x1f, 0x8b][..], "gzip"), (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"), (b"PK\x03\x04", "zip")] {
        if content.starts_with(magic) {
            return Err(format!("binary: it is packed with {what}; unpack it first"));
        }
    }
    if content.trim_ascii_start().starts_with(b"<") {
        return Err("html: it is a web page, not a list; a sign-in page of the network, perhaps".into());
    }
    let (mut all, mut odd, mut with_nul) = (0, 0, false);
    for line in lines(content) {
        all += 1;
        odd += usize::from(line.iter().any(|&byte| is_control(byte)));
        with_nul |= line.contains(&0);
    }
    // One line with a slip of the editor is refused by itself; more than that is no text.
    if odd * 100 > all && (with_nul || odd > 2) {
        return Err("binary: it holds control characters; it is not text".into());
    }
    Ok(content)
}

/// Lines that end with LF, CRLF or CR alone.
pub(super) fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = content;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(end);
        rest = behind.strip_prefix(b"\r\n").or_else(|| behind.get(1..)).unwrap_or_default();
        Some(line)
    })
}

/// The line as text. Comments in whatever encoding say nothing and so are no mistake.
pub(super) fn printable(line: &[u8]) -> Result<&str, Refused> {
    if matches!(line.trim_ascii_start().first(), None | Some(b'#' | b'!' | b';')) {
        return Ok("");
    }
    if line.len() > MAX_LINE {
        return Err(Refused::new(Mistake::TooLong, format!("the line is over {MAX_LINE} bytes long")));
    }
    if line.iter().any(|&byte| is_control(byte)) {
        return Err(Refused::new(Mistake::NotAName, "the line holds a control character"));
    }
    str::from_utf8(line).map_err(|_| Refused::new(Mistake::NotAName, "the line is not UTF-8"))
}

const fn is_control(byte: u8) -> bool {
    matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1f | 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_three_ways() {
        let read: Vec<_> = lines(b"a\nb\r\nc\rd\n\ne").collect();
        assert_eq!(read, [&b"a"[..], b"b", b"c", b"d", b"", b"e"]);
    }
}
