//! The sentences about our own programs: how they start, find each other and are called.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::app::contract::{ProblemCode, ProblemView};
use crate::app::problem::sentence;
use crate::paths::EnvironmentError;
use crate::private_files::FolderFault;

/// How a program starts, and what it runs on.
impl ProblemView {
    pub fn environment(error: &EnvironmentError) -> Self {
        let (code, what_to_do) = match error {
            EnvironmentError::SecretStore(_) => (
                ProblemCode::SecretStore,
                "Unset it for the keyring; “memory” keeps sign-ins in memory only, “file” in a file that a passphrase encrypts.",
            ),
            EnvironmentError::Endpoint(_) => (
                ProblemCode::WrongUse,
                "Correct it, or unset it to use AWS itself; then start Portray again.",
            ),
            EnvironmentError::NoHome | EnvironmentError::RelativeHome(_) => (
                ProblemCode::WrongUse,
                "For instance: export PORTRAY_HOME=/var/lib/portray",
            ),
        };
        Self::new(code, sentence(error), what_to_do)
    }

    /// Something of the system did not work as it always does.
    pub fn system(doing: &str, error: &io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("{doing} failed: {error}."),
            "Look at the system's limits and try again.",
        )
    }

    /// The small program of the command line does not find the full one, or cannot start it.
    pub fn incomplete(full: &Path, error: &io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("{} cannot be started: {error}.", full.display()),
            "The command line is two programs in one folder, “portray” and “portray-cli”: install both again.",
        )
    }

    pub fn no_tray(error: &dyn Display) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("The tray application cannot start: {error}."),
            "Run “portray agent” to do without it.",
        )
    }

    pub fn no_display() -> Self {
        Self::new(
            ProblemCode::Failed,
            "There is no display to show the tray icon on (neither DISPLAY nor WAYLAND_DISPLAY leads to one).",
            "Start Portray inside a desktop session, or run “portray agent”, which needs none.",
        )
    }

    pub fn no_window(error: &dyn Display) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("The window cannot be opened: {error}."),
            "See that WebKitGTK (Linux) or WebView2 (Windows) is installed.",
        )
    }

    /// Arguments of the tray application that it has not.
    pub fn unknown_arguments(arguments: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("portray-app does not understand “{arguments}”."),
            "Start it without arguments, with --quick to open its window, or with --help.",
        )
    }
}

/// Who is the agent, and whether it answers.
impl ProblemView {
    /// No agent runs, and a command could not start one.
    pub fn agent_not_started(error: &io::Error) -> Self {
        Self::new(
            ProblemCode::NoAgent,
            format!("No agent is running, and none could be started: {error}."),
            about_the_folder(error).unwrap_or(
                "Start the application, or run “portray agent --foreground” to see what is wrong.",
            ),
        )
    }

    pub fn not_running() -> Self {
        Self::new(
            ProblemCode::NoAgent,
            "Portray is not running.",
            "Start the application, or run “portray agent”.",
        )
    }

    /// The window outlived the application.
    pub fn application_ended() -> Self {
        Self::new(
            ProblemCode::NoAgent,
            "Portray's tray application has ended.",
            "Start Portray again: its window takes the place of this one.",
        )
    }

    pub fn application_runs(process: u32) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("The Portray application is running already (process {process})."),
            "It serves the command line too: nothing to do.",
        )
    }

    /// Somebody asked for the agent to end, and the tray application has its place.
    pub fn application_is_no_agent(process: u32) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!(
                "The Portray application is running (process {process}), and not an agent without a tray."
            ),
            "Quit it from the tray menu, or end it with “portray agent stop --force”.",
        )
    }

    pub fn agent_runs(process: u32) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("An agent is running already (process {process})."),
            "To end it: portray agent stop",
        )
    }

    pub fn agent_is_silent() -> Self {
        Self::new(
            ProblemCode::Failed,
            "An agent is running already, but does not answer yet.",
            "Wait a moment, or end it with “portray agent stop”; then try again.",
        )
    }

    /// It takes connections and says nothing.
    pub fn agent_hangs(process: Option<u32>) -> Self {
        let process = process.map_or(String::new(), |pid| format!(" (process {pid})"));
        Self::new(
            ProblemCode::NoAgent,
            format!("Portray runs{process}, but does not answer: it was stopped, or hangs."),
            "End it with “portray agent stop”; the next command starts it anew.",
        )
    }

    /// It has the sign-ins, and nothing stands where it is to be reached.
    pub fn agent_without_socket(process: u32, socket: &Path) -> Self {
        Self::new(
            ProblemCode::NoAgent,
            format!(
                "Portray runs (process {process}), but cannot be reached: its socket {} is gone.",
                socket.display()
            ),
            "Try again: it makes a new one every two seconds, unless it was stopped or cannot write there. To end \
             it: portray agent stop",
        )
    }

    /// Somebody asked for it to end, and it is the tray application that hangs.
    pub fn application_hangs(process: u32) -> Self {
        Self::new(
            ProblemCode::NoAgent,
            format!("The Portray application (process {process}) does not answer: it was stopped, or hangs."),
            "End it with “portray agent stop --force”, then start it again.",
        )
    }

    /// An agent that hangs cannot be ended from here: nobody knows its process, or that is not ours.
    pub fn agent_out_of_reach(process: Option<u32>) -> Self {
        let (what_happened, what_to_do) = match process {
            Some(pid) => (
                format!(
                    "The process that holds Portray's socket ({pid}) does not answer, and is not one of Portray's."
                ),
                format!("See what it is, and end it yourself: kill {pid}"),
            ),
            None => (
                "The agent does not answer, and the system does not say which process it is.".to_owned(),
                "End “portray” or “portray-app” yourself, in the system's list of processes.".to_owned(),
            ),
        };
        Self::new(ProblemCode::Failed, what_happened, what_to_do)
    }

    pub fn agent_does_not_end() -> Self {
        Self::new(
            ProblemCode::Failed,
            "The agent was asked to stop, but has not ended yet.",
            "See what it is doing in its log; “portray agent status” says whether it still runs.",
        )
    }

    /// The folder of socket and lock is none, or not its user's alone.
    pub fn runtime_folder(folder: &Path, fault: &FolderFault) -> Self {
        let folder = folder.display();
        let what_to_do = match fault {
            FolderFault::OutOfReach(_) | FolderFault::Unwritable(_) => {
                "Make it a folder that you can write to, or set PORTRAY_HOME to one.".to_owned()
            }
            FolderFault::NoFolder => "Move away what stands there.".to_owned(),
            FolderFault::Foreign => "Set PORTRAY_HOME to a folder of your own.".to_owned(),
            FolderFault::Open => format!("Make it yours alone (chmod 700 {folder}), or remove it."),
        };
        Self::new(
            ProblemCode::NoAgent,
            format!("Portray's folder {folder} {fault}."),
            what_to_do,
        )
    }

    /// Socket or lock cannot be had: in whole, and what the system says.
    pub fn no_socket(error: &dyn Display, cause: &io::Error) -> Self {
        let what_to_do = about_the_folder(cause).unwrap_or("Look at what stands there.");
        Self::new(ProblemCode::NoAgent, sentence(error), what_to_do)
    }

    pub fn foreign_pipe() -> Self {
        Self::new(
            ProblemCode::NoAgent,
            "Portray's pipe was made by another user, so it is not trusted.",
            "End the other user's program, or set PORTRAY_HOME to another folder of your own.",
        )
    }

    pub fn no_answer_in_time() -> Self {
        Self::new(
            ProblemCode::Unreachable,
            "No answer came in time: AWS is still being asked, or this machine is very busy.",
            "Try again; if it stays so, “portray status” says what is known.",
        )
    }

    pub fn no_answer() -> Self {
        Self::new(
            ProblemCode::Failed,
            "Portray ended the conversation before it had answered.",
            "Try again; it may have been restarted.",
        )
    }
}

/// What is said between programs.
impl ProblemView {
    pub fn not_understood() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "The request was not understood.",
            "Send one JSON object a line, as {\"v\":1,\"op\":\"hello\",\"version\":\"…\"}.",
        )
    }

    pub fn unknown_request() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "The agent does not know this request.",
            "Restart Portray if it was updated, or see that command line and agent are of one version.",
        )
    }

    pub fn request_too_long() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "The request is longer than 64 KiB.",
            "Send a shorter one.",
        )
    }

    /// The agent and the program that asks it are of different versions.
    pub fn other_protocol(agent: u32, program: u32) -> Self {
        let (what_happened, what_to_do) = if agent < program {
            (
                format!(
                    "The Portray that runs is older than this program (protocol {agent}, not {program})."
                ),
                "Restart it: quit the application and start it again, or run “portray agent stop”.",
            )
        } else {
            (
                format!(
                    "This program is older than the Portray that runs (protocol {program}, not {agent})."
                ),
                "Use the “portray” that was installed with it, or end it with “portray agent stop”.",
            )
        };
        Self::new(ProblemCode::NoAgent, what_happened, what_to_do)
    }

    /// Nothing is written over.
    pub fn report_exists() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "There is a file of that name already.",
            "Name one that does not exist yet.",
        )
    }

    /// An answer came to nothing because of us.
    pub fn own_mistake() -> Self {
        Self::new(
            ProblemCode::Failed,
            "Portray failed while it answered.",
            "Try again; the agent's log says more.",
        )
    }
}

/// What to do where it is the folder that does not take a socket or a lock.
fn about_the_folder(error: &io::Error) -> Option<&'static str> {
    let kind = error.kind();
    if matches!(
        kind,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    ) {
        return Some("Set PORTRAY_HOME to a folder of your own.");
    }
    if matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return Some("Make room on that disk, or set PORTRAY_HOME to a folder on another one.");
    }
    let is_too_long = matches!(kind, io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename);
    is_too_long.then_some("Set PORTRAY_HOME to a shorter path: a socket's has about 100 bytes at most.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_a_folder_that_takes_no_socket_is_told_with_what_to_do_about_it() {
        for (kind, words) in [
            (io::ErrorKind::ReadOnlyFilesystem, "folder of your own"),
            (io::ErrorKind::StorageFull, "Make room"),
            (io::ErrorKind::InvalidFilename, "shorter path"),
        ] {
            let problem = ProblemView::no_socket(&"the lock cannot be taken", &kind.into());
            assert!(problem.what_to_do.contains(words), "{problem:?}");
            let problem = ProblemView::agent_not_started(&kind.into());
            assert!(problem.what_to_do.contains(words), "{problem:?}");
        }
        let problem = ProblemView::agent_not_started(&io::ErrorKind::TimedOut.into());
        assert!(problem.what_to_do.contains("--foreground"), "{problem:?}");
    }
}
