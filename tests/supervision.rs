//! What a supervisor of services is told (sd_notify(3)), and `sordino health`.

#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use support::PATIENCE;
use support::forwarder::Forwarder;
use support::sordino::{Setup, Sordino, run};
use tempfile::TempDir;

/// The supervisor's end of the socket.
struct Supervisor {
    socket: UnixDatagram,
    dir: TempDir,
}

impl Supervisor {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, dir }
    }

    fn start(&self, setup: Setup, watchdog: &str) -> Sordino {
        let path = format!("NOTIFY_SOCKET={}", self.dir.path().join("notify").display());
        setup.through(&["env", &path, &format!("WATCHDOG_USEC={watchdog}")]).start()
    }

    #[track_caller]
    fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let len = self.socket.recv(&mut buffer).expect("a word from sordino");
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    }

    /// The next message with this line. Signs of life may come in between.
    #[track_caller]
    fn message_with(&self, line: &str) -> String {
        loop {
            let said = self.next();
            if said.lines().any(|said| said == line) {
                return said;
            }
        }
    }

    /// Waits for a message with this line, and says what came before it.
    #[track_caller]
    fn hear(&self, line: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            let said = self.next();
            if said.lines().any(|said| said == line) {
                return before;
            }
            before.push(said);
        }
    }
}

#[test]
fn the_supervisor_hears_of_the_start_a_reload_and_the_stop() {
    let supervisor = Supervisor::new();
    let forwarder = Forwarder::plain();
    let sordino = supervisor.start(Setup::before(&forwarder), "0");
    let said = supervisor.message_with("READY=1");
    assert!(said.contains(&format!("resolves names on {}", sordino.dns())), "{said}");
    sordino.signal("HUP");
    assert!(supervisor.message_with("RELOADING=1").contains("MONOTONIC_USEC="));
    supervisor.message_with("READY=1");
    sordino.signal("TERM");
    supervisor.message_with("STOPPING=1");
    assert!(sordino.end(Duration::from_secs(5)).success());
}

#[test]
fn signs_of_life_come_as_long_as_questions_are_answered() {
    let supervisor = Supervisor::new();
    let forwarder = Forwarder::plain();
    let sordino = supervisor.start(Setup::before(&forwarder), "300000");
    for _ in 0..3 {
        supervisor.hear("WATCHDOG=1");
    }
    // Its own questions are nobody's history.
    let rest = sordino.rest();
    sordino.ask("www.example", support::wire::A);
    rest.journal("www.example");
    let all = rest.read("/api/v1/queries?limit=500");
    let names: Vec<_> = all["events"].as_array().unwrap().iter().map(|event| event["name"].clone()).collect();
    assert_eq!(names, ["www.example"]);
}

#[test]
fn a_sordino_that_may_not_be_asked_from_here_still_gives_signs() {
    let supervisor = Supervisor::new();
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder).set("dns", "allow_from", r#"["192.0.2.0/24"]"#);
    let _sordino = supervisor.start(setup, "300000");
    supervisor.hear("WATCHDOG=1");
}

#[test]
fn health_asks_the_sordino_that_runs() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    let config = sordino.dir().join("config.toml");
    let (code, said) = run(&["--config", config.to_str().unwrap(), "health"]);
    assert!(code == 1 && said.contains("write a port there"), "{said}");
    let fixed = std::fs::read_to_string(&config).unwrap().replace("127.0.0.1:0", &sordino.dns().to_string());
    std::fs::write(&config, fixed).unwrap();
    let health = || run(&["--config", config.to_str().unwrap(), "health"]);
    let (code, said) = health();
    assert!(code == 0 && said.contains(&format!("sordino answers on {}", sordino.dns())), "{said}");
    let dir = sordino.dir().to_owned();
    sordino.signal("TERM");
    let _kept = sordino.stopped();
    assert!(dir.exists());
    let (code, said) = health();
    assert!(code == 1 && said.contains("is sordino running?"), "{said}");
}
