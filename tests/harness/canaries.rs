//! The secrets of one run, looked for in every form in which they could leak.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use crate::emulator::EmulatorProcess;

/// The length of the piece that is looked for: a secret that was cut short is one too.
const PIECE: usize = 24;

/// What every sign-in with credentials and console has.
const ALWAYS: [&str; 7] = [
    "access_token",
    "client_secret",
    "code",
    "refresh_token",
    "secret_access_key",
    "session_token",
    "state",
];

/// Secrets by kind, each in all its forms.
pub struct Canaries(BTreeMap<String, BTreeSet<String>>);

impl Canaries {
    /// Everything secret that the emulator handed out or was handed so far; an error if an essential kind is missing.
    pub async fn of(emulator: &EmulatorProcess) -> Result<Canaries> {
        let told = emulator.read("secrets").await?;
        let told: BTreeMap<String, Vec<String>> = serde_json::from_value(told)?;
        for kind in ALWAYS {
            ensure!(told.contains_key(kind), "the run had no {kind}");
        }
        Ok(Canaries::from(told))
    }

    /// The kinds that stand somewhere in `bytes`.
    pub fn found_in(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let text = String::from_utf8_lossy(bytes);
        let stands = |forms: &BTreeSet<String>| forms.iter().any(|form| text.contains(form.as_str()));
        let found = self.0.iter().filter(|(_, forms)| stands(forms));
        found.map(|(kind, _)| kind.as_str()).collect()
    }

    /// The files below `folder` with secrets in them, and which kinds.
    pub fn found_below(&self, folder: &Path) -> Result<Vec<(PathBuf, BTreeSet<&str>)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let kind = path.symlink_metadata()?.file_type();
            if kind.is_dir() {
                found.extend(self.found_below(&path)?);
            } else if kind.is_file() {
                let kinds = self.found_in(&std::fs::read(&path)?);
                if !kinds.is_empty() {
                    found.push((path, kinds));
                }
            }
        }
        Ok(found)
    }
}

impl From<BTreeMap<String, Vec<String>>> for Canaries {
    fn from(values: BTreeMap<String, Vec<String>>) -> Canaries {
        let forms = |values: Vec<String>| values.iter().flat_map(|value| forms(value)).collect();
        Canaries(
            values
                .into_iter()
                .map(|(kind, values)| (kind, forms(values)))
                .collect(),
        )
    }
}

/// The middle of a value: plain, hex, percent-encoded, in JSON, as UTF-16, and in base64 wherever it begins there.
fn forms(value: &str) -> Vec<String> {
    let piece = middle(value);
    let hex: String = piece.bytes().map(|byte| format!("{byte:02x}")).collect();
    let json = serde_json::Value::from(piece).to_string();
    let json = json.trim_matches('"');
    let wide: String = piece.chars().flat_map(|letter| [letter, '\0']).collect();
    let percent: String = url::form_urlencoded::byte_serialize(piece.as_bytes()).collect();
    let every_byte: String = piece.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut forms = vec![
        piece.to_owned(),
        hex.to_uppercase(),
        hex,
        json.replace('/', "\\/"),
        json.to_owned(),
        wide,
        percent.replace('+', "%20"),
        percent,
        every_byte.to_lowercase(),
        every_byte,
    ];
    for before in 0..3 {
        forms.push(in_base64(&BASE64_STANDARD_NO_PAD, piece, before));
        forms.push(in_base64(&BASE64_URL_SAFE_NO_PAD, piece, before));
    }
    forms
}

fn middle(value: &str) -> &str {
    let start = value.len().saturating_sub(PIECE) / 2;
    value
        .get(start..(start + PIECE).min(value.len()))
        .unwrap_or(value)
}

/// What is the same in base64 whatever stands around the piece, with so many bytes before it.
fn in_base64(engine: &impl base64::Engine, piece: &str, before: usize) -> String {
    let text = engine.encode([&vec![0; before], piece.as_bytes()].concat());
    let first = (before * 8).div_ceil(6);
    let end = (before + piece.len()) * 8 / 6;
    text.get(first..end).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    const VALUE: &str = "aor+canary/with=all&sorts of \"letters\" and more";

    #[test]
    fn a_secret_is_found_in_every_form_also_cut_short() {
        let canaries = Canaries::from(BTreeMap::from([("token".to_owned(), vec![VALUE.to_owned()])]));
        let encoded = |text: String| BASE64_STANDARD_NO_PAD.encode(text);
        let percent: String = url::form_urlencoded::byte_serialize(VALUE.as_bytes()).collect();
        let wide: Vec<u8> = VALUE.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hex: String = VALUE.bytes().map(|byte| format!("{byte:02X}")).collect();
        for text in [
            format!("x {VALUE} y"),
            VALUE[..40].to_owned(),
            encoded(VALUE.to_owned()),
            encoded(format!("1{VALUE}")),
            encoded(format!("12{VALUE}")),
            serde_json::json!({ "token": VALUE }).to_string(),
            percent,
            hex,
        ] {
            assert_eq!(
                canaries.found_in(text.as_bytes()),
                BTreeSet::from(["token"]),
                "{text}"
            );
        }
        assert_eq!(canaries.found_in(&wide), BTreeSet::from(["token"]));
        assert_eq!(canaries.found_in(b"aor+canary and nothing more"), BTreeSet::new());
    }
}
