//! The inputs that were found once, run by every submission: no panic, no hang, no memory out of proportion.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fuzz::bounds::processor_time;
use fuzz::named;

/// The longest that an input may keep the processor busy, in a build without optimisation.
const LONGEST: Duration = Duration::from_secs(1);

/// All inputs together, so that the repository stays small.
const MOST_BYTES: u64 = 200_000;

#[test]
fn f1_requests_to_the_agent() {
    replay("agent_requests");
}

#[test]
fn f1_answers_of_aws() {
    replay("aws_answers");
}

#[test]
fn f1_configuration_files_of_aws() {
    replay("aws_config");
}

#[test]
fn f1_requests_to_the_container_endpoint() {
    replay("container_endpoint");
}

#[test]
fn f1_settings_files() {
    replay("settings_file");
}

#[test]
fn f1_requests_to_the_sign_in_callback() {
    replay("sign_in_callback");
}

#[test]
fn f1_listings_and_favourites() {
    replay("state_files");
}

#[test]
fn f1_targets_and_searches() {
    replay("target_words");
}

#[test]
fn f1_start_urls_pages_and_browser_commands() {
    replay("urls");
}

#[test]
fn every_target_is_replayed_and_the_inputs_are_small() {
    let this = include_str!("replay.rs");
    for target in fuzz::TARGETS {
        assert!(
            this.contains(&format!("replay(\"{}\")", target.name)),
            "{}",
            target.name
        );
    }
    let sizes = fuzz::TARGETS.iter().flat_map(|target| inputs(target.name));
    let bytes: u64 = sizes.map(|path| std::fs::metadata(path).unwrap().len()).sum();
    assert!(bytes < MOST_BYTES, "{bytes} bytes");
}

fn replay(name: &str) {
    let target = named(name).expect("there is such a target");
    let inputs = inputs(name);
    assert!(inputs.len() >= 8, "{name} has inputs");
    for path in inputs {
        run(
            target.run,
            &std::fs::read(&path).expect("a corpus can be read"),
            &path.display().to_string(),
        );
    }
    // What none of the inputs may be missing from: nothing, and noise.
    for input in [&b""[..], b"\0", &[0xff; 64], &[b'{'; 70_000], &[b'\n'; 7_000]] {
        run(target.run, input, "an input without a file");
    }
}

/// Panics also where a task or a thread of the input panicked that nobody waited for.
fn run(target: fn(&[u8]), input: &[u8], what: &str) {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    static COUNTING: Once = Once::new();
    COUNTING.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            usual(panic);
        }));
    });
    let before = (processor_time(), PANICS.load(Ordering::SeqCst));
    target(input);
    assert_eq!(
        PANICS.load(Ordering::SeqCst),
        before.1,
        "{what}: something panicked"
    );
    let used = processor_time().saturating_sub(before.0);
    assert!(used < LONGEST, "{what} took {used:?}");
}

fn inputs(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("a corpus can be listed").path())
        .collect();
    paths.sort();
    paths
}
