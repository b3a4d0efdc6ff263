//! `sordino explain NAME`.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use jiff::tz::TimeZone;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::schedules::in_zone;
use crate::app::Failure;
use crate::config::Config;
use crate::control::{ListView, State};
use crate::device::{Device, Devices, files, neighbour};
use crate::local::{BYPASS, HOUSE};
use crate::policy::{DeviceId, Explanation, Kept, MacAddr, Name, RuleMatch, ScheduledList, Verdict};
use crate::store::Settings;
use crate::time::Clock;

/// Types that can be given by name; any other as TYPE and its number (RFC 3597 §5).
const TYPES: [(&str, u16); 13] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("NAPTR", 35),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("ANY", 255),
];

/// What is asked.
#[derive(Debug, Args)]
pub struct Question {
    /// The name.
    #[arg(value_parser = name, value_name = "NAME")]
    name: Name,
    /// Who asks: the name of a device, an address, a MAC address, or an identity such as mac-3c:5a:b4:01:02:03.
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// For which type.
    #[arg(long = "type", value_name = "TYPE", value_parser = qtype, default_value = "A")]
    qtype: (String, u16),
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Answers `question` from the configuration at `path`, its lists and what the page has set. A server need not run.
pub(super) async fn explain(path: &Path, question: &Question) -> Result<String, Failure> {
    let config = Config::read(path)?;
    let zone = config.control.schedules.zone.clone();
    let neighbours = neighbour::once().await;
    let loading = spawn_blocking(move || {
        let settings = Settings::read(&config.store.path)
            .map_err(|error| format!("the settings in {} cannot be read: {error}", config.store.path.display()))?;
        let told = files::once(&config.house.files, &Clock::System);
        let mut state = State::load(config.control.read_only(), settings);
        // It may not write, and so it only looks up what the sordino that runs has noted.
        state.date(Clock::System.now());
        Ok::<_, String>(state.with_house(neighbours, told, Clock::System.now()))
    });
    let state = loading.await.map_err(|error| Failure::Other(error.to_string()))?.map_err(Failure::Other)?;
    let snapshot = state.snapshot();
    let device = match &question.device {
        Some(text) => find(text, &snapshot.devices)?,
        None => Device::unknown(Ipv4Addr::LOCALHOST.into()).into(),
    };
    let address = device.addresses.first().copied().unwrap_or_else(|| Ipv4Addr::UNSPECIFIED.into());
    let (asker, name) = (device.asker(address), question.name.as_ref());
    let now = Clock::System.now();
    let mut explanation = snapshot.explain(&asker, name, question.qtype.1, now);
    state.complete(&mut explanation);
    for problem in state.problems() {
        tracing::warn!("{problem}");
    }
    if question.json {
        let id = question.device.is_some().then_some(&device.id);
        let answer =
            json!({ "name": question.name, "type": question.qtype.0, "device": id, "explanation": explanation });
        return serde_json::to_string_pretty(&answer).map_err(|error| Failure::Other(error.to_string()));
    }
    let asks = question.device.as_ref().map(|_| &*device);
    in_words(question, asks, &explanation, state.lists(), &zone).map_err(|error| Failure::Other(error.to_string()))
}

pub(super) fn find(text: &str, devices: &Devices) -> Result<Arc<Device>, Failure> {
    if let Some(device) = devices.iter().find(|device| device.name.eq_ignore_ascii_case(text)) {
        return Ok(device.clone());
    }
    let address = text.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    let mac = text.parse::<MacAddr>().ok();
    let id = mac.map(DeviceId::Mac).or_else(|| text.parse().ok()).or_else(|| address.map(DeviceId::Address));
    let known = address.and_then(|address| devices.identify(address));
    let known = known.or_else(|| id.as_ref().and_then(|id| devices.find(id)));
    match (known, id) {
        (Some(device), _) => Ok(device.clone()),
        // Rules can be about a device that is not at home.
        (None, Some(DeviceId::Address(address))) => Ok(Device::unknown(address).into()),
        (None, Some(DeviceId::Mac(mac))) => {
            let absent = Device::unknown(Ipv4Addr::UNSPECIFIED.into());
            Ok(Device { id: DeviceId::Mac(mac), name: mac.to_string(), mac: Some(mac), ..absent }.into())
        }
        (None, Some(DeviceId::Named(_)) | None) => {
            let mut names: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
            names.sort_unstable();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let sentence =
                format!("there is no device {text:?}; give an address, a MAC address or one of these names: {known}");
            Err(Failure::Other(sentence))
        }
    }
}

fn in_words(
    question: &Question,
    device: Option<&Device>,
    explanation: &Explanation,
    lists: &[ListView],
    zone: &TimeZone,
) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let done = match explanation.verdict {
        Verdict::Pass => "resolved (pass)",
        Verdict::Watch => "resolved and counted (watch)",
        Verdict::Block => "muted (block)",
        Verdict::Allow => "resolved by an exception (allow)",
    };
    write!(text, "{} {} is {done}", question.name, question.qtype.0)?;
    match device {
        Some(device) => write!(text, " for {} ({}).", device.name, device.id)?,
        None => write!(text, " for a device without rules of its own.")?,
    }
    if let Some(label) = &explanation.label {
        write!(text, "\n\n{} {}, {}", label.vendor, label.product, label.purpose)?;
        for (what, said) in [("sends", &label.sends), ("breaks", &label.breaks)] {
            if !said.is_empty() {
                write!(text, "\n  {what:8} {said}")?;
            }
        }
        for (what, said) in [("regions", &label.regions), ("sources", &label.sources)] {
            if !said.is_empty() {
                write!(text, "\n  {what:8} {}", said.join(", "))?;
            }
        }
    }
    if explanation.matches.is_empty() {
        let said =
            if explanation.scheduled.is_empty() { "No rule names it." } else { "No rule that names it is in force." };
        write!(text, "\n\n{said}")?;
    } else {
        write!(text, "\n\nRules that name it, the deciding one first:")?;
    }
    for (number, found) in explanation.matches.iter().enumerate() {
        let file = lists.iter().find(|list| list.report.name == found.list);
        let file = file.map(|list| format!(" ({})", list.source.display())).unwrap_or_default();
        write!(text, "\n  {}. {} {}{file}: {}", number + 1, found.verdict, found.list, found.rule)?;
        write!(text, "\n     {}; changed by {}", found.precedence, found.changed_by)?;
        if ![BYPASS, HOUSE].contains(&&*found.list) {
            write_since(&mut text, found, zone)?;
        }
    }
    for ScheduledList { list, state } in &explanation.scheduled {
        let stands = if state.in_force { "is in force" } else { "names it, and is not in force" };
        write!(text, "\n\nThe list {list} {stands} now by the schedule {}", state.schedule)?;
        match state.changes_at {
            Some(change) if state.in_force => write!(text, ", until {}.", in_zone(change, zone))?,
            Some(change) => write!(text, "; it is again from {}.", in_zone(change, zone))?,
            None => write!(text, ".")?,
        }
    }
    Ok(text)
}

/// Since when a rule is there, until when, and what was noted about it.
fn write_since(text: &mut String, found: &RuleMatch, zone: &TimeZone) -> fmt::Result {
    let at = |moment| in_zone(moment, zone);
    match (found.since, found.list_since) {
        (Some(since), None) => write!(text, "\n     since {}", at(since))?,
        (Some(since), Some(acting)) => {
            let since = at(since);
            let version = found.version.as_deref().unwrap_or_default();
            match found.or_earlier {
                true => write!(text, "\n     in the list since it last changed, {since}, or from earlier")?,
                false => write!(text, "\n     in the list since it was first read here, {since}")?,
            }
            write!(text, " (version {version}); the list acts so since {}", at(acting))?;
        }
        // No sordino has run with the list as it is now.
        (None, _) if found.kept != Kept::You => {
            write!(text, "\n     since when is not known: no sordino ran with it yet")?
        }
        (None, _) => {}
    }
    if let Some(until) = found.until {
        write!(text, "\n     until {}", at(until))?;
    }
    if let Some(comment) = &found.comment {
        write!(text, "\n     you noted: {comment}")?;
    }
    Ok(())
}

fn name(text: &str) -> Result<Name, String> {
    Name::parse(text).map_err(|error| error.to_string())
}

fn qtype(text: &str) -> Result<(String, u16), String> {
    let upper = text.to_ascii_uppercase();
    let named = TYPES.iter().find(|(name, _)| *name == upper).map(|(_, number)| *number);
    let number = named.or_else(|| upper.strip_prefix("TYPE").and_then(|number| number.parse().ok()));
    number.map(|number| (upper, number)).ok_or_else(|| "write a type as in A, AAAA, HTTPS or TYPE64".to_owned())
}
