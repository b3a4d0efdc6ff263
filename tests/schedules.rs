//! Lists that are in force at some hours only.
#![allow(clippy::unwrap_used)] // a test fails by panicking

#[path = "schedules/minutes.rs"]
mod minutes;
mod support;

use jiff::civil::{Weekday, date};
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};
use serde_json::{Value, json};
use sordino::policy::{
    Action, Asker, Days, DeviceId, Format, ListSource, Name, Policy, PolicySources, Profile, Schedule, ScheduleUse,
    Schedules, Slot, Tier, Trial, Verdict,
};
use sordino::time::Timestamp;
use support::forwarder::Forwarder;
use support::sordino::Setup;
use support::until;

fn slot(days: Days, from: &str, to: &str) -> Slot {
    Slot { days, from: from.parse().unwrap(), to: to.parse().unwrap() }
}

fn schedule(name: &str, slots: &[Slot]) -> Schedule {
    Schedule { name: name.into(), slots: slots.to_vec() }
}

fn used(list: &str, profile: Option<&str>, schedule: Option<&str>) -> ScheduleUse {
    ScheduleUse { list: list.into(), profile: profile.map(str::to_owned), schedule: schedule.map(str::to_owned) }
}

fn policy(lists: &[(&str, &str)], profiles: &[&str]) -> Policy {
    let list = |&(name, content): &(&str, &str)| ListSource {
        name: name.into(),
        action: Action::Block,
        format: Format::Auto,
        trusted: false,
        tier: Tier::Careful,
        content: Ok(content.as_bytes().into()),
    };
    let profile = |name: &&str| Profile { name: (*name).into(), lists: Vec::new() };
    Policy::compile(PolicySources {
        lists: lists.iter().map(list).collect(),
        profiles: profiles.iter().map(profile).collect(),
        ..PolicySources::default()
    })
}

fn moment(zone: &str, year: i16, month: i8, day: i8, hour: i8, minute: i8) -> Timestamp {
    let at = date(year, month, day).at(hour, minute, 0, 0).in_tz(zone).unwrap();
    Timestamp::from_millis(at.timestamp().as_millisecond().try_into().unwrap())
}

fn verdict(policy: &Policy, profile: &str, name: &str, at: Timestamp) -> Verdict {
    asked(policy, profile, |asker| policy.judge(asker, Name::parse(name).unwrap().as_ref(), 1, at).verdict)
}

fn asked<T>(policy: &Policy, profile: &str, ask: impl FnOnce(&Asker<'_>) -> T) -> T {
    let device = DeviceId::Named("phone".into());
    let profile = policy.profile(profile).unwrap_or_default();
    ask(&Asker { device: &device, joined: &[], profile, address: [127, 0, 0, 1].into(), name: "phone", tags: &[] })
}

/// Every minute at which `slots` hold in the 36 hours behind midnight in Berlin, as the wall clock shows them.
fn on_the_wall(slots: &[Slot], year: i16, month: i8, day: i8) -> Vec<String> {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let schedule = schedule("x", slots);
    let midnight = date(year, month, day).in_tz("Europe/Berlin").unwrap();
    let minutes = (0..36 * 60).map(|minute| &midnight + minute.minutes());
    let holding = minutes.filter(|at: &Zoned| {
        let at = Timestamp::from_millis(at.timestamp().as_millisecond().try_into().unwrap());
        schedule.holds(&zone, at)
    });
    holding.map(|at| at.strftime("%d %H:%M %z").to_string()).collect()
}

#[test]
fn a_slot_in_a_skipped_hour_does_not_happen_and_one_in_a_repeated_hour_happens_twice() {
    let night = [slot(Days::from_iter([Weekday::Sunday]), "02:58", "03:00")];
    assert_eq!(on_the_wall(&night, 2026, 3, 22), ["22 02:58 +0100", "22 02:59 +0100"]);
    assert_eq!(on_the_wall(&night, 2026, 3, 29), Vec::<String>::new());
    let twice = ["25 02:58 +0200", "25 02:59 +0200", "25 02:58 +0100", "25 02:59 +0100"];
    assert_eq!(on_the_wall(&night, 2026, 10, 25), twice);
}

#[test]
fn a_slot_over_midnight_belongs_to_the_day_it_begins_on() {
    let night = [slot(Days::from_iter([Weekday::Saturday]), "23:59", "00:02")];
    // The 21st of November 2026 is a Saturday.
    assert_eq!(on_the_wall(&night, 2026, 11, 21), ["21 23:59 +0100", "22 00:00 +0100", "22 00:01 +0100"]);
    assert_eq!(on_the_wall(&night, 2026, 11, 20), Vec::<String>::new());
    let whole = [slot(Days::from_iter([Weekday::Saturday]), "12:00", "12:00")];
    let day = on_the_wall(&whole, 2026, 11, 21);
    assert_eq!((day.len(), day[0].as_str(), day[1439].as_str()), (1440, "21 00:00 +0100", "21 23:59 +0100"));
}

#[test]
fn a_profile_has_hours_of_its_own() {
    let policy =
        policy(&[("games", "||games.example^"), ("ads", "||ads.example^")], &["children", "grown-ups", "guests"]);
    let evening = schedule("evening", &[slot(Days::ALL, "20:00", "24:00")]);
    let school = schedule("school", &[slot(Days::ALL, "08:00", "13:00")]);
    let schedules = Schedules {
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        all: vec![evening, school],
        uses: vec![
            used("games", None, Some("evening")),
            used("games", Some("children"), Some("school")),
            used("games", Some("grown-ups"), None),
        ],
    };
    let policy = policy.with_schedules(&schedules);
    let at = |hour| moment("Europe/Berlin", 2026, 7, 1, hour, 0);
    let blocked = |profile: &str, hour| verdict(&policy, profile, "games.example", at(hour)) == Verdict::Block;
    for (profile, hours) in
        [("children", [true, false, false]), ("grown-ups", [true; 3]), ("guests", [false, false, true])]
    {
        assert_eq!([9, 15, 21].map(|hour| blocked(profile, hour)), hours, "{profile}");
        assert_eq!(verdict(&policy, profile, "ads.example", at(15)), Verdict::Block);
    }
    let state = |profile: &str| policy.schedule_of("games", policy.profile(profile), at(15));
    let children = state("children").unwrap();
    assert_eq!((&*children.schedule, children.in_force), ("school", false));
    assert_eq!(children.changes_at, Some(moment("Europe/Berlin", 2026, 7, 2, 8, 0)));
    assert_eq!(state("grown-ups"), None);
    assert_eq!(policy.schedule_of("games", None, at(15)).unwrap().changes_at, Some(at(20)));
    assert_eq!(policy.schedule_of("ads", None, at(15)), None);
}

#[test]
fn what_a_list_says_counts_in_its_hours_only_exceptions_and_addresses_included() {
    let lists = [("shut", "||site.example^\n"), ("open", "@@||site.example^\n"), ("places", "198.51.100.0/24\n")];
    let policy = policy(&lists, &[]);
    let morning = schedule("morning", &[slot(Days::ALL, "06:00", "12:00")]);
    let uses = ["open", "places"].map(|list| used(list, None, Some("morning"))).to_vec();
    let policy = policy.with_schedules(&Schedules { zone: TimeZone::UTC, all: vec![morning], uses });
    let at = |hour| moment("UTC", 2026, 7, 1, hour, 0);
    let site = [5, 7, 13].map(|hour| verdict(&policy, "", "site.example", at(hour)));
    assert_eq!(site, [Verdict::Block, Verdict::Allow, Verdict::Block]);
    let name = Name::parse("www.example").unwrap();
    let place = |hour| {
        let addresses = ["198.51.100.7".parse().unwrap()];
        asked(&policy, "", |asker| policy.judge_addresses(asker, name.as_ref(), 1, &addresses, at(hour)))
            .map(|judgement| judgement.verdict)
    };
    let explained =
        |hour| asked(&policy, "", |asker| policy.explain_address(asker, "198.51.100.7".parse().unwrap(), 1, at(hour)));
    let report = policy.lists().iter().find(|report| &*report.name == "places").unwrap();
    assert_eq!((report.names, report.rejected), (1, 0), "{report:?}");
    assert_eq!([5, 7, 13].map(place), [None, Some(Verdict::Block), None]);
    assert_eq!((explained(5).matches.len(), explained(7).matches.len()), (0, 1));
    assert_eq!(explained(5).scheduled[0].state.changes_at, Some(at(6)));
}

#[test]
fn an_explanation_says_when_a_list_comes_back_and_a_trial_asks_for_all_hours() {
    let policy = policy(&[("games", "||games.example^")], &[]);
    let night = schedule("night", &[slot(Days::from_iter([Weekday::Friday]), "21:00", "07:00")]);
    let uses = vec![used("games", None, Some("night"))];
    let policy = policy.with_schedules(&Schedules { zone: TimeZone::UTC, all: vec![night], uses });
    let name = Name::parse("www.games.example").unwrap();
    // The 20th of November 2026 is a Friday.
    let at = |day, hour| moment("UTC", 2026, 11, day, hour, 30);
    let explain = |at| asked(&policy, "", |asker| policy.explain(asker, name.as_ref(), 1, at));
    let before = explain(at(19, 12));
    assert_eq!((before.verdict, before.matches.len()), (Verdict::Pass, 0));
    let [resting] = &before.scheduled[..] else { panic!("{before:?}") };
    assert_eq!((&*resting.list, resting.state.in_force), ("games", false));
    assert_eq!(resting.state.changes_at, Some(moment("UTC", 2026, 11, 20, 21, 0)));
    let within = explain(at(21, 6));
    assert_eq!((within.verdict, within.matches.len()), (Verdict::Block, 1));
    assert_eq!(within.scheduled[0].state.changes_at, Some(moment("UTC", 2026, 11, 21, 7, 0)));
    assert_eq!(
        asked(&policy, "", |asker| policy.explain(asker, Name::parse("other.example").unwrap().as_ref(), 1, at(21, 6)))
            .scheduled,
        []
    );
    let trial = Trial::of_listed(&policy, "games", Action::Watch).unwrap();
    let tried = asked(&policy, "", |asker| policy.judge_on(&trial, asker, name.as_ref(), 1, at(19, 12)));
    assert_eq!((tried.says, tried.judgement.verdict), (Some(Verdict::Watch), Verdict::Watch));
}

#[test]
fn schedules_of_the_file_are_in_force_and_are_told() {
    let forwarder = Forwarder::plain();
    // A day that is neither today nor beside it, whatever happens at midnight while this runs.
    let day = jiff::Timestamp::now().to_zoned(TimeZone::UTC).date() + 3.days();
    let day = day.strftime("%a").to_string().to_lowercase();
    let slots = format!(
        "\n[time]\nzone = \"UTC\"\n[[schedule]]\nname = \"now\"\nslots = [{{ from = \"00:00\", to = \"24:00\" }}]\n\
         [[schedule]]\nname = \"later\"\nslots = [{{ days = [{day:?}], from = \"10:00\", to = \"11:00\" }}]\n"
    );
    let profiles = "\n[[profile]]\nname = \"home\"\nlists = { c = { action = \"block\", schedule = \"later\" }, \
                    d = { schedule = \"always\" } }\n";
    let setup = Setup::before(&forwarder)
        .list("a", "block", "a.example\n")
        .table("schedule = \"now\"\n")
        .list("b", "block", "b.example\n")
        .table("schedule = \"later\"\n")
        .list("c", "watch", "c.example\n")
        .list("d", "block", "d.example\n")
        .table("schedule = \"later\"\n")
        .table(&slots)
        .table(profiles);
    let (code, said) = setup.check();
    assert_eq!(code, 0, "{said}");
    for line in ["clocks of UTC", "now: every day 00:00–24:00; holds now\n    for a", "for b, d, c under home"] {
        assert!(said.contains(line), "no {line:?} in {said}");
    }
    let sordino = setup.start();
    let muted = |name: &str| sordino.resolve(name) == ["A 0.0.0.0"];
    let names = ["a.example", "b.example", "c.example", "d.example"];
    assert_eq!(names.map(muted), [true, false, false, true]);
    let rest = sordino.rest();
    let lists = rest.read("/api/v1/lists");
    let list = |name: &str| lists.as_array().unwrap().iter().find(|list| list["name"] == name).unwrap();
    assert_eq!(list("a")["schedule"]["in_force"], true, "{lists}");
    assert_eq!(list("a")["schedule"].get("changes_at"), Some(&Value::Null), "{lists}");
    assert_eq!(list("b")["schedule"]["schedule"], "later");
    assert_eq!((&list("c")["schedule"], &list("c")["profile_schedules"][0]["profile"]), (&Value::Null, &json!("home")));
    let why = rest.read("/api/v1/explain?name=b.example");
    assert_eq!((&why["explanation"]["verdict"], &why["explanation"]["matches"]), (&json!("pass"), &json!([])));
    let resting = &why["explanation"]["scheduled"][0];
    assert_eq!((&resting["list"], &resting["in_force"]), (&json!("b"), &json!(false)), "{why}");
    assert!(resting["changes_at"].as_u64().unwrap() > 1_793_491_200_000, "{why}");

    // A reload puts other hours in force.
    let config = sordino.dir().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("schedule = \"later\"", "schedule = \"now\"")).unwrap();
    sordino.signal("HUP");
    until("the other hours", || muted("b.example").then_some(()));
    assert_eq!(names.map(muted), [true; 4]);
}
