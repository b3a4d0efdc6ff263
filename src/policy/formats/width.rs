//! Rules that would hit every name are refused: whoever wants that has a switch for it, and a list must not.

use super::super::patterns;
use super::super::rule::{Mistake, Refused, Target, shown};

/// Names that have little in common. What hits more than half of them is about all names, however it is spelled.
const EVERYDAY: [&str; 16] = [
    "www.wikipedia.org",
    "example.com",
    "mail.proton.me",
    "0.pool.ntp.org",
    "cdn.jsdelivr.net",
    "github.io",
    "play.googleapis.com",
    "bbc.co.uk",
    "a1.b2.kde.org",
    "xn--80ak6aa92e.ru",
    "time.cloudflare.com",
    "heise.de",
    "yandex.ru",
    "s3-eu-west-1.amazonaws.com",
    "zoom.us",
    "q",
];

/// Refuses `target`, written as `pattern`, if it is about every name.
///
/// In a list that is marked trusted the operator may say so on purpose, with an expression or as `||*^`.
pub(super) fn check(pattern: &str, target: &Target, trusted: bool) -> Result<(), Refused> {
    let wide = match target {
        Target::Name(name, _) => name.as_ref().is_root(),
        Target::Network(network) => !trusted && network.is_wide(),
        Target::Glob(glob) => {
            let on_purpose = trusted && matches!(pattern, "||*^" | "|*^");
            let hollow = glob.pieces.iter().all(|piece| &**piece == ".");
            !on_purpose && (hollow || !trusted && hits_most(|name| glob.matches(name.as_bytes())))
        }
        Target::Expression(text) => {
            !trusted
                && patterns::compile(text).is_ok_and(|compiled| hits_most(|name| compiled.is_match(name.as_bytes())))
        }
    };
    if wide {
        let why = format!("{} hits every name, or nearly so", shown(pattern));
        return Err(Refused::new(Mistake::TooWide, why));
    }
    Ok(())
}

fn hits_most(hits: impl Fn(&str) -> bool) -> bool {
    EVERYDAY.iter().filter(|name| hits(name)).count() > EVERYDAY.len() / 2
}
