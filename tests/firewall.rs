//! `sordino firewall`, given to nft and tried out between two network namespaces.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test fails by panicking, and says why it is skipped

mod support;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use support::sordino::{Setup, run};

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
