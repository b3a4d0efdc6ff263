use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use super::*;
use crate::control::{Control, DeviceOptions, ListOptions};
use crate::policy::{Action, DeviceId, Format, MacAddr, Name};
use crate::store;

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
    let name = Name::parse(name).unwrap();
    NewRule { name, subtree: true, action, scope: Scope::Everyone, until: until.map(Timestamp::from_millis) }
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
    assert_eq!(house.control.problems()[..], ["config.toml:1:1: no".to_owned()]);
    house.control.reload(None).await.unwrap();
    assert_eq!(house.control.problems().len(), 1);
    house.control.reload(Some(Options::default())).await.unwrap();
    assert!(house.control.problems().is_empty());
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
