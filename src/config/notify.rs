//! `[notify]`: who is told of what happens in the house.

use serde::Deserialize;
use toml::Spanned;

use super::mistake::Mistakes;
use crate::notify::{Options, Place};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [notify]")]
pub(super) struct Notify {
    webhook: Option<Spanned<String>>,
    ntfy: Option<Spanned<String>>,
    ntfy_token: Option<Spanned<String>>,
}

pub(super) fn options(notify: Notify, mistakes: &mut Mistakes<'_>) -> Options {
    let mut place = |key: &str, written: Option<Spanned<String>>| -> Option<Place> {
        let written = written?;
        let read = written.get_ref().parse();
        read.map_err(|what| mistakes.add(&written.span(), format!("{key} {what}"))).ok()
    };
    let (webhook, ntfy) = (place("webhook", notify.webhook), place("ntfy", notify.ntfy));
    let ntfy_token = notify.ntfy_token.map(|token| {
        if token.get_ref().is_empty() || !token.get_ref().bytes().all(|octet| octet.is_ascii_graphic()) {
            mistakes.add(&token.span(), "ntfy_token is none: write it as ntfy shows it, in letters and digits");
        }
        if ntfy.is_none() {
            mistakes.add(
                &token.span(),
                "ntfy_token opens nothing without ntfy; write ntfy = \"https://ntfy.sh/…\" as well",
            );
        }
        token.into_inner()
    });
    Options { webhook, ntfy, ntfy_token }
}
