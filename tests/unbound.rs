//! In front of a real `unbound`: what it says comes out as it went in.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test fails by panicking

mod support;

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use support::client::{Tcp, Udp};
use support::sordino::Setup;
use support::until;
use support::wire::*;

const ZONE: &str = r#"
$ORIGIN example.
$TTL 300
@           SOA   ns hostmaster 1 3600 600 86400 60
@           NS    ns
ns          A     192.0.2.53
www         A     192.0.2.10
www         A     192.0.2.11
www         AAAA  2001:db8::10
@           MX    10 mail
mail        A     192.0.2.25
alias       CNAME www
far         CNAME alias
shop        CNAME cdn.tracker
cdn.tracker A     192.0.2.66
text        TXT   "v=spf1 -all" "and more"
_imap._tcp  SRV   0 1 143 mail
@           CAA   0 issue "ca.example"
svc         HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.10
svcalias    HTTPS 0 cdn.tracker
*.wild      A     192.0.2.77
short       2 A   192.0.2.2
odd         TYPE65280 \# 4 0A000001
"#;

struct Unbound {
    child: Child,
    address: SocketAddr,
    dir: TempDir,
}

impl Unbound {
    fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let big: String = (0..30).map(|number| format!("big TXT \"{number:0100}\"\n")).collect();
        std::fs::write(dir.path().join("zone"), format!("{ZONE}{big}")).unwrap();
        // Free for both now; whoever takes it in between makes unbound end, and another is tried.
        for _ in 0..10 {
            let address = free_address();
            let mut child = Self::spawn(&dir, address);
            let probe = Udp::to(address);
            let up = until("unbound", || {
                if child.try_wait().unwrap().is_some() {
                    return Some(false);
                }
                // It listens before it answers, so silence means not yet.
                std::net::TcpStream::connect(address).ok()?;
                probe.send(&query("ns.example", A).wire());
                let packet = probe.next_packet(Duration::from_secs(1))?;
                Some(Message::parse(&packet)?.rcode() == NOERROR)
            });
            if up {
                return Self { child, address, dir };
            }
        }
        panic!("unbound did not start: {}", std::fs::read_to_string(dir.path().join("log")).unwrap_or_default());
    }

    fn spawn(dir: &TempDir, address: SocketAddr) -> Child {
        let path = dir.path().display();
        let config = format!(
            r#"
server:
    interface: {ip}@{port}
    do-daemonize: no
    use-syslog: no
    logfile: "{path}/log"
    chroot: ""
    username: ""
    pidfile: ""
    directory: "{path}"
    module-config: "iterator"
    num-threads: 1
    so-reuseport: no
    do-ip6: no
    do-not-query-localhost: yes
remote-control:
    control-enable: no
auth-zone:
    name: "example."
    zonefile: "{path}/zone"
    for-downstream: no
    for-upstream: yes
    fallback-enabled: no
"#,
            ip = address.ip(),
            port = address.port(),
        );
        let file = dir.path().join("unbound.conf");
        std::fs::write(&file, config).unwrap();
        let program = if std::path::Path::new("/usr/sbin/unbound").exists() { "/usr/sbin/unbound" } else { "unbound" };
        let mut command = Command::new(program);
        command.arg("-c").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("unbound; scripts/packages.sh installs it")
    }

    fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn again(&mut self) {
        self.child = Self::spawn(&self.dir, self.address);
    }

    fn url(&self) -> String {
        format!("udp://{}", self.address)
    }
}

impl Drop for Unbound {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    until("a port that is free for UDP and TCP", || {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        UdpSocket::bind(address).ok().map(|_| address)
    })
}

/// RCODE and records, in an order of their own; RRsets may be rotated.
fn said(reply: &Message) -> (u16, Vec<String>, bool) {
    let mut texts = reply.texts();
    texts.sort();
    (reply.rcode(), texts, reply.soa().is_some())
}

const SRV: u16 = 33;
const CAA: u16 = 257;

#[test]
fn every_answer_is_what_unbound_says_itself() {
    let unbound = Unbound::start();
    let sordino = Setup::new().server(unbound.url()).start();
    for (name, qtype) in [
        ("www.example", A),
        ("www.example", AAAA),
        ("WWW.Example", A),
        ("example", MX),
        ("example", SOA),
        ("example", NS),
        ("example", CAA),
        ("alias.example", A),
        ("far.example", A),
        ("far.example", AAAA),
        ("alias.example", CNAME),
        ("text.example", TXT),
        ("_imap._tcp.example", SRV),
        ("svc.example", HTTPS),
        ("a.b.wild.example", A),
        ("odd.example", 65280),
        ("www.example", MX),
        ("nothing.example", A),
        ("nothing.www.example", HTTPS),
    ] {
        let (asked, udp) = (query(name, qtype), Udp::to(unbound.address));
        let truth = said(&udp.ask(&asked));
        assert_eq!(said(&sordino.ask(name, qtype)), truth, "{name} {qtype}");
        assert_eq!(said(&sordino.ask(name, qtype)), truth, "{name} {qtype} from the cache");
        assert_eq!(said(&sordino.tcp().ask(&asked)), truth, "{name} {qtype} over TCP");
    }
}

#[test]
fn an_answer_too_large_for_udp_comes_whole_over_tcp() {
    let unbound = Unbound::start();
    let sordino = Setup::new().server(unbound.url()).start();
    let asked = query("big.example", TXT);
    assert!(Udp::to(unbound.address).ask(&asked).has(TC), "unbound truncates it, too");
    assert!(sordino.udp().ask(&asked).has(TC));
    let whole = Tcp::to(unbound.address).ask(&asked);
    assert_eq!(whole.answers.len(), 30);
    assert_eq!(said(&sordino.tcp().ask(&asked)), said(&whole));
}

#[test]
fn what_leads_to_a_muted_name_is_muted() {
    let unbound = Unbound::start();
    let sordino = Setup::new().server(unbound.url()).list("ads", "block", "||tracker.example^\n").start();
    assert_eq!(sordino.resolve("cdn.tracker.example"), ["A 0.0.0.0"]);
    assert_eq!(sordino.resolve("shop.example"), ["A 0.0.0.0"]);
    let reply = sordino.ask("svcalias.example", HTTPS);
    assert_eq!((reply.rcode(), reply.answers.len()), (NOERROR, 0));
    assert_eq!(sordino.ask("svc.example", HTTPS).answers.len(), 1);
}

#[test]
fn rfc8767_unbound_goes_away_and_comes_back() {
    let mut unbound = Unbound::start();
    let sordino = Setup::new().server(unbound.url()).start();
    assert_eq!(sordino.resolve("short.example"), ["A 192.0.2.2"]);
    unbound.stop();
    let stale = until("a stale answer", || Some(sordino.ask("short.example", A)).filter(|reply| reply.ede().is_some()));
    assert_eq!((stale.texts(), stale.ttl(), stale.ede().unwrap().0), (vec!["A 192.0.2.2".to_owned()], 30, 3));
    assert_eq!(sordino.ask("mail.example", A).rcode(), SERVFAIL);
    unbound.again();
    until("fresh answers", || (sordino.resolve("mail.example") == ["A 192.0.2.25"]).then_some(()));
    until("a fresh answer", || sordino.ask("short.example", A).ede().is_none().then_some(()));
}

/// Two programs that read the same wire: dig finds nothing to complain about.
#[test]
fn dig_agrees() {
    let unbound = Unbound::start();
    let sordino = Setup::new().server(unbound.url()).list("ads", "block", "ads.example\n").start();
    let dig = |arguments: &[&str]| {
        let port = sordino.dns().port().to_string();
        let output =
            Command::new("dig").args(["@127.0.0.1", "-p", &port, "+tries=1", "+time=5"]).args(arguments).output();
        String::from_utf8(output.expect("dig; scripts/packages.sh installs it").stdout).unwrap()
    };
    let said = dig(&["ads.example", "A"]);
    assert!(said.contains("0.0.0.0") && said.contains("EDE: 15 (Blocked): (ads)"), "{said}");
    assert_eq!(dig(&["+short", "far.example"]).lines().last().map(|line| line.starts_with("192.0.2.1")), Some(true));
    for arguments in
        [&["www.example"][..], &["big.example", "TXT"], &["nothing.example", "+dnssec"], &["example", "MX", "+tcp"]]
    {
        let said = dig(arguments);
        assert!(!said.contains("WARNING") && !said.contains("malformed") && said.contains("status: "), "{said}");
    }
}
