//! Makes what the binary embeds: the files of the page, packed once here instead of at every request.
//!
//! Also tells cargo when the binary has to be built again because the page was.
#![allow(clippy::print_stdout, reason = "this is how a build script talks to cargo")]

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

const PAGE: &str = "web/dist";
/// What text comes in. Pictures and fonts are packed already.
const TEXT: [&str; 8] = ["css", "html", "js", "json", "map", "svg", "txt", "webmanifest"];

fn main() -> Result<(), Box<dyn Error>> {
    // A path that is not there would make every build a new one, so where no page was built its appearance is watched for.
    let watched = [PAGE, "web"].into_iter().find(|path| Path::new(path).exists()).unwrap_or("build.rs");
    println!("cargo:rerun-if-changed={watched}");

    let packed = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo named no OUT_DIR")?).join("page");
    if packed.exists() {
        fs::remove_dir_all(&packed)?;
    }
    fs::create_dir_all(&packed)?;
    if Path::new(PAGE).exists() {
        pack(Path::new(PAGE), &packed)?;
    }
    Ok(())
}

/// Puts what is in `from` into `into`: text as `NAME.gz`, the rest as it is.
fn pack(from: &Path, into: &Path) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().ok_or("a file without a name")?;
        if path.is_dir() {
            let below = into.join(name);
            fs::create_dir(&below)?;
            pack(&path, &below)?;
        } else if path.extension().is_some_and(|ending| TEXT.iter().any(|text| ending == *text)) {
            let mut packed_name = OsString::from(name);
            packed_name.push(".gz");
            // Without a time, so that the same page is packed into the same bytes.
            let file = fs::File::create(into.join(packed_name))?;
            let mut packed = GzBuilder::new().mtime(0).write(file, Compression::best());
            packed.write_all(&fs::read(&path)?)?;
            packed.finish()?;
        } else {
            fs::copy(&path, into.join(name))?;
        }
    }
    Ok(())
}
