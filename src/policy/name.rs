//! Domain names as the policy, the journal and the cache compare them: lower-cased and in wire form.
//!
//! Wire form and not text, because the bytes of a label are data: a dot inside a label is no label boundary, and
//! `www\.bank.example` is not below `bank.example` (RFC 4343 §2.1, RFC 1035 §5.1).

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest name on the wire, octets (RFC 1035 §2.3.4).
pub const MAX_WIRE_LEN: usize = 255;
/// Longest label, octets (RFC 1035 §2.3.4).
pub const MAX_LABEL_LEN: usize = 63;

/// A domain name in lower-cased, uncompressed wire form, the root label included. A clone shares it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<[u8]>);

/// A borrowed [`Name`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameRef<'a>(&'a [u8]);

/// Why a text or a run of bytes is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// Two dots in a row, or nothing at all.
    #[error("it has an empty label")]
    EmptyLabel,
    /// A label over 63 octets, or a name over 255 of them.
    #[error("a label is over 63 or the name over 253 characters long")]
    TooLong,
    /// A character that stands in no name, or a Unicode name without an A-label form.
    #[error("it has a character that no name can hold")]
    BadCharacter,
    /// Wire form that ends too early, or goes on behind the root label.
    #[error("it is not a name in wire form")]
    BadWireForm,
}

impl Name {
    /// The root of all names.
    pub fn root() -> Self {
        Self(Arc::new([0]))
    }

    /// Reads a name as people write it: dots between labels, one at the end allowed, Unicode allowed (it means its
    /// A-label by UTS 46), `\.` and `\ddd` for bytes that are not text (RFC 1035 §5.1).
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        if text == "." {
            return Ok(Self::root());
        }
        let ascii;
        let text = if text.is_ascii() {
            text
        } else {
            ascii = idna::domain_to_ascii(text).map_err(|_| NotAName::BadCharacter)?;
            // UTS 46 drops invisible characters in silence; a name that had one is not what it looks like.
            if text.chars().any(is_invisible) || ascii.is_empty() {
                return Err(NotAName::BadCharacter);
            }
            ascii.as_str()
        };
        let mut wire = Vec::with_capacity(text.len() + 2);
        let mut label_start = 0;
        wire.push(0);
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            let octet = match byte {
                b'.' => {
                    close_label(&mut wire, label_start)?;
                    label_start = wire.len();
                    wire.push(0);
                    continue;
                }
                b'\\' => unescape(&mut bytes)?,
                b'!'..=b'~' => byte,
                _ => return Err(NotAName::BadCharacter),
            };
            wire.push(octet.to_ascii_lowercase());
        }
        if wire.len() - label_start > 1 {
            close_label(&mut wire, label_start)?;
            wire.push(0);
        } else if wire.len() == 1 {
            return Err(NotAName::EmptyLabel);
        }
        if wire.len() > MAX_WIRE_LEN {
            return Err(NotAName::TooLong);
        }
        Ok(Self(wire.into()))
    }

    /// Takes uncompressed wire form, in any case.
    pub fn from_wire(wire: &[u8]) -> Result<Self, NotAName> {
        NameRef::from_lower_wire(wire)?;
        Ok(Self(wire.iter().map(u8::to_ascii_lowercase).collect()))
    }

    /// Puts a name together from its labels, in any case, the root's left out.
    ///
    /// # Errors
    /// When there are too many of them, or one is too long.
    pub fn from_labels<'l>(labels: impl IntoIterator<Item = &'l [u8]>) -> Result<Self, NotAName> {
        let mut wire = Vec::new();
        for label in labels {
            wire.push(u8::try_from(label.len()).map_err(|_| NotAName::TooLong)?);
            wire.extend_from_slice(label);
        }
        wire.push(0);
        Self::from_wire(&wire)
    }

    /// This name, borrowed.
    pub fn as_ref(&self) -> NameRef<'_> {
        NameRef(&self.0)
    }
}

impl<'a> NameRef<'a> {
    /// Takes uncompressed wire form that is already lower-cased. The bytes must be exactly one name.
    ///
    /// Length octets are below 64 and so never look like upper-case letters: lower-casing a whole wire form is safe.
    pub fn from_lower_wire(wire: &'a [u8]) -> Result<Self, NotAName> {
        let mut rest = wire;
        loop {
            match rest.split_first() {
                Some((0, [])) if wire.len() <= MAX_WIRE_LEN => return Ok(Self(wire)),
                Some((0, [])) => return Err(NotAName::TooLong),
                Some((&len, tail)) if len > 0 && usize::from(len) <= MAX_LABEL_LEN => {
                    rest = tail.get(usize::from(len)..).ok_or(NotAName::BadWireForm)?;
                }
                _ => return Err(NotAName::BadWireForm),
            }
        }
    }

    /// The wire form, the root label's octet included.
    pub fn wire(self) -> &'a [u8] {
        self.0
    }

    /// Whether this is the root.
    pub fn is_root(self) -> bool {
        self.0.len() == 1
    }

    /// The address that it reads as, where somebody typed one in place of a name.
    pub fn as_address(self) -> Option<std::net::IpAddr> {
        self.to_string().trim_end_matches('.').parse().ok()
    }

    /// The labels from left to right, without the root's.
    pub fn labels(self) -> impl Iterator<Item = &'a [u8]> + Clone {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (&len, tail) = rest.split_first()?;
            if len == 0 {
                return None;
            }
            let (label, tail) = tail.split_at_checked(usize::from(len))?;
            rest = tail;
            Some(label)
        })
    }

    /// This name, its parent, and so on; the root last.
    pub fn ancestors(self) -> impl Iterator<Item = Self> {
        let mut next = Some(self);
        std::iter::from_fn(move || {
            let this = next?;
            next = this.parent();
            Some(this)
        })
    }

    /// The name without its first label; none for the root.
    pub fn parent(self) -> Option<Self> {
        let (&len, tail) = self.0.split_first()?;
        if len == 0 {
            return None;
        }
        tail.get(usize::from(len)..).map(NameRef)
    }

    /// Whether this name is `zone` or below it, at a label boundary.
    pub fn is_in(self, zone: NameRef<'_>) -> bool {
        self.0.len() >= zone.0.len() && self.ancestors().any(|ancestor| ancestor.0 == zone.0)
    }

    /// An owned copy.
    pub fn to_owned(self) -> Name {
        Name(self.0.into())
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

fn close_label(wire: &mut [u8], start: usize) -> Result<(), NotAName> {
    let len = wire.len() - start - 1;
    match u8::try_from(len) {
        Ok(0) => Err(NotAName::EmptyLabel),
        Ok(octet) if len <= MAX_LABEL_LEN => {
            wire[start] = octet;
            Ok(())
        }
        _ => Err(NotAName::TooLong),
    }
}

/// Reads what follows a backslash: three decimal digits, or one character that stands for itself.
fn unescape(bytes: &mut std::str::Bytes<'_>) -> Result<u8, NotAName> {
    let first = bytes.next().ok_or(NotAName::BadCharacter)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut value = u32::from(first - b'0');
    for _ in 0..2 {
        let digit = bytes.next().filter(u8::is_ascii_digit).ok_or(NotAName::BadCharacter)?;
        value = value * 10 + u32::from(digit - b'0');
    }
    u8::try_from(value).map_err(|_| NotAName::BadCharacter)
}

impl fmt::Display for NameRef<'_> {
    /// Writes the name without a dot at the end (the root is `.`), with bytes that are not text as `\ddd`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        if self.is_root() {
            return f.write_char('.');
        }
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            for &byte in label {
                match byte {
                    b'.' | b'\\' => write!(f, "\\{}", byte as char)?,
                    b'!'..=b'~' => f.write_char(byte as char)?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl fmt::Debug for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        Self::parse(text)
    }
}

impl Borrow<[u8]> for Name {
    /// Lets a map keyed by [`Name`] be asked with wire form.
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_without_the_last_dot() {
        assert_eq!(Name::parse("WwW.Example."), Name::parse("www.example"));
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        for (text, why) in [
            ("", NotAName::EmptyLabel),
            ("a..b", NotAName::EmptyLabel),
            (".a", NotAName::EmptyLabel),
            ("a b", NotAName::BadCharacter),
            ("a\u{200c}b.example", NotAName::BadCharacter),
            (&"a".repeat(64), NotAName::TooLong),
            (&["a"; 128].join("."), NotAName::TooLong),
        ] {
            assert_eq!(Name::parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn unicode_means_its_a_label() {
        assert_eq!(Name::parse("bücher.example"), Name::parse("xn--bcher-kva.example"));
    }

    #[test]
    fn a_dot_inside_a_label_is_no_boundary() {
        let odd = Name::parse("www\\.bank.example").unwrap();
        assert!(!odd.as_ref().is_in(Name::parse("bank.example").unwrap().as_ref()));
        assert_eq!(odd.to_string(), "www\\.bank.example");
        assert_eq!(Name::parse("a\\000b.example").unwrap().to_string(), "a\\000b.example");
    }

    #[test]
    fn a_name_is_in_its_own_zone_and_in_those_above() {
        let name = Name::parse("a.b.example").unwrap();
        for (zone, inside) in
            [("a.b.example", true), ("example", true), (".", true), ("xample", false), ("c.b.example", false)]
        {
            assert_eq!(name.as_ref().is_in(Name::parse(zone).unwrap().as_ref()), inside, "{zone}");
        }
    }
}
