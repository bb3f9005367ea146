//! Looks for inputs that break a promise: builds the fuzzer with coverage for it to look at, and runs every target.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{setup, step, workspace};

/// What cargo-fuzz asks of the compiler, without the sanitizers, which a stable one does not have.
const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// An input that takes longer than that, in seconds of a machine that does other things too, hangs.
const HANG: u32 = 5;

/// The longest input, in bytes: a request to the agent, and some more.
const LONGEST: u32 = 70_000;

/// For how long, and what.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    minutes: u32,
    /// All of them, if none is named.
    target: Option<String>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options> {
        let mut options = Options {
            minutes: 10,
            target: None,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let value = arguments.next().with_context(|| format!("{argument} what?"))?;
            match argument.as_str() {
                "--minutes" => options.minutes = value.parse().context("how many minutes?")?,
                "--target" => options.target = Some(value.clone()),
                other => bail!("fuzz has no option {other:?}; it has --minutes N and --target NAME"),
            }
        }
        Ok(options)
    }
}

/// Runs each target for some minutes. What breaks a promise is kept below `target/fuzzing/found`.
pub fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    setup::for_building()?;
    let engine = build()?;
    let seeds = workspace::root().join("crates/fuzz/corpus");
    let mut names = targets(&seeds)?;
    if let Some(wanted) = &options.target {
        names.retain(|name| name == wanted);
    }
    if names.is_empty() {
        bail!("there is no such target");
    }
    let mut broken = Vec::new();
    for name in names {
        println!("\n== {name}, for {} minutes", options.minutes);
        let outcome = step::run(&mut fuzzer(&engine, &seeds, &name, options.minutes)?);
        if let Err(error) = outcome {
            println!("{error:#}");
            broken.push(name);
        }
    }
    if !broken.is_empty() {
        let found = folder()?.join("found");
        bail!(
            "a promise is broken by inputs in {} ({}); mend it, and move them to crates/fuzz/corpus",
            found.display(),
            broken.join(", ")
        );
    }
    Ok(())
}

/// Every one has a folder of inputs to begin with. What stands beside them says how git treats them.
fn targets(seeds: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(seeds)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn folder() -> Result<PathBuf> {
    Ok(workspace::target()?.join("fuzzing"))
}

/// In a folder of its own, because everything is built with other flags.
fn build() -> Result<PathBuf> {
    let told = step::output(Command::new("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc says for which machine it compiles")?;
    let folder = folder()?;
    let mut cargo = workspace::cargo("build");
    cargo.args([
        "--locked",
        "--package",
        "fuzz",
        "--features",
        "engine",
        "--bin",
        "fuzz-engine",
    ]);
    // With a target named, build scripts and macros get none of the flags.
    cargo
        .args(["--profile", "fuzz", "--target", host, "--target-dir"])
        .arg(&folder);
    step::run(cargo.env("RUSTFLAGS", COVERAGE))?;
    Ok(folder.join(host).join("fuzz/fuzz-engine"))
}

fn fuzzer(engine: &Path, seeds: &Path, name: &str, minutes: u32) -> Result<Command> {
    let folder = folder()?;
    let (grown, found) = (folder.join("corpus").join(name), folder.join("found"));
    for folder in [&grown, &found] {
        std::fs::create_dir_all(folder)?;
    }
    let mut command = Command::new(engine);
    command.env("FUZZ_TARGET", name).arg(grown).arg(seeds.join(name));
    let prefix = format!("-artifact_prefix={}/{name}-", found.display());
    command.args([
        format!("-max_total_time={}", minutes * 60),
        format!("-timeout={HANG}"),
        format!("-max_len={LONGEST}"),
        "-rss_limit_mb=2048".to_owned(),
        "-report_slow_units=1".to_owned(),
        "-print_final_stats=1".to_owned(),
        prefix,
    ]);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Options> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        Options::parse(&words)
    }

    #[test]
    fn every_target_has_inputs_and_nothing_else_is_taken_for_one() {
        let seeds = workspace::root().join("crates/fuzz/corpus");
        assert!(seeds.join(".gitattributes").is_file());
        let names = targets(&seeds).unwrap();
        assert!(names.len() > 5, "{names:?}");
        let is_name = |name: &String| {
            name.chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '_')
        };
        assert!(names.iter().all(is_name), "{names:?}");
    }

    #[test]
    fn ten_minutes_each_unless_somebody_says_otherwise() {
        let all = Options {
            minutes: 10,
            target: None,
        };
        assert_eq!(parsed(&[]).unwrap(), all);
        let one = Options {
            minutes: 1,
            target: Some("urls".to_owned()),
        };
        assert_eq!(parsed(&["--minutes", "1", "--target", "urls"]).unwrap(), one);
        for wrong in [&["--minutes"][..], &["--minutes", "x"], &["--hours", "1"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
