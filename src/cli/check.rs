//! `sordino check`.

use std::fmt::{self, Write};
use std::path::Path;

use super::schedules::write_schedules;
use crate::app::Failure;
use crate::config::Config;
use crate::control::{ListView, State};
use crate::store::Settings;
use crate::time::Clock;

/// What there is to say of the configuration at `path` and its lists. Trouble with a list is said and is no failure,
/// because sordino starts in spite of it.
pub(super) fn check(path: &Path) -> Result<String, Failure> {
    let config = Config::read(path)?;
    let state = State::load(config.control.clone().read_only(), Settings::default());
    let mut text = String::new();
    write_report(&mut text, path, &config, &state).map_err(|error| Failure::Other(error.to_string()))?;
    Ok(text)
}

fn write_report(text: &mut String, path: &Path, config: &Config, state: &State) -> fmt::Result {
    let listen: Vec<String> = config.dns.listen.iter().map(ToString::to_string).collect();
    writeln!(text, "{} has no mistakes.", path.display())?;
    writeln!(text, "DNS      {}", listen.join(", "))?;
    write_encrypted(text, config)?;
    writeln!(text, "Forward  {}", config.dns.upstream.servers.join(", "))?;
    for route in &config.dns.upstream.routes {
        let domains: Vec<_> = route.domains.iter().map(ToString::to_string).collect();
        writeln!(text, "Route    {} to {}", domains.join(", "), route.servers.join(", "))?;
    }
    match config.web.listen {
        Some(address) => writeln!(text, "Page     http://{address}/")?,
        None => writeln!(text, "Page     off")?,
    }
    writeln!(text, "Store    {}", config.store.path.display())?;
    let names: usize = state.lists().iter().map(|list| list.report.names).sum();
    write!(text, "Lists    {} with {names} names in force", state.lists().len())?;
    let width = state.lists().iter().map(|list| list.report.name.chars().count()).max().unwrap_or(0);
    for list in state.lists() {
        write_list(text, list, width)?;
    }
    write_schedules(text, &config.control.schedules, Clock::System.now())?;
    if !state.problems().is_empty() {
        write!(text, "\n\nsordino starts in spite of this, and says it in the log and in the page:")?;
    }
    for problem in state.problems() {
        write!(text, "\n  {problem}")?;
    }
    Ok(())
}

/// The encrypted ways in, and what devices can tell them by.
fn write_encrypted(text: &mut String, config: &Config) -> fmt::Result {
    let encrypted = &config.dns.encrypted;
    let own = encrypted.own(config.store.path.clone()).files();
    for (protocol, way) in encrypted.ways() {
        let listen: Vec<String> = way.listen.iter().map(ToString::to_string).collect();
        write!(text, "{:7}  {}, ", protocol.to_uppercase(), listen.join(", "))?;
        let made_by = if way.certificate.is_some() { "your certificate" } else { "a certificate of sordino's making" };
        match way.certificate.as_ref().unwrap_or(&own).read() {
            Ok(certificate) => {
                let facts = certificate.facts();
                writeln!(text, "{made_by}\n         SHA-256 {}\n         pin {}", facts.sha256, facts.pin)?;
                if facts.exposed
                    && let Some(files) = &way.certificate
                {
                    let key = files.key.display();
                    writeln!(text, "         others can read the private key {key}; run `chmod 600 {key}`")?;
                }
            }
            Err(_) => writeln!(text, "{made_by}, which is made at the start")?,
        }
    }
    Ok(())
}

fn write_list(text: &mut String, list: &ListView, width: usize) -> fmt::Result {
    let report = &list.report;
    let action = format!("{:?}", report.action).to_lowercase();
    write!(text, "\n  {:width$}  {action:5}  {:>7} names  {}", report.name, report.names, list.source.display())?;
    if report.quarantined > 0 {
        write!(
            text,
            "\n  {:width$}  {} rules reach too far and are held back until you confirm them, the first of them:",
            "", report.quarantined
        )?;
        for line in report.quarantine.iter().take(3) {
            write!(text, "\n  {:width$}    {}:{}: {}", "", list.source.display(), line.line, line.why)?;
        }
    }
    if report.rejected > 0 {
        write!(
            text,
            "\n  {:width$}  {} lines are not understood and not in force, the first of them:",
            "", report.rejected
        )?;
        for line in report.examples.iter().take(3) {
            write!(text, "\n  {:width$}    {}:{}: {}", "", list.source.display(), line.line, line.why)?;
        }
    }
    Ok(())
}
