//! A system that gives too few threads.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::forwarder::Forwarder;
use crate::support::sordino::Setup;

/// A user who has no other process, so that the limit is about sordino alone.
fn nobody_else() -> String {
    (61_000 + std::process::id() % 1_000).to_string()
}

/// It ends with a sentence, or it serves: it never says that it is ready and leaves a socket unread, and it never panics.
#[test]
fn with_too_few_threads_it_says_so_and_with_enough_every_socket_is_read() {
    let user = nobody_else();
    let as_user = ["setpriv", "--reuid", user.as_str(), "--regid", user.as_str(), "--clear-groups"];
    let runs = Command::new(as_user[0]).args(&as_user[1..]).args([env!("CARGO_BIN_EXE_sordino"), "--version"]).output();
    if !runs.is_ok_and(|output| output.status.success()) {
        println!("skipped: only root can run sordino as somebody who runs nothing else, where everybody can reach it");
        return;
    }
    let forwarder = Forwarder::plain();
    for most in 1..256 {
        let limit = format!("--nproc={most}");
        let wrapper = [&as_user[..], &["prlimit", limit.as_str()]].concat();
        let setup = Setup::before(&forwarder).list("ads", "block", "muted.example\n").through(&wrapper);
        std::fs::set_permissions(setup.dir(), std::fs::Permissions::from_mode(0o777)).unwrap();
        match setup.try_start() {
            Ok(sordino) => {
                assert!(most > 1, "the limit does not hold");
                // Each from a port of its own, so that the kernel deals them out to all sockets.
                for _ in 0..64 {
                    assert_eq!(sordino.resolve("muted.example"), ["A 0.0.0.0"], "{most} threads");
                }
                return;
            }
            Err((code, said)) => {
                assert_eq!(code, Some(1), "{most} threads: {said}");
                assert!(said.contains("raise the limit") && !said.contains("panicked"), "{most} threads: {said}");
            }
        }
    }
    panic!("no number of threads is enough");
}
