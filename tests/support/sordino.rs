//! The real binary on free ports, with a configuration and a store of its own.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::client::{Tcp, Udp};
use super::forwarder::Forwarder;
use super::rest::Rest;
use super::wire::{self, Message, query};
use super::{PATIENCE, repository, within};

/// A configuration that is being written.
pub struct Setup {
    dir: TempDir,
    servers: Vec<String>,
    sections: [(&'static str, String); 7],
    tables: String,
    wrapper: Vec<String>,
}

/// A running sordino. It is killed when this goes.
pub struct Sordino {
    child: Child,
    dns: Vec<SocketAddr>,
    page: String,
    ways: Ways,
    dir: TempDir,
}

/// Encrypted ways in: the name of each and where it listens.
type Ways = Vec<(String, SocketAddr)>;

impl Setup {
    /// Loopback, free ports, a store that is flushed every second, no lists.
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = format!("path = {:?}\nflush = \"1s\"\n", dir.path().join("data"));
        let listen = "listen = [\"127.0.0.1:0\"]\n".to_owned();
        let sections = [
            ("dns", listen),
            ("upstream", String::new()),
            ("cache", String::new()),
            ("blocking", String::new()),
            ("web", "listen = \"127.0.0.1:0\"\n".into()),
            ("store", store),
            // Tests hear nothing of the machine they run on.
            ("house", "mdns = false\n".into()),
        ];
        Self { dir, servers: Vec::new(), sections, tables: String::new(), wrapper: Vec::new() }
    }

    /// In front of this forwarder, over UDP.
    pub fn before(forwarder: &Forwarder) -> Self {
        Self::new().server(forwarder.udp())
    }

    pub fn server(mut self, url: impl Into<String>) -> Self {
        self.servers.push(url.into());
        self
    }

    /// Sets a key of a section; the value is TOML, and takes the place of the one before.
    pub fn set(mut self, section: &str, key: &str, value: &str) -> Self {
        let (_, lines) = self.sections.iter_mut().find(|(name, _)| *name == section).expect("a known section");
        let others = lines.lines().filter(|line| line.split(" = ").next() != Some(key));
        let mut kept = others.collect::<Vec<_>>().join("\n");
        if !kept.is_empty() {
            kept.push('\n');
        }
        *lines = format!("{kept}{key} = {value}\n");
        self
    }

    /// A list with this content.
    pub fn list(self, name: &str, action: &str, content: &str) -> Self {
        let path = self.dir.path().join(format!("{name}.txt"));
        std::fs::write(&path, content).unwrap();
        self.list_at(name, action, &path)
    }

    pub fn list_at(mut self, name: &str, action: &str, path: &Path) -> Self {
        write!(self.tables, "\n[[list]]\nname = {name:?}\nsource = {path:?}\naction = {action:?}\n").unwrap();
        self
    }

    /// The catalogue that ships with sordino.
    pub fn catalogue(self) -> Self {
        self.list_at("catalogue", "block", &repository().join("blocklists"))
    }

    /// More TOML, behind the sections.
    pub fn table(mut self, toml: &str) -> Self {
        self.tables.push_str(toml);
        self
    }

    /// Runs the binary through another program, which must end up being sordino itself (`exec`).
    pub fn through(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(ToString::to_string).collect();
        self
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes the file, and says where.
    pub fn write(&self) -> PathBuf {
        let mut text = String::new();
        for (name, lines) in &self.sections {
            write!(text, "[{name}]\n{lines}").unwrap();
            if *name == "upstream" && !lines.contains("servers = ") {
                let servers: Vec<_> = self.servers.iter().map(|server| format!("{server:?}")).collect();
                writeln!(text, "servers = [{}]", servers.join(", ")).unwrap();
            }
        }
        text.push_str(&self.tables);
        let path = self.dir.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Starts sordino and waits until it says that it is ready.
    #[track_caller]
    pub fn start(self) -> Sordino {
        self.try_start().unwrap_or_else(|(code, said)| panic!("sordino is not ready: {code:?}\n{said}"))
    }

    /// The same, where it may end by itself: its exit code, if it did, and what it wrote to stderr.
    pub fn try_start(self) -> Result<Sordino, (Option<i32>, String)> {
        let config = self.write();
        let mut child = spawn(&self.wrapper, &config, self.dir.path());
        match ready(&mut child) {
            Some((dns, page, ways)) => Ok(Sordino { child, dns, page, ways, dir: self.dir }),
            None => {
                // Either it has closed its stdout, because it is about to end, or it hangs.
                let begin = Instant::now();
                while child.try_wait().unwrap().is_none() && begin.elapsed() < Duration::from_secs(10) {
                    std::thread::park_timeout(Duration::from_millis(20));
                }
                let _ = child.kill();
                Err((child.wait().unwrap().code(), stderr_in(self.dir.path())))
            }
        }
    }

    /// Starts sordino where it must end by itself; its exit code, stdout and stderr.
    #[track_caller]
    pub fn fail(&self) -> (i32, String) {
        let config = self.write();
        run(&["--config", config.to_str().unwrap(), "run"])
    }

    /// Runs `sordino check`; its exit code, and all it says.
    #[track_caller]
    pub fn check(&self) -> (i32, String) {
        let config = self.write();
        run(&["--config", config.to_str().unwrap(), "check"])
    }
}

/// Runs the binary to its end; its exit code, and all it says.
#[track_caller]
pub fn run(arguments: &[&str]) -> (i32, String) {
    run_in(&[], arguments)
}

/// As [`run`], with variables of the environment.
#[track_caller]
pub fn run_in(environment: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
    run_with(environment, arguments, "")
}

/// As [`run`], with something on stdin.
#[track_caller]
pub fn run_with_input(arguments: &[&str], input: &str) -> (i32, String) {
    run_with(&[], arguments, input)
}

#[track_caller]
fn run_with(environment: &[(&str, &str)], arguments: &[&str], input: &str) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sordino"));
    command.envs(environment.iter().copied());
    let piped = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = ended(child);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().expect("an exit code"), String::from_utf8_lossy(&said).into_owned())
}

#[track_caller]
fn ended(mut child: Child) -> Output {
    let status = wait(&mut child, PATIENCE);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
    Output { status, stdout, stderr }
}

#[track_caller]
fn wait(child: &mut Child, deadline: Duration) -> ExitStatus {
    let id = child.id();
    let mut looks = 0;
    within(deadline + Duration::from_secs(1), &format!("the end of process {id}"), || {
        looks += 1;
        child.try_wait().unwrap()
    })
}

fn spawn(wrapper: &[String], config: &Path, dir: &Path) -> Child {
    let binary = env!("CARGO_BIN_EXE_sordino").to_owned();
    let words: Vec<String> = wrapper.iter().cloned().chain([binary]).collect();
    let stderr = File::options().create(true).append(true).open(dir.join("stderr")).unwrap();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg("--config").arg(config).arg("run");
    command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap()
}

/// Reads the line `ready dns=ADDRESS,… page=URL tls=ADDRESS …`.
fn ready(child: &mut Child) -> Option<(Vec<SocketAddr>, String, Ways)> {
    let stdout = BufReader::new(child.stdout.take()?);
    let (sender, receiver) = sync_channel(1);
    // Reads on to the end, so that a full pipe never holds sordino up.
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok).filter(|line| line.starts_with("ready")) {
            let _ = sender.try_send(line);
        }
    });
    let line = receiver.recv_timeout(PATIENCE).ok()?;
    let value = |key: &str| line.split(' ').find_map(|word| word.strip_prefix(key)).map(str::to_owned);
    let dns = value("dns=")?.split(',').map(|address| address.parse().ok()).collect::<Option<_>>()?;
    let words = line.split(' ').filter_map(|word| word.split_once('='));
    let ways = words.filter_map(|(way, address)| Some((way.to_owned(), address.parse().ok()?)));
    Some((dns, value("page=")?, ways.collect()))
}

fn stderr_in(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("stderr")).unwrap_or_default()
}

impl Sordino {
    /// Where it answers queries.
    pub fn dns(&self) -> SocketAddr {
        self.dns[0]
    }

    pub fn all_dns(&self) -> &[SocketAddr] {
        &self.dns
    }

    /// Where it answers over `tls`, `https` or `quic`.
    #[track_caller]
    pub fn way(&self, protocol: &str) -> SocketAddr {
        self.ways.iter().find(|(way, _)| way == protocol).expect("a way that is on").1
    }

    /// The URL of its page, with a slash at the end.
    pub fn page(&self) -> &str {
        &self.page
    }

    pub fn udp(&self) -> Udp {
        Udp::to(self.dns())
    }

    #[track_caller]
    pub fn tcp(&self) -> Tcp {
        Tcp::to(self.dns())
    }

    /// Asks over UDP, with EDNS.
    #[track_caller]
    pub fn ask(&self, name: &str, qtype: u16) -> Message {
        self.udp().ask(&query(name, qtype))
    }

    /// The addresses that A gives, in words.
    #[track_caller]
    pub fn resolve(&self, name: &str) -> Vec<String> {
        self.ask(name, wire::A).texts()
    }

    /// The API, logged in with a password that is set on the way if there is none.
    #[track_caller]
    pub fn rest(&self) -> Rest {
        let rest = Rest::to(&self.page);
        rest.enter();
        rest
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Processor time of all threads up to now, microseconds. The first number of `schedstat` counts nanoseconds, where `stat`
    /// counts hundredths of a second (Linux, Documentation/scheduler/sched-stats.rst).
    pub fn worked(&self) -> u64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("a running sordino");
        let of_thread = |thread: std::io::Result<std::fs::DirEntry>| {
            let stat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            stat.split(' ').next()?.parse::<u64>().ok()
        };
        threads.filter_map(of_thread).sum::<u64>() / 1_000
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What it wrote to stderr so far.
    pub fn stderr(&self) -> String {
        stderr_in(self.dir.path())
    }

    /// Resident memory, in kB.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a running sordino");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Sends a signal by its name, as in `HUP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.pid())]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self, deadline: Duration) -> ExitStatus {
        wait(&mut self.child, deadline)
    }

    /// Kills it as a power cut would, and starts it again with the same configuration.
    #[track_caller]
    pub fn kill_and_restart(mut self) -> Self {
        self.child.kill().unwrap();
        self.start_again()
    }

    /// Waits for its end, and keeps what it left behind.
    #[track_caller]
    pub fn stopped(mut self) -> Self {
        wait(&mut self.child, PATIENCE);
        self
    }

    /// Waits for its end, and starts it again.
    #[track_caller]
    pub fn start_again(mut self) -> Self {
        wait(&mut self.child, PATIENCE);
        self.child = spawn(&[], &self.dir.path().join("config.toml"), self.dir.path());
        let (dns, page, ways) = ready(&mut self.child).unwrap_or_else(|| panic!("not ready again\n{}", self.stderr()));
        (self.dns, self.page, self.ways) = (dns, page, ways);
        self
    }
}

impl Drop for Sordino {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("--- what sordino said:\n{}", self.stderr());
        }
    }
}
