//! What the file says of the house itself.

use toml::Spanned;

use super::file;
use super::mistake::Mistakes;
use crate::local::{Options, Rebinding};
use crate::policy::Name;

pub(super) fn options(rebinding: file::Rebinding, mistakes: &mut Mistakes<'_>) -> Options {
    let except = rebinding.except.iter().filter_map(|written| name(written, mistakes)).collect();
    Options { rebinding: Rebinding { protect: rebinding.protect.unwrap_or(true), except } }
}

/// A domain name as written; a mistake where it is none.
fn name(written: &Spanned<String>, mistakes: &mut Mistakes<'_>) -> Option<Name> {
    let text = written.get_ref();
    let read = Name::parse(text.strip_prefix("*.").unwrap_or(text));
    if let Err(why) = &read {
        mistakes.add(&written.span(), format!("{text:?} is no domain name: {why}; write one as in \"plex.direct\""));
    }
    read.ok()
}
