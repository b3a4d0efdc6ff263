//! Patterns of the `||ads*.cdn.example^` kind, matched against the text of a name in linear steps.

use serde::{Deserialize, Serialize};

/// A pattern that is more than one name: runs of characters with anything between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Glob {
    /// Where the first piece may stand.
    pub(super) front: Front,
    /// Lower-cased; never empty. What stands between two of them is any run of characters, dots included.
    pub(super) pieces: Box<[Box<str>]>,
    /// Whether the last piece must end the name.
    pub(super) ends: bool,
}

/// Where a pattern may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Front {
    /// `|`: at the start of the name.
    Start,
    /// `||`: at the start of any label.
    Label,
    /// Anywhere.
    Open,
}

impl Glob {
    /// Whether `text`, a name as [`Text`] writes it, is meant.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else {
            return true;
        };
        let first = first.as_bytes();
        match self.front {
            Front::Start => text.starts_with(first) && self.rest_matches(text, first.len(), rest),
            // The earliest place leaves the most room for the rest, so with `*` behind it no other need be tried. A
            // single piece that must end the name has only one place where it can.
            Front::Open if rest.is_empty() && self.ends => text.ends_with(first),
            Front::Open => find(text, 0, first).is_some_and(|at| self.rest_matches(text, at + first.len(), rest)),
            Front::Label => {
                let mut starts = label_starts(text).filter(|&at| text[at..].starts_with(first));
                if rest.is_empty() && self.ends {
                    starts.any(|at| at + first.len() == text.len())
                } else {
                    starts.next().is_some_and(|at| self.rest_matches(text, at + first.len(), rest))
                }
            }
        }
    }

    fn rest_matches(&self, text: &[u8], from: usize, rest: &[Box<str>]) -> bool {
        let Some((last, between)) = rest.split_last() else {
            return !self.ends || from == text.len();
        };
        let mut at = from;
        for piece in between {
            match find(text, at, piece.as_bytes()) {
                Some(found) => at = found + piece.len(),
                None => return false,
            }
        }
        let last = last.as_bytes();
        if self.ends { text.len() >= at + last.len() && text.ends_with(last) } else { find(text, at, last).is_some() }
    }

    /// The longest piece: no name matches without it.
    pub(super) fn needle(&self) -> Option<&str> {
        self.pieces.iter().max_by_key(|piece| piece.len()).map(|piece| &**piece)
    }

    /// The pattern in AdGuard's notation.
    pub(super) fn to_text(&self) -> String {
        let front = match self.front {
            Front::Start => "|",
            Front::Label => "||",
            Front::Open => "*",
        };
        format!("{front}{}{}", self.pieces.join("*"), if self.ends { "^" } else { "*" })
    }
}

fn find(text: &[u8], from: usize, piece: &[u8]) -> Option<usize> {
    text.get(from..)?.windows(piece.len().max(1)).position(|window| window == piece).map(|at| from + at)
}

fn label_starts(text: &[u8]) -> impl Iterator<Item = usize> {
    let behind_dots = text.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at + 1);
    std::iter::once(0).chain(behind_dots)
}

/// A name as patterns and expressions see it: labels with dots between them, in a buffer on the stack.
///
/// A dot or backslash inside a label, and every byte that is no printable ASCII, is written as `\ddd`. So a dot in the
/// text is always a label boundary, and no pattern can be tricked into seeing one that is none.
#[derive(Debug)]
pub(super) struct Text {
    buffer: [u8; Self::MOST],
    len: usize,
}

impl Text {
    /// 255 octets of wire form, four characters for each.
    const MOST: usize = 4 * super::name::MAX_WIRE_LEN;

    pub(super) fn of(name: super::name::NameRef<'_>) -> Self {
        let mut text = Self { buffer: [0; Self::MOST], len: 0 };
        for (place, label) in name.labels().enumerate() {
            if place > 0 {
                text.push(b'.');
            }
            for &byte in label {
                match byte {
                    b'.' | b'\\' | 0..=b' ' | 0x7f.. => {
                        for part in [b'\\', b'0' + byte / 100, b'0' + byte / 10 % 10, b'0' + byte % 10] {
                            text.push(part);
                        }
                    }
                    _ => text.push(byte),
                }
            }
        }
        text
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.buffer.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::super::name::Name;
    use super::*;

    fn glob(front: Front, pieces: &[&str], ends: bool) -> Glob {
        Glob { front, pieces: pieces.iter().map(|&piece| piece.into()).collect(), ends }
    }

    #[test]
    fn pieces_stand_in_order_and_do_not_overlap() {
        let pattern = glob(Front::Label, &["ads", ".cdn.example"], true);
        for (name, is) in [
            ("ads.cdn.example", true),
            ("ads12.cdn.example", true),
            ("eu.ads12.cdn.example", true),
            ("loads12.cdn.example", false),
            ("ads.cdn.example.org", false),
        ] {
            assert_eq!(pattern.matches(name.as_bytes()), is, "{name}");
        }
        assert!(!glob(Front::Start, &["aba", "aba"], true).matches(b"ababa"));
        assert!(glob(Front::Start, &["aba", "aba"], true).matches(b"abaaba"));
        assert!(glob(Front::Label, &["a"], true).matches(b"a.b.a"));
    }

    #[test]
    fn a_dot_inside_a_label_is_not_seen_as_a_boundary() {
        let odd = Name::parse("x\\.ads.example").unwrap();
        assert_eq!(Text::of(odd.as_ref()).bytes(), b"x\\046ads.example");
        assert!(!glob(Front::Label, &["ads.example"], false).matches(Text::of(odd.as_ref()).bytes()));
    }
}
