//! Set-up, run, test and checks of this repository: `cargo xtask COMMAND`.
#![expect(clippy::print_stdout, reason = "a task tells on the terminal what it does")]

mod bench;
mod check;
mod cross_check;
mod demo;
mod fuzz;
mod init_system;
mod judges;
mod npm;
mod packages;
mod python;
mod results;
mod setup;
mod soak;
mod step;
mod test;
mod ui;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask COMMAND

  setup        install what is missing: system packages, Python tools, npm packages; build the window's pages
  build        build the programs
  run          see it work: the application against a demo Identity Center; without a display, a tour with pictures
                 --tour                       take the tour even with a display
                 --portal URL [--region R]    your real access portal instead of the demo
  test [-- …]  everything that can fail, with the built programs, and the tour; what follows -- goes to the tests
  check        formatting, lints, licences and bans, spelling, the window's sources
  bench [NAME…]  the release programs: hours later by a moved clock, then how fast and how small they are, as a table;
                 all figures, or those of these files of tests/bench
                   --quick                      with half a minute of idleness instead of five
  soak         the programs with credentials of a minute, asked all the time; a table, and an error if anything is wrong
                 --minutes N                  for so long instead of an hour
  fuzz         new inputs for every parser of foreign bytes, ten minutes each
                 --minutes N  --target NAME
  judges       the AWS CLI of Debian 13 against the emulator: unpacks it as root, which takes minutes
  cross-check  type-check for Windows and macOS (Debian only)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else {
        bail!("which command?\n\n{USAGE}")
    };
    let rest = without_separator(rest);
    match command.as_str() {
        "setup" => setup::everything(),
        "build" => workspace::build_programs(),
        "run" => demo::run(&demo::Options::parse(rest)?),
        "test" => test::run(rest),
        "check" => check::run(),
        "bench" => bench::run(rest),
        "soak" => soak::run(&soak::Options::parse(rest)?),
        "fuzz" => fuzz::run(rest),
        "judges" => judges::run(),
        "cross-check" => cross_check::run(),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => bail!("there is no command {other:?}\n\n{USAGE}"),
    }
}

/// People write `cargo xtask run -- --tour` out of habit.
fn without_separator(arguments: &[String]) -> &[String] {
    match arguments.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => arguments,
    }
}
