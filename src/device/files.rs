//! Watches the files in which other programs say who is in the house: leases of DHCP servers and hosts files.

use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::fact::Fact;
use super::lease::{read_hosts, read_leases};
use crate::time::Clock;

/// Where DHCP servers keep their leases: dnsmasq on Debian and on OpenWrt, odhcpd, ISC dhcpd, Kea.
pub const USUAL_LEASES: [&str; 6] = [
    "/var/lib/misc/dnsmasq.leases",
    "/tmp/dhcp.leases",
    "/tmp/odhcpd.leases",
    "/var/lib/dhcp/dhcpd.leases",
    "/var/lib/kea/kea-leases4.csv",
    "/var/lib/kea/kea-leases6.csv",
];
/// How often it is looked whether a file has changed.
const PACE: Duration = Duration::from_secs(5);
/// Octets that are read of one file. Ten thousand leases take less.
const LONGEST_FILE: u64 = 4 << 20;

/// Which files are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Lease files; those that are not there are passed over, and found when they come.
    pub leases: Vec<PathBuf>,
    /// Hosts files, likewise.
    pub hosts: Vec<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { leases: USUAL_LEASES.map(PathBuf::from).into(), hosts: vec!["/etc/hosts".into()] }
    }
}

/// A file, and what it said when it was last read.
struct Watched {
    path: PathBuf,
    is_hosts: bool,
    seen: Option<(SystemTime, u64)>,
    facts: Vec<Fact>,
}

/// Reads the files once.
pub fn once(options: &Options, clock: &Clock) -> Vec<Fact> {
    let mut files = watched(options);
    let read = files.iter_mut().flat_map(|file| {
        file.look(clock);
        std::mem::take(&mut file.facts)
    });
    read.collect()
}

/// Watches until `stop`, and tells `publish` all that the files say whenever that has changed. `publish` says whether it
/// took it; otherwise it is told again a moment later.
pub async fn watch<F: Future<Output = bool>>(
    options: Options,
    clock: Clock,
    stop: CancellationToken,
    publish: impl Fn(Vec<Fact>) -> F,
) {
    let mut files = watched(&options);
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut untold = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = pace.tick() => {}
        }
        let looking = {
            let clock = clock.clone();
            tokio::task::spawn_blocking(move || {
                let changed = files.iter_mut().fold(false, |changed, file| changed | file.look(&clock));
                (files, changed)
            })
        };
        let Ok((looked, changed)) = looking.await else { return };
        files = looked;
        untold |= changed;
        if untold {
            untold = !publish(files.iter().flat_map(|file| file.facts.clone()).collect()).await;
        }
    }
}

fn watched(options: &Options) -> Vec<Watched> {
    let file = |is_hosts| move |path: &PathBuf| Watched { path: path.clone(), is_hosts, seen: None, facts: Vec::new() };
    options.leases.iter().map(file(false)).chain(options.hosts.iter().map(file(true))).collect()
}

impl Watched {
    /// Reads the file if it has changed. Says whether it says something else now.
    fn look(&mut self, clock: &Clock) -> bool {
        let seen = std::fs::metadata(&self.path).and_then(|about| Ok((about.modified()?, about.len()))).ok();
        if seen == self.seen {
            return false;
        }
        self.seen = seen;
        let since = seen.map_or_else(|| clock.now(), |(modified, _)| modified.into());
        let facts = match self.read() {
            Ok(content) if self.is_hosts => read_hosts(&content, since),
            Ok(content) => read_leases(&content, since, clock.now()),
            Err(_) => Vec::new(),
        };
        let changed = facts != self.facts;
        self.facts = facts;
        changed
    }

    fn read(&self) -> io::Result<String> {
        let mut content = Vec::new();
        std::fs::File::open(&self.path)?.take(LONGEST_FILE).read_to_end(&mut content)?;
        Ok(String::from_utf8_lossy(&content).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_changes_and_forgotten_when_it_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("leases");
        let options = Options { leases: vec![path.clone()], hosts: vec![] };
        let (mut files, clock) = (watched(&options), Clock::System);
        let file = &mut files[0];
        assert!(!file.look(&clock));
        std::fs::write(&path, "0 3c:5a:b4:01:02:03 192.168.1.7 phone *\n").unwrap();
        assert!(file.look(&clock));
        assert_eq!(file.facts.len(), 1);
        assert!(!file.look(&clock));
        std::fs::write(&path, "0 3c:5a:b4:01:02:03 192.168.1.7 phone *\n0 3c:5a:b4:01:02:04 192.168.1.8 tv *\n")
            .unwrap();
        assert!(file.look(&clock));
        assert_eq!(once(&options, &clock).len(), 2);
        std::fs::remove_file(&path).unwrap();
        assert!(file.look(&clock));
        assert!(file.facts.is_empty());
    }
}
