//! `sordino firewall`, given to nft and tried out between two network namespaces.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test fails by panicking, and says why it is skipped

mod support;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use support::sordino::{Setup, Sordino, run};

fn rules(listen: &str, arguments: &[&str]) -> String {
    let setup = Setup::new().server("udp://192.0.2.53").set("dns", "listen", listen);
    let config = setup.write();
    let all = [&["--config", config.to_str().unwrap(), "firewall"], arguments].concat();
    let (code, said) = run(&all);
    assert_eq!(code, 0, "{said}");
    said
}

fn shell(script: &str, input: &str) -> Option<Output> {
    let mut command = Command::new("unshare");
    command.args(["--net", "--map-root-user", "sh", "-c", script]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok()?;
    child.wait_with_output().ok()
}

/// Whether rules can be loaded here at all: nft is there, and namespaces are permitted.
fn nft_works() -> bool {
    let works = shell("nft -f -", "table inet x { }\n").is_some_and(|output| output.status.success());
    if !works {
        println!("skipped: nft cannot be used here");
    }
    works
}

#[test]
fn nft_takes_the_rules_in_every_form() {
    let exceptions = ["--except", "3c:5a:b4:01:02:03", "--except", "192.168.1.7", "--except", "fd00::/64"];
    let elsewhere = ["--server", "192.168.1.2", "--server", "fd00::2", "--interface", "br-lan"];
    for listen in ["[\"0.0.0.0:53\", \"[::]:53\"]", "[\"192.168.1.1:5300\"]"] {
        for arguments in [&[][..], &exceptions, &elsewhere, &["--openwrt"]] {
            let text = rules(listen, arguments);
            for word in ["dport 53", "dport 853", "8.8.8.8", "2001:4860:4860::8888"] {
                assert!(text.contains(word), "{word}: {text}");
            }
            if !nft_works() {
                continue;
            }
            let whole = if arguments == ["--openwrt"] { format!("table inet fw4 {{\n{text}\n}}\n") } else { text };
            // Twice: to load them again replaces them.
            let output = shell("cat > /dev/shm/$$.nft; nft -c -f /dev/shm/$$.nft && nft -f /dev/shm/$$.nft && nft -f /dev/shm/$$.nft; code=$?; rm /dev/shm/$$.nft; exit $code", &whole).unwrap();
            assert!(output.status.success(), "{}\n{whole}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn a_device_that_is_no_address_is_refused() {
    let (code, said) = run(&["firewall", "--except", "phone; flush ruleset"]);
    assert!(code != 0 && said.contains("neither a MAC address"), "{said}");
}

const PHONE: &str = "02:00:5e:10:00:01";

/// A router with sordino on it and a phone behind it, each in a network namespace of its own.
struct House {
    router: String,
    phone: String,
}

impl House {
    /// None where namespaces cannot be made.
    fn build() -> Option<Self> {
        // Tests run side by side in one process.
        static HOUSES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = HOUSES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let id = format!("{}-{number}", std::process::id());
        let house = Self { router: format!("sordino-router-{id}"), phone: format!("sordino-behind-{id}") };
        if !ip(&["netns", "add", &house.router]).status.success() {
            println!("skipped: network namespaces need root, and iproute2");
            return None;
        }
        let (router, phone) = (house.router.as_str(), house.phone.as_str());
        for words in [
            &["netns", "add", phone][..],
            &["-n", router, "link", "add", "lan", "type", "veth", "peer", "name", "lan", "netns", phone],
            &["-n", phone, "link", "set", "lan", "address", PHONE],
            &["-n", router, "link", "set", "lo", "up"],
            &["-n", router, "address", "add", "10.77.0.1/24", "dev", "lan"],
            &["-n", router, "address", "add", "fd77::1/64", "dev", "lan", "nodad"],
            &["-n", phone, "address", "add", "10.77.0.2/24", "dev", "lan"],
            &["-n", phone, "address", "add", "fd77::2/64", "dev", "lan", "nodad"],
            &["-n", router, "link", "set", "lan", "up"],
            &["-n", phone, "link", "set", "lan", "up"],
            &["-n", phone, "route", "add", "default", "via", "10.77.0.1"],
            &["-n", phone, "route", "add", "default", "via", "fd77::1"],
            // Somewhere to forward to that never answers, so that what is refused is refused by the rules: nobody is
            // looked for out there, and so nobody is found missing.
            &["-n", router, "link", "add", "wan", "type", "veth", "peer", "name", "world"],
            &["-n", router, "link", "set", "wan", "arp", "off"],
            &["-n", router, "link", "set", "wan", "up"],
            &["-n", router, "link", "set", "world", "up"],
            &["-n", router, "route", "add", "default", "dev", "wan"],
            &["netns", "exec", router, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1"],
        ] {
            let output = ip(words);
            assert!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Some(house)
    }

    /// Loads the rules that `sordino firewall` prints for its own configuration.
    fn load(&self, sordino: &Sordino, arguments: &[&str]) {
        let config = sordino.dir().join("config.toml");
        let all = [&["--config", config.to_str().unwrap(), "firewall"], arguments].concat();
        let (code, text) = run(&all);
        assert_eq!(code, 0, "{text}");
        let path = sordino.dir().join("rules.nft");
        std::fs::write(&path, text).unwrap();
        let output = ip(&["netns", "exec", &self.router, "nft", "-f", path.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn dig(&self, server: &str, more: &str) -> String {
        let server = format!("@{server}");
        let words = ["dig", "+short", "+tries=1", "+time=2", more, &server, "ads.example"];
        let output = ip(&[&["netns", "exec", &self.phone], &words[..]].concat());
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What a phone gets that asks over TLS, and over UDP where it is refused that.
    fn private_dns(&self, server: &str) -> String {
        let at = format!("@{server}");
        let ask = |way: &[&str]| {
            ip(&[&["netns", "exec", &self.phone, "kdig", "+short", "+retry=0"], way, &[&at, "ads.example"]].concat())
        };
        let refused = ask(&["+tls", "+timeout=5"]);
        let said = String::from_utf8_lossy(&[refused.stdout, refused.stderr].concat()).into_owned();
        assert!(!refused.status.success() && said.contains("can't connect"), "{said}");
        assert_eq!(self.reach(&format!("{server}:853")), Some(7), "refused, and not left hanging");
        String::from_utf8_lossy(&ask(&["+timeout=2"]).stdout).trim().to_owned()
    }

    /// What `sordino firewall --check` says on the router; its exit code.
    fn check(&self, sordino: &Sordino) -> (i32, String) {
        let config = sordino.dir().join("config.toml");
        let words =
            ["netns", "exec", &self.router, env!("CARGO_BIN_EXE_sordino"), "--config", config.to_str().unwrap()];
        let output = ip(&[&words[..], &["firewall", "--check"]].concat());
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code().unwrap(), said)
    }

    /// How curl ends that tries to reach a port: 7 is a refusal, 28 is silence.
    fn reach(&self, address: &str) -> Option<i32> {
        let words = ["curl", "--silent", "--max-time", "2", &format!("http://{address}/")];
        ip(&[&["netns", "exec", &self.phone], &words[..]].concat()).status.code()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        ip(&["netns", "delete", &self.router]);
        ip(&["netns", "delete", &self.phone]);
    }
}

fn ip(words: &[&str]) -> Output {
    let failed = |_| Command::new("false").output().expect("false");
    Command::new("ip").args(words).output().unwrap_or_else(failed)
}

#[test]
fn a_phone_that_knows_a_server_of_its_own_gets_our_answer() {
    if !nft_works() {
        return;
    }
    let Some(house) = House::build() else { return };
    let sordino = Setup::new()
        .server("udp://10.77.0.2")
        .set("dns", "listen", "[\"10.77.0.1:53\", \"[fd77::1]:53\"]")
        .set("web", "listen", "\"\"")
        .list("ads", "block", "ads.example\n")
        .through(&["ip", "netns", "exec", &house.router])
        .start();
    assert_eq!(house.dig("10.77.0.1", "+notcp"), "0.0.0.0");
    house.load(&sordino, &[]);
    for server in ["8.8.8.8", "114.114.114.114", "2001:4860:4860::8888", "198.51.100.53"] {
        for way in ["+notcp", "+tcp"] {
            assert_eq!(house.dig(server, way), "0.0.0.0", "{server} {way}");
        }
    }
    // DNS over TLS anywhere, and DNS over HTTPS where the address does nothing else, are refused and not left hanging.
    for address in ["198.51.100.53:853", "8.8.8.8:853", "8.8.8.8:443", "1.1.1.1:443"] {
        assert_eq!(house.reach(address), Some(7), "{address}");
    }
    assert_eq!(house.reach("198.51.100.53:443"), Some(28), "other servers are left alone");
    // As Android does by itself: DNS over TLS is tried, refused at once, and plain DNS is what remains.
    assert_eq!(house.private_dns("8.8.8.8"), "0.0.0.0");
    house.load(&sordino, &["--except", PHONE]);
    assert!(!house.dig("8.8.8.8", "+notcp").contains("0.0.0.0"), "an exempt device is left alone");
    assert_eq!(house.reach("8.8.8.8:443"), Some(28));
}

#[test]
fn what_is_in_force_is_told_and_what_is_missing() {
    if !nft_works() {
        return;
    }
    let Some(house) = House::build() else { return };
    let sordino = Setup::new()
        .server("udp://10.77.0.2")
        .set("dns", "listen", "[\"10.77.0.1:53\", \"[fd77::1]:53\"]")
        .set("web", "listen", "\"\"")
        .table(&format!("\n[[device]]\nname = \"work laptop\"\nmac = \"{PHONE}\"\n"))
        .list("ads", "block", "ads.example\n")
        .through(&["ip", "netns", "exec", &house.router])
        .start();
    let (code, said) = house.check(&sordino);
    assert!(code == 1 && said.contains("No rules of sordino are in force here."), "{said}");
    house.load(&sordino, &["--except", "work laptop"]);
    let (code, said) = house.check(&sordino);
    assert_eq!(code, 0, "{said}");
    for line in [
        "in force, in the table inet sordino",
        "Port 53, IPv4     brought to port 53",
        "Port 53, IPv6     brought to port 53",
        "Port 853          refused",
        "addresses of well-known servers are refused",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains(&format!("Left alone        {PHONE}")), "{said}");
    assert!(!house.dig("8.8.8.8", "+notcp").contains("0.0.0.0"), "a device that is exempt by its name is left alone");
    let emptied = ip(&["netns", "exec", &house.router, "nft", "flush", "chain", "inet", "sordino", "sordino_refuse"]);
    assert!(emptied.status.success());
    let (code, said) = house.check(&sordino);
    assert!(code == 1 && said.contains("Port 853          open"), "{said}");
}

#[test]
fn a_phone_behind_openwrts_own_table_gets_our_answer() {
    if !nft_works() {
        return;
    }
    let Some(house) = House::build() else { return };
    let sordino = Setup::new()
        .server("udp://10.77.0.2")
        .set("dns", "listen", "[\"10.77.0.1:53\", \"[fd77::1]:53\"]")
        .set("web", "listen", "\"\"")
        .list("ads", "block", "ads.example\n")
        .through(&["ip", "netns", "exec", &house.router])
        .start();
    let config = sordino.dir().join("config.toml");
    let (_, text) = run(&["--config", config.to_str().unwrap(), "firewall", "--openwrt", "--interface", "lan"]);
    // As firewall4 does with the files of /etc/nftables.d, beside a chain of its own.
    let table =
        format!("table inet fw4 {{\n chain dstnat {{ type nat hook prerouting priority dstnat; }}\n{text}\n}}\n");
    let path = sordino.dir().join("fw4.nft");
    std::fs::write(&path, table).unwrap();
    let loaded = ip(&["netns", "exec", &house.router, "nft", "-f", path.to_str().unwrap()]);
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    assert_eq!(house.dig("114.114.114.114", "+notcp"), "0.0.0.0");
    assert_eq!(house.private_dns("8.8.8.8"), "0.0.0.0");
    let (code, said) = house.check(&sordino);
    assert!(code == 0 && said.contains("in the table inet fw4"), "{said}");
}
