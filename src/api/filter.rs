//! What people look for in the journal, out of the parameters of a call.
//!
//! Each parameter takes several values with commas between them, and matches any of them. The same with `not_` in front
//! leaves out what matches.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IntoDeserializer as _, value};

use super::kinds::Kind;
use super::problem::Problem;
use super::words;
use crate::event::{Outcome, Transport};
use crate::policy::{DeviceId, Name, Policy, Verdict};
use crate::store::{Filter, LabelTest, NameMatch, Term, What};
use crate::time::Timestamp;

/// Longest text to look for in names: no name is longer, in text with escapes.
const MAX_SEARCH_CHARS: usize = 1004;
/// Values of one parameter.
const MAX_VALUES: usize = 50;
/// Memory a compiled pattern may take, bytes. Patterns are matched in linear time, but large ones take long to compile.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// Which queries.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FilterParams {
    /// Only of these devices.
    pub(crate) device: Option<String>,
    /// Only these names; see `match`. Several are separated by commas.
    #[param(max_length = 1004)]
    pub(crate) name: Option<String>,
    /// How names are compared: `substring` where it is not given, `exact`, `subtree` (the name and all below it), `regex`.
    #[serde(rename = "match")]
    #[param(inline)]
    pub(crate) matching: Option<Matching>,
    /// Only with these verdicts: pass, watch, block, allow.
    pub(crate) verdict: Option<String>,
    /// Only with these outcomes: muted, cached, forwarded, stale, local, failed, refused.
    pub(crate) outcome: Option<String>,
    /// Only where these lists decided.
    pub(crate) list: Option<String>,
    /// Only names or aliases of these vendors, by the catalogue.
    pub(crate) vendor: Option<String>,
    /// Only names or aliases for these purposes, by the catalogue.
    pub(crate) purpose: Option<String>,
    /// Only of these types: A, AAAA, TYPE65280.
    #[serde(rename = "type")]
    pub(crate) qtype: Option<String>,
    /// Only with these RCODEs: NOERROR, NXDOMAIN.
    pub(crate) rcode: Option<String>,
    /// Only answered by these forwarders.
    pub(crate) upstream: Option<String>,
    /// Only that came in by these transports: udp, tcp, tls, https, quic.
    pub(crate) transport: Option<String>,
    /// Not of these devices.
    pub(crate) not_device: Option<String>,
    /// Not these names, compared as `match` says.
    #[param(max_length = 1004)]
    pub(crate) not_name: Option<String>,
    /// Not with these verdicts.
    pub(crate) not_verdict: Option<String>,
    /// Not with these outcomes.
    pub(crate) not_outcome: Option<String>,
    /// Not where these lists decided.
    pub(crate) not_list: Option<String>,
    /// No names or aliases of these vendors.
    pub(crate) not_vendor: Option<String>,
    /// No names or aliases for these purposes.
    pub(crate) not_purpose: Option<String>,
    /// Not of these types.
    pub(crate) not_type: Option<String>,
    /// Not with these RCODEs.
    pub(crate) not_rcode: Option<String>,
    /// Not answered by these forwarders.
    pub(crate) not_upstream: Option<String>,
    /// Not by these transports.
    pub(crate) not_transport: Option<String>,
    /// Only from this moment on, milliseconds since the epoch.
    #[param(value_type = Option<u64>)]
    pub(crate) from: Option<Timestamp>,
    /// Only before this moment, milliseconds since the epoch.
    #[param(value_type = Option<u64>)]
    pub(crate) to: Option<Timestamp>,
    /// Only those before the query with this id.
    #[param(value_type = Option<String>, pattern = "^[0-9]{1,20}$")]
    pub(crate) before: Option<u64>,
    /// How many at most.
    pub(crate) limit: Option<usize>,
    /// Whether what one device asked again and again becomes one row.
    pub(crate) collapse: Option<bool>,
    /// For an export: `csv` or `jsonl`.
    pub(crate) format: Option<String>,
}

/// How names are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Matching {
    /// The whole name.
    Exact,
    /// The name and all below it.
    Subtree,
    /// Any part of the name, as text.
    #[default]
    Substring,
    /// A regular expression.
    Regex,
}

impl FilterParams {
    /// The filter, with `policy` to tell vendors and purposes by.
    pub(crate) fn filter(&self, policy: &Arc<Policy>) -> Result<Filter, Problem> {
        let mut terms = Vec::new();
        for exclude in [false, true] {
            let of = |only: &Option<String>, not: &Option<String>| if exclude { not.clone() } else { only.clone() };
            let parts = [
                devices(of(&self.device, &self.not_device))?.map(What::Device),
                self.names(of(&self.name, &self.not_name))?.map(What::Name),
                all(of(&self.verdict, &self.not_verdict), "verdict", word::<Verdict>)?.map(What::Verdict),
                all(of(&self.outcome, &self.not_outcome), "outcome", word::<Outcome>)?.map(What::Outcome),
                all(of(&self.list, &self.not_list), "list", text)?.map(What::List),
                all(of(&self.qtype, &self.not_type), "type", words::qtype)?.map(What::Qtype),
                all(of(&self.rcode, &self.not_rcode), "rcode", words::rcode)?.map(What::Rcode),
                all(of(&self.upstream, &self.not_upstream), "upstream", text)?.map(What::Upstream),
                all(of(&self.transport, &self.not_transport), "transport", word::<Transport>)?.map(What::Transport),
            ];
            terms.extend(parts.into_iter().flatten().map(|what| Term { exclude, what }));
        }
        let labels = self.labels(policy)?;
        Ok(Filter { from: self.from, to: self.to, terms, labels, ..Filter::default() })
    }

    fn names(&self, names: Option<String>) -> Result<Option<Vec<NameMatch>>, Problem> {
        let Some(names) = names.filter(|names| !names.trim().is_empty()) else { return Ok(None) };
        if names.chars().count() > MAX_SEARCH_CHARS {
            return Err(Problem::unusable("\"name\" is longer than any name can be."));
        }
        if self.matching == Some(Matching::Regex) {
            // A comma is a character like others there.
            let pattern = regex::RegexBuilder::new(&names).case_insensitive(true).size_limit(MAX_PATTERN_BYTES).build();
            let pattern = pattern.map_err(|_| {
                let detail = "\"name\" is no regular expression, or one that is too large. Try a plain text.";
                Problem::unusable(detail).of_kind(Kind::NotAPattern).because("regex")
            })?;
            return Ok(Some(vec![NameMatch::Pattern(pattern)]));
        }
        let one = |name: &str| match self.matching.unwrap_or_default() {
            Matching::Exact => Some(NameMatch::Exact(as_kept(name))),
            Matching::Subtree => Some(NameMatch::Subtree(as_kept(name))),
            Matching::Substring | Matching::Regex => Some(NameMatch::Part(as_kept(name))),
        };
        all(Some(names), "name", one)
    }

    fn labels(&self, policy: &Arc<Policy>) -> Result<Option<LabelTest>, Problem> {
        let vendors = all(self.vendor.clone(), "vendor", text)?;
        let purposes = all(self.purpose.clone(), "purpose", text)?;
        let not_vendors = all(self.not_vendor.clone(), "not_vendor", text)?.unwrap_or_default();
        let not_purposes = all(self.not_purpose.clone(), "not_purpose", text)?.unwrap_or_default();
        let unlabelled = vendors.is_none() && purposes.is_none();
        if unlabelled && not_vendors.is_empty() && not_purposes.is_empty() {
            return Ok(None);
        }
        let policy = policy.clone();
        let label = move |name: crate::policy::NameRef<'_>| {
            let label = policy.label(name)?;
            let among = |all: &[Arc<str>], one: &str| all.iter().any(|entry| entry.eq_ignore_ascii_case(one));
            Some(
                vendors.as_ref().is_none_or(|vendors| among(vendors, &label.vendor))
                    && purposes.as_ref().is_none_or(|purposes| among(purposes, &label.purpose))
                    && !among(&not_vendors, &label.vendor)
                    && !among(&not_purposes, &label.purpose),
            )
        };
        Ok(Some(LabelTest { label: Arc::new(label), unlabelled }))
    }
}

/// Every value of a parameter, read with `read`; none where the parameter says nothing.
fn all<T>(values: Option<String>, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<Vec<T>>, Problem> {
    let Some(values) = values.filter(|values| !values.trim().is_empty()) else { return Ok(None) };
    let mut found = Vec::new();
    for value in values.split(',').map(str::trim).filter(|value| !value.is_empty()) {
        let read = read(value).ok_or_else(|| Problem::unusable(format!("\"{name}\" does not know {value:?}.")))?;
        found.push(read);
    }
    if found.len() > MAX_VALUES {
        return Err(Problem::unusable(format!("\"{name}\" has over {MAX_VALUES} values.")));
    }
    Ok(Some(found))
}

/// A device named in the configuration may have a comma in its name: what is a device as a whole is one.
fn devices(values: Option<String>) -> Result<Option<Vec<DeviceId>>, Problem> {
    let whole = values.as_deref().and_then(|value| value.parse::<DeviceId>().ok());
    let several = values.as_deref().is_some_and(|value| value.contains(",name-"));
    match whole.filter(|_| !several) {
        Some(device) => Ok(Some(vec![device])),
        None => all(values, "device", |value| value.parse().ok()),
    }
}

fn word<T: DeserializeOwned>(value: &str) -> Option<T> {
    let value: value::StrDeserializer<'_, value::Error> = value.into_deserializer();
    T::deserialize(value).ok()
}

fn text(value: &str) -> Option<Arc<str>> {
    Some(Arc::from(value))
}

/// What to look for, in the form that names are kept in: lower-cased, and Unicode as its A-labels.
fn as_kept(text: &str) -> String {
    let text = text.trim();
    let text = if text == "." { text } else { text.trim_end_matches('.') };
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // A piece of a name need not be one itself; then there is nothing that could match it.
    Name::parse(text).map_or_else(|_| text.to_lowercase(), |name| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_looked_for_as_names_are_kept() {
        for (typed, kept) in
            [("MiStat.", "mistat"), (" xiaomi ", "xiaomi"), ("bücher.example", "xn--bcher-kva.example")]
        {
            assert_eq!(as_kept(typed), kept);
        }
    }

    #[test]
    fn values_are_read_or_refused() {
        let params = FilterParams {
            verdict: Some("block, watch".into()),
            not_type: Some("AAAA,TYPE65280".into()),
            device: Some("name-a, b".into()),
            ..FilterParams::default()
        };
        let terms = params.filter(&Arc::default()).unwrap().terms;
        let shown = format!("{terms:?}");
        for part in ["Verdict([Block, Watch])", "Qtype([28, 65280])", "Named(\"a, b\")"] {
            assert!(shown.contains(part), "{shown}");
        }
        for wrong in [
            FilterParams { verdict: Some("maybe".into()), ..FilterParams::default() },
            FilterParams { qtype: Some("QUAD".into()), ..FilterParams::default() },
            FilterParams { name: Some("(".into()), matching: Some(Matching::Regex), ..FilterParams::default() },
            FilterParams { device: Some("nobody".into()), ..FilterParams::default() },
            FilterParams { name: Some("x".repeat(2_000)), ..FilterParams::default() },
        ] {
            assert!(wrong.filter(&Arc::default()).is_err(), "{wrong:?}");
        }
    }
}
