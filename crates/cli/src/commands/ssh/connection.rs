//! One connection of the system's `ssh`, shared by all that is done on the other machine: a person signs in there once.

use std::fs::Permissions;
use std::io::IsTerminal;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use portray_core::app::contract::ProblemView;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::script::{self, Preparation, Start};
use super::words::Words;
use crate::failure::Failure;

/// How long the other machine may take for each step once somebody is signed in there.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the connection has to end by itself.
const FAREWELL: Duration = Duration::from_secs(5);

/// An open connection. What others of the same person would need to use it is in a folder of its own.
pub struct Connection<'a> {
    words: &'a Words,
    ssh: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    folder: TempDir,
}

impl<'a> Connection<'a> {
    /// Connects, and waits for as long as the person takes to sign in.
    pub async fn open(words: &'a Words) -> Result<Self, Failure> {
        let folder = own_folder().map_err(|error| Failure::system("Making a folder", &error))?;
        let mut command = shared(&folder);
        // Ours comes first: of two values ssh takes the first.
        command.args(["-M", "-o", "ControlPersist=no", "-o", "RemoteCommand=none"]);
        // Of terminals ssh takes the last word.
        command
            .args(&words.options)
            .args(["-T", "--", &words.host, "exec sh"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut ssh = command
            .spawn()
            .map_err(|error| ProblemView::ssh_not_started(&error))?;
        let (Some(input), Some(output)) = (ssh.stdin.take(), ssh.stdout.take()) else {
            return Err(Failure::system(
                "Starting ssh",
                &std::io::ErrorKind::BrokenPipe.into(),
            ));
        };
        let mut connection = Self {
            words,
            ssh,
            input,
            output: BufReader::new(output).lines(),
            folder,
        };
        connection.say(&script::greeting()).await?;
        while !script::is_here(&connection.next_line().await?) {}
        Ok(connection)
    }

    /// Has a port of the other machine's loopback interface lead to this port here; gives its number.
    pub async fn lead_here(&self, port: u16) -> Result<u16, Failure> {
        let mut command = shared(&self.folder);
        command.args(["-O", "forward", "-R"]);
        command.arg(format!("127.0.0.1:0:127.0.0.1:{port}"));
        command.arg("--").arg(&self.words.host);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let refused = || Failure::from(ProblemView::ssh_not_forwarded(&self.words.host));
        let forwarded = tokio::time::timeout(PATIENCE, command.output()).await;
        let forwarded = forwarded.map_err(|_| refused())?.map_err(|_| refused())?;
        let told = String::from_utf8_lossy(&forwarded.stdout);
        told.trim().parse().map_err(|_| refused())
    }

    /// Has the other machine look at the port and take the variables.
    pub async fn prepare(&mut self, port: u16, start: &Start<'_>) -> Result<Preparation, Failure> {
        self.say(&script::preparation(port, start)).await?;
        loop {
            let line = tokio::time::timeout(PATIENCE, self.next_line()).await;
            let line = line.map_err(|_| self.lost())??;
            if let Some(preparation) = script::prepared(&line) {
                return Ok(preparation);
            }
        }
    }

    /// The session that the person works in.
    pub fn session(&self, folder: &str) -> Command {
        let mut command = shared(&self.folder);
        command.args(["-o", "ControlMaster=no", "-o", "RemoteCommand=none"]);
        // Those of the options and of the configuration stand already.
        command.args(["-o", "ClearAllForwardings=yes"]);
        if self.words.command.is_empty() && std::io::stdin().is_terminal() {
            command.arg("-t");
        }
        command.args(&self.words.options).arg("--");
        command.args([&self.words.host, &script::session(folder)]);
        command
    }

    /// Ends the connection; what was left of ours on the other machine goes with it.
    pub async fn close(self) {
        let Self {
            mut ssh,
            input,
            folder,
            ..
        } = self;
        drop(input);
        match tokio::time::timeout(FAREWELL, ssh.wait()).await {
            Ok(_) => {}
            Err(_) => {
                if let Err(error) = ssh.kill().await {
                    tracing::debug!(%error, "ssh had ended");
                }
            }
        }
        drop(folder);
    }

    async fn say(&mut self, text: &str) -> Result<(), Failure> {
        let said = async {
            self.input.write_all(text.as_bytes()).await?;
            self.input.flush().await
        };
        said.await.map_err(|_: std::io::Error| self.lost())
    }

    async fn next_line(&mut self) -> Result<String, Failure> {
        match self.output.next_line().await {
            Ok(Some(line)) => Ok(line),
            Ok(None) | Err(_) => Err(self.lost()),
        }
    }

    fn lost(&self) -> Failure {
        ProblemView::ssh_not_connected(&self.words.host).into()
    }
}

/// A folder of the person's alone, whatever the umask: whoever reaches the socket in it is on the other machine.
fn own_folder() -> std::io::Result<TempDir> {
    let alone = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new()
        .prefix("portray-ssh-")
        .permissions(alone.clone())
        .tempdir()?;
    // A umask may also take from the owner.
    std::fs::set_permissions(folder.path(), alone)?;
    Ok(folder)
}

fn shared(folder: &TempDir) -> Command {
    let mut command = Command::new("ssh");
    command.arg("-S").arg(socket_in(folder));
    command
}

fn socket_in(folder: &TempDir) -> PathBuf {
    folder.path().join("c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h1_the_folder_of_a_connection_is_the_persons_alone() {
        let folder = own_folder().unwrap();
        let mode = folder.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
