//! Prints the table of public suffixes that `policy/suffixes.rs` holds, out of the rules that the `psl` crate ships.
//!
//! Usage: cargo run --example suffixes -- ~/.cargo/registry/src/*/psl-*/data/rules.txt >src/policy/suffixes.txt

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name the file of rules")?;
    let mut table = BTreeMap::new();
    for rule in std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?.lines() {
        let (sign, zone) = match rule.strip_prefix('!') {
            Some(zone) => ("!", zone),
            None => rule.strip_prefix("*.").map_or(("", rule), |zone| ("*", zone)),
        };
        let zone = idna::domain_to_ascii(zone)?;
        let example = if sign == "*" { format!("a.{zone}") } else { zone.clone() };
        let suffix = psl::suffix(example.as_bytes()).ok_or_else(|| format!("{rule}: the crate does not know it"))?;
        let many = if suffix.typ() == Some(psl::Type::Private) { "~" } else { "" };
        // A name of more labels is never asked for.
        if zone.split('.').count() <= 5 {
            table
                .entry(zone)
                .or_insert_with(String::new)
                .push_str(&format!(" {many}{}", if sign.is_empty() { "." } else { sign }));
        }
    }
    let mut out = std::io::stdout().lock();
    for (zone, rules) in table {
        writeln!(out, "{zone}{rules}")?;
    }
    Ok(())
}
