//! Who made a device, by the prefix of its hardware address that the IEEE gave out.
//!
//! The table is not ours and not in the program: five megabytes that change every week would double it. Debian's package
//! `ieee-data` brings it as a file; where that is missing, no maker is told.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::sync::Arc;

use crate::policy::MacAddr;

/// Where Debian's `ieee-data` puts the table.
pub const DEFAULT_TABLE: &str = "/usr/share/ieee-data/oui.txt";
/// Makers that are remembered; a house has no more.
const MAKERS_BOUND: usize = 4096;
/// Octets of a line that are looked at.
const MAX_LINE: usize = 512;

/// The makers of the devices that were met. Each prefix is looked for once, and all that are new in one pass.
#[derive(Clone, Debug, Default)]
pub struct Makers {
    known: HashMap<[u8; 3], Option<Arc<str>>>,
}

impl Makers {
    /// The maker of the device, if it was looked for and found.
    pub fn of(&self, mac: MacAddr) -> Option<&Arc<str>> {
        self.known.get(&prefix(mac)).and_then(Option::as_ref)
    }

    /// Those of `macs` that were not looked for yet. A made-up address has no maker.
    pub fn missing(&self, macs: impl IntoIterator<Item = MacAddr>) -> Vec<MacAddr> {
        let new = |mac: &MacAddr| !mac.is_random() && !self.known.contains_key(&prefix(*mac));
        macs.into_iter().filter(new).take(MAKERS_BOUND.saturating_sub(self.known.len())).collect()
    }

    /// Looks for the makers of `macs` in the table at `path`. Blocks: the table is read from end to end.
    ///
    /// # Errors
    /// When the table cannot be read; then nothing is remembered, and it may be tried again.
    pub fn look_up(&mut self, macs: &[MacAddr], path: &Path) -> io::Result<()> {
        let mut found: HashMap<[u8; 3], Option<Arc<str>>> = macs.iter().map(|mac| (prefix(*mac), None)).collect();
        let mut table = BufReader::new(File::open(path)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            if table.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&line[..line.len().min(MAX_LINE)]);
            if let Some((prefix, maker)) = entry(&text)
                && let Some(slot) = found.get_mut(&prefix)
            {
                *slot = Some(maker.into());
            }
        }
        self.known.extend(found);
        Ok(())
    }
}

fn prefix(mac: MacAddr) -> [u8; 3] {
    let [a, b, c, ..] = mac.0;
    [a, b, c]
}

/// Reads `3C-5A-B4   (hex)` and, behind tabs, the maker.
fn entry(line: &str) -> Option<([u8; 3], &str)> {
    let (digits, maker) = line.split_once("(hex)")?;
    let mut octets = [0; 3];
    let mut parts = digits.trim().split('-');
    for octet in &mut octets {
        *octet = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    let maker = maker.trim();
    (parts.next().is_none() && !maker.is_empty()).then_some((octets, maker))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maker_is_found_by_prefix_and_looked_for_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("oui.txt");
        let table = "OUI/MA-L   Organization\n\n3C-5A-B4   (hex)\t\tGoogle, Inc.\n3C5AB4     (base 16)\t\tGoogle, Inc.\n\
                     \t\t\t\tMountain View\n00-22-72   (hex)\t\t\n";
        std::fs::write(&path, table).unwrap();
        let (phone, nobody) = (MacAddr([0x3c, 0x5a, 0xb4, 1, 2, 3]), MacAddr([0, 0x22, 0x72, 1, 2, 3]));
        let private = MacAddr([0x3e, 0x5a, 0xb4, 1, 2, 3]);
        let mut makers = Makers::default();
        let missing = makers.missing([phone, nobody, private]);
        assert_eq!(missing, [phone, nobody]);
        assert!(makers.look_up(&missing, &dir.path().join("gone")).is_err());
        makers.look_up(&missing, &path).unwrap();
        assert_eq!(makers.of(phone).map(|maker| &**maker), Some("Google, Inc."));
        assert_eq!(makers.of(nobody), None);
        assert!(makers.missing([phone, nobody, private]).is_empty());
    }
}
