//! Codes by the time (RFC 6238), as every authenticator app computes them: HMAC-SHA-1, six digits, thirty seconds.
//!
//! ring, which is here for TLS, has the HMAC; the rest is the ten lines of RFC 4226 §5.3. SHA-1 is what apps know, and its
//! weakness is no weakness of HMAC (RFC 6194 §3.3).

use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};

use crate::time::Timestamp;

/// Octets of a secret: RFC 4226 §4, R6.
const SECRET: usize = 20;
/// How long a code is the one in force, milliseconds.
const STEP: u64 = 30_000;
/// Steps before and after, for clocks that differ and for who types slowly (RFC 6238 §5.2).
const SKEW: u64 = 1;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A secret that nobody has seen before, in Base32.
pub(crate) fn new_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0; SECRET];
    getrandom::fill(&mut bytes)?;
    Ok(base32(&bytes))
}

/// The time step whose code this is, if it is one that is taken at `now`; the latest where there are two.
pub(crate) fn step_of(code: &str, secret: &str, now: Timestamp) -> Option<u64> {
    let secret = from_base32(secret)?;
    let step = now.millis() / STEP;
    let steps = (step.saturating_sub(SKEW)..=step.saturating_add(SKEW)).rev();
    // All of them are computed: how long it takes does not tell which one it was.
    steps.filter(|step| digits(&secret, *step) == code).fold(None, |found, step| found.or(Some(step)))
}

/// What an app reads, as a QR code or typed.
pub(crate) fn uri(secret: &str) -> String {
    format!("otpauth://totp/sordino?secret={secret}&issuer=sordino")
}

fn digits(secret: &[u8], step: u64) -> String {
    let sum = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret), &step.to_be_bytes());
    let sum = sum.as_ref();
    let offset = usize::from(sum.last().copied().unwrap_or(0) & 0xf);
    let word = sum.get(offset..offset + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes);
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

fn base32(bytes: &[u8]) -> String {
    bytes
        .chunks(5)
        .flat_map(|chunk| {
            let word = chunk.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte)) << (8 * (5 - chunk.len()));
            let count = (chunk.len() * 8).div_ceil(5);
            (0..count).map(move |place| char::from(ALPHABET[(word >> (35 - 5 * place) & 31) as usize]))
        })
        .collect()
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let (mut word, mut bits, mut bytes) = (0_u32, 0, Vec::with_capacity(SECRET));
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter.to_ascii_uppercase())?;
        word = word << 5 | value as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238_appendix_b() {
        let secret = base32(b"12345678901234567890");
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp::from_millis(seconds * 1000);
            assert_eq!(step_of(code, &secret, now), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_taken_a_step_around_its_own_and_no_longer() {
        let secret = base32(b"12345678901234567890");
        let at = |step: u64| step_of("287082", &secret, Timestamp::from_millis(step * STEP));
        assert_eq!([at(0), at(1), at(2), at(3)], [Some(1), Some(1), Some(1), None]);
        for wrong in ["", "28708", "2870822", "287083", "28708２"] {
            assert_eq!(step_of(wrong, &secret, Timestamp::from_millis(59_000)), None, "{wrong}");
        }
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (bytes, text) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
            assert_eq!(from_base32(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(from_base32("1"), None);
        let secret = new_secret().unwrap();
        assert_eq!((secret.len(), from_base32(&secret).unwrap().len()), (32, SECRET));
    }
}
