//! What goes wrong with disks and directories. Resolving never notices: here, recording goes on.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sordino::event::Event;
use sordino::store::{Settings, Store};

use crate::house::*;

/// Records `events` and waits for them to be taken in; they are in memory then.
fn take(running: &mut Running, events: &[Event]) {
    events.iter().cloned().for_each(|event| running.sink.hand_over(event));
    running.taken(events.len());
}

pub(crate) fn set_aside_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_string_lossy().contains(".damaged-")).collect()
}

type Damage = fn(&Path, &mut Dice);

/// What may happen to a store that is closed.
const DAMAGES: [(&str, Damage); 12] = [
    ("a journal cut short", |dir, dice| {
        let db = dir.join("days/00000001/db");
        let len = dice.below(fs::metadata(&db).unwrap().len());
        fs::File::options().write(true).open(db).unwrap().set_len(len).unwrap();
    }),
    ("a journal with garbage in it", |dir, dice| scribble(&dir.join("days/00000001/db"), dice, 512)),
    ("a journal of garbage", |dir, dice| garbage(&dir.join("days/00000001/db"), dice)),
    ("a journal of nothing", |dir, _| fs::write(dir.join("days/00000001/db"), []).unwrap()),
    ("a journal that is a file", |dir, _| {
        fs::remove_dir_all(dir.join("days")).unwrap();
        fs::write(dir.join("days"), "not a directory").unwrap();
    }),
    ("a period that is a file", |dir, _| {
        fs::remove_dir_all(dir.join("days/00000001")).unwrap();
        fs::write(dir.join("days/00000001"), "not a directory").unwrap();
    }),
    ("tallies of garbage", |dir, dice| garbage(&dir.join("archive/db"), dice)),
    ("no directory for large values", |dir, _| {
        fs::remove_dir_all(dir.join("days/00000001/blobs")).unwrap();
        fs::write(dir.join("days/00000001/blobs"), "not a directory").unwrap();
    }),
    ("a journal that is gone", |dir, _| fs::remove_file(dir.join("days/00000001/db")).unwrap()),
    ("tallies that are gone", |dir, _| fs::remove_dir_all(dir.join("archive")).unwrap()),
    ("a journal of somebody else's", |dir, _| {
        let (foreign, db) = (dir.join("archive/db"), dir.join("days/00000001/db"));
        fs::copy(foreign, db).unwrap();
    }),
    ("foreign settings of sled", |dir, dice| garbage(&dir.join("days/00000001/conf"), dice)),
];

fn scribble(path: &Path, dice: &mut Dice, len: usize) {
    let mut bytes = fs::read(path).unwrap();
    let place = usize::try_from(dice.below((bytes.len() - len) as u64)).unwrap();
    bytes[place..place + len].fill_with(|| dice.below(256) as u8);
    fs::write(path, bytes).unwrap();
}

fn garbage(path: &Path, dice: &mut Dice) {
    let bytes: Vec<u8> = (0..200_000).map(|_| dice.below(256) as u8).collect();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_store_goes_on() {
    for (what, damage) in DAMAGES {
        for seed in 1..=3 {
            let dir = tempfile::tempdir().unwrap();
            let (old, new) = (household(400, seed), household(300, 100 + seed));
            drop(record(dir.path(), &old));
            damage(dir.path(), &mut Dice(seed));
            let store = record(dir.path(), &new);
            assert_eq!(store.health().unflushed, 0, "{what}: {:?}", store.health());
            assert!(events_of(&store).ends_with(&new), "{what}");
            let health = store.health();
            drop(store);
            if let Some(aside) = health.set_aside {
                assert!(aside.exists(), "{what}: {aside:?}");
            }
            let store = reopen(dir.path());
            assert!(events_of(&store).ends_with(&new), "{what}: and after a restart");
            assert_eq!(store.health().problem, None, "{what}");
        }
    }
}

#[test]
fn what_is_beyond_repair_is_set_aside_and_named_and_bounded() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..6 {
        let events = household(100, round);
        drop(record(dir.path(), &events));
        let journal = dir.path().join("days");
        let period = fs::read_dir(&journal).unwrap().map(|entry| entry.unwrap().path());
        let period = period.filter(|path| path.extension().is_none()).max().unwrap();
        garbage(&period.join("db"), &mut Dice(round));
        let health = reopen(dir.path()).health();
        let aside = health.set_aside.expect("set aside");
        assert!(aside.exists() && set_aside_in(&journal).contains(&aside), "{aside:?}");
    }
    assert_eq!(set_aside_in(&dir.path().join("days")).len(), 3, "the oldest ones are gone");
}

#[test]
fn a_file_in_place_of_the_directory_leaves_memory_until_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    fs::write(&path, "in the way").unwrap();
    let mut running = Running::start(options(&path), manual_clock().0);
    let problem = running.store.health().problem.unwrap();
    assert!(problem.contains(path.to_str().unwrap()) && problem.contains("store.path"), "{problem}");
    let events = household(500, 1);
    take(&mut running, &events);
    assert_eq!(consistent(&running.store), events);
    assert!(running.store.save_settings(&Settings::default()).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"in the way");

    fs::remove_file(&path).unwrap();
    let store = running.stop();
    assert_eq!(store.health().problem, None);
    assert_eq!(consistent(&store), events);
    drop(store);
    assert_eq!(consistent(&reopen(&path)), events, "written once the directory could be made");
}

#[test]
fn two_stores_on_one_directory_do_each_other_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (household(300, 1), household(200, 2));
    let mut first = Running::start(options(dir.path()), manual_clock().0);
    let mut second = Running::start(options(dir.path()), manual_clock().0);
    take(&mut first, &ours);
    take(&mut second, &theirs);
    let problem = second.store.health().problem.unwrap();
    assert!(problem.contains("Another sordino"), "{problem}");
    assert!(second.store.save_settings(&Settings::default()).is_err());
    assert_eq!(consistent(&second.store), theirs);
    let store = first.stop();
    assert_eq!(store.health().problem, None);
    assert_eq!(consistent(&store), ours);
    drop(store);

    let store = second.stop();
    assert_eq!(store.health().problem, None, "the directory is free now");
    assert_eq!(consistent(&store), [ours, theirs].concat());
}

#[test]
fn a_write_that_fails_costs_nothing_that_a_later_one_can_save() {
    let dir = tempfile::tempdir().unwrap();
    let (early, late) = (household(400, 1), household(400, 2));
    let mut options = options(dir.path());
    options.flush = Duration::ZERO;
    let mut running = Running::start(options, manual_clock().0);
    take(&mut running, &early);
    let blobs = dir.path().join("days/00000001/blobs");
    // The last flush may still be under way, and sled makes the directory when it begins.
    while running.store.health().unflushed > 0 {
        std::thread::yield_now();
    }
    fs::remove_dir_all(&blobs).unwrap();
    fs::write(&blobs, "in the way").unwrap();
    take(&mut running, &late);
    let all = [early, late].concat();
    assert_eq!(consistent(&running.store), all, "readers see everything");
    let problem = running.store.health().problem.unwrap();
    assert!(problem.contains("every minute"), "{problem}");
    fs::remove_file(&blobs).unwrap();

    let store = running.stop();
    assert_eq!(store.health().problem, None);
    assert_eq!(consistent(&store), all);
    drop(store);
    assert_eq!(consistent(&reopen(dir.path())), all);
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let events = household(50, 1);
    drop(record(dir.path(), &events));
    fs::write(dir.path().join("layout"), "3\n").unwrap();
    let store = record(dir.path(), &household(50, 2));
    assert!(store.health().problem.unwrap().contains("newer sordino"));
    assert_eq!(store.health().unflushed, 50);
    drop(store);
    fs::write(dir.path().join("layout"), "2\n").unwrap();
    assert_eq!(consistent(&reopen(dir.path())), events);
}

#[test]
fn only_we_may_read_what_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    drop(record(&path, &household(MANY, 1)));
    let mut stack = vec![path];
    while let Some(path) = stack.pop() {
        let about = path.metadata().unwrap();
        let (mode, wanted) = (about.permissions().mode() & 0o777, if about.is_dir() { 0o700 } else { 0o600 });
        assert_eq!(mode, wanted, "{path:?}");
        if about.is_dir() {
            stack.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
}

const MANY: usize = 20_000;

/// A small disk of its own, taken away at the end. Mounting needs root.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(dir.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(dir)),
            _ => {
                println!("skipped: mounting a tmpfs is not permitted here");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

/// Fills the disk to its last byte.
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = fs::File::create(path).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
}

#[test]
fn a_full_disk_is_told_of_and_healed() {
    let Some(disk) = SmallDisk::mount("size=16m") else { return };
    let path = disk.path().join("data");
    let (early, late) = (household(2_000, 1), household(2_000, 2));
    drop(record(&path, &early));
    let mut running = Running::start(options(&path), manual_clock().0);
    fill(&disk.path().join("fill"));
    take(&mut running, &late);
    assert!(running.store.save_settings(&Settings::default()).is_err());
    let store = running.stop();
    let problem = store.health().problem.unwrap();
    assert!(problem.contains("is full") && problem.contains("Make room"), "{problem}");
    assert_eq!(store.health().unflushed, 2_000);
    let all = [early, late.clone()].concat();
    assert_eq!(consistent(&store), all, "readers see everything");
    drop(store);

    let store = reopen(&path);
    assert!(store.health().problem.unwrap().contains("is full"), "also where it was full at the start");
    drop(store);
    let mut running = Running::start(options(&path), manual_clock().0);
    take(&mut running, &late);
    fs::remove_file(disk.path().join("fill")).unwrap();
    let store = running.stop();
    assert_eq!(store.health().problem, None);
    assert_eq!(consistent(&store), all);
}

#[test]
fn a_disk_that_may_only_be_read_is_told_of_and_healed() {
    let Some(disk) = SmallDisk::mount("size=16m") else { return };
    let path = disk.path().join("data");
    let (early, late) = (household(500, 1), household(500, 2));
    drop(record(&path, &early));
    let remount = |way: &str| {
        let options = format!("remount,{way}");
        assert!(Command::new("mount").args(["-o", &options]).arg(disk.path()).status().unwrap().success());
    };
    remount("ro");
    let mut running = Running::start(options(&path), manual_clock().0);
    take(&mut running, &late);
    assert!(running.store.save_settings(&Settings::default()).is_err());
    let store = running.stop();
    assert!(store.health().problem.is_some(), "it is told");
    assert!(events_of(&store).ends_with(&late), "readers see what came since");
    drop(store);
    remount("rw");
    let store = record(&path, &late);
    assert_eq!(store.health().problem, None);
    assert_eq!(consistent(&store), [early, late].concat(), "nothing that was there is lost");
}

#[test]
fn a_small_disk_keeps_the_newest_days() {
    let Some(disk) = SmallDisk::mount("size=5m") else { return };
    let path = disk.path().join("data");
    let (clock, millis) = manual_clock();
    let mut dice = Dice(9);
    let mut all = Vec::new();
    for day in 0..100 {
        let now = clock.now();
        let events: Vec<_> = (0..6_000).map(|_| query(&mut dice, now)).collect();
        let store = record_at(&path, &events, clock.clone());
        assert_eq!(store.health().problem, None);
        assert_eq!(store.health().unflushed, 0);
        all.extend(events);
        turn(&millis, 23 * HOUR);
        // The oldest day had to go.
        if day > 3 && !path.join("days/00000001").exists() {
            break;
        }
    }
    let store = Store::open(options(&path), clock);
    let kept = events_of(&store);
    assert!(kept.len() >= 12_000 && kept.len() < all.len(), "{} of {}", kept.len(), all.len());
    assert!(all.ends_with(&kept));
    assert_eq!(tallies(&store), count(&all), "the tallies are kept");
}

#[test]
fn a_disk_without_room_for_another_file_is_full() {
    let Some(disk) = SmallDisk::mount("size=16m,nr_inodes=30") else { return };
    for number in 0..40 {
        let _ = fs::write(disk.path().join(number.to_string()), []);
    }
    let store = record(disk.path(), &household(100, 1));
    assert!(store.health().problem.is_some());
    assert_eq!(store.health().unflushed, 100);
}
