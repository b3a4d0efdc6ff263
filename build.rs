//! Tells cargo when the binary has to be built again because the page was: its files are embedded at compile time.
#![allow(clippy::print_stdout, reason = "this is how a build script talks to cargo")]

use std::path::Path;

fn main() {
    // A path that is not there would make every build a new one, so where no page was built its appearance is watched for.
    let watched = ["web/dist", "web"].into_iter().find(|path| Path::new(path).exists()).unwrap_or("build.rs");
    println!("cargo:rerun-if-changed={watched}");
}
