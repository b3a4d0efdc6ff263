//! Cookies (RFC 7873), made as RFC 9018 says so that any server with the same secret could check them.
//!
//! They are given and not demanded: who sends one can tell our responses from forged ones. Nothing of the asker is kept.

use std::hash::Hasher as _;
use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use super::options::BadOption;
use crate::time::Timestamp;

/// Octets of a client's cookie.
pub(crate) const CLIENT_LEN: usize = 8;
/// Octets of ours.
pub(crate) const OURS_LEN: usize = 16;
/// Octets of a whole cookie: the client's, and ours.
pub(crate) const WHOLE_LEN: usize = CLIENT_LEN + OURS_LEN;

/// Makes server cookies.
pub(crate) struct Cookies {
    secret: [u8; 16],
}

impl Cookies {
    /// With a secret of the operating system's.
    ///
    /// # Errors
    /// When it gives no random numbers.
    pub(crate) fn new() -> Result<Self, BadOption> {
        let mut secret = [0; 16];
        let what = |error| format!("the operating system gives no random numbers: {error}");
        getrandom::fill(&mut secret).map_err(|error| BadOption { key: "dns", what: what(error) })?;
        Ok(Self { secret })
    }

    /// The whole cookie of a client, for a response at `now` to `address`.
    pub(crate) fn bake(&self, client: [u8; CLIENT_LEN], address: IpAddr, now: Timestamp) -> [u8; WHOLE_LEN] {
        // RFC 9018 §4.2: seconds in 32 bits, compared by serial number arithmetic; version 1, reserved zeros.
        let seconds = (now.millis() / 1000) as u32;
        let mut cookie = [0; WHOLE_LEN];
        cookie[..CLIENT_LEN].copy_from_slice(&client);
        cookie[CLIENT_LEN] = 1;
        cookie[12..16].copy_from_slice(&seconds.to_be_bytes());
        let hash = hash(&self.key(seconds), &cookie[..16], address);
        cookie[16..].copy_from_slice(&hash.to_le_bytes());
        cookie
    }

    /// Whether `ours` is what we gave this client not long ago (RFC 9018 §4.3: within an hour, and our clock may have been
    /// five minutes ahead).
    pub(crate) fn knows(
        &self,
        client: [u8; CLIENT_LEN],
        ours: [u8; OURS_LEN],
        address: IpAddr,
        now: Timestamp,
    ) -> bool {
        const OLDEST: u32 = 3_600;
        const AHEAD: u32 = 300;
        let [_, _, _, _, a, b, c, d, ..] = ours;
        let made = u32::from_be_bytes([a, b, c, d]);
        let age = ((now.millis() / 1000) as u32).wrapping_add(AHEAD).wrapping_sub(made);
        let then = Timestamp::from_millis(u64::from(made) * 1000);
        age <= OLDEST + AHEAD && self.bake(client, address, then)[CLIENT_LEN..] == ours
    }

    /// The key of the day: another one each day, so that what a day's cookies give away of it is worth nothing the next
    /// (RFC 9018 §5).
    fn key(&self, seconds: u32) -> [u8; 16] {
        const DAY: u32 = 86_400;
        let mut key = [0; 16];
        for (half, place) in key.chunks_exact_mut(8).zip(0_u8..) {
            let mut hasher = SipHasher24::new_with_key(&self.secret);
            hasher.write(&(seconds / DAY).to_be_bytes());
            hasher.write(&[place]);
            half.copy_from_slice(&hasher.finish().to_le_bytes());
        }
        key
    }
}

/// RFC 9018 §4.4: SipHash-2-4 over the client's cookie, version, reserved octets, time and the client's address.
fn hash(key: &[u8; 16], front: &[u8], address: IpAddr) -> u64 {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write(front);
    match address {
        IpAddr::V4(address) => hasher.write(&address.octets()),
        IpAddr::V6(address) => hasher.write(&address.octets()),
    }
    hasher.finish()
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookies")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of RFC 9018 appendix A.1.
    #[test]
    fn rfc9018_a_1_learning_a_new_server_cookie() {
        let secret = 0xe5e9_73e5_a6b2_a43f_48e7_dc84_9e37_bfcf_u128.to_be_bytes();
        let front = [0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57, 1, 0, 0, 0, 0x5c, 0xf7, 0x9f, 0x11];
        let address = "198.51.100.100".parse().unwrap();
        assert_eq!(hash(&secret, &front, address).to_le_bytes(), [0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80]);
    }

    #[test]
    fn a_cookie_depends_on_who_asks_and_on_the_day() {
        let cookies = Cookies { secret: [7; 16] };
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1000);
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let cookie = cookies.bake([1; 8], one, at(86_400));
        assert_eq!(cookie[..9], [1, 1, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(cookie, cookies.bake([1; 8], one, at(86_400)));
        for different in [
            cookies.bake([2; 8], one, at(86_400)),
            cookies.bake([1; 8], other, at(86_400)),
            cookies.bake([1; 8], one, at(2 * 86_400)),
        ] {
            assert_ne!(cookie[16..], different[16..]);
        }
        assert_ne!(cookies.key(86_399), cookies.key(86_400));
    }

    #[test]
    fn rfc9018_4_3_a_cookie_is_known_for_an_hour_and_to_its_owner() {
        let cookies = Cookies { secret: [7; 16] };
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1000);
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let cookie = cookies.bake([1; 8], one, at(86_000));
        let ours: [u8; OURS_LEN] = cookie[CLIENT_LEN..].try_into().unwrap();
        for (address, seconds, known) in
            [(one, 86_000, true), (one, 89_600, true), (one, 85_700, true), (one, 89_601, false), (one, 85_699, false)]
                .into_iter()
                .chain([(other, 86_000, false)])
        {
            assert_eq!(cookies.knows([1; 8], ours, address, at(seconds)), known, "{address} {seconds}");
        }
        assert!(!cookies.knows([2; 8], ours, one, at(86_000)) && !cookies.knows([1; 8], [0; 16], one, at(86_000)));
    }
}
