//! What an own rule is about: a name, a name and what is below it, or all names of a pattern.

use serde::{Deserialize, Serialize};

use super::glob::{Front, Glob};
use super::name::Name;
use super::patterns;

/// Characters that a pattern of an own rule may have: a wildcard never needs more, and an expression that does is none
/// that people can read.
pub const MAX_PATTERN_LEN: usize = 1_000;

/// What an own rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "WrittenTarget", into = "WrittenTarget")]
pub enum OwnTarget {
    /// One name.
    Exact(Name),
    /// A name and what is below it.
    Subtree(Name),
    /// Every name that a text with `*` in it fits, from its first character to its last.
    Wildcard(Wildcard),
    /// Every name that a regular expression is found in.
    Regex(Expression),
}

/// The kinds of [`OwnTarget`], by their word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RuleKind)]
pub enum Kind {
    /// The name alone.
    Exact,
    /// The name and what is below it.
    Subtree,
    /// `*` stands for any run of characters, dots included; the whole name must fit.
    Wildcard,
    /// A regular expression, found anywhere in the name and without case.
    Regex,
}

/// A text with `*` in it, lower-cased.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wildcard {
    text: Box<str>,
    glob: Glob,
}

/// A regular expression that was compiled once, within the bounds that hold for those of lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expression(Box<str>);

/// Why a text is not what an own rule can be about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotATarget {
    /// Not a name.
    #[error("{0:?} is not a name: {1}")]
    NotAName(String, super::NotAName),
    /// The root, or a pattern that every name fits.
    #[error("it would be about every name there is; name one, or make the pattern narrower")]
    Everything,
    /// Longer than [`MAX_PATTERN_LEN`].
    #[error("a pattern has at most {MAX_PATTERN_LEN} characters")]
    TooLong,
    /// No `*` in it.
    #[error("a wildcard has a * in it, which stands for any run of characters; without one, choose the name itself")]
    NoStar,
    /// Something in it that no name has.
    #[error("a wildcard is made of letters, digits, - _ . and *; write a name beyond ASCII as xn--")]
    NotAWildcard,
    /// The expression cannot be compiled, or is too large.
    #[error("the regular expression cannot be used: {0}")]
    NotAnExpression(String),
}

/// A target as the API and the settings write it.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = OwnTarget)]
struct WrittenTarget {
    /// How the name is meant; where it is not given, `subtree` says it.
    #[schema(required)]
    kind: Option<Kind>,
    /// The name, or the text of the pattern.
    name: String,
    /// Whether it covers what is below the name as well.
    #[serde(default)]
    #[schema(required)]
    subtree: bool,
}

impl OwnTarget {
    /// Reads `text` as a target of `kind`. An expression may stand between slashes, as lists write them.
    ///
    /// # Errors
    /// When it is none, or would be about every name there is.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, NotATarget> {
        let text = text.trim();
        Ok(match kind {
            Kind::Exact => Self::Exact(named(text)?),
            Kind::Subtree => Self::Subtree(named(text)?),
            Kind::Wildcard => Self::Wildcard(Wildcard::parse(text)?),
            Kind::Regex => Self::Regex(Expression::parse(text)?),
        })
    }

    /// Which kind it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Exact(_) => Kind::Exact,
            Self::Subtree(_) => Kind::Subtree,
            Self::Wildcard(_) => Kind::Wildcard,
            Self::Regex(_) => Kind::Regex,
        }
    }

    /// The name, or the text of the pattern.
    pub fn text(&self) -> String {
        match self {
            Self::Exact(name) | Self::Subtree(name) => name.to_string(),
            Self::Wildcard(wildcard) => wildcard.text.to_string(),
            Self::Regex(expression) => expression.0.to_string(),
        }
    }

    /// Whether it is found by its text and not by a name.
    pub const fn is_pattern(&self) -> bool {
        matches!(self, Self::Wildcard(_) | Self::Regex(_))
    }

    /// The target as lists write it.
    pub(super) fn in_list_form(&self) -> String {
        match self {
            Self::Exact(name) => name.to_string(),
            Self::Subtree(name) => format!("||{name}^"),
            Self::Wildcard(wildcard) => wildcard.text.to_string(),
            Self::Regex(expression) => format!("/{}/", expression.0),
        }
    }
}

fn named(text: &str) -> Result<Name, NotATarget> {
    let name = Name::parse(text).map_err(|why| NotATarget::NotAName(text.into(), why))?;
    if name.as_ref().is_root() { Err(NotATarget::Everything) } else { Ok(name) }
}

impl Wildcard {
    fn parse(text: &str) -> Result<Self, NotATarget> {
        if text.len() > MAX_PATTERN_LEN {
            return Err(NotATarget::TooLong);
        }
        let mut text = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*');
        if !text.bytes().all(fits) || text.contains("..") || text.starts_with('.') {
            return Err(NotATarget::NotAWildcard);
        }
        if !text.contains('*') {
            return Err(NotATarget::NoStar);
        }
        // It means the same, and of two rules that mean the same one takes the place of the other.
        while text.contains("**") {
            text = text.replace("**", "*");
        }
        let pieces: Box<[Box<str>]> = text.split('*').filter(|piece| !piece.is_empty()).map(Into::into).collect();
        if pieces.iter().all(|piece| &**piece == ".") {
            return Err(NotATarget::Everything);
        }
        let front = if text.starts_with('*') { Front::Open } else { Front::Start };
        let glob = Glob { front, ends: !text.ends_with('*'), pieces };
        Ok(Self { text: text.into(), glob })
    }

    pub(super) fn glob(&self) -> &Glob {
        &self.glob
    }
}

impl Expression {
    fn parse(text: &str) -> Result<Self, NotATarget> {
        if text.chars().count() > MAX_PATTERN_LEN {
            return Err(NotATarget::TooLong);
        }
        let inner = text.strip_prefix('/').and_then(|text| text.strip_suffix('/'));
        let text = inner.unwrap_or(text);
        let compiled = patterns::compile(text).map_err(NotATarget::NotAnExpression)?;
        // What is found in nothing at all is found in every name.
        if compiled.is_match(b"") { Err(NotATarget::Everything) } else { Ok(Self(text.into())) }
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl TryFrom<WrittenTarget> for OwnTarget {
    type Error = NotATarget;

    fn try_from(written: WrittenTarget) -> Result<Self, NotATarget> {
        Self::parse(Kind::of(written.kind, written.subtree), &written.name)
    }
}

impl Kind {
    /// The kind that is meant where only `subtree` may be given, as it was before there were patterns.
    pub fn of(kind: Option<Self>, subtree: bool) -> Self {
        kind.unwrap_or(if subtree { Self::Subtree } else { Self::Exact })
    }
}

impl From<OwnTarget> for WrittenTarget {
    fn from(target: OwnTarget) -> Self {
        Self { kind: Some(target.kind()), name: target.text(), subtree: matches!(target, OwnTarget::Subtree(_)) }
    }
}

impl utoipa::PartialSchema for OwnTarget {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        WrittenTarget::schema()
    }
}

impl utoipa::ToSchema for OwnTarget {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        WrittenTarget::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use super::super::glob::Text;
    use super::*;

    #[test]
    fn a_wildcard_fits_the_whole_name_and_its_star_any_run() {
        for (pattern, fitting, others) in [
            (
                "ads*.example",
                &["ads.example", "ads1.example", "ads.b.example"][..],
                &["x.ads.example", "ads.example.org"][..],
            ),
            ("*.ads.example", &["a.ads.example", "a.b.ads.example"], &["ads.example", "loads.example"]),
            ("*tracker*", &["tracker", "my-tracker.example", "a.trackers.b"], &["track.er.example"]),
            ("Ads.*.", &["ads.example"], &["ads", "x.ads.example"]),
        ] {
            let wildcard = Wildcard::parse(pattern).unwrap();
            let fits = |name: &str| wildcard.glob.matches(Text::of(Name::parse(name).unwrap().as_ref()).bytes());
            assert!(fitting.iter().all(|name| fits(name)), "{pattern}");
            assert!(!others.iter().any(|name| fits(name)), "{pattern}");
        }
    }

    #[test]
    fn what_is_about_every_name_or_about_none_is_refused() {
        use NotATarget::*;
        for (kind, text, why) in [
            (Kind::Exact, ".", Everything),
            (Kind::Wildcard, "*", Everything),
            (Kind::Wildcard, "*.*", Everything),
            (Kind::Wildcard, "ads.example", NoStar),
            (Kind::Wildcard, "ads..*", NotAWildcard),
            (Kind::Wildcard, "bücher*", NotAWildcard),
            (Kind::Regex, "", Everything),
            (Kind::Regex, "//", Everything),
            (Kind::Regex, "a*", Everything),
        ] {
            assert_eq!(OwnTarget::parse(kind, text), Err(why), "{text}");
        }
        assert_eq!(OwnTarget::parse(Kind::Regex, &"a".repeat(MAX_PATTERN_LEN + 1)), Err(TooLong));
        for bad in ["(", r"(a)\1", "^(?!good)bad", "(?:x{1000}){1000}"] {
            assert!(matches!(OwnTarget::parse(Kind::Regex, bad), Err(NotAnExpression(_))), "{bad}");
        }
    }

    #[test]
    fn what_was_written_before_there_were_patterns_still_reads() {
        for (json, kind) in [
            (r#"{"name": "Ads.example", "subtree": true}"#, Kind::Subtree),
            (r#"{"name": "ads.example", "subtree": false}"#, Kind::Exact),
            (r#"{"name": "ads*", "subtree": false, "kind": "wildcard"}"#, Kind::Wildcard),
            (r#"{"name": "^ads[0-9]", "kind": "regex"}"#, Kind::Regex),
        ] {
            let target: OwnTarget = serde_json::from_str(json).unwrap();
            assert_eq!(target.kind(), kind, "{json}");
            let again: OwnTarget = serde_json::from_str(&serde_json::to_string(&target).unwrap()).unwrap();
            assert_eq!(again, target);
        }
    }
}
