//! Any bytes as a query: silence, or one response that is sound enough to be told from its head.
//!
//! `scripts/fuzz.sh 60 query`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sordino::dns::probe;

fuzz_target!(|packet: &[u8]| {
    if let Some(response) = probe::response_to(packet) {
        assert!((12..=1232).contains(&response.len()));
        assert!(response[..2] == packet[..2] && response[2] & 0x80 != 0);
    }
});
