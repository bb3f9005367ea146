//! Files to test with: those that were collected, and random ones made of what such files hold.

use std::path::Path;

use proptest::prelude::*;

use super::edit::{BEGIN, BEGIN_OF_OWN_FILE, END};

/// The collected files, by name.
pub fn on_disk() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/aws_config");
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let files = entries.map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, std::fs::read(entry.path()).unwrap())
    });
    let mut files: Vec<_> = files.collect();
    files.sort();
    files
}

/// Any order of lines that mean something to somebody.
pub fn files() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        12 => prop::sample::select(LINES).prop_map(|line| line.as_bytes().to_vec()),
        1 => prop::sample::select(vec![BEGIN, BEGIN_OF_OWN_FILE, END]).prop_map(|line| line.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    let ending = prop_oneof![6 => Just(&b"\n"[..]), 2 => Just(&b"\r\n"[..])];
    let lines = prop::collection::vec((line, ending), 0..12);
    (lines, any::<bool>()).prop_map(|(lines, is_ended)| {
        let mut bytes: Vec<u8> = lines
            .iter()
            .flat_map(|(line, ending)| [line, *ending].concat())
            .collect();
        if !is_ended {
            let ending = lines.last().map_or(0, |(_, ending)| ending.len());
            bytes.truncate(bytes.len() - ending);
        }
        bytes
    })
}

/// Files in which all of this stands between our markers, and something behind them.
pub fn blocks() -> impl Strategy<Value = Vec<u8>> {
    let behind = prop_oneof![files(), settings()];
    (files(), files(), behind).prop_filter_map("a file to write to", |(before, mut body, behind)| {
        if !body.is_empty() && !body.ends_with(b"\n") {
            body.push(b'\n');
        }
        match super::edit::block_of(&body) {
            Ok(None) => match super::edit::with_block(Some(&before), &body).ok()? {
                super::edit::Content::Bytes(bytes) => Some([bytes, behind].concat()),
                super::edit::Content::Absent => None,
            },
            Ok(Some(_)) | Err(_) => None,
        }
    })
}

/// What `aws configure set`, and a person, add at the end of a file: settings, the first line is one.
pub fn settings() -> impl Strategy<Value = Vec<u8>> {
    let lines = prop::collection::vec(prop::sample::select(SETTINGS), 0..6);
    (prop::sample::select(&SETTINGS[..3]), lines, any::<bool>()).prop_map(|(first, lines, is_ended)| {
        let all: Vec<_> = [first].into_iter().chain(lines).collect();
        let end = if is_ended { "\n" } else { "" };
        (all.join("\n") + end).into_bytes()
    })
}

/// As [`files`], where nothing keeps us from writing.
pub fn clear_files() -> impl Strategy<Value = Vec<u8>> {
    files().prop_filter("a file to write to", |bytes| {
        super::edit::block_of(bytes) == Ok(None)
    })
}

const SETTINGS: &[&str] = &[
    "region = eu-west-2",
    "output: json",
    "s3 =",
    "\tindented = value",
    "    addressing_style = path",
    "# a comment",
    " ",
    "",
];

const LINES: &[&str] = &[
    "",
    " ",
    "# a comment",
    "  ; indented",
    "[default]",
    "[profile acme-dev]",
    "[profile acme-dev-ReadOnly]",
    "[profile \"with space\"]",
    "[profile größe]",
    "[sso-session portray-acme]",
    "[services here]",
    "[plugins]",
    "[unclosed",
    "  [profile indented]",
    "  words only",
    "\tregion = eu-west-3",
    "region = eu-west-1",
    "Region=us-east-1 # not a comment for all",
    "output: json",
    "s3 =",
    "  addressing_style = path",
    "credential_process = \"/opt/x y/tool\" --flag",
    "credential_process = /opt/portray credential-process --portal acme --account 111122223333 --permission-set ReadOnly",
    "sso_session = portray-acme",
    "sso_account_id = 111122223333",
    "no equals sign",
    "=",
];
