//! Random identifiers: from the system, or the same ones each time from a seed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// A stream of bytes: SHA-256 over a seed and a counter.
pub(crate) struct Random {
    seed: [u8; 32],
    counter: u64,
}

impl Random {
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self {
            seed: Sha256::digest(seed.to_be_bytes()).into(),
            counter: 0,
        }
    }

    pub(crate) fn from_system() -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("an operating system that we run on has random bytes");
        Self { seed, counter: 0 }
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 32);
        while bytes.len() < length {
            let block = Sha256::new()
                .chain_update(self.seed)
                .chain_update(self.counter.to_be_bytes())
                .finalize();
            self.counter += 1;
            bytes.extend_from_slice(&block);
        }
        bytes.truncate(length);
        bytes
    }

    /// `bytes` random bytes as unpadded base64url.
    pub(crate) fn base64url(&mut self, bytes: usize) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes(bytes))
    }

    /// `length` characters of `alphabet`, which has at most 256.
    pub(crate) fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet = alphabet.as_bytes();
        let characters = self.bytes(length).into_iter();
        characters
            .map(|byte| char::from(alphabet[usize::from(byte) % alphabet.len()]))
            .collect()
    }

    pub(crate) fn uuid(&mut self) -> String {
        uuid_of(&self.bytes(16))
    }

    /// True with the given probability, 0 to 1.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        let byte_pair = self.bytes(2);
        f64::from(u16::from_be_bytes([byte_pair[0], byte_pair[1]])) / 65_536.0 < probability
    }
}

/// The first 16 of `bytes` in the form of a version 4 UUID: random ones, or a digest's for a name that stays.
pub(crate) fn uuid_of(bytes: &[u8]) -> String {
    let hex = hex(&bytes[..16]);
    format!(
        "{}-{}-4{}-8{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_the_same_identifiers_each_time() {
        let (mut first, mut second, mut other) =
            (Random::from_seed(7), Random::from_seed(7), Random::from_seed(8));

        assert_eq!(first.uuid(), second.uuid());
        assert_eq!(first.bytes(100), second.bytes(100));
        assert_ne!(first.uuid(), other.uuid());
    }

    #[test]
    fn a_uuid_has_the_form_of_version_four() {
        let uuid = Random::from_system().uuid();
        let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "4");
    }
}
