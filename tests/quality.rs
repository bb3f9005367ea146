//! `docs/quality.md`: every promise in a sentence, with the tests that show it. `UPDATE=1` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Deserialize;

use crate::sources::{SourceFile, files_below, read, root, rust_files};

const OUTPUT: &str = "docs/quality.md";

const INTRODUCTION: &str = "\
# What Portray promises, and what shows it

Each promise has a number, and the tests that show it begin with that number. This page is made from
`tests/quality.toml` and the names of the tests; `UPDATE=1 cargo test -p end-to-end quality` writes it anew, and a test
compares it. A promise without a test is a goal, not a fact. `cargo xtask test` writes the same page with the results
of its run to `target/quality.md`.
";

const EMULATOR: &str = "
## The emulator

These tests show that the emulator answers as AWS does where a promise leans on it. They show nothing about Portray.

| | Tests of the emulator |
|---|---|
";

/// The numbered tests by the promise they are named after.
type Tests = BTreeMap<String, BTreeSet<String>>;

#[derive(Deserialize)]
struct Promises {
    group: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    title: String,
    promises: BTreeMap<String, Promise>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Promise {
    Must(String),
    Should { text: String, level: Level },
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Should,
}

#[test]
fn the_page_of_promises_is_up_to_date() {
    let page = render(&promises(), &tests_of_the_product(), &tests_of_the_emulator());
    if wants_update() {
        std::fs::create_dir_all(root().join("docs")).unwrap();
        std::fs::write(root().join(OUTPUT), &page).unwrap();
    }
    let written = std::fs::read_to_string(root().join(OUTPUT)).unwrap_or_default();
    assert!(
        written == page,
        "{OUTPUT} is not up to date: UPDATE=1 cargo test -p end-to-end quality"
    );
}

#[test]
fn every_numbered_test_names_a_promise_that_exists() {
    let known: BTreeSet<String> = promises()
        .group
        .into_iter()
        .flat_map(|group| group.promises.into_keys())
        .collect();
    assert_eq!(known.len(), 70);
    let unknown: Vec<_> = tests_of_the_product()
        .into_iter()
        .chain(tests_of_the_emulator())
        .filter(|(number, _)| !known.contains(number))
        .collect();
    assert!(unknown.is_empty(), "no such promise: {unknown:?}");
}

fn promises() -> Promises {
    toml::from_str(&read("tests/quality.toml")).expect("the promises are well-formed")
}

#[expect(
    clippy::disallowed_methods,
    reason = "asks whether a person wants the page written; no product code"
)]
pub fn wants_update() -> bool {
    std::env::var_os("UPDATE").is_some()
}

fn render(promises: &Promises, tests: &Tests, tests_of_the_emulator: &Tests) -> String {
    let mut page = INTRODUCTION.to_owned();
    for group in &promises.group {
        let _ = write!(
            page,
            "\n## {}\n\n| | Promise | Shown by |\n|---|---|---|\n",
            group.title
        );
        for (number, promise) in &group.promises {
            let text = match promise {
                Promise::Must(text) => text.clone(),
                Promise::Should {
                    text,
                    level: Level::Should,
                } => format!("(wished for) {text}"),
            };
            let shown = tests.get(number).map_or("no test yet".to_owned(), names);
            let _ = writeln!(page, "| {number} | {text} | {shown} |");
        }
    }
    page.push_str(EMULATOR);
    for (number, tests) in tests_of_the_emulator {
        let _ = writeln!(page, "| {number} | {} |", names(tests));
    }
    page
}

fn names(tests: &BTreeSet<String>) -> String {
    let names = tests.iter().map(|test| format!("`{test}`"));
    names.collect::<Vec<_>>().join(", ")
}

/// The numbered tests of our own Rust sources and of the window's.
fn tests_of_the_product() -> Tests {
    let rust = rust_files().into_iter().filter(|file| !is_of_the_emulator(file));
    let window = files_below(&["ui"], &[".test.ts", ".spec.ts"]).into_iter();
    let window = window.flat_map(|file| window_tests(&file.text));
    by_promise(rust.flat_map(|file| rust_tests(&file.text)).chain(window))
}

fn tests_of_the_emulator() -> Tests {
    let files = rust_files().into_iter().filter(is_of_the_emulator);
    by_promise(files.flat_map(|file| rust_tests(&file.text)))
}

/// The emulator is a double of AWS: it may be right while Portray is not.
fn is_of_the_emulator(file: &SourceFile) -> bool {
    file.path.starts_with("crates/emulator/")
}

fn by_promise(names: impl Iterator<Item = String>) -> Tests {
    let mut tests = Tests::new();
    for name in names {
        if let Some(number) = promise_number(&name) {
            tests.entry(number).or_default().insert(name);
        }
    }
    tests
}

/// The names of functions that an attribute makes a test.
fn rust_tests(text: &str) -> Vec<String> {
    let mut is_test = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test") || line.starts_with("#[tokio::test");
        } else if let Some(rest) = line.trim_start_matches("async ").strip_prefix("fn ") {
            let name = rest.split(['(', '<']).next().unwrap_or(rest);
            names.extend(std::mem::take(&mut is_test).then(|| name.to_owned()));
        } else if !line.is_empty()
            && !line.starts_with("//")
            && !line.starts_with(')')
            && !line.starts_with("reason")
        {
            is_test &= line.starts_with("clippy::");
        }
    }
    names
}

/// The titles of `test("…")` and `it("…")`.
fn window_tests(text: &str) -> Vec<String> {
    let calls = text.lines().map(str::trim_start).filter_map(|line| {
        let arguments = line.strip_prefix("test(").or_else(|| line.strip_prefix("it("))?;
        let quote = arguments
            .chars()
            .next()
            .filter(|quote| ['"', '\'', '`'].contains(quote))?;
        arguments[1..].split(quote).next()
    });
    calls.map(str::to_owned).collect()
}

/// `R1` for `r1_renews_early` and for `r1 renews early`.
fn promise_number(name: &str) -> Option<String> {
    let number = name
        .split(['_', ' ', ':'])
        .next()
        .filter(|number| number.len() < name.len())?;
    let (letter, digits) = number.split_at_checked(1)?;
    let is_number =
        !digits.is_empty() && digits.len() <= 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    (letter.bytes().all(|byte| byte.is_ascii_alphabetic()) && is_number).then(|| number.to_uppercase())
}

mod page_itself {
    //! A page made from misread names would promise too much.

    use super::*;

    #[test]
    fn only_tests_are_taken_for_tests() {
        let text = "#[test]\n#[expect(clippy::x, reason = \"y\")]\nfn r1_a() {}\nfn r2_b() {}\n\
                    #[tokio::test]\nasync fn t3_c() {}\n#[derive(Debug)]\nstruct X;\nfn s1_d() {}\n";
        assert_eq!(rust_tests(text), ["r1_a", "t3_c"]);
        assert_eq!(
            window_tests("  it('i2 shows text only', () => {\n  const it = 1"),
            ["i2 shows text only"]
        );
    }

    #[test]
    fn numbers_are_read_from_names() {
        assert_eq!(promise_number("c5_survives").as_deref(), Some("C5"));
        assert_eq!(promise_number("i2 shows").as_deref(), Some("I2"));
        assert_eq!(promise_number("utf8_text"), None);
        assert_eq!(promise_number("r1"), None);
    }
}
