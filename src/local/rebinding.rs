//! Which names may lead into the house although forwarders answer for them.

use crate::policy::{Name, NameRef};

/// What stands in place of a list where an answer was held back because it leads into the house.
pub const REBINDING: &str = "rebinding";

/// `home.arpa` (RFC 8375): what it holds is inside by definition.
const HOME_ARPA: &[u8] = b"\x04home\x04arpa\x00";

/// Whether answers that lead into the house are held back, and for which names they are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebinding {
    /// Whether they are held back at all.
    pub protect: bool,
    /// Names at and below which they are given.
    pub except: Vec<Name>,
}

impl Default for Rebinding {
    fn default() -> Self {
        Self { protect: true, except: Vec::new() }
    }
}

impl Rebinding {
    /// Whether the answer to a question about `name` may lead into the house.
    ///
    /// QNAME alone counts and not the end of its aliases: whoever wants in may alias a name of their own to one of an
    /// excepted domain, and the page that the browser shows is theirs.
    pub fn permits(&self, name: NameRef<'_>) -> bool {
        !self.protect
            || name.ancestors().any(|zone| zone.wire() == HOME_ARPA)
            || self.except.iter().any(|zone| name.is_in(zone.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_cover_what_is_below_them_and_nothing_beside() {
        let name = |text: &str| Name::parse(text).unwrap();
        let guard = Rebinding { protect: true, except: vec![name("plex.direct")] };
        for (text, permitted) in [
            ("plex.direct", true),
            ("1-2-3-4.abc.plex.direct", true),
            ("notplex.direct", false),
            ("nas.home.arpa", true),
            ("example", false),
        ] {
            assert_eq!(guard.permits(name(text).as_ref()), permitted, "{text}");
            assert!(Rebinding { protect: false, ..guard.clone() }.permits(name(text).as_ref()));
        }
    }
}
