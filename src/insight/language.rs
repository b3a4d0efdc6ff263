//! The languages that people are told things in, and how each writes numbers and moments.

use jiff::Zoned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    German,
    /// Dutch.
    #[serde(rename = "nl")]
    Dutch,
}

/// The names of months and weekdays as dates carry them.
struct Calendar {
    months: [&'static str; 12],
    /// Monday first.
    weekdays: [&'static str; 7],
}

const ENGLISH: Calendar = Calendar {
    months: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    weekdays: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
};
const GERMAN: Calendar = Calendar {
    months: ["Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."],
    weekdays: ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"],
};
const DUTCH: Calendar = Calendar {
    months: ["jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"],
    weekdays: ["ma", "di", "wo", "do", "vr", "za", "zo"],
};

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::English, Self::German, Self::Dutch];

    /// The language subtag (BCP 47), by which it is also asked for.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Dutch => "nl",
        }
    }

    /// The language whose tag is exactly this.
    pub fn named(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The first that we have of those that a browser accepts (RFC 9110, section 12.5.4), else English.
    pub fn accepted(header: &str) -> Self {
        let mut wished: Vec<(f32, Self)> = header.split(',').filter_map(wish).collect();
        // Stable: of two that are liked as well, the one named first.
        wished.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        wished.first().map_or(Self::English, |(_, language)| *language)
    }

    /// The language of messages by the environment, the first of its three variables that says anything; `variable` reads
    /// one. English where that is a language we do not have.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let locale =
            ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(|name| variable(name).filter(|it| !it.is_empty()));
        locale.and_then(|locale| Self::of_locale(&locale)).unwrap_or_default()
    }

    /// `n` with its thousands set apart.
    pub fn number(self, n: u64) -> String {
        let separator = match self {
            Self::English => ',',
            Self::German | Self::Dutch => '.',
        };
        let digits = n.to_string();
        let mut written = String::with_capacity(digits.len() * 4 / 3);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                written.push(separator);
            }
            written.push(digit);
        }
        written
    }

    /// A moment as the clock on the wall shows it, to the minute.
    pub fn moment(self, at: &Zoned) -> String {
        let month = usize::try_from(at.month() - 1).ok().and_then(|month| self.calendar().months.get(month)).copied();
        let (day, month, year) = (at.day(), month.unwrap_or_default(), at.year());
        let clock = at.strftime("%H:%M");
        match self {
            Self::English => format!("{day} {month} {year}, {clock}"),
            Self::German => format!("{day}. {month} {year}, {clock}"),
            Self::Dutch => format!("{day} {month} {year} {clock}"),
        }
    }

    /// The weekdays, Monday first, as short as a table needs them.
    pub const fn weekdays(self) -> &'static [&'static str; 7] {
        &self.calendar().weekdays
    }

    const fn calendar(self) -> &'static Calendar {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
            Self::Dutch => &DUTCH,
        }
    }

    /// `de_AT.UTF-8` and `de-AT` are German.
    fn of_locale(locale: &str) -> Option<Self> {
        let language = locale.split(['-', '_', '.', '@']).next()?;
        Self::named(&language.to_ascii_lowercase())
    }
}

/// One entry of an Accept-Language header that we can follow: how much it is liked, and which it is.
fn wish(entry: &str) -> Option<(f32, Language)> {
    let mut parts = entry.split(';').map(str::trim);
    let language = Language::of_locale(parts.next()?)?;
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse).ok()?;
    (weight > 0.0 && weight <= 1.0).then_some((weight, language))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_told_things_in_the_first_language_it_likes_and_we_have() {
        for (header, language) in [
            ("", Language::English),
            ("de", Language::German),
            ("DE-at", Language::German),
            ("fr-FR, fr;q=0.9, nl;q=0.8, en;q=0.7", Language::Dutch),
            ("en;q=0.5, de;q=0.9", Language::German),
            ("nl, de", Language::Dutch),
            ("de;q=0, nl;q=0.1", Language::Dutch),
            ("*", Language::English),
            ("de;q=high, den, d", Language::English),
            ("de;q=NaN", Language::English),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }

    #[test]
    fn the_first_variable_that_says_anything_decides() {
        let language = |told: &[(&str, &str)]| {
            let told: Vec<_> = told.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Language::of_environment(|name| told.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone()))
        };
        assert_eq!(language(&[]), Language::English);
        assert_eq!(language(&[("LANG", "de_DE.UTF-8")]), Language::German);
        assert_eq!(language(&[("LANG", "de_DE.UTF-8"), ("LC_MESSAGES", "nl_BE")]), Language::Dutch);
        assert_eq!(language(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C.UTF-8")]), Language::English);
        assert_eq!(language(&[("LANG", "nl"), ("LC_ALL", "")]), Language::Dutch);
        assert_eq!(language(&[("LANG", "fr_FR@euro")]), Language::English);
    }

    #[test]
    fn thousands_are_set_apart_as_the_language_does() {
        for (n, english, german) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1_000, "1,000", "1.000"),
            (12_345, "12,345", "12.345"),
            (u64::MAX, "18,446,744,073,709,551,615", "18.446.744.073.709.551.615"),
        ] {
            assert_eq!(Language::English.number(n), english);
            assert_eq!(Language::German.number(n), german);
            assert_eq!(Language::Dutch.number(n), german);
        }
    }

    #[test]
    fn a_moment_is_written_as_the_language_does() {
        let at: Zoned = "2026-03-04T05:06[UTC]".parse().unwrap();
        let written = Language::ALL.map(|language| language.moment(&at));
        assert_eq!(written, ["4 Mar 2026, 05:06", "4. März 2026, 05:06", "4 mrt 2026 05:06"]);
    }
}
