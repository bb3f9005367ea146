//! Sleeps stop with the machine: whoever waits for a time of the wall clock looks again after half a minute.

use crate::sources::{SourceFile, files_below};

const LONGEST_SECONDS: f64 = 30.0;

/// Sleeps whose length is computed: none of them waits for a time of the wall clock longer than the words say.
const COMPUTED: [(&str, &str, &str); 14] = [
    (
        "clock/corrected.rs",
        "duration",
        "passes on what it was asked for",
    ),
    ("clock.rs", "duration", "passes on what it was asked for"),
    (
        "identity_center/call.rs",
        "duration",
        "the SDK's, whose time-outs and retries are switched off",
    ),
    (
        "identity_center/call.rs",
        "pause",
        "three seconds at most, while a person waits",
    ),
    (
        "identity_center/limiter.rs",
        "wait",
        "half a second at most: two requests a second are the lowest rate",
    ),
    (
        "identity_center/roles.rs",
        "wait",
        "five seconds at most, until a silent portal may be asked again",
    ),
    (
        "identity_center/deadline.rs",
        "limit",
        "a time-out of one call, measured on the monotonic clock",
    ),
    (
        "role_catalog/sync.rs",
        "pause(attempt, &failure)",
        "between two tries of one call",
    ),
    (
        "token_store/",
        "deadline",
        "a time-out of one call, measured on the monotonic clock",
    ),
    (
        "app/controller.rs",
        "pause",
        "a second at most, before the next drawing",
    ),
    ("app/inbox.rs", "pause", "a minute at most, after too many panics"),
    (
        "supervised.rs",
        "pause",
        "a minute at most, after too many panics",
    ),
    ("agent/socket.rs", "left", "what is left of ten seconds"),
    (
        "refresh/runner.rs",
        "pause",
        "never longer than the tick, see below",
    ),
];

#[test]
fn t1_no_sleep_is_longer_than_half_a_minute() {
    let files = files_below(&["crates/core/src", "crates/cli/src", "src-tauri/src"], &[".rs"]);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files.iter().filter(|file| !file.path.contains("/tests")) {
        for argument in sleeps(file.without_tests()) {
            seen += 1;
            let is_computed = COMPUTED
                .iter()
                .any(|(path, known, _)| file.path.contains(path) && *known == argument);
            let is_short = seconds(&argument, file, &files).is_some_and(|seconds| seconds <= LONGEST_SECONDS);
            if !is_computed && !is_short {
                wrong.push(format!("{} sleeps for {argument}", file.path));
            }
        }
    }
    assert!(seen > 10, "the sleeps are spelled in another way now");
    assert_eq!(wrong, Vec::<String>::new());
    let runner = files.iter().find(|file| file.path.ends_with("refresh/runner.rs"));
    let runner = runner.expect("the runner has moved");
    assert!(runner.text.contains("next.map_or(TICK, |next| next.min(TICK))"));
    assert!(seconds("TICK", runner, &files).is_some_and(|seconds| seconds <= LONGEST_SECONDS));
}

/// What `.sleep(…)` is called with, each time.
fn sleeps(text: &str) -> Vec<String> {
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let calls = code.split(".sleep(").skip(1);
    calls.map(|rest| argument(rest).trim().to_owned()).collect()
}

/// Up to the bracket that closes the call.
fn argument(rest: &str) -> &str {
    let mut depth = 0;
    for (at, character) in rest.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth == 0 => return &rest[..at],
            ')' => depth -= 1,
            _ => {}
        }
    }
    rest
}

/// The length of a literal, of a constant of this file or else of any, or of `….min(such)`; none where it cannot be told.
fn seconds(argument: &str, file: &SourceFile, files: &[SourceFile]) -> Option<f64> {
    if let Some((_, most)) = argument.rsplit_once(".min(") {
        return seconds(most.strip_suffix(')')?, file, files);
    }
    if let Some(number) = argument.strip_prefix("Duration::from_secs(") {
        return number.strip_suffix(')')?.parse().ok();
    }
    if let Some(number) = argument.strip_prefix("Duration::from_millis(") {
        let milliseconds: f64 = number.strip_suffix(')')?.replace('_', "").parse().ok()?;
        return Some(milliseconds / 1000.0);
    }
    let definition = format!("const {argument}: Duration = ");
    let lengths = |file: &SourceFile| -> Vec<Option<f64>> {
        let texts = file.text.split(&definition).skip(1);
        let values = texts.map(|rest| rest.split(';').next().unwrap_or_default().to_owned());
        values.map(|value| seconds(&value, file, &[])).collect()
    };
    let own = lengths(file);
    let all = if own.is_empty() {
        files.iter().flat_map(lengths).collect()
    } else {
        own
    };
    let all: Option<Vec<f64>> = all.into_iter().collect();
    all?.into_iter().reduce(f64::max)
}

#[test]
fn a_long_sleep_is_found_however_it_is_written() {
    let file = SourceFile {
        path: "made/up.rs".to_owned(),
        text: "const LONG: Duration = Duration::from_secs(45);\n\
               clock.sleep(LONG).await;\nclock.sleep(Duration::from_secs(31)).await;\n\
               clock.sleep(left.min(Duration::from_secs(3600))).await;\nclock.sleep(left(a, b)).await;\n\
               clock.sleep(Duration::from_millis(1_500)).await;\n"
            .to_owned(),
    };
    let found = sleeps(&file.text);
    let lengths: Vec<_> = found.iter().map(|found| seconds(found, &file, &[])).collect();
    assert_eq!(
        lengths,
        [Some(45.0), Some(31.0), Some(3600.0), None, Some(1.5)],
        "{found:?}"
    );
}
