//! Zone files, read from the disk.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::local::MAX_ZONE_BYTES;

/// The content of a zone file, or one sentence on why there is none.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let sentence = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "sordino is not allowed to read it".into(),
        io::ErrorKind::InvalidData => "it is no UTF-8 text".into(),
        _ => format!("it cannot be read: {error}"),
    };
    // Asked before it is opened: to open a pipe is to wait for its other end.
    if !path.metadata().map_err(sentence)?.is_file() {
        return Err("it is not a file".into());
    }
    let mut text = String::new();
    File::open(path).map_err(sentence)?.take(MAX_ZONE_BYTES + 1).read_to_string(&mut text).map_err(sentence)?;
    if text.len() as u64 > MAX_ZONE_BYTES {
        return Err(format!("it is larger than {} MB", MAX_ZONE_BYTES >> 20));
    }
    Ok(text)
}
