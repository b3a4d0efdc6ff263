//! `sordino firewall --check`: what of the rules is in force on this machine, as the kernel tells it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;

use serde_json::Value;

use crate::app::Failure;
use crate::config::Config;
use crate::local::doh_providers;

/// What the rules of `sordino firewall` do on this machine, found in the kernel's own account.
#[derive(Debug, Default, PartialEq, Eq)]
struct InForce {
    /// The table they are in.
    table: Option<String>,
    /// (IPv4, protocol, where to) for each rule that brings port 53 here.
    brought: BTreeSet<(bool, String, String)>,
    /// Protocols of port 853 that are refused.
    refused: BTreeSet<String>,
    /// Addresses of servers for DNS over HTTPS that are refused.
    doh: BTreeSet<IpAddr>,
    /// Who is left alone.
    exempt: BTreeSet<String>,
}

pub(super) fn check(config: &Config) -> Result<(String, Result<(), Failure>), Failure> {
    let output = Command::new("nft").args(["--json", "--numeric", "list", "ruleset"]).output().map_err(|error| {
        Failure::Other(match error.kind() {
            io::ErrorKind::NotFound => "nft is not here; install nftables, or run this on the router".into(),
            _ => format!("nft cannot be run: {error}"),
        })
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::Other(format!("nft does not tell what is in force; run this as root ({})", said.trim())));
    }
    let ruleset = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::Other(format!("nft's account of what is in force cannot be read: {error}")))?;
    let (text, missing) = report(&read(&ruleset), &config.dns.listen);
    let done = match missing {
        0 => Ok(()),
        _ => Err(Failure::Other("load what `sordino firewall` prints, on the router, to close this".into())),
    };
    Ok((text, done))
}

/// In words, and how much is missing.
fn report(found: &InForce, listen: &[SocketAddr]) -> (String, usize) {
    let Some(table) = &found.table else {
        return ("No rules of sordino are in force here.".into(), 1);
    };
    let (mut text, mut missing) = (format!("Rules of sordino are in force, in the table {table}."), 0);
    let mut line = |what: &str, said: String, lacks: bool| {
        missing += usize::from(lacks);
        // A String takes everything.
        let _ = write!(text, "\n  {what:17} {said}");
    };
    for (ipv4, what) in [(true, "Port 53, IPv4"), (false, "Port 53, IPv6")] {
        let mine: Vec<_> = found.brought.iter().filter(|(family, ..)| *family == ipv4).collect();
        let protocols: Vec<&str> = mine.iter().map(|(_, protocol, _)| protocol.as_str()).collect();
        let to: BTreeSet<&str> = mine.iter().map(|(.., to)| to.as_str()).collect();
        let to: Vec<&str> = to.into_iter().collect();
        let port = listen.iter().find(|address| address.is_ipv4() == ipv4 && !address.ip().is_loopback());
        let elsewhere = to
            .iter()
            .find_map(|to| to.strip_prefix("port "))
            .filter(|to| port.is_some_and(|address| address.port().to_string() != **to));
        match (protocols.as_slice(), port) {
            ([], None) => line(what, "not brought here, and sordino does not listen on it".into(), false),
            ([], Some(_)) => line(what, "not brought here: devices reach other servers".into(), true),
            (["tcp", "udp"], Some(address)) if elsewhere.is_some() => {
                let said = format!("brought to {}, but sordino listens on port {}", to.join(", "), address.port());
                line(what, said, true);
            }
            (["tcp", "udp"], _) => line(what, format!("brought to {}", to.join(", ")), false),
            (some, _) => line(what, format!("only {} is brought here", some.join(", ")), true),
        }
    }
    let refused: Vec<&str> = found.refused.iter().map(String::as_str).collect();
    match refused.as_slice() {
        ["tcp", "udp"] => line("Port 853", "refused (DNS over TLS and QUIC)".into(), false),
        [] => line("Port 853", "open: devices can ask other servers over TLS and QUIC".into(), true),
        some => line("Port 853", format!("refused over {} only", some.join(", ")), true),
    }
    let known: BTreeSet<IpAddr> = doh_providers().iter().flat_map(|one| one.addresses.iter().copied()).collect();
    let lacking = known.difference(&found.doh).count();
    match lacking {
        0 => line("DNS over HTTPS", format!("{} addresses of well-known servers are refused", found.doh.len()), false),
        _ => line("DNS over HTTPS", format!("{lacking} of {} well-known addresses are not refused", known.len()), true),
    }
    for exempt in &found.exempt {
        line("Left alone", exempt.clone(), false);
    }
    (text, missing)
}

fn read(ruleset: &Value) -> InForce {
    let mut found = InForce::default();
    for object in ruleset["nftables"].as_array().into_iter().flatten() {
        if let Some(rule) = object.get("rule") {
            read_rule(rule, &mut found);
        }
        if let Some(set) = object.get("set")
            && set["name"].as_str().is_some_and(|name| name.starts_with("sordino_doh"))
        {
            let elements = set["elem"].as_array().into_iter().flatten();
            found.doh.extend(elements.filter_map(|element| element.as_str()?.parse::<IpAddr>().ok()));
        }
    }
    found
}

fn read_rule(rule: &Value, found: &mut InForce) {
    let chain = rule["chain"].as_str().unwrap_or_default();
    if !matches!(chain, "sordino_redirect" | "sordino_refuse") {
        return;
    }
    let word = |key: &str| rule[key].as_str().unwrap_or_default();
    found.table = Some(format!("{} {}", word("family"), word("table")));
    let (mut ipv4, mut port, mut asker) = (None, None, None);
    for part in rule["expr"].as_array().into_iter().flatten() {
        let matched = &part["match"];
        let (left, right) = (&matched["left"], &matched["right"]);
        if left["meta"]["key"] == "nfproto" {
            // By name, or by the number of the protocol family (AF_INET).
            ipv4 = Some(*right == "ipv4" || *right == 2);
        }
        if left["payload"]["field"] == "dport" {
            let protocol = left["payload"]["protocol"].as_str().unwrap_or_default();
            port = right.as_u64().map(|port| (protocol.to_owned(), port));
        }
        if left["payload"]["field"] == "saddr" {
            asker = Some(in_words(right));
        }
        if left["meta"]["key"] == "iifname" && matched["op"] == "!=" {
            asker = Some(format!("everything that does not come in by {}", in_words(right)));
        }
        if part.get("return").is_some() {
            found.exempt.extend(asker.take());
        }
        let to = match (part.get("redirect"), part.get("dnat")) {
            (Some(redirect), _) => Some(format!("port {}", in_words(&redirect["port"]))),
            (_, Some(dnat)) => Some(in_words(&dnat["addr"])),
            _ => None,
        };
        if let (Some(to), Some(ipv4), Some((protocol, 53))) = (to, ipv4, &port) {
            found.brought.insert((ipv4, protocol.clone(), to));
        }
        if let (true, Some((protocol, 853))) = (part.get("reject").is_some(), &port) {
            found.refused.insert(protocol.clone());
        }
    }
}

fn in_words(value: &Value) -> String {
    let prefix = &value["prefix"];
    match (value.as_str(), prefix["addr"].as_str()) {
        (Some(text), _) => text.to_owned(),
        (_, Some(address)) => format!("{address}/{}", prefix["len"]),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(chain: &str, expr: &Value) -> Value {
        json!({ "rule": { "family": "inet", "table": "sordino", "chain": chain, "expr": expr } })
    }

    #[test]
    fn rules_of_others_are_not_ours() {
        let others = json!({ "nftables": [rule("prerouting", &json!([{ "redirect": { "port": 53 } }]))] });
        let (text, missing) = report(&read(&others), &[]);
        assert!(text.starts_with("No rules of sordino") && missing == 1, "{text}");
    }

    #[test]
    fn what_leads_to_the_wrong_port_or_lacks_a_protocol_is_said() {
        let to = |protocol: &str, port: u16| {
            let nfproto = json!({ "match": { "op": "==", "left": { "meta": { "key": "nfproto" } }, "right": "ipv4" } });
            let left = json!({ "payload": { "protocol": protocol, "field": "dport" } });
            let dport = json!({ "match": { "op": "==", "left": left, "right": 53 } });
            rule("sordino_redirect", &json!([nfproto, dport, { "redirect": { "port": port } }]))
        };
        let listen: Vec<SocketAddr> = vec!["0.0.0.0:5300".parse().unwrap()];
        let said = |rules: Vec<Value>| report(&read(&json!({ "nftables": rules })), &listen);
        let (text, missing) = said(vec![to("udp", 53), to("tcp", 53)]);
        assert!(text.contains("but sordino listens on port 5300") && missing == 3, "{text}");
        let (text, _) = said(vec![to("udp", 5300)]);
        assert!(text.contains("only udp is brought here"), "{text}");
        let (text, missing) = said(vec![to("udp", 5300), to("tcp", 5300)]);
        assert!(text.contains("brought to port 5300") && missing == 2, "{text}");
    }
}
