//! One rule of AdGuard's DNS language, and the plain and wildcard names that stand among such rules.
//!
//! Where programs differ, this is what we do. A name without any mark is exactly that name. `.name` and `*.name` are
//! what is below it, and end where it ends; only in a list of wildcards (by its format, or because it holds little else)
//! does `*.name` mean the name itself as well. Any other pattern is open at an end without a mark, so `||name` also
//! hits `name2`. A word that can be no host, as `-banner.` or `_ad_`, is a piece to look for.

use super::super::addresses::Network;
use super::super::glob::{Front, Glob};
use super::super::modifiers::Modifiers;
use super::super::rule::{Mistake, Reach, Refused, Rule, Target, is_name_byte, listed_name, shown};
use super::width;

/// A line of this language: a rule, or with `$badfilter` one that switches off its like.
#[derive(Debug)]
pub(in super::super) struct Written {
    pub(in super::super) rule: Rule,
    pub(in super::super) badfilter: bool,
}

/// What the reader of a line must know of its list.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Surroundings {
    /// Whether the list is marked `trusted`.
    pub(in super::super) trusted: bool,
    /// Whether `*.name` means the name itself as well, as in lists that hold nothing else.
    pub(in super::super) star_covers_apex: bool,
}

/// Reads `text`, without white space around it.
pub(super) fn parse(text: &str, around: Surroundings) -> Result<Written, Refused> {
    let (exception, rest) = text.strip_prefix("@@").map_or((false, text), |rest| (true, rest));
    let (pattern, modifiers) = split(rest)?;
    let modifiers = match modifiers {
        Some(modifiers) => Modifiers::parse(modifiers, exception)?,
        None => Modifiers::default(),
    };
    let target = target(pattern, around)?;
    // In a list from elsewhere no condition excuses an exception for every name: it would undo all other lists.
    let narrowed = modifiers.narrow() && (around.trusted || !exception);
    if !narrowed {
        width::check(pattern, &target, around.trusted)?;
    }
    if modifiers.rewrite.is_some() && !around.trusted {
        let why = "only a list marked trusted may give answers of its own";
        return Err(Refused::new(Mistake::NotTrusted, why));
    }
    if matches!(target, Target::Network(_)) && (modifiers.rewrite.is_some() || modifiers.badfilter) {
        let why = "a rule about an address in an answer can block it or let it pass, and nothing else";
        return Err(Refused::new(Mistake::UnsupportedLine, why));
    }
    let Modifiers { important, badfilter, conditions, rewrite } = modifiers;
    let rule = Rule { target, exception, important, conditions, rewrite, hosts: false };
    Ok(Written { rule, badfilter })
}

/// Whether `text` is a regular expression and not a path: `/…/`, with or without modifiers.
pub(super) fn is_expression(text: &str) -> bool {
    let text = text.strip_prefix("@@").unwrap_or(text);
    text.starts_with('/') && (text.len() > 1 && text.ends_with('/') || text[1..].contains("/$"))
}

/// Tells the pattern from its modifiers. Inside an expression `$` is the end of the name.
fn split(text: &str) -> Result<(&str, Option<&str>), Refused> {
    if is_expression(text) {
        if text.ends_with('/') {
            return Ok((text, None));
        }
        let end = text.rfind("/$").unwrap_or_default();
        return Ok((&text[..=end], Some(&text[end + 2..])));
    }
    if let Some(sign) = ["##", "#@#", "#?#", "#$#", "#%#", "$$", "$@$"].into_iter().find(|sign| text.contains(sign)) {
        return Err(not_dns(format!("{sign} is about the content of pages, not about names")));
    }
    Ok(text.split_once('$').map_or((text, None), |(pattern, modifiers)| (pattern, Some(modifiers))))
}

fn target(pattern: &str, around: Surroundings) -> Result<Target, Refused> {
    if let Some(network) = network(pattern) {
        return Ok(Target::Network(network));
    }
    if pattern.len() > 1 && pattern.starts_with('/') && pattern.ends_with('/') {
        return expression(&pattern[1..pattern.len() - 1]);
    }
    if let Some(sign) = pattern.chars().find(|sign| "/:?=&%#~".contains(*sign)) {
        return Err(not_dns(format!("{sign:?} belongs to addresses of pages: a rule about a page cannot mute a name")));
    }
    let marked = pattern.contains(['|', '^', '*']);
    if !marked && !is_fragment(pattern) {
        return match pattern.strip_prefix('.').filter(|rest| !rest.is_empty()) {
            Some(zone) => Ok(Target::Name(listed_name(zone)?, Reach::Below)),
            None if pattern.is_empty() || pattern == "." => Ok(everything()),
            None => Ok(Target::Name(listed_name(pattern)?, Reach::Exact)),
        };
    }
    if let Some(zone) = pattern.strip_prefix("*.").filter(|zone| !zone.is_empty() && !zone.contains(['|', '^', '*'])) {
        let reach = if around.star_covers_apex { Reach::Subtree } else { Reach::Below };
        return Ok(Target::Name(listed_name(zone)?, reach));
    }
    marked_target(pattern)
}

/// An address or a network, bare or between marks: such a rule is about answers that lead there. Null and loopback are
/// what hosts files put in front of a name, and no rule by themselves.
fn network(pattern: &str) -> Option<Network> {
    let body = pattern.strip_prefix("||").or_else(|| pattern.strip_prefix('|')).unwrap_or(pattern);
    let body = body.strip_suffix(['^', '|']).unwrap_or(body);
    Network::parse(body).filter(|network| !network.leads_nowhere())
}

/// A word that no host is called, such as `-banner-ads.` or `_prebid_`, is a piece of a name.
fn is_fragment(word: &str) -> bool {
    let odd = |byte: Option<&u8>| matches!(byte, Some(b'-' | b'_'));
    let inner = word.strip_suffix('.').unwrap_or(word);
    !inner.contains('.') && (odd(inner.as_bytes().first()) || odd(inner.as_bytes().last()))
}

/// A pattern with `|`, `^` or `*` in it.
fn marked_target(pattern: &str) -> Result<Target, Refused> {
    let (front, body) = front_of(pattern);
    let (body, ends) = end_of(body);
    if body.contains(['|', '^']) {
        return Err(not_dns("| and ^ are ends of a name and cannot stand inside one".into()));
    }
    if body.is_empty() {
        return Ok(everything());
    }
    if !body.contains('*') && ends {
        match (front, body.strip_prefix('.')) {
            (Front::Label, None) => return Ok(Target::Name(listed_name(body)?, Reach::Subtree)),
            (Front::Start, None) => return Ok(Target::Name(listed_name(body)?, Reach::Exact)),
            (Front::Open, Some(zone)) => return Ok(Target::Name(listed_name(zone)?, Reach::Below)),
            (Front::Open, None) => {}
            (_, Some(_)) => return Err(not_a_name(pattern, "it has an empty label")),
        }
    }
    // `*.*.name` is a wildcard name with a second star; like `*.name` it ends where it ends.
    let wild = pattern.starts_with("*.") && body.rsplit('*').next().is_some_and(|last| last.len() > 1);
    let ends = ends || (wild && !pattern.ends_with('*'));
    pieces(pattern, body).map(|pieces| Target::Glob(Glob { front, pieces, ends }))
}

fn front_of(pattern: &str) -> (Front, &str) {
    let (front, body) = if let Some(body) = pattern.strip_prefix("||") {
        (Front::Label, body)
    } else if let Some(body) = pattern.strip_prefix(['|', '^']) {
        (Front::Start, body)
    } else {
        (Front::Open, pattern)
    };
    let unstarred = body.trim_start_matches('*');
    if unstarred.len() < body.len() { (Front::Open, unstarred) } else { (front, body) }
}

/// What stands before the marks at the end, and whether the innermost of them is an end of the name.
fn end_of(body: &str) -> (&str, bool) {
    let bare = body.trim_end_matches(['|', '^', '*']);
    (bare, matches!(body.as_bytes().get(bare.len()), Some(b'|' | b'^')))
}

fn pieces(pattern: &str, body: &str) -> Result<Box<[Box<str>]>, Refused> {
    if !body.is_ascii() {
        // The A-label of a part of a label is not a part of its A-label.
        let name = if body.contains('*') || body.starts_with('.') || body.ends_with('.') {
            return Err(not_a_name(pattern, "a pattern beyond ASCII must be a whole name"));
        } else {
            listed_name(body)?
        };
        return Ok([name.to_string().into()].into());
    }
    if !body.bytes().all(|byte| byte == b'*' || is_name_byte(byte)) {
        return Err(not_a_name(pattern, "it has a character that no name can hold"));
    }
    if body.contains("..") {
        return Err(not_a_name(pattern, "it has an empty label"));
    }
    Ok(body.split('*').filter(|piece| !piece.is_empty()).map(|piece| piece.to_ascii_lowercase().into()).collect())
}

fn expression(text: &str) -> Result<Target, Refused> {
    if text.is_empty() {
        return Err(Refused::new(Mistake::TooWide, "an empty expression matches every name"));
    }
    super::super::patterns::compile(text).map_err(|why| Refused::new(Mistake::BadRegex, why))?;
    Ok(Target::Expression(text.into()))
}

/// A pattern without a single character of a name in it.
fn everything() -> Target {
    Target::Glob(Glob { front: Front::Open, pieces: Box::default(), ends: false })
}

fn not_a_name(pattern: &str, why: &str) -> Refused {
    Refused::new(Mistake::NotAName, format!("{} is no name and no pattern of one: {why}", shown(pattern)))
}

fn not_dns(why: String) -> Refused {
    Refused::new(Mistake::NotDns, why)
}
