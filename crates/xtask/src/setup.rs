//! What a fresh machine lacks, installed: a second run finds everything and changes nothing.

use std::io::IsTerminal as _;
use std::process::Command;

use anyhow::{Result, bail, ensure};

use crate::{packages, python, step, ui};

/// The oldest Node that the window's tools run on.
const NODE: u32 = 20;

/// Everything that `run`, `test` and `check` take.
pub fn everything() -> Result<()> {
    for_testing()?;
    ui::build()
}

/// What building the programs takes.
pub fn for_building() -> Result<()> {
    check_node()?;
    install(&packages::BUILD)
}

/// What the tests and the tour take on top.
pub fn for_testing() -> Result<()> {
    check_node()?;
    let both: Vec<&str> = packages::BUILD.iter().chain(&packages::TEST).copied().collect();
    install(&both)?;
    python::install().map(drop)
}

/// Installs the Debian packages of this list that are missing.
pub fn install(wanted: &[&str]) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    if !step::is_installed("dpkg-query") {
        println!("No Debian or Ubuntu: please see to these packages, or what they are called here:");
        println!("  {}", wanted.join(" "));
        return Ok(());
    }
    let missing = missing(wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    println!("Missing system packages: {}", missing.join(" "));
    let Some(root) = root_prefix() else {
        bail!(
            "please install them, then try again:\n  sudo apt-get install --yes {}",
            missing.join(" ")
        );
    };
    step::run(apt_get(root).args(["--quiet", "update"]))?;
    step::run(
        apt_get(root)
            .args(["--quiet", "--yes", "--no-install-recommends", "install"])
            .args(&missing),
    )
}

fn missing(wanted: &[&str]) -> Result<Vec<String>> {
    // Unknown names make dpkg-query fail, but it lists the known ones all the same.
    let format = "-f=${Package} ${db:Status-Status}\n";
    let listed = step::output(Command::new("dpkg-query").args(["--show", format]).args(wanted))?;
    let is_there = |package: &str| listed.lines().any(|line| line == format!("{package} installed"));
    let is_substituted = |package: &str| {
        let mut substitutes = packages::SUBSTITUTES
            .iter()
            .filter(|(replaced, _)| *replaced == package);
        substitutes.any(|(_, program)| step::is_installed(program))
    };
    let missing = wanted
        .iter()
        .filter(|package| !is_there(package) && !is_substituted(package));
    Ok(missing.map(ToString::to_string).collect())
}

/// The words before a command that root must run, or none if we cannot become root.
fn root_prefix() -> Option<&'static [&'static str]> {
    if step::output(Command::new("id").arg("-u")).is_ok_and(|user| user.trim() == "0") {
        return Some(&[]);
    }
    let asks_nothing = step::succeeds(Command::new("sudo").args(["--non-interactive", "true"]));
    let can_be_asked = std::io::stdin().is_terminal() && step::is_installed("sudo");
    (asks_nothing || can_be_asked).then_some(&["sudo"])
}

fn apt_get(root: &[&str]) -> Command {
    let mut words = root
        .iter()
        .chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    let mut command = Command::new(words.next().copied().unwrap_or("apt-get"));
    command.args(words);
    command
}

fn check_node() -> Result<()> {
    let version = step::output(Command::new("node").arg("--version")).unwrap_or_default();
    let major = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    let found = if version.is_empty() {
        "there is none"
    } else {
        version.trim()
    };
    ensure!(
        major.is_some_and(|major| major >= NODE),
        "Node {NODE} or newer with npm is needed ({found}); see https://nodejs.org"
    );
    Ok(())
}
