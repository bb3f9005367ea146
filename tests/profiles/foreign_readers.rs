//! botocore and the SDK for Rust read every other profile as before, and break where it was foretold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_types::os_shim_internal::{Env, Fs};
use harness::{Desktop, DesktopOptions};
use portray_core::aws_config::document::{Document, Name};
use portray_core::aws_config::edit::{Content, block_of, with_block, without_block};
use portray_core::aws_config::findings::of as findings_of;
use serde_json::{Value, json};

use super::DEADLINE;

const OURS: &[u8] = b"[profile portray-test]\ncredential_process = /opt/portray credential-process --portal acme --account 111122223333 --permission-set ReadOnly\nregion = eu-west-1\n";

/// Lines that mean something to somebody, as in the tests of the document.
const LINES: [&str; 34] = [
    "",
    "# a comment",
    "  ; indented",
    "[default]",
    "[profile a]",
    "[profile \"with space\"]",
    "[DEFAULT]",
    "[unclosed",
    "[behind] x",
    "[]",
    "region = eu-west-1",
    "Region=us-east-1 # c",
    "output: json",
    "s3 =",
    "  addressing_style = path",
    "  words only",
    "no equals sign",
    "= 1",
    "\u{b}output = y",
    "\u{a0}output = y",
    "\u{c}",
    " \u{a0}",
    "\u{a0}# a comment",
    "\u{b}[profile b]",
    "region\u{a0}=\u{3000}x",
    "  a = 1\u{b}b",
    "  a = 1\u{2028}b = 2",
    "words # c = d",
    "[profile a b]",
    "[profile  it's]",
    "[profiles c]",
    "[ profile d ]",
    "[profile e\\ f]",
    "[sso-session g h]",
];

/// What a tool makes of a file: everything in it, or that it refuses it.
type Reading = Option<Value>;

/// Every file of the corpus, and short ones made of every pair and triple of lines that begins with a header.
fn files() -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/fuzz/corpus/aws_config");
    for entry in fs::read_dir(corpus)? {
        let entry = entry?;
        files.insert(
            entry.file_name().to_string_lossy().into_owned(),
            fs::read(entry.path())?,
        );
    }
    ensure!(files.len() > 20, "the corpus has moved");
    for (one, first) in LINES.iter().enumerate() {
        for (two, second) in LINES.iter().enumerate() {
            for header in ["", "[profile x]\n", "[profile x]\nkey = v\n"] {
                let name = format!("lines-{one}-{two}-{}", header.len());
                files.insert(name, format!("{header}{first}\n{second}\n").into_bytes());
            }
        }
    }
    Ok(files)
}

/// What botocore makes of files, in their order.
async fn botocore(desktop: &Desktop, files: &BTreeMap<String, Vec<u8>>) -> Result<BTreeMap<String, Reading>> {
    let folder = desktop.folder().join("files");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder)?;
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes)?;
    }
    let mut python = desktop.python()?;
    python.args(["-c", include_str!("read_config.py")]).arg(&folder);
    let read = desktop
        .run("botocore", python, DEADLINE)
        .await?
        .expect_code(0)?
        .json()?;
    let read = read.as_object().context("readings by name")?.clone();
    Ok(read
        .into_iter()
        .map(|(name, reading)| (name, Some(reading).filter(|reading| !reading.is_null())))
        .collect())
}

/// What the SDK for Rust makes of a file. One that is not UTF-8 is empty to it.
async fn rust(bytes: &[u8]) -> Reading {
    let files = EnvConfigFiles::builder()
        .with_file(EnvConfigFileKind::Config, "/config")
        .build();
    let fs = Fs::from_map([("/config".to_owned(), bytes.to_vec())].into());
    let read = aws_config::profile::load(&fs, &Env::from_slice(&[]), &files, None)
        .await
        .ok()?;
    let profiles = read.profiles().map(|name| {
        let profile = read.get_profile(name).map(|profile| format!("{profile:?}"));
        let profile = profile.unwrap_or_default();
        // The order of a profile's keys is any.
        let mut letters: Vec<char> = profile.chars().collect();
        letters.sort_unstable();
        (name.to_owned(), letters.into_iter().collect::<String>())
    });
    Some(json!(profiles.collect::<BTreeMap<_, _>>()))
}

fn without_ours(reading: Reading) -> Reading {
    let mut reading = reading?;
    for profiles in ["/profiles", ""] {
        if let Some(profiles) = reading.pointer_mut(profiles).and_then(Value::as_object_mut) {
            profiles.remove("portray-test");
        }
    }
    Some(reading)
}

fn bytes_of(content: Content) -> Vec<u8> {
    match content {
        Content::Bytes(bytes) => bytes,
        Content::Absent => Vec::new(),
    }
}

async fn desktop() -> Result<Desktop> {
    let options = DesktopOptions::bare();
    Desktop::start_with(options).await
}

#[tokio::test]
async fn c2_botocore_and_the_rust_sdk_read_every_other_profile_as_before() -> Result<()> {
    let desktop = desktop().await?;
    let mut before = files()?;
    before.retain(|_, bytes| block_of(bytes) == Ok(None));
    let with = |bytes: &Vec<u8>| Ok::<_, anyhow::Error>(bytes_of(with_block(Some(bytes), OURS)?));
    let mut after = BTreeMap::new();
    for (name, bytes) in &before {
        let written = with(bytes)?;
        assert_eq!(&bytes_of(without_block(Some(&written), &[])?), bytes, "{name}");
        after.insert(name.clone(), written);
    }
    let (old, new) = (
        botocore(&desktop, &before).await?,
        botocore(&desktop, &after).await?,
    );
    let mut seen = 0;
    for (name, old) in old {
        let new = &new[&name];
        let is_there = new
            .as_ref()
            .is_some_and(|new| !new["profiles"]["portray-test"].is_null());
        assert_eq!(is_there, old.is_some(), "{name}: {new:?}");
        seen += usize::from(is_there);
        assert_eq!(without_ours(new.clone()), old, "{name}");
        let (old, new) = (rust(&before[&name]).await, rust(&after[&name]).await);
        assert_eq!(without_ours(new), old, "{name}");
    }
    ensure!(seen > 100, "botocore reads {seen} files");
    Ok(())
}

#[tokio::test]
async fn c2_the_profiles_that_are_known_are_those_that_botocore_sees() -> Result<()> {
    let desktop = desktop().await?;
    let files = files()?;
    let mut seen = 0;
    for (name, reading) in botocore(&desktop, &files).await? {
        let Some(reading) = reading else { continue };
        let document = Document::read(&files[&name]);
        for (kind, of_kind) in [
            ("profiles", profile as fn(&Name) -> Option<&String>),
            ("sso_sessions", session),
        ] {
            let theirs = reading[kind].as_object().context("sections by name")?;
            let sections = document.sections();
            let ours: BTreeSet<_> = sections
                .iter()
                .filter_map(|section| of_kind(&section.name))
                .collect();
            let theirs: BTreeSet<_> = theirs.keys().collect();
            seen += theirs.len();
            assert_eq!(
                ours,
                theirs,
                "{name}: {:?}",
                String::from_utf8_lossy(&files[&name])
            );
        }
    }
    ensure!(seen > 500, "{seen} profiles and sessions");
    Ok(())
}

fn profile(name: &Name) -> Option<&String> {
    match name {
        Name::Profile(name) => Some(name),
        Name::SsoSession(_) | Name::Services(_) | Name::Other(_) => None,
    }
}

fn session(name: &Name) -> Option<&String> {
    match name {
        Name::SsoSession(name) => Some(name),
        Name::Profile(_) | Name::Services(_) | Name::Other(_) => None,
    }
}

#[tokio::test]
async fn c2_what_would_break_a_tool_is_foretold() -> Result<()> {
    let desktop = desktop().await?;
    let files = files()?;
    let read = botocore(&desktop, &files).await?;
    let mut wrong = Vec::new();
    for (name, bytes) in files {
        let findings = findings_of(&bytes, &[]);
        let stops = |is_stopped: fn(&portray_core::aws_config::findings::Stops) -> bool| {
            findings
                .iter()
                .any(|finding| is_stopped(&finding.trouble.stops()))
        };
        // The SDK for Rust takes a file that is no text for an empty one.
        let is_refused = match std::str::from_utf8(&bytes) {
            Ok(_) => rust(&bytes).await.is_none(),
            Err(_) => true,
        };
        let text = String::from_utf8_lossy(&bytes);
        if read[&name].is_none() != stops(|stops| stops.botocore) {
            wrong.push(format!(
                "botocore reads: {}, {name}: {text:?} {findings:?}",
                read[&name].is_some()
            ));
        }
        if is_refused != stops(|stops| stops.rust) {
            wrong.push(format!(
                "Rust reads: {}, {name}: {text:?} {findings:?}",
                !is_refused
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n{} in all",
        wrong[..wrong.len().min(20)].join("\n"),
        wrong.len()
    );
    Ok(())
}
