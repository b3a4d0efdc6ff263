//! What can be found on the disk.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file below `dir` that has `marker` in it, as it stands or packed. One that goes while it is looked at has nothing.
pub fn files_with(dir: &Path, marker: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(files_with(&path, marker));
        } else if let Ok(bytes) = fs::read(&path) {
            let frames = (0..bytes.len()).filter(|place| bytes[*place..].starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
            let has = |bytes: &[u8]| bytes.windows(marker.len()).any(|window| window == marker);
            if has(&bytes) || frames.into_iter().any(|place| has(&unpacked(&bytes[place..]))) {
                found.push(path);
            }
        }
    }
    found
}

/// What the zstd frame at the start of `bytes` holds, as far as it can be read: the directory is looked at as someone
/// would who finds it.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    if let Ok(frame) = zstd::stream::read::Decoder::new(bytes) {
        let _ = std::io::Read::read_to_end(&mut frame.single_frame(), &mut content);
    }
    content
}
