//! Type-checks the programs for Windows and macOS on a Debian machine, which links and runs nothing.
//!
//! Debian carries a second, newer Rust for its browsers, whose sources of the standard library come as a package: from
//! them the library is built for targets that Debian has no library for. The packages are unpacked under `target/`
//! only, since they cannot be installed beside another Rust.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{packages, setup, step, ui, workspace};

const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const CHECKED: [&str; 3] = ["portray-core", "portray-cli", "portray-app"];
const WINDOWS: &str = "x86_64-pc-windows-gnu";
const MACOS: &str = "aarch64-apple-darwin";

/// Stands for Apple's C compiler: what is checked is Rust, so that an empty object file will do. Build scripts ask it
/// for its version, and to preprocess a file that tells which compiler it is.
const C_COMPILER: &str = r#"#!/bin/sh
out=
previous=
preprocess=
for word in "$@"; do
    [ "$word" = --version ] && echo "clang version 14.0.0" && exit 0
    [ "$word" = -E ] && preprocess=yes
    [ "$previous" = -o ] && out=$word
    previous=$word
done
[ -n "$preprocess" ] && exec cc -E "$previous"
[ -z "$out" ] || : >"$out"
"#;

/// Stands for Apple's archiver.
const ARCHIVER: &str = r#"#!/bin/sh
for word in "$@"; do
    case "$word" in *.a) : >"$word" ;; esac
done
"#;

/// Fetches what is missing and checks both targets.
pub fn run() -> Result<()> {
    ensure!(
        step::is_installed("apt-get"),
        "the cross-check takes Debian's packages"
    );
    setup::for_building()?;
    setup::install(&packages::CROSS)?;
    ui::build()?;
    let folder = workspace::target()?.join("cross");
    let rust = unpack_rust(&folder)?;
    let c_compiler = write_program(&folder.join("apple-cc"), C_COMPILER)?;
    let archiver = write_program(&folder.join("apple-ar"), ARCHIVER)?;
    check(&rust, &folder, WINDOWS, &[])?;
    let stubs = [
        ("CC_aarch64_apple_darwin", c_compiler.as_path()),
        ("AR_aarch64_apple_darwin", archiver.as_path()),
    ];
    check(&rust, &folder, MACOS, &stubs)
}

fn check(rust: &Path, folder: &Path, target: &str, environment: &[(&str, &Path)]) -> Result<()> {
    println!("\n== {target}");
    let mut command = Command::new(rust.join("usr/bin/cargo"));
    command
        .args([
            "check",
            "--locked",
            "--target",
            target,
            "-Zbuild-std=std,panic_abort",
        ])
        .args(CHECKED.iter().flat_map(|package| ["--package", package]))
        .arg("--target-dir")
        .arg(folder.join("build"))
        .current_dir(workspace::root())
        .env("LD_LIBRARY_PATH", rust.join("usr/lib/x86_64-linux-gnu"))
        .env("RUSTC", rust.join("usr/bin/rustc"))
        .env("RUSTDOC", rust.join("usr/bin/rustdoc"))
        // This compiler is newer than ours: what it finds fault with is advice.
        .env("RUSTFLAGS", "--cap-lints=warn")
        // Allows -Z to a stable compiler; this one only checks.
        .env("RUSTC_BOOTSTRAP", "1")
        .envs(environment.iter().copied());
    for inherited in ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTUP_HOME"] {
        command.env_remove(inherited);
    }
    step::run(&mut command)
}

/// Unpacks Debian's second Rust, with the libraries that it needs and the system lacks, if that was not done yet.
fn unpack_rust(folder: &Path) -> Result<PathBuf> {
    let prefix = folder.join("rust");
    if prefix.join("complete").exists() {
        return Ok(prefix);
    }
    let downloads = folder.join("packages");
    fs::create_dir_all(&downloads)?;
    fs::create_dir_all(&prefix)?;
    let wanted = with_missing_dependencies()?;
    step::run(
        Command::new("apt-get")
            .args(["--quiet", "download"])
            .args(&wanted)
            .current_dir(&downloads),
    )?;
    for entry in fs::read_dir(&downloads)? {
        step::run(
            Command::new("dpkg-deb")
                .arg("--extract")
                .arg(entry?.path())
                .arg(&prefix),
        )?;
    }
    fs::write(prefix.join("complete"), "")?;
    Ok(prefix)
}

/// The packages and everything that they need and that is not installed.
fn with_missing_dependencies() -> Result<BTreeSet<String>> {
    let mut wanted = BTreeSet::new();
    let mut open: Vec<String> = PACKAGES.iter().map(ToString::to_string).collect();
    while let Some(package) = open.pop() {
        let listed = step::output(Command::new("apt-cache").args(["depends", "--important", &package]))?;
        ensure!(!listed.is_empty(), "there is no package {package} here");
        if wanted.insert(package) {
            open.extend(dependencies(&listed, is_installed));
        }
    }
    Ok(wanted)
}

/// The packages behind `Depends:` that must be fetched. A line with `|` is followed by an alternative to it; virtual
/// packages, in angle brackets, are left out, since the compiler at hand provides them.
fn dependencies(listed: &str, is_installed: impl Fn(&str) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_met = false;
    for line in listed.lines() {
        let Some((alternative, name)) = line.split_once("Depends: ") else {
            continue;
        };
        is_met |= name.starts_with('<') || is_installed(name);
        if alternative.trim() == "|" {
            continue;
        }
        if !is_met {
            names.push(name.to_owned());
        }
        is_met = false;
    }
    names
}

fn is_installed(package: &str) -> bool {
    let format = "-f=${db:Status-Status}\n";
    let status = step::output(Command::new("dpkg-query").args(["--show", format, package]));
    status.is_ok_and(|status| status.lines().any(|line| line == "installed"))
}

fn write_program(path: &Path, text: &str) -> Result<PathBuf> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    step::run(Command::new("chmod").arg("+x").arg(path))?;
    Ok(path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_from_what_apt_prints() {
        let listed = "cargo-web\n  Depends: libgit2-1.5\n |Depends: gcc\n  Depends: clang\n  Depends: <c-compiler>\n    tcc\n";
        assert_eq!(dependencies(listed, |name| name == "gcc"), ["libgit2-1.5"]);
        assert_eq!(dependencies(listed, |_| false), ["libgit2-1.5", "clang"]);
    }
}
