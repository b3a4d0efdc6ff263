//! Any bytes as a forwarder's response: what is made of it is read again as the same names and addresses.
//!
//! `scripts/fuzz.sh 60 answer`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sordino::dns::probe;

fuzz_target!(|packet: &[u8]| {
    if let Some((addresses, targets, message)) = probe::served_from(packet) {
        let again = probe::served_from(&message).expect("what is served can be read");
        assert!(again.0 == addresses && again.1 == targets);
    }
});
