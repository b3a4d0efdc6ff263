use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use super::*;
use crate::control::{
    ADDED_PROFILES_BOUND, Control, DeviceOptions, ListOptions, NewRule, OWN_PATTERNS_BOUND, PAUSES_BOUND,
};
use crate::policy::{Action, Comment, DeviceId, Format, Kind, MacAddr, OwnTarget, Profile, Scope};
use crate::store::{self, AddedProfile};

const MAC: MacAddr = MacAddr([0x3c, 0x5a, 0xb4, 1, 2, 3]);

struct House {
    control: Control,
    cell: Arc<SnapshotCell>,
    store: Arc<Store>,
    time: Arc<AtomicU64>,
    dir: TempDir,
}

fn house(options: impl FnOnce(&TempDir) -> Options) -> House {
    let dir = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicU64::new(1_000_000));
    let clock = Clock::Manual(time.clone());
    let (path, day) = (dir.path().join("data"), Duration::from_secs(86_400));
    let store =
        Store::open(store::Options { keep_queries: day, flush: day, ..store::Options::at(path) }, clock.clone());
    let state = State::load(options(&dir), store.settings());
    let cell = Arc::new(SnapshotCell::new(state.snapshot()));
    let (control, writer) = Control::start(state, cell.clone(), store.clone(), clock, CancellationToken::new());
    tokio::spawn(writer);
    House { control, cell, store, time, dir }
}

fn rule(name: &str, action: Action, until: Option<u64>) -> NewRule {
    let target = OwnTarget::parse(Kind::Subtree, name).unwrap();
    NewRule { target, comment: None, action, scope: Scope::Everyone, until: until.map(Timestamp::from_millis) }
}

#[tokio::test]
async fn a_rule_is_in_the_snapshot_when_it_is_answered_and_replaces_its_like() {
    let house = house(|_| Options::default());
    let first = house.control.add_rule(rule("ads.example", Action::Block, None)).await.unwrap();
    let second = house.control.add_rule(rule("ads.example", Action::Allow, None)).await.unwrap();
    let other = house.control.add_rule(rule("tv.example", Action::Block, None)).await.unwrap();
    assert_eq!(first.id, second.id);
    assert_ne!(second.id, other.id);
    assert_eq!(house.cell.current().policy.rules(), [second.clone(), other.clone()]);
    assert_eq!(house.control.remove_rule(second.id).await.unwrap(), second);
    assert_eq!(house.cell.current().policy.rules(), [other]);
    let refusal = house.control.remove_rule(second.id).await.unwrap_err();
    assert_eq!(refusal.to_string(), format!("there is no rule {}", second.id));
}

#[tokio::test]
async fn what_was_acknowledged_is_on_disk() {
    let house = house(|_| Options::default());
    let rule = house.control.add_rule(rule("ads.example", Action::Block, None)).await.unwrap();
    house.control.name_device(DeviceId::Mac(MAC), Some("Anna".into())).await.unwrap();
    let settings = house.store.settings();
    assert_eq!(settings.rules, [rule]);
    assert_eq!(settings.device_names, [(DeviceId::Mac(MAC), "Anna".to_owned())]);
}

#[tokio::test]
async fn a_rule_that_has_ended_is_gone_with_the_next_command() {
    let house = house(|_| Options::default());
    house.control.add_rule(rule("pause.example", Action::Allow, Some(2_000_000))).await.unwrap();
    let kept = house.control.add_rule(rule("ads.example", Action::Block, None)).await.unwrap();
    assert_eq!(house.cell.current().policy.rules().len(), 2);
    house.time.store(2_000_000, Ordering::Relaxed);
    house.control.name_device(DeviceId::Mac(MAC), None).await.unwrap();
    assert_eq!(house.cell.current().policy.rules(), [kept]);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_has_ended_is_swept_without_a_command() {
    let house = house(|_| Options::default());
    house.control.add_rule(rule("pause.example", Action::Allow, Some(2_000_000))).await.unwrap();
    house.time.store(2_000_000, Ordering::Relaxed);
    let swept = async {
        while !house.cell.current().policy.rules().is_empty() {
            tokio::time::sleep(SWEEP).await;
        }
    };
    tokio::time::timeout(10 * SWEEP, swept).await.unwrap();
}

#[tokio::test]
async fn a_rule_is_changed_where_it_stands_and_its_age_with_what_it_does() {
    let house = house(|_| Options::default());
    let first = house.control.add_rule(rule("ads.example", Action::Block, None)).await.unwrap();
    let other = house.control.add_rule(rule("tv.example", Action::Block, None)).await.unwrap();
    house.time.store(1_500_000, Ordering::Relaxed);
    let comment = Comment::parse("since the update").unwrap();
    let noted = NewRule { comment, ..rule("ads.example", Action::Block, None) };
    let noted = house.control.change_rule(first.id, noted).await.unwrap();
    assert_eq!((noted.id, noted.since), (first.id, first.since));
    let target = OwnTarget::parse(Kind::Wildcard, "ads*.example").unwrap();
    let widened = NewRule { target, ..rule("ads.example", Action::Block, None) };
    let widened = house.control.change_rule(first.id, widened).await.unwrap();
    assert_eq!(
        (widened.id, widened.since, widened.comment.as_ref()),
        (first.id, Timestamp::from_millis(1_500_000), None)
    );
    assert_eq!(house.cell.current().policy.rules(), [widened.clone(), other.clone()]);
    assert_eq!(house.store.settings().rules, [widened, other]);
    let same = house.control.change_rule(first.id, rule("tv.example", Action::Allow, None)).await.unwrap_err();
    assert!(same.to_string().starts_with("another of your rules is about tv.example already"), "{same}");
    let gone = house.control.change_rule(7, rule("new.example", Action::Block, None)).await.unwrap_err();
    assert_eq!(gone.to_string(), "there is no rule 7");
}

#[tokio::test]
async fn patterns_are_bounded_and_names_are_not_held_back_by_them() {
    let house = house(|_| Options::default());
    let pattern = |number: usize| NewRule {
        target: OwnTarget::parse(Kind::Regex, &format!("^ads{number}[0-9]")).unwrap(),
        ..rule("a.example", Action::Block, None)
    };
    for number in 0..OWN_PATTERNS_BOUND {
        house.control.add_rule(pattern(number)).await.unwrap();
    }
    let refusal = house.control.add_rule(pattern(OWN_PATTERNS_BOUND)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::TooMany(OWN_PATTERNS_BOUND, _)), "{refusal}");
    let name = house.control.add_rule(rule("a.example", Action::Block, None)).await.unwrap();
    let refusal = house.control.change_rule(name.id, pattern(OWN_PATTERNS_BOUND)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::TooMany(..)), "{refusal}");
    assert_eq!(house.cell.current().policy.rules().len(), OWN_PATTERNS_BOUND + 1);
}

#[tokio::test]
async fn a_pause_is_on_disk_and_in_force_until_it_ends_or_is_ended() {
    let house = house(|_| Options::default());
    let until = Timestamp::from_millis;
    let first = house.control.add_pause(Scope::Everyone, until(2_000_000)).await.unwrap();
    let second = house.control.add_pause(Scope::Everyone, until(3_000_000)).await.unwrap();
    let phone = house.control.add_pause(Scope::Device(DeviceId::Mac(MAC)), until(2_000_000)).await.unwrap();
    assert_eq!(first.id, second.id, "of two pauses for the same the later counts");
    assert_ne!(second.id, phone.id);
    assert_eq!(house.store.settings().pauses, [second.clone(), phone]);
    house.control.reload(None).await.unwrap();
    assert_eq!(house.cell.current().policy.pauses().len(), 2, "a reload ends no pause");
    house.time.store(2_000_000, Ordering::Relaxed);
    house.control.name_device(DeviceId::Mac(MAC), None).await.unwrap();
    assert_eq!(house.cell.current().policy.pauses(), std::slice::from_ref(&second));
    house.control.remove_pause(second.id).await.unwrap();
    assert!(house.cell.current().policy.pauses().is_empty() && house.store.settings().pauses.is_empty());
    let gone = house.control.remove_pause(second.id).await.unwrap_err();
    assert_eq!(gone.to_string(), format!("there is no pause {}", second.id));
    let nobody = house.control.add_pause(Scope::Profile("children".into()), until(3_000_000)).await.unwrap_err();
    assert_eq!(nobody.to_string(), "there is no profile called children");
}

#[tokio::test]
async fn pauses_are_bounded() {
    let house = house(|_| Options::default());
    let pause = async |number: usize| {
        let device = DeviceId::Address(std::net::Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into());
        house.control.add_pause(Scope::Device(device), Timestamp::from_millis(2_000_000)).await
    };
    for number in 0..PAUSES_BOUND {
        pause(number).await.unwrap();
    }
    assert!(matches!(pause(PAUSES_BOUND).await, Err(Refusal::TooMany(PAUSES_BOUND, "pauses"))));
    pause(0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_has_ended_is_swept_without_a_command() {
    let house = house(|_| Options::default());
    house.control.add_pause(Scope::Everyone, Timestamp::from_millis(2_000_000)).await.unwrap();
    house.time.store(2_000_000, Ordering::Relaxed);
    let swept = async {
        while !house.store.settings().pauses.is_empty() {
            tokio::time::sleep(SWEEP).await;
        }
    };
    tokio::time::timeout(10 * SWEEP, swept).await.unwrap();
}

#[tokio::test]
async fn a_rule_needs_a_profile_that_exists() {
    let house = house(|_| Options::default());
    let scope = Scope::Profile("children".into());
    let refusal = house.control.add_rule(NewRule { scope, ..rule("a.example", Action::Block, None) }).await;
    assert_eq!(refusal.unwrap_err().to_string(), "there is no profile called children");
}

#[tokio::test]
async fn the_page_names_devices_that_the_file_does_not() {
    let tv = |_: &TempDir| {
        let networks = vec![("192.0.2.9".parse().unwrap(), 32)];
        let tv = DeviceOptions {
            name: "tv".into(),
            mac: None,
            id: None,
            networks,
            profile: None,
            tags: vec![],
            unlogged: false,
        };
        Options { devices: vec![tv], ..Options::default() }
    };
    let house = house(tv);
    let address: IpAddr = "192.0.2.7".parse().unwrap();
    house.control.neighbours(HashMap::from([(address, MAC)])).await.unwrap();
    assert_eq!(house.cell.current().devices.identify(address).unwrap().name, "Device 02:03");
    house.control.name_device(DeviceId::Mac(MAC), Some("Anna".into())).await.unwrap();
    assert_eq!(house.cell.current().devices.identify(address).unwrap().name, "Anna");
    house.control.name_device(DeviceId::Mac(MAC), None).await.unwrap();
    assert_eq!(house.cell.current().devices.identify(address).unwrap().name, "Device 02:03");
    let fixed = house.control.name_device(DeviceId::Named("tv".into()), Some("x".into())).await.unwrap_err();
    assert_eq!(fixed.to_string(), "the name of tv is set in config.toml and can only be changed there");
    let unknown = house.control.name_device(DeviceId::Named("radio".into()), Some("x".into())).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no device name-radio");
}

#[tokio::test]
async fn the_first_password_is_set_once() {
    let house = house(|_| Options::default());
    house.control.set_password("hash".into(), true).await.unwrap();
    assert!(matches!(house.control.set_password("other".into(), true).await, Err(Refusal::PasswordSet)));
    house.control.set_password("other".into(), false).await.unwrap();
    assert_eq!(house.store.settings().password_hash.as_deref(), Some("other"));
}

#[tokio::test]
async fn a_reload_says_what_is_wrong_and_keeps_rules_and_devices() {
    let house = house(|dir| {
        let path = dir.path().join("mine.txt");
        std::fs::write(&path, "ads.example\n").unwrap();
        let (action, format) = (Action::Block, Format::Auto);
        Options {
            lists: vec![ListOptions {
                name: "mine".into(),
                path,
                action,
                format,
                trusted: false,
                tier: Default::default(),
                subscription: None,
                confirmed: Default::default(),
            }],
            ..Options::default()
        }
    });
    assert_eq!(&*house.control.lists()[0].group, "mine");
    let rule = house.control.add_rule(rule("tv.example", Action::Block, None)).await.unwrap();
    assert_eq!(house.control.reload(None).await.unwrap(), Vec::<String>::new());
    std::fs::remove_file(house.dir.path().join("mine.txt")).unwrap();
    let problems = house.control.reload(None).await.unwrap();
    assert!(matches!(&problems[..], [problem] if problem.contains("the last good copy")), "{problems:?}");
    assert_eq!(house.control.problems()[..], problems[..]);
    assert_eq!(house.control.lists()[0].problem.as_ref(), problems.first());
    assert_eq!(house.cell.current().policy.rules(), [rule]);
}

#[tokio::test]
async fn a_refused_configuration_is_told_until_one_is_taken() {
    let house = house(|_| Options::default());
    house.control.refuse_config("config.toml:1:1: no".into()).await.unwrap();
    assert_eq!(house.control.refused_config().as_deref(), Some("config.toml:1:1: no"));
    house.control.reload(None).await.unwrap();
    assert!(house.control.refused_config().is_some(), "lists that are read again do not mend it");
    house.control.reload(Some(Options::default())).await.unwrap();
    assert_eq!(house.control.refused_config(), None);
}

#[tokio::test]
async fn what_is_joined_counts_as_one_device_until_that_is_taken_back() {
    let house = house(|_| Options::default());
    let (phone, private) = (DeviceId::Mac(MAC), DeviceId::Mac(MacAddr([0x3e, 0x5a, 0xb4, 1, 2, 3])));
    let (first, second): (IpAddr, IpAddr) = ("192.0.2.7".parse().unwrap(), "192.0.2.8".parse().unwrap());
    let table = HashMap::from([(first, MAC), (second, MacAddr([0x3e, 0x5a, 0xb4, 1, 2, 3]))]);
    house.control.neighbours(table).await.unwrap();
    let who = |address| house.cell.current().devices.identify(address).unwrap().id.clone();
    assert_eq!((who(first), who(second)), (phone.clone(), private.clone()));
    house.control.join_device(private.clone(), Some(phone.clone())).await.unwrap();
    assert_eq!((who(first), who(second)), (phone.clone(), phone.clone()));
    // The other way round would be a ring.
    assert!(matches!(house.control.join_device(phone.clone(), Some(private.clone())).await, Err(Refusal::Unknown(_))));
    house.control.split_address(first, true).await.unwrap();
    assert_eq!(who(first), DeviceId::Address(first));
    house.control.split_address(first, false).await.unwrap();
    house.control.join_device(private.clone(), None).await.unwrap();
    assert_eq!((who(first), who(second)), (phone, private));
}

#[tokio::test]
async fn what_config_toml_says_of_profiles_is_fixed() {
    let profile = |name: &str| Profile { name: name.into(), lists: vec![] };
    let television = DeviceOptions {
        name: "television".into(),
        mac: None,
        id: None,
        networks: vec![([192, 168, 1, 9].into(), 32)],
        profile: Some("kids".into()),
        tags: vec![],
        unlogged: false,
    };
    let radio = DeviceOptions { name: "radio".into(), profile: None, networks: vec![], ..television.clone() };
    let profiles = vec![profile("house"), profile("kids")];
    let house = house(|_| Options { profiles, devices: vec![television, radio], ..Options::default() });
    let named = |name: &str| DeviceId::Named(name.into());
    let refusal = house.control.place_device(named("television"), Some("house".into())).await.unwrap_err();
    assert_eq!(refusal.to_string(), "the profile of television is set in config.toml and can only be changed there");
    house.control.place_device(named("radio"), Some("kids".into())).await.unwrap();
    let profile_of = |id: &DeviceId| {
        let now = house.cell.current();
        let profile = now.devices.find(id).map(|device| device.profile).unwrap_or_default();
        now.policy.profile_name(profile).map(str::to_owned)
    };
    assert_eq!(profile_of(&named("radio")).as_deref(), Some("kids"));
    house.control.place_device(named("radio"), None).await.unwrap();
    assert_eq!(profile_of(&named("radio")).as_deref(), Some("house"));
    // A device that nobody has met yet.
    house.control.place_device(DeviceId::Mac(MAC), Some("kids".into())).await.unwrap();
    assert_eq!(profile_of(&DeviceId::Mac(MAC)).as_deref(), Some("kids"));

    let lists = vec![];
    let refusal = house.control.change_profile(AddedProfile { name: "kids".into(), lists: lists.clone() }).await;
    assert!(matches!(refusal, Err(Refusal::Fixed(_))), "{refusal:?}");
    let refusal = house.control.remove_profile("house".into()).await;
    assert!(matches!(refusal, Err(Refusal::Fixed(_))), "{refusal:?}");
    let refusal = house.control.add_profile(AddedProfile { name: "kids".into(), lists: lists.clone() }).await;
    assert!(matches!(refusal, Err(Refusal::NameTaken(..))), "{refusal:?}");
    for number in 0..ADDED_PROFILES_BOUND {
        house.control.add_profile(AddedProfile { name: number.to_string(), lists: lists.clone() }).await.unwrap();
    }
    let refusal = house.control.add_profile(AddedProfile { name: "one more".into(), lists }).await;
    assert!(matches!(refusal, Err(Refusal::TooMany(ADDED_PROFILES_BOUND, _))), "{refusal:?}");
    // Without its profile a device has its own again.
    house.control.place_device(DeviceId::Mac(MAC), Some("7".into())).await.unwrap();
    house.control.remove_profile("7".into()).await.unwrap();
    assert_eq!(profile_of(&DeviceId::Mac(MAC)).as_deref(), Some("house"));
    assert!(house.store.settings().device_profiles.is_empty());
}
