//! How days, times of day and slots are written, in `config.toml`, in the API and to people.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};

use super::{DAY, Days, MINUTE, Slot, TimeOfDay};

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum DayOfWeek {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl DayOfWeek {
    const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    fn name(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }
}

impl From<DayOfWeek> for Weekday {
    fn from(day: DayOfWeek) -> Self {
        match day {
            DayOfWeek::Mon => Self::Monday,
            DayOfWeek::Tue => Self::Tuesday,
            DayOfWeek::Wed => Self::Wednesday,
            DayOfWeek::Thu => Self::Thursday,
            DayOfWeek::Fri => Self::Friday,
            DayOfWeek::Sat => Self::Saturday,
            DayOfWeek::Sun => Self::Sunday,
        }
    }
}

impl Days {
    fn named(self) -> impl Iterator<Item = DayOfWeek> {
        DayOfWeek::ALL.into_iter().filter(move |&day| self.has(day.into()))
    }
}

/// Days that are not named are all days.
impl From<Vec<DayOfWeek>> for Days {
    fn from(days: Vec<DayOfWeek>) -> Self {
        if days.is_empty() { Self::ALL } else { days.into_iter().map(Weekday::from).collect() }
    }
}

impl From<Days> for Vec<DayOfWeek> {
    fn from(days: Days) -> Self {
        days.named().collect()
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is no time of day; write one as in \"21:00\"");
        let (hours, minutes) = text.split_once(':').ok_or_else(refuse)?;
        let number = |digits: &str, lengths: &[usize]| {
            let is_number = lengths.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<u16>().ok().filter(|_| is_number).ok_or_else(refuse)
        };
        let (hours, minutes) = (number(hours, &[1, 2])?, number(minutes, &[2])?);
        let all = hours * 60 + minutes;
        if minutes < 60 && i64::from(all) * MINUTE <= DAY { Ok(Self(all)) } else { Err(refuse()) }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("every day");
        }
        f.write_str(&self.named().map(DayOfWeek::name).collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from == self.to {
            true => write!(f, "{}", self.days),
            false => write!(f, "{} {}–{}", self.days, self.from, self.to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_reads_back_as_itself() {
        for text in ["00:00", "07:05", "21:00", "23:59", "24:00"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
        assert_eq!("7:00".parse(), Ok(TimeOfDay(420)));
        for text in ["", "7", "7:0", "24:01", "12:60", "-1:00", "+1:00", "007:00", "12:00:00", "9 pm"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_slot_is_told_in_a_line() {
        let slot =
            |days: Days, from: &str, to: &str| Slot { days, from: from.parse().unwrap(), to: to.parse().unwrap() };
        let evenings = Days::from_iter([Weekday::Sunday, Weekday::Monday]);
        assert_eq!(slot(evenings, "21:00", "07:00").to_string(), "mon sun 21:00–07:00");
        assert_eq!(slot(Days::ALL, "00:00", "00:00").to_string(), "every day");
    }

    #[test]
    fn a_slot_reads_back_as_itself() {
        let text = r#"{"days":["mon","sun"],"from":"21:00","to":"07:00"}"#;
        let slot: Slot = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&slot).unwrap(), text);
        for text in [r#"{"from":"21:00","to":"07:00"}"#, r#"{"days":[],"from":"21:00","to":"07:00"}"#] {
            assert_eq!(serde_json::from_str::<Slot>(text).unwrap().days, Days::ALL);
        }
        assert!(serde_json::from_str::<Slot>(r#"{"days":["noday"],"from":"21:00","to":"07:00"}"#).is_err());
    }
}
