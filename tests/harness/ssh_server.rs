//! An OpenSSH server on the loopback interface, for this user alone and with keys of its own.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::desktop::Desktop;
use crate::process::Process;

const DEADLINE: Duration = Duration::from_secs(30);

/// Where servers without a privilege of their own keep nothing; the one of root insists on it.
const SEPARATION: &str = "/run/sshd";

const SSHD: &str = "/usr/sbin/sshd";

/// A running server. Dropping it ends it and every session on it.
pub struct SshServer {
    _process: Process,
    folder: PathBuf,
    port: u16,
    user: String,
}

impl SshServer {
    /// Whether stories of it can be told: it is there, or would have to be, because set-up installs one where nobody
    /// would start it. Else that is said.
    #[expect(
        clippy::print_stderr,
        reason = "who reads the results sees what they do not show"
    )]
    pub fn is_expected() -> bool {
        let is_expected = Path::new(SSHD).exists() || !crate::init_system::starts_services();
        if !is_expected {
            eprintln!(
                "NOT SHOWN: this takes an SSH server (openssh-server), which nobody but you installs here."
            );
        }
        is_expected
    }

    /// A server whose configuration says this too, line by line.
    pub async fn start(desktop: &Desktop, configuration: &str) -> Result<SshServer> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = desktop.folder().join(format!("sshd-{port}"));
        fs::create_dir(&folder)?;
        for key in ["host", "client"] {
            let mut keygen = desktop.system_command("ssh-keygen");
            keygen
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(folder.join(key));
            desktop
                .run("ssh-keygen", keygen, DEADLINE)
                .await?
                .expect_code(0)?;
        }
        let path = |name: &str| folder.join(name).display().to_string();
        let host_key = fs::read_to_string(path("host.pub"))?;
        fs::write(path("known_hosts"), format!("[127.0.0.1]:{port} {host_key}"))?;
        let general = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin yes\n{configuration}\n",
            path("host"),
            path("client.pub"),
        );
        fs::write(path("config"), general)?;
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all(SEPARATION)?;
        }
        let mut sshd = desktop.system_command(SSHD);
        sshd.args(["-D", "-e", "-f"]).arg(path("config"));
        let process = desktop.start_process("sshd", sshd)?;
        let listens = async || {
            if let Some(status) = process.ended()? {
                anyhow::bail!("sshd has ended: {status}");
            }
            Ok(process.stderr().contains("Server listening").then_some(()))
        };
        desktop.wait_until("sshd to listen", DEADLINE, listens).await?;
        let mut whoami = desktop.system_command("id");
        whoami.arg("-un");
        let user = desktop.run("id", whoami, DEADLINE).await?.expect_code(0)?.stdout;
        Ok(SshServer {
            _process: process,
            folder,
            port,
            user: user.trim().to_owned(),
        })
    }

    /// What ssh takes to connect without asking anybody: options, and the host.
    pub fn words(&self) -> Vec<String> {
        let path = |name: &str| self.folder.join(name).display().to_string();
        let port = self.port.to_string();
        let known = format!("UserKnownHostsFile={}", path("known_hosts"));
        let host = format!("{}@127.0.0.1", self.user);
        let identity = path("client");
        [
            "-F",
            "none",
            "-i",
            &identity,
            "-p",
            &port,
            "-o",
            &known,
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
            &host,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// The client of the system, connecting to this server.
    pub fn client(&self, desktop: &Desktop, options: &[&str]) -> Command {
        let mut command = desktop.system_command("ssh");
        command.args(options).args(self.words());
        command
    }
}

/// The words of every process of this machine that can be looked at.
pub fn words_of_all_processes() -> Result<Vec<String>> {
    let processes = fs::read_dir("/proc").context("Linux lists its processes")?;
    let words = |process: &Path| fs::read(process.join("cmdline")).ok();
    let all = processes.filter_map(|entry| words(&entry.ok()?.path()));
    Ok(all
        .map(|words| String::from_utf8_lossy(&words).into_owned())
        .collect())
}
