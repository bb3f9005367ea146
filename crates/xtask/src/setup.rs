//! What a fresh machine lacks, installed: a second run finds everything and changes nothing.

use std::io::IsTerminal as _;
use std::process::Command;

use anyhow::{Result, bail, ensure};

use crate::{init_system, npm, packages, python, step, ui, workspace};

/// Everything that `run`, `test` and `check` take.
pub fn everything() -> Result<()> {
    for_testing()?;
    ui::build()
}

/// What building the programs takes.
pub fn for_building() -> Result<()> {
    prepare(&packages::BUILD)
}

/// What the tests and the tour take on top.
pub fn for_testing() -> Result<()> {
    let mut wanted = [&packages::BUILD[..], &packages::TEST[..]].concat();
    if !init_system::starts_services() {
        wanted.extend(packages::SERVERS);
    }
    prepare(&wanted)?;
    python::install()?;
    npm::install_packages(&workspace::root().join("tests/aws_clients/javascript"))
}

/// Packages and Node; what both lack is told together.
fn prepare(wanted: &[&str]) -> Result<()> {
    match (install(wanted), check_node()) {
        (Err(packages), Err(node)) => bail!("{packages:#}\n\n{node:#}"),
        (packages, node) => packages.and(node),
    }
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
            "please install these packages as root, then try again:\n  apt-get install --yes {}",
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
pub fn root_prefix() -> Option<&'static [&'static str]> {
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
    let version = version.trim();
    let found = match version {
        "" => "there is none".to_owned(),
        version => format!("here is {version}"),
    };
    ensure!(
        is_new_enough(version),
        "Node 20.19, 22.13, 24 or newer is needed for the window's pages ({found}): see https://nodejs.org"
    );
    ensure!(
        step::succeeds(npm::command(workspace::root()).arg("--version")),
        "npm is needed too, and Node is here without it: see https://nodejs.org"
    );
    Ok(())
}

/// Whether the window's tools run on this Node, whose version reads `v20.19.0`; `engines` in `ui/package.json` says the
/// same.
fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return false;
    };
    match major {
        20 => minor >= 19,
        22 => minor >= 13,
        _ => major >= 24,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_the_windows_tools_refuse_is_refused_first() {
        for good in ["v20.19.0", "v20.20.2", "v22.13.0", "v24.0.0", "v25.1.0"] {
            assert!(is_new_enough(good), "{good}");
        }
        // Debian 12 has the first of these.
        for bad in [
            "v18.20.4", "v20.18.3", "v21.7.3", "v22.12.0", "v23.9.0", "", "v", "node",
        ] {
            assert!(!is_new_enough(bad), "{bad:?}");
        }
    }
}
