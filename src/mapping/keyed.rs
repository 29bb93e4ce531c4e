//! Pseudonyms: values that only the holder of a key can make again.
//!
//! A key belongs to the ente and comes from outside the ledger; without it a flow that needs it
//! makes no record, and says so.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The key of fixtures and trials, of nobody: the bytes 0 to 31.
pub const TEST_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A secret of 32 bytes, kept as the 64 hexadecimal digits in which it was given: the case of
/// the letters matters to [`Keyed::Cuni`]. It cannot be printed.
#[derive(Clone)]
pub struct PseudonymKey {
    text: String,
    bytes: [u8; 32],
}

impl PseudonymKey {
    /// Reads 64 hexadecimal digits, blanks around them aside.
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
        }
        let plain = text.bytes().all(|digit| digit.is_ascii_hexdigit());
        plain.then(|| Self { text: text.to_owned(), bytes })
    }

    /// Tells two keys apart without giving either away.
    pub fn check_value(&self) -> [u8; 32] {
        let key = Key::new(HMAC_SHA256, self.text.as_bytes());
        let mut out = [0; 32];
        out.copy_from_slice(sign(&key, b"raccordo: which key").as_ref());
        out
    }
}

/// How one key of an ente stands.
#[derive(Clone)]
pub enum KeyState {
    Ready(PseudonymKey),
    /// Not the one with which records were made before: a person would become two.
    Changed,
}

/// The keys of an ente by name. `Debug` tells the names only.
#[derive(Clone, Default)]
pub struct Keys(pub BTreeMap<String, KeyState>);

impl Keys {
    pub fn get(&self, name: &str) -> Option<&KeyState> {
        self.0.get(name)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

/// How a pseudonym is made (`as = "…"` of a `[[value]]` with `key`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyed {
    /// The first n characters of base32 (RFC 4648) of HMAC-SHA256.
    Pseudonym(usize),
    /// The CUNI of the Ministry of Health (sdk-lib-interconnessione): 88 characters.
    Cuni,
}

/// Names, as error messages show them.
pub const NAMES: &str = "pseudonym(n) with n from 16 to 52, cuni";

impl Keyed {
    pub fn parse(name: &str) -> Option<Self> {
        if name == "cuni" {
            return Some(Self::Cuni);
        }
        let length = name.strip_prefix("pseudonym(")?.strip_suffix(')')?.parse().ok()?;
        // Fewer than 16 characters (80 bits) would meet by chance in a large ente.
        (16..=52).contains(&length).then_some(Self::Pseudonym(length))
    }

    /// Length of what it makes, in characters.
    pub const fn length(self) -> usize {
        match self {
            Self::Pseudonym(length) => length,
            Self::Cuni => 88,
        }
    }

    pub fn apply(self, key: &PseudonymKey, text: &str) -> String {
        let tag = sign(&Key::new(HMAC_SHA256, &key.bytes), text.as_bytes());
        match self {
            Self::Pseudonym(length) => base32(tag.as_ref(), length),
            Self::Cuni => {
                // The second half is keyed with the digits as text, not with the bytes they mean.
                let check = sign(&Key::new(HMAC_SHA256, key.text.as_bytes()), tag.as_ref());
                STANDARD.encode(tag) + &STANDARD.encode(check)
            }
        }
    }
}

fn base32(bytes: &[u8], length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    let digit = |at: usize| (0..5).fold(0_usize, |sum, offset| sum << 1 | usize::from(bit(at * 5 + offset)));
    (0..length).map(|at| char::from(ALPHABET[digit(at)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str, key: &str, text: &str) -> String {
        Keyed::parse(name).unwrap().apply(&PseudonymKey::from_hex(key).unwrap(), text)
    }

    #[test]
    fn cuni_is_as_the_ministry_computes_it() {
        let first = "0+VkWNVmrdma0zzF/XHVm8ZvydvLKD9C85SPRh1ZzyM=";
        let lower = made("cuni", TEST_KEY, "XXXYYY80A01H501D");
        assert_eq!(lower, format!("{first}x6QwNdUd5a8BxbgTQRiTJ2MjOsR3RrFm67fNk4VqE9c="));
        let upper = made("cuni", &TEST_KEY.to_uppercase(), "XXXYYY80A01H501D");
        assert_eq!(upper, format!("{first}XWMQIyBaCONDgu/OyIC6mXlcFnoSfefYlhLEewY6GA0="));
    }

    #[test]
    fn a_pseudonym_is_stable_short_and_needs_its_key() {
        let one = made("pseudonym(20)", TEST_KEY, "CS-1");
        assert_eq!(one.len(), 20);
        assert!(one.bytes().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte)));
        assert_eq!(one, made("pseudonym(20)", TEST_KEY, "CS-1"));
        assert_ne!(one, made("pseudonym(20)", TEST_KEY, "CS-2"));
        assert_ne!(one, made("pseudonym(20)", &"ab".repeat(32), "CS-1"));
        // RFC 4648, section 10.
        assert_eq!(base32(b"foobar", 9), "MZXW6YTBO");
        assert!(Keyed::parse("pseudonym(8)").is_none());
    }

    #[test]
    fn only_64_digits_are_a_key_and_none_is_printed() {
        for text in ["", "00", &"0".repeat(63), &"g".repeat(64), &"+1".repeat(32)] {
            assert!(PseudonymKey::from_hex(text).is_none(), "{text}");
        }
        let key = PseudonymKey::from_hex(&format!(" {TEST_KEY}\n")).unwrap();
        assert_ne!(key.check_value(), PseudonymKey::from_hex(&"ab".repeat(32)).unwrap().check_value());
        let keys = Keys([("child".to_owned(), KeyState::Ready(key))].into());
        assert_eq!(format!("{keys:?}"), "{\"child\"}");
    }
}
