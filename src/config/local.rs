//! What the file says of the house itself.

use std::net::IpAddr;
use std::path::Path;

use toml::Spanned;

use super::file;
use super::mistake::Mistakes;
use crate::local::{Options, Rebinding, Record, RecordKind, USUAL_TTL, ZoneOptions, parse_zone};
use crate::policy::Name;

/// Own records in the file; more belong into a zone.
const RECORDS_BOUND: usize = 10_000;

pub(super) fn options(
    rebinding: file::Rebinding,
    bypass: crate::local::Bypass,
    locals: Vec<file::Local>,
    zones: Vec<file::Zone>,
    directory: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Options {
    let except = rebinding.except.iter().filter_map(|written| name(written, mistakes)).collect();
    let mut records = Vec::new();
    for local in locals {
        let span = local.name.span();
        let before = records.len();
        match read(local, mistakes) {
            Ok(mut read) => records.append(&mut read),
            Err(what) => mistakes.add(&span, what),
        }
        if before <= RECORDS_BOUND && records.len() > RECORDS_BOUND {
            mistakes.add(
                &span,
                format!("there are over {RECORDS_BOUND} own records; write them into a file and name it in a [[zone]]"),
            );
        }
    }
    let zones = zones.into_iter().filter_map(|zone| {
        let name = name(&zone.name, mistakes)?;
        Some(ZoneOptions { name, path: directory.join(zone.file) })
    });
    let zones = zones.collect();
    Options {
        rebinding: Rebinding { protect: rebinding.protect.unwrap_or(true), except },
        bypass,
        answers: Vec::new(),
        records,
        zones,
    }
}

/// The records of one `[[local]]`. They are written as a zone of that one name, and read as such.
fn read(local: file::Local, mistakes: &mut Mistakes<'_>) -> Result<Vec<Record>, String> {
    let Some(origin) = whole_name(&local.name, mistakes) else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    for text in local.address.into_iter().flat_map(file::OneOrMany::into_vec) {
        match text.parse() {
            Ok(IpAddr::V4(_)) => lines.push(RecordKind::A.line(&text)?),
            Ok(IpAddr::V6(_)) => lines.push(RecordKind::Aaaa.line(&text)?),
            Err(_) => return Err(format!("{text:?} is no address; write one as in \"192.168.1.5\"")),
        }
    }
    if let Some(target) = &local.cname {
        lines.push(RecordKind::Cname.line(target)?);
    }
    for text in local.txt.into_iter().flat_map(file::OneOrMany::into_vec) {
        lines.push(RecordKind::Txt.line(&text)?);
    }
    lines.extend(local.records);
    if lines.is_empty() {
        return Err("nothing is said about this name; add address = \"…\", cname, txt or records".into());
    }
    if lines.iter().any(|line| line.contains('\n')) {
        return Err("a record has one line; write several as records = [\"…\", \"…\"]".into());
    }
    let aliases = lines.iter().filter(|line| line.to_ascii_uppercase().starts_with("CNAME ")).count();
    if aliases > 0 && lines.len() > 1 {
        return Err("an alias stands alone (RFC 1034 §3.6.2); take cname or the rest out".into());
    }
    let ttl = local.ttl.unwrap_or(USUAL_TTL);
    let text: String = lines.iter().map(|line| format!("@ {ttl} IN {line}\n")).collect();
    parse_zone(&text, &origin).map_err(|why| format!("its records cannot be read: {why}"))
}

/// A domain name as written, `*.` in front of it or not; a mistake where it is none.
fn name(written: &Spanned<String>, mistakes: &mut Mistakes<'_>) -> Option<Name> {
    let text = written.get_ref();
    read_name(text.strip_prefix("*.").unwrap_or(text), written, mistakes)
}

fn whole_name(written: &Spanned<String>, mistakes: &mut Mistakes<'_>) -> Option<Name> {
    read_name(written.get_ref(), written, mistakes)
}

fn read_name(text: &str, written: &Spanned<String>, mistakes: &mut Mistakes<'_>) -> Option<Name> {
    let read = Name::parse(text);
    if let Err(why) = &read {
        mistakes.add(&written.span(), format!("{text:?} is no domain name: {why}; write one as in \"nas.home.arpa\""));
    }
    read.ok()
}
