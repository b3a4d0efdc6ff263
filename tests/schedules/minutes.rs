//! What is prepared of a schedule against the wall clock, looked at minute by minute.

use jiff::Timestamp as Moment;
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::sample::select;
use sordino::policy::{Days, Schedule, Schedules, Slot, Verdict};
use sordino::time::Timestamp;

/// A zone and a day near which its clocks do something.
const CHANGES: [(&str, &str); 13] = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Pacific/Apia", "2011-12-30"),
    ("Pacific/Apia", "2011-12-30"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("Asia/Kolkata", "2026-01-01"),
    ("UTC", "2028-02-29"),
    ("UTC", "1970-01-09"),
    ("Africa/Casablanca", "2027-03-07"),
];

/// Minutes before and behind the change.
const AROUND: i64 = 8 * 1440;

/// A slot as a person would write it down: the days, and hours and minutes.
#[derive(Clone, Debug)]
struct Written {
    days: Vec<Weekday>,
    from: (i8, i8),
    to: (i8, i8),
}

impl Written {
    fn slot(&self) -> Slot {
        let text = |(hour, minute): (i8, i8)| format!("{hour}:{minute:02}");
        let (from, to) = (text(self.from).parse().unwrap(), text(self.to).parse().unwrap());
        Slot { days: Days::from_iter(self.days.iter().copied()), from, to }
    }

    /// Whether `now` is between the begin and the end of the slot of today or of yesterday, as dates have it.
    fn holds(&self, now: DateTime) -> bool {
        let (today, yesterday) = (now.date(), now.date().yesterday().unwrap());
        [today, yesterday].into_iter().filter(|day| self.days.contains(&day.weekday())).any(|day| {
            let (begin, end) = self.of(day);
            begin <= now && now < end
        })
    }

    fn of(&self, day: Date) -> (DateTime, DateTime) {
        let next = day.tomorrow().unwrap();
        if self.from == self.to {
            return (day.to_datetime(Time::midnight()), next.to_datetime(Time::midnight()));
        }
        let at = |day: Date, (hour, minute): (i8, i8)| match hour {
            24 => day.tomorrow().unwrap().to_datetime(Time::midnight()),
            _ => day.at(hour, minute, 0, 0),
        };
        (at(day, self.from), at(if self.from < self.to { day } else { next }, self.to))
    }
}

/// Mostly such that clocks are changed at, whole hours among them.
fn times() -> impl Strategy<Value = (i8, i8)> {
    let hours = prop_oneof![3 => 0i8..4, 2 => 0i8..24];
    let minutes = prop_oneof![Just(0i8), Just(30), 0i8..60];
    (hours, minutes)
}

fn slots() -> impl Strategy<Value = Written> {
    let weekdays = vec![
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
    let days = proptest::sample::subsequence(weekdays, 1..=7);
    let to = prop_oneof![9 => times(), 1 => Just((24, 0))];
    (days, times(), to).prop_map(|(days, from, to)| Written { days, from, to })
}

fn millis(at: Moment) -> Timestamp {
    Timestamp::from_millis(at.as_millisecond().try_into().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_list_is_in_force_while_the_wall_clock_shows_a_time_of_its_slots(
        (zone, day) in select(CHANGES.to_vec()),
        written in proptest::collection::vec(slots(), 1..5),
        offset in 0i64..1440,
        pause in 1i64..4000,
    ) {
        let tz = TimeZone::get(zone).unwrap();
        let change = day.parse::<Date>().unwrap().to_zoned(TimeZone::UTC).unwrap().timestamp();
        let begin = change - AROUND.minutes() + offset.minutes();
        let schedule = Schedule { name: "s".into(), slots: written.iter().map(Written::slot).collect() };
        let uses = vec![super::used("x", None, Some("s"))];
        let bare = super::policy(&[("x", "x.example")], &[]);
        let bare = bare.with_schedules(&Schedules { zone: tz.clone(), all: vec![schedule], uses });
        let mut prepared = bare.prepared(millis(begin)).unwrap();
        let mut flips = Vec::new();
        let mut before = None;
        for minute in 0..2 * AROUND {
            let at = begin + minute.minutes();
            // Now and then control looks; between, what was prepared may end.
            if minute % pause == 0 && let Some(again) = prepared.prepared(millis(at)) {
                prepared = again;
            }
            let wall = tz.to_datetime(at);
            let holds = written.iter().any(|slot| slot.holds(wall));
            let expected = if holds { Verdict::Block } else { Verdict::Pass };
            for at in [millis(at), Timestamp::from_millis(millis(at).millis() + 59_999)] {
                prop_assert_eq!(super::verdict(&prepared, "", "x.example", at), expected, "{} {}", zone, wall);
            }
            if minute % 7 == 0 {
                prop_assert_eq!(super::verdict(&bare, "", "x.example", millis(at)), expected, "{} {}", zone, wall);
            }
            if before.replace(holds).is_some_and(|before| before != holds) {
                flips.push(millis(at));
            }
        }
        // What is told of the next change is the next change.
        for (place, pair) in flips.windows(2).enumerate().take(20) {
            let state = bare.schedule_of("x", None, pair[0]).unwrap();
            prop_assert_eq!(state.changes_at, Some(pair[1]), "{} change {}", zone, place);
        }
    }
}
