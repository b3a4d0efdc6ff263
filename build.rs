//! Makes what the binary embeds, packed once here instead of at every request: the files of the page, and what the
//! catalogue says in other languages, which the page and the reports share.
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
const LANGUAGES: [&str; 2] = ["de", "nl"];

fn main() -> Result<(), Box<dyn Error>> {
    // A path that is not there would make every build a new one, so where no page was built its appearance is watched for.
    let watched = [PAGE, "web"].into_iter().find(|path| Path::new(path).exists()).unwrap_or("build.rs");
    println!("cargo:rerun-if-changed={watched}");

    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo named no OUT_DIR")?);
    let page = out.join("page");
    if page.exists() {
        fs::remove_dir_all(&page)?;
    }
    fs::create_dir_all(&page)?;
    if Path::new(PAGE).exists() {
        embed(Path::new(PAGE), &page)?;
    }
    for language in LANGUAGES {
        let table = format!("web/src/lang/labels.{language}.json");
        println!("cargo:rerun-if-changed={table}");
        pack(Path::new(&table), &out.join(format!("labels.{language}.gz")))?;
    }
    Ok(())
}

/// Puts what is in `from` into `into`: text as `NAME.gz`, the rest as it is.
fn embed(from: &Path, into: &Path) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().ok_or("a file without a name")?;
        if path.is_dir() {
            let below = into.join(name);
            fs::create_dir(&below)?;
            embed(&path, &below)?;
        } else if path.extension().is_some_and(|ending| TEXT.iter().any(|text| ending == *text)) {
            let mut packed = OsString::from(name);
            packed.push(".gz");
            pack(&path, &into.join(packed))?;
        } else {
            fs::copy(&path, into.join(name))?;
        }
    }
    Ok(())
}

fn pack(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let text = fs::read(from).map_err(|error| format!("{} cannot be read: {error}", from.display()))?;
    // Without a time, so that the same file is always packed into the same octets.
    let mut packed = GzBuilder::new().mtime(0).write(fs::File::create(to)?, Compression::best());
    packed.write_all(&text)?;
    packed.finish()?;
    Ok(())
}
