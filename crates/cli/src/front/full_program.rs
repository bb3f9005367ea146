//! The full program, `portray-cli`, which stands beside this one: it gets the same arguments and takes its place.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use portray_cli::failure::Failure;
use portray_core::app::contract::ProblemView;

const NAME: &str = "portray-cli";

/// Has the full program do what `words` say. `waited`: it is about a tool's request that the agent did not answer for so
/// long. Comes back only where it has not begun, or where the system cannot put one program in the place of another.
pub fn take_over(words: &[OsString], waited: Option<Duration>) -> Result<ExitCode, Failure> {
    let own = std::env::current_exe().map_err(|error| Failure::system("Finding this program", &error))?;
    let path = beside(&own)?;
    let mut command = Command::new(&path);
    command.args(words.iter().skip(1));
    if let Some(waited) = waited {
        command.arg(format!("--waited={}", waited.as_millis()));
    }
    // Whoever lists processes sees what was typed.
    #[cfg(unix)]
    if let Some(name) = words.first() {
        std::os::unix::process::CommandExt::arg0(&mut command, name);
    }
    run(command).map_err(|error| not_started(&path, &error))
}

/// In the folder of this program, or of the file that a link in its place leads to.
fn beside(own: &Path) -> Result<PathBuf, Failure> {
    let name = format!("{NAME}{}", std::env::consts::EXE_SUFFIX);
    let file = fs::canonicalize(own).ok();
    let folders = [Some(own), file.as_deref()].into_iter().flatten();
    let mut places = folders.map(|program| program.with_file_name(&name));
    let found = places.find(|place| {
        // This one in the other's place, or a link to it, would start itself for ever.
        fs::canonicalize(place).is_ok_and(|found| Some(&found) != file.as_ref())
    });
    let missing = || not_started(&own.with_file_name(&name), &io::ErrorKind::NotFound.into());
    found.ok_or_else(missing)
}

fn not_started(path: &Path, error: &io::Error) -> Failure {
    ProblemView::incomplete(path, error).into()
}

/// The same process goes on as the other program: who started it, its terminal and its signals stay what they are.
#[cfg(unix)]
fn run(mut command: Command) -> io::Result<ExitCode> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

/// Waits for it, and ends as it does. What the console tells its programs to do, it is told too: this one only must not
/// end before it.
#[cfg(windows)]
fn run(mut command: Command) -> io::Result<ExitCode> {
    use portray_cli::signals::Signals;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _entered = runtime.enter();
    let _unheeded = Signals::listen()?;
    let status = command.status()?;
    // Its exit code may have 32 bits, more than an ExitCode takes.
    std::process::exit(status.code().unwrap_or(1))
}
