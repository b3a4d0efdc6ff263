//! `sordino setup`: who has the port for DNS, and the change that frees it. Only what `--apply` wrote is taken back by `--undo`.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::app::{self, Failure, Taken};
use crate::config::Config;

/// What to do.
#[derive(Debug, Args)]
pub struct Steps {
    /// Make the change that is offered. Needs root.
    #[arg(long, conflicts_with = "undo")]
    apply: bool,
    /// Take back what --apply changed. Needs root.
    #[arg(long)]
    undo: bool,
    /// Where the files of the system are, for one that does not run: nothing is started again then.
    #[arg(long, value_name = "DIRECTORY", default_value = "/")]
    root: PathBuf,
}

/// A program that can be told to leave the port alone, by a file of our own beside its configuration.
struct Neighbour {
    /// Its name as the kernel tells it, cut off after 15 characters.
    process: &'static str,
    service: &'static str,
    file: &'static str,
    lines: &'static str,
    /// What it still does, and what it does no more.
    effect: &'static str,
}

/// The first line of what we write: a file without it is not ours to remove.
const MARK: &str = "# Written by `sordino setup --apply`; `sordino setup --undo` takes it back.\n";

const NEIGHBOURS: [Neighbour; 2] = [
    Neighbour {
        process: "systemd-resolve",
        service: "systemd-resolved",
        file: "etc/systemd/resolved.conf.d/sordino.conf",
        lines: "[Resolve]\nDNSStubListener=no\n",
        effect: "systemd-resolved goes on resolving names for this machine, and only leaves port 53 alone.",
    },
    Neighbour {
        process: "dnsmasq",
        service: "dnsmasq",
        file: "etc/dnsmasq.d/sordino.conf",
        lines: "port=0\n",
        effect: "dnsmasq goes on handing out addresses (DHCP), and leaves DNS to sordino.",
    },
];

/// Says how things stand for the configuration at `path`, or changes it.
pub(super) fn setup(path: &Path, steps: &Steps) -> Result<String, Failure> {
    let config = Config::read(path)?;
    if steps.undo {
        return undo(steps);
    }
    let listen: Vec<SocketAddr> = config.dns.listen.iter().copied().filter(|address| address.port() != 0).collect();
    if listen.is_empty() {
        return Ok("[dns] listen takes whatever port is free (port 0); there is nothing to change.".into());
    }
    let Some(taken) = app::who_has(&listen) else {
        let places: Vec<String> = listen.iter().map(ToString::to_string).collect();
        return Ok(format!("Nobody else has {}; there is nothing to change.", places.join(", ")));
    };
    match &taken.owner {
        Some((name, id)) if name == "sordino" => {
            Ok(format!("A sordino (process {id}) has {} already; there is nothing to change.", taken.wanted))
        }
        Some((name, id)) => match known(name, *id, &taken, &steps.root) {
            Some(neighbour) if steps.apply => apply(neighbour, steps),
            Some(neighbour) => Ok(offer(neighbour, &taken, steps)),
            None => Err(Failure::Other(no_offer(name, *id, &taken))),
        },
        None => Err(Failure::Other(taken.to_string())),
    }
}

/// The neighbour that has the port, if the file of ours would change that.
fn known(name: &str, id: u32, taken: &Taken, root: &Path) -> Option<&'static Neighbour> {
    let neighbour = NEIGHBOURS.iter().find(|neighbour| neighbour.process == name)?;
    // Started by something else with a configuration of its own, or on a router that is configured in another way.
    let others = ["libvirt", "NetworkManager", "lxc", "incus"];
    let command = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let is_others = others.iter().any(|other| command.contains(other)) || root.join("etc/openwrt_release").exists();
    (taken.wanted.port() == 53 && !(name == "dnsmasq" && is_others)).then_some(neighbour)
}

fn offer(neighbour: &Neighbour, taken: &Taken, steps: &Steps) -> String {
    let Neighbour { service, file, lines, effect, .. } = neighbour;
    let path = steps.root.join(file);
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "{} is taken by {service}. To free it, write to {}:\n\n{lines}\nand run:\n\n    systemctl restart {service}\n\n{effect}\n`sordino setup --apply` does both, and `sordino setup --undo` takes it back.",
        taken.wanted,
        path.display()
    )
}

fn no_offer(name: &str, id: u32, taken: &Taken) -> String {
    let port = taken.wanted.port();
    match name {
        "dnsmasq" => format!(
            "{} is taken by a dnsmasq (process {id}) that belongs to another program or to a router. Let sordino listen on \
             addresses of its own in [dns] listen, or behind it (docs/guides/openwrt.md); nothing was changed",
            taken.wanted
        ),
        _ => format!(
            "{} is taken by {name} (process {id}), and sordino does not know how to ask it for port {port}. Stop it, or choose \
             another address in [dns] listen; nothing was changed",
            taken.wanted
        ),
    }
}

fn apply(neighbour: &Neighbour, steps: &Steps) -> Result<String, Failure> {
    let path = steps.root.join(neighbour.file);
    let cannot =
        |error: io::Error| Failure::Other(format!("{} cannot be written: {error}; run this as root", path.display()));
    if fs::read_to_string(&path).is_ok_and(|text| !text.starts_with(MARK)) {
        return Err(Failure::Other(format!(
            "{} is there already and is not sordino's; nothing was changed",
            path.display()
        )));
    }
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(cannot)?;
    }
    fs::write(&path, format!("{MARK}{}", neighbour.lines)).map_err(cannot)?;
    let restarted = restart(neighbour.service, steps)?;
    Ok(format!("Wrote {}.\n{restarted}\n{} `sordino setup --undo` takes it back.", path.display(), neighbour.effect))
}

fn undo(steps: &Steps) -> Result<String, Failure> {
    let mut said = Vec::new();
    for neighbour in &NEIGHBOURS {
        let path = steps.root.join(neighbour.file);
        if !fs::read_to_string(&path).is_ok_and(|text| text.starts_with(MARK)) {
            continue;
        }
        let gone = fs::remove_file(&path);
        gone.map_err(|error| {
            Failure::Other(format!("{} cannot be removed: {error}; run this as root", path.display()))
        })?;
        said.push(format!("Removed {}.\n{}", path.display(), restart(neighbour.service, steps)?));
    }
    if said.is_empty() {
        return Ok("There is nothing to take back.".into());
    }
    Ok(said.join("\n"))
}

fn restart(service: &str, steps: &Steps) -> Result<String, Failure> {
    let by_hand = format!("Start {service} again to make it count: systemctl restart {service}");
    if steps.root != Path::new("/") || !Path::new("/run/systemd/system").exists() {
        return Ok(by_hand);
    }
    match Command::new("systemctl").args(["restart", service]).status() {
        Ok(status) if status.success() => Ok(format!("Started {service} again.")),
        _ => Err(Failure::Other(format!("{service} could not be started again; systemctl status {service} says why"))),
    }
}
