//! The rules about the sources that no compiler holds: who may call whom, names, budgets.

use crate::sources::{SourceFile, files_below, read, rust_files};

const FILE_BUDGET: usize = 400;
const FUNCTION_BUDGET: usize = 80;
const FOLDERS_BELOW_SRC: usize = 2;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = [
    "util", "utils", "common", "helper", "helpers", "manager", "service", "services",
];

/// Files that compute and do nothing else, as far as they exist.
const PURE_FILES: [&str; 16] = [
    "crates/core/src/refresh/plan.rs",
    "crates/core/src/aws_config/block.rs",
    "crates/core/src/aws_config/default_profile.rs",
    "crates/core/src/aws_config/difference.rs",
    "crates/core/src/aws_config/document.rs",
    "crates/core/src/aws_config/edit.rs",
    "crates/core/src/aws_config/findings.rs",
    "crates/core/src/aws_config/logins.rs",
    "crates/core/src/aws_config/names.rs",
    "crates/core/src/aws_config/profiles.rs",
    "crates/core/src/aws_config/undo.rs",
    "crates/core/src/aws_config/wish.rs",
    "crates/core/src/app/tray_menu.rs",
    "crates/core/src/app/tray_menu/steps.rs",
    "crates/core/src/app/notices.rs",
    "crates/core/src/app/state.rs",
];

/// What a pure file does not name.
const OUTSIDE_WORLD: [&str; 9] = [
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "tokio::",
    "reqwest",
    "hyper",
    "async fn",
    ".await",
];

#[test]
fn core_modules_use_only_those_above_them() {
    let order = modules_in_order(&read("crates/core/src/lib.rs"));
    assert!(order.len() > 5, "lib.rs lists the modules: {order:?}");
    let position = |module: &str| order.iter().position(|one| one == module);
    let mut wrong = Vec::new();
    for file in files_below(&["crates/core/src"], &[".rs"]) {
        let Some(own) = position(module_of(&file.path)) else {
            continue;
        };
        for used in crate_modules(file.without_tests()) {
            if position(used).is_some_and(|used| used > own) {
                wrong.push(format!(
                    "{} uses crate::{used}, which stands below it in lib.rs",
                    file.path
                ));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn only_the_tray_application_names_tauri() {
    assert_only_below(
        "tauri",
        &["tauri::", "tauri_build::", "tauri_plugin"],
        &["src-tauri/"],
    );
    let naming = manifests().filter(|file| file.text.lines().any(|line| line.starts_with("tauri")));
    let naming: Vec<String> = naming.map(|file| file.path).collect();
    assert_eq!(naming, ["src-tauri/Cargo.toml"]);
}

#[test]
fn only_the_token_store_touches_the_keyring() {
    let crates = [
        "keyring::",
        "keyring_core::",
        "keyring_store::",
        "secret_service::",
    ];
    assert_only_below("the keyring", &crates, &["crates/core/src/token_store"]);
}

#[test]
fn only_identity_center_calls_aws() {
    let allowed = [
        "crates/core/src/identity_center/",
        "crates/core/src/role_chain.rs",
        "crates/emulator/tests/",
        "tests/aws_clients/",
    ];
    assert_only_below(
        "AWS's SDK",
        &["aws_sdk_sso", "aws_sdk_ssooidc", "aws_sdk_sts"],
        &allowed,
    );
}

#[test]
fn the_emulator_shares_no_code_with_the_client() {
    let manifest = read("crates/emulator/Cargo.toml");
    assert!(!manifest.contains("portray"), "one mistake could hide in both");
    let wrong: Vec<String> = files_below(&["crates/emulator"], &[".rs"])
        .iter()
        .filter(|file| file.code().any(|(_, line)| line.contains("portray_core")))
        .map(|file| file.path.clone())
        .collect();
    assert_none(&wrong);
}

#[test]
fn x2_programs_that_hold_secrets_wipe_what_they_give_back() {
    for program in [
        "crates/cli/src/main.rs",
        "crates/cli/src/front/main.rs",
        "src-tauri/src/main.rs",
    ] {
        let allocator = "#[global_allocator]\nstatic ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);";
        assert!(read(program).contains(allocator), "{program}");
    }
}

#[test]
fn pure_files_do_no_input_or_output() {
    let files: Vec<SourceFile> = rust_files()
        .into_iter()
        .filter(|file| PURE_FILES.contains(&file.path.as_str()))
        .collect();
    assert!(!files.is_empty(), "the pure files have moved");
    let mut wrong = Vec::new();
    for file in &files {
        let text = file.without_tests();
        let named = OUTSIDE_WORLD.iter().filter(|name| text.contains(*name));
        wrong.extend(named.map(|name| format!("{} names {name}", file.path)));
    }
    assert_none(&wrong);
}

#[test]
fn every_file_opens_with_what_it_is() {
    let wrong: Vec<String> = rust_files()
        .iter()
        .filter(|file| {
            !file
                .text
                .lines()
                .next()
                .is_some_and(|line| line.len() > 10 && line.starts_with("//! "))
        })
        .map(|file| format!("{} does not open with a //! line", file.path))
        .collect();
    assert_none(&wrong);
}

#[test]
fn files_and_functions_keep_to_their_budgets() {
    let mut wrong = Vec::new();
    for file in rust_files() {
        let lines = file.without_tests().lines().count();
        if lines > FILE_BUDGET {
            wrong.push(format!(
                "{} has {lines} lines without the tests at its end; at most {FILE_BUDGET}",
                file.path
            ));
        }
        for (name, lines) in function_lengths(&file.text) {
            if lines > FUNCTION_BUDGET {
                wrong.push(format!(
                    "{}: {name} has {lines} lines; at most {FUNCTION_BUDGET}",
                    file.path
                ));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn names_of_files_and_folders_say_something() {
    let mut wrong = Vec::new();
    for file in files_below(
        &["crates", "src-tauri", "tests", "ui/src"],
        &[".rs", ".ts", ".svelte"],
    ) {
        let words: Vec<&str> = file.path.split(['/', '.']).collect();
        if words.iter().any(|word| EMPTY_NAMES.contains(word)) {
            wrong.push(format!("{}: a name that says nothing", file.path));
        }
        let below = file
            .path
            .split_once("/src/")
            .map_or(0, |(_, below)| below.matches('/').count());
        if below > FOLDERS_BELOW_SRC {
            wrong.push(format!(
                "{}: more than {FOLDERS_BELOW_SRC} folders below src",
                file.path
            ));
        }
    }
    assert_none(&wrong);
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Asserts that the code names none of `names` outside the files whose paths begin with one of `allowed`.
fn assert_only_below(what: &str, names: &[&str], allowed: &[&str]) {
    let mut wrong = Vec::new();
    let mut is_used = false;
    for file in rust_files().iter().filter(|file| file.path != "tests/tidy.rs") {
        let is_allowed = allowed.iter().any(|place| file.path.starts_with(place));
        for (number, line) in file
            .code()
            .filter(|(_, line)| names.iter().any(|name| line.contains(name)))
        {
            is_used = true;
            if !is_allowed {
                wrong.push(format!("{}:{number} names {what}: {}", file.path, line.trim()));
            }
        }
    }
    assert!(is_used, "nobody names {what} any more: is this rule still right?");
    assert_none(&wrong);
}

fn manifests() -> impl Iterator<Item = SourceFile> {
    files_below(&["crates", "src-tauri", "tests"], &["Cargo.toml"]).into_iter()
}

/// The names in `mod name;` lines.
fn modules_in_order(library: &str) -> Vec<String> {
    let declared = library
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
    declared
        .map(|rest| rest.trim_end_matches(';').to_owned())
        .collect()
}

/// The first level module that a file of core belongs to.
fn module_of(path: &str) -> &str {
    let below = path.trim_start_matches("crates/core/src/");
    below.split(['/', '.']).next().unwrap_or(below)
}

/// Every module named as `crate::module`, also in `use crate::{…}`.
fn crate_modules(text: &str) -> Vec<&str> {
    let mut modules = Vec::new();
    for (_, behind) in text
        .match_indices("crate::")
        .map(|(index, found)| text.split_at(index + found.len()))
    {
        let braced = behind
            .strip_prefix('{')
            .and_then(|list| list.split_once('}'))
            .map(|(list, _)| list);
        let paths = braced
            .unwrap_or(behind)
            .split(',')
            .take(if braced.is_some() { usize::MAX } else { 1 });
        let end = |path: &'_ str| {
            path.find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(path.len())
        };
        modules.extend(paths.map(str::trim).map(|path| &path[..end(path)]));
    }
    modules
}

/// Name and number of lines of every function; formatted code closes it at the indentation of its first line.
fn function_lengths(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut lengths = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indentation = &line[..line.len() - line.trim_start().len()];
        let closing = [format!("{indentation}}}"), format!("{indentation})")];
        let is_end =
            |line: &&str| **line == closing[0] || line.starts_with(&closing[1]) && line.ends_with(';');
        let end = lines[start + 1..].iter().position(is_end);
        let is_one_line = line.ends_with('}') || line.ends_with(';');
        lengths.push((
            name.to_owned(),
            if is_one_line {
                1
            } else {
                end.map_or(1, |end| end + 2)
            },
        ));
    }
    lengths
}

/// The name of the function that `line` begins, whoever may see it and whatever else it is.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    if let Some(behind) = rest.strip_prefix("pub") {
        let behind = match behind.strip_prefix('(') {
            Some(places) => places.split_once(')')?.1,
            None => behind,
        };
        rest = behind.strip_prefix(' ')?;
    }
    while let Some((word, behind)) = rest.split_once(' ') {
        match word {
            "fn" => return behind.split(['(', '<']).next(),
            "const" | "async" | "unsafe" | "safe" | "default" | "extern" => rest = behind,
            abi if abi.starts_with('"') => rest = behind,
            _ => return None,
        }
    }
    None
}

mod rules_themselves {
    //! A rule that reads the sources wrongly would hold for everything.

    use super::*;

    #[test]
    fn used_modules_are_found_in_every_form() {
        let text =
            "use crate::clock::Clock;\nuse crate::{paths, secret::Secret};\nfn f() { crate::app::run() }";
        assert_eq!(crate_modules(text), ["clock", "paths", "secret", "app"]);
        assert_eq!(module_of("crates/core/src/app/state.rs"), "app");
        assert_eq!(module_of("crates/core/src/clock.rs"), "clock");
    }

    #[test]
    fn functions_are_measured_from_their_name_to_their_brace() {
        let text =
            "impl A {\n    pub fn one(&self) {\n        if x {\n        }\n    }\n\n    fn two() {}\n}\n";
        assert_eq!(
            function_lengths(text),
            [("one".to_owned(), 4), ("two".to_owned(), 1)]
        );
    }

    #[test]
    fn every_form_of_a_function_is_one() {
        let forms = [
            "fn name() {",
            "    pub fn name<T>(",
            "pub(crate) fn name() {",
            "pub(super) async fn name() {",
            "pub(in crate::app) const unsafe fn name() {",
            "pub const fn name() {",
            "unsafe extern \"C\" fn name() {",
            "pub extern fn name() {",
            "default fn name() {",
        ];
        for form in forms {
            assert_eq!(function_name(form), Some("name"), "{form}");
        }
        for other in [
            "const NAME: u8 = 1;",
            "pub struct Name;",
            "// fn name() {",
            "let fn_name = 1;",
            "public fn name() {",
        ] {
            assert_eq!(function_name(other), None, "{other}");
        }
    }
}
