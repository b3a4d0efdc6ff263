//! Whether bytes are a list at all, and its lines.

use std::io::{self, BufRead};

use super::super::rule::{Mistake, Refused};
use super::MAX_LINE;

/// Refuses what does not begin as a text of ours: a page, a packed file, UTF-16. Tells the length of the byte order mark.
pub(super) fn check(begin: &[u8]) -> Result<usize, String> {
    if begin.starts_with(&[0xff, 0xfe]) || begin.starts_with(&[0xfe, 0xff]) {
        return Err("encoding: it is UTF-16; save it as UTF-8".into());
    }
    let content = begin.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(begin);
    for (magic, what) in [(&[0x1f, 0x8b][..], "gzip"), (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"), (b"PK\x03\x04", "zip")] {
        if content.starts_with(magic) {
            return Err(format!("binary: it is packed with {what}; unpack it first"));
        }
    }
    if content.trim_ascii_start().starts_with(b"<") {
        return Err("html: it is a web page, not a list; a sign-in page of the network, perhaps".into());
    }
    Ok(begin.len() - content.len())
}

/// Counts lines with control characters.
#[derive(Debug, Default)]
pub(super) struct Odd {
    all: usize,
    odd: usize,
    with_nul: bool,
}

impl Odd {
    pub(super) fn count(&mut self, line: &[u8]) {
        self.all += 1;
        self.odd += usize::from(line.iter().any(|&byte| is_control(byte)));
        self.with_nul |= line.contains(&0);
    }

    /// What is wrong with the list as a whole, once all its lines were counted.
    pub(super) fn problem(&self) -> Option<String> {
        // One line with a slip of the editor is refused by itself; more than that is no text.
        let wrong = self.odd * 100 > self.all && (self.with_nul || self.odd > 2);
        wrong.then(|| "binary: it holds control characters; it is not text".into())
    }
}

/// Lines that end with LF, CRLF or CR alone, of a text that is never held as a whole. Of a line that is longer than
/// [`MAX_LINE`] so much is given that it is seen to be too long; the rest is read over.
pub(super) struct Lines<'a, R> {
    content: &'a mut R,
    line: Vec<u8>,
    /// The last line ended with CR; a LF that follows belongs to it.
    after_cr: bool,
}

impl<'a, R: BufRead> Lines<'a, R> {
    pub(super) fn new(content: &'a mut R) -> Self {
        Self { content, line: Vec::new(), after_cr: false }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        let mut is_line = false;
        loop {
            let buffer = self.content.fill_buf()?;
            if buffer.is_empty() {
                return Ok(is_line.then_some(self.line.as_slice()));
            }
            if std::mem::take(&mut self.after_cr) && buffer[0] == b'\n' {
                self.content.consume(1);
                continue;
            }
            is_line = true;
            let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            let room = (MAX_LINE + 1).saturating_sub(self.line.len());
            self.line.extend_from_slice(&piece[..piece.len().min(room)]);
            let read = piece.len() + usize::from(end.is_some());
            self.after_cr = end.is_some_and(|end| buffer[end] == b'\r');
            self.content.consume(read);
            if end.is_some() {
                return Ok(Some(&self.line));
            }
        }
    }
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
        let text = b"a\nb\r\nc\rd\n\ne";
        let expected = [&b"a"[..], b"b", b"c", b"d", b"", b"e"];
        assert_eq!(lines(text).collect::<Vec<_>>(), expected);
        for room in 1..text.len() {
            let mut content = io::BufReader::with_capacity(room, &text[..]);
            let (mut lines, mut read) = (Lines::new(&mut content), Vec::new());
            while let Some(line) = lines.next().unwrap() {
                read.push(line.to_vec());
            }
            assert_eq!(read, expected, "{room} octets at a time");
        }
    }

    #[test]
    fn of_an_endless_line_only_the_beginning_is_held() {
        let text = [&vec![b'a'; 3 << 20][..], b"\nb.example"].concat();
        let mut content = io::BufReader::new(&text[..]);
        let mut lines = Lines::new(&mut content);
        assert_eq!(lines.next().unwrap().map(<[u8]>::len), Some(MAX_LINE + 1));
        assert_eq!(lines.next().unwrap(), Some(&b"b.example"[..]));
        assert_eq!(lines.next().unwrap(), None);
    }
}
