//! The tray application. One binary, two processes: the resident (engine, agent, tray) has no webview, the window
//! process has nothing but one.
#![cfg_attr(windows, windows_subsystem = "windows")]

mod already_running;
mod browser;
mod commands;
mod display;
mod label;
mod link;
mod logging;
mod notices;
mod passphrase;
mod resident;
mod shell;
mod tray;
mod tray_host;
mod wake;
mod window;
mod window_life;
mod window_process;

use std::alloc::System;
use std::io::Write;
use std::process::ExitCode;

use portray_core::app::contract::ProblemView;
use zeroizing_alloc::ZeroAlloc;

/// Memory is wiped when it is given back: libraries copy what they send and receive, and wipe nothing.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

/// What this process is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Resident { show_window: bool },
    Window,
    Version,
    Help,
}

const USAGE: &str = "The tray application of Portray, your AWS access portal.

Usage: portray-app [--quick]

      --quick    Open its window too
  -h, --help     Print this
  -V, --version  Print the version

The command line is “portray”; see “portray help”.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match Mode::parse(&arguments).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            tell(std::io::stderr(), &two_lines(&problem));
            ExitCode::from(problem.code.exit_code())
        }
    }
}

/// The page, the icons and the rules that were compiled in: the same for both processes.
pub fn context() -> tauri::Context {
    tauri::generate_context!()
}

impl Mode {
    fn parse(arguments: &[String]) -> Result<Self, ProblemView> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] => Ok(Self::Resident { show_window: false }),
            ["--quick"] => Ok(Self::Resident { show_window: true }),
            ["--window"] => Ok(Self::Window),
            ["--version" | "-V"] => Ok(Self::Version),
            ["--help" | "-h"] => Ok(Self::Help),
            _ => Err(ProblemView::unknown_arguments(&words.join(" "))),
        }
    }
}

fn run(mode: Mode) -> Result<(), ProblemView> {
    match mode {
        Mode::Resident { show_window } => resident::run(show_window),
        Mode::Window => window::run(),
        Mode::Version => {
            tell(
                std::io::stdout(),
                concat!("portray-app ", env!("CARGO_PKG_VERSION")),
            );
            Ok(())
        }
        Mode::Help => {
            tell(std::io::stdout(), USAGE);
            Ok(())
        }
    }
}

fn two_lines(problem: &ProblemView) -> String {
    format!("{}\n{}", problem.what_happened, problem.what_to_do)
}

/// Says something on a stream that may be closed: then nobody wants to hear it.
fn tell(mut stream: impl Write, text: &str) {
    let _ = writeln!(stream, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Mode, ProblemView> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        Mode::parse(&arguments)
    }

    #[test]
    fn no_arguments_start_the_resident() {
        assert_eq!(parse(&[]), Ok(Mode::Resident { show_window: false }));
        assert_eq!(parse(&["--quick"]), Ok(Mode::Resident { show_window: true }));
        assert_eq!(parse(&["--window"]), Ok(Mode::Window));
    }

    #[test]
    fn whoever_asks_how_to_start_it_is_told_every_argument() {
        for asked in ["--help", "-h"] {
            assert_eq!(parse(&[asked]), Ok(Mode::Help));
        }
        for argument in ["--quick", "--version", "--help"] {
            assert!(USAGE.contains(argument), "{argument}");
            assert!(parse(&[argument]).is_ok(), "{argument}");
        }
    }

    #[test]
    fn unknown_arguments_are_refused_in_two_lines_with_exit_code_2() {
        for arguments in [&["--windowed"][..], &["--window", "--quick"], &["https://x"]] {
            let problem = parse(arguments).unwrap_err();
            assert_eq!(problem.code.exit_code(), 2);
            assert_eq!(two_lines(&problem).lines().count(), 2);
            assert!(problem.what_happened.contains(arguments[0]));
        }
    }
}
