//! Sign-ins in a file that a passphrase encrypts, on a machine without a keyring.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Desktop, DesktopOptions, EmulatorProcess, Portray, Process, Program, Terminal, TrayHost};
use portray_core::app::contract::Request;
use serde_json::Value;

use crate::secret_store::{files_with_tokens, unfinished_files};

const DEADLINE: Duration = Duration::from_secs(60);

const PASSPHRASE: &str = "correct horse battery staple";
const ROLE: &str = "111122223333/ReadOnly";
const ENTER: &str = "\r";

/// A machine without a keyring, and a file with the passphrase in it.
struct Machine {
    emulator: EmulatorProcess,
    passphrase_file: PathBuf,
    // Dropped last: the others stand on it.
    desktop: Desktop,
}

impl Machine {
    async fn without_keyring(display: bool) -> Result<Machine> {
        let desktop = Desktop::start_with(DesktopOptions {
            display,
            keyring: false,
            ..DesktopOptions::default()
        })
        .await?;
        let machine = Machine {
            emulator: EmulatorProcess::start(&desktop, "acme").await?,
            passphrase_file: desktop.folder().join("passphrase"),
            desktop,
        };
        // Whoever uses a refresh token twice is found out.
        machine.emulator.amend_world("rotation = \"strict\"").await?;
        machine.write_passphrase(PASSPHRASE, 0o600)?;
        Ok(machine)
    }

    /// Signed in, with the passphrase in its file; no agent runs.
    async fn signed_in() -> Result<Machine> {
        Machine::without_keyring(false).await?.sign_in().await
    }

    async fn sign_in(self) -> Result<Machine> {
        let machine = self;
        let portray = machine.with_passphrase_file();
        portray.add_portal("acme", machine.emulator.addresses()).await?;
        portray.sign_in(&machine.emulator, "amara").await?;
        portray.run(&["agent", "stop"]).await?.expect_code(0)?;
        Ok(machine)
    }

    fn write_passphrase(&self, passphrase: &str, mode: u32) -> Result<()> {
        fs::write(&self.passphrase_file, format!("{passphrase}\n"))?;
        let mode = fs::Permissions::from_mode(mode);
        Ok(fs::set_permissions(&self.passphrase_file, mode)?)
    }

    /// Asked for the encrypted file; the passphrase has to be typed.
    fn portray(&self) -> Portray<'_> {
        Portray::with_emulator(&self.desktop, self.emulator.addresses())
            .with_variable("PORTRAY_SECRET_STORE", "file")
    }

    fn with_passphrase_file(&self) -> Portray<'_> {
        let file = self.passphrase_file.to_string_lossy();
        self.portray().with_variable("PORTRAY_PASSPHRASE_FILE", &file)
    }

    fn sealed_file(&self) -> PathBuf {
        self.desktop.portray_home().join("state/sign-ins.age")
    }

    fn content(&self) -> Result<Vec<u8>> {
        Ok(fs::read(self.sealed_file())?)
    }

    /// Renews the token and waits until the new one is in the file.
    async fn renew(&self, portray: &Portray<'_>) -> Result<()> {
        let before = self.content()?;
        // Who asks while the last renewal is just being written gets that one: after seconds it is asked anew.
        let looks = Cell::new(0);
        let is_stored = async || match self.content()? != before {
            true => Ok(Some(())),
            false if looks.replace(looks.get() + 1) % 40 > 0 => Ok(None),
            false => portray.ask(|_| Request::RenewNow).await.map(|_| None),
        };
        self.desktop.wait_until("a new token", DEADLINE, is_stored).await
    }

    /// Types these answers to the questions as they come.
    async fn type_in(&self, terminal: &mut Terminal, answers: &[(&str, &str)]) -> Result<()> {
        let mut seen = 0;
        for (question, answer) in answers {
            seen = terminal.wait_for(question, seen, DEADLINE).await?;
            terminal.press(answer)?;
            terminal.press(ENTER)?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn k3_a_sign_in_in_the_encrypted_file_outlives_its_agent_and_a_crash() -> Result<()> {
    let machine = Machine::signed_in().await?;
    let portray = machine.with_passphrase_file();
    let mode = |path: &Path| Ok::<_, anyhow::Error>(fs::metadata(path)?.permissions().mode() & 0o777);
    assert_eq!(mode(&machine.sealed_file())?, 0o600);
    assert_eq!(
        files_with_tokens(&machine.desktop.portray_home())?,
        Vec::<String>::new()
    );

    let sign_ins = machine.emulator.calls("CreateToken").await?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
    assert_eq!(machine.emulator.calls("CreateToken").await?, sign_ins);
    machine.renew(&portray).await?;
    machine.renew(&portray).await?;
    let [agent] = machine.desktop.running("portray")[..] else {
        anyhow::bail!("one agent runs");
    };
    assert_says_nothing(agent)?;

    let agent = rustix::process::Pid::from_raw(agent).context("a process")?;
    rustix::process::kill_process(agent, rustix::process::Signal::KILL)?;
    let gone = async || Ok(machine.desktop.running("portray").is_empty().then_some(()));
    machine.desktop.wait_until("its end", DEADLINE, gone).await?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    machine.renew(&portray).await?;
    let counters: Value = machine.emulator.read("counters").await?;
    assert_eq!(counters["reused_refresh_tokens"], 0);
    let stopped = portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    assert!(
        stopped.stderr.contains("kept in the encrypted file"),
        "{stopped:?}"
    );

    portray.run(&["logout"]).await?.expect_code(0)?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    portray.wait_for_portal("sign_in_needed", DEADLINE).await?;
    Ok(())
}

/// The passphrase is neither among the arguments nor in the environment of the agent.
fn assert_says_nothing(agent: i32) -> Result<()> {
    for name in ["cmdline", "environ"] {
        let bytes = fs::read(format!("/proc/{agent}/{name}"))?;
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("agent") || text.contains("PORTRAY_HOME"), "{text}");
        assert!(!text.contains(PASSPHRASE), "{name}: {text}");
    }
    Ok(())
}

#[tokio::test]
async fn p2_a_tool_at_a_terminal_is_asked_for_no_passphrase() -> Result<()> {
    let machine = Machine::without_keyring(false).await?;
    let portray = machine.portray();
    let role = [
        "--portal",
        "acme",
        "--account",
        "111122223333",
        "--permission-set",
        "ReadOnly",
    ];
    let asked = portray.start_at_terminal(&[&["credential-process"], &role[..]].concat())?;
    let ended = asked.finished(DEADLINE).await?.expect_code(7)?;
    assert!(ended.stderr.contains("PORTRAY_PASSPHRASE_FILE"), "{ended:?}");
    assert_eq!(ended.stdout, "");
    Ok(())
}

#[tokio::test]
async fn k3_the_passphrase_is_made_up_at_a_terminal_and_asked_for_at_the_next_start() -> Result<()> {
    let machine = Machine::without_keyring(false).await?;
    let portray = machine.portray();
    let mut first = portray.start_at_terminal(&["agent"])?;
    let answers = [("New passphrase", PASSPHRASE), ("The same again", PASSPHRASE)];
    machine.type_in(&mut first, &answers).await?;
    first.finished(DEADLINE).await?.expect_code(0)?;
    let [agent] = machine.desktop.running("portray")[..] else {
        anyhow::bail!("one agent runs");
    };
    assert_says_nothing(agent)?;
    // With an agent nobody needs it any more.
    portray.add_portal("acme", machine.emulator.addresses()).await?;
    portray.sign_in(&machine.emulator, "amara").await?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;

    let before = machine.content()?;
    for command in [&["status", "--json"][..], &["credentials", ROLE], &["agent"]] {
        let refused = portray.run(command).await?.expect_code(7)?;
        assert_eq!(refused.stdout, "", "{refused:?}");
        assert_eq!(refused.stderr.lines().count(), 2, "{refused:?}");
        assert!(refused.stderr.contains("PORTRAY_PASSPHRASE_FILE"), "{refused:?}");
    }
    let mut again = portray.start_at_terminal(&["credentials", ROLE])?;
    let answers = [
        ("Passphrase of your sign-ins", "wrong"),
        ("That is not it", PASSPHRASE),
    ];
    machine.type_in(&mut again, &answers).await?;
    let served = again.finished(DEADLINE).await?.expect_code(0)?;
    assert!(!served.stderr.contains(PASSPHRASE), "{served:?}");
    assert_eq!(machine.content()?, before, "nothing was written to serve");
    Ok(())
}

#[tokio::test]
async fn k3_no_failure_of_the_encrypted_file_touches_it() -> Result<()> {
    let machine = Machine::signed_in().await?;
    let portray = machine.with_passphrase_file();
    let whole = machine.content()?;
    let expect = async |words: &[&str]| {
        let refused = portray.run(&["status"]).await?.expect_code(7)?;
        assert_eq!(refused.stderr.lines().count(), 2, "{refused:?}");
        for word in words {
            assert!(refused.stderr.contains(word), "{word}: {refused:?}");
        }
        Ok::<_, anyhow::Error>(())
    };
    machine.write_passphrase("something else", 0o600)?;
    expect(&["not the passphrase", "move that file away"]).await?;
    machine.write_passphrase("", 0o600)?;
    expect(&["is empty"]).await?;
    machine.write_passphrase(PASSPHRASE, 0o644)?;
    expect(&["can be read by others", "chmod 600"]).await?;
    fs::remove_file(&machine.passphrase_file)?;
    expect(&["cannot be read"]).await?;
    machine.write_passphrase(PASSPHRASE, 0o600)?;
    assert_eq!(machine.content()?, whole);

    let torn = &whole[..whole.len() / 2];
    fs::write(machine.sealed_file(), torn)?;
    expect(&["damaged", "move it away"]).await?;
    assert_eq!(machine.content()?, torn, "what is damaged is kept");
    fs::write(machine.sealed_file(), &whole)?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    Ok(())
}

#[tokio::test]
async fn k3_the_tray_application_does_not_end_an_agent_whose_file_it_cannot_open() -> Result<()> {
    let machine = Machine::signed_in().await?;
    machine
        .with_passphrase_file()
        .wait_for_portal("signed_in", DEADLINE)
        .await?;
    let agent = machine.desktop.running("portray");
    let start = async |portray: Portray<'_>| {
        let command = portray.command(Program::PortrayApp)?;
        let ended = machine.desktop.run("portray-app", command, DEADLINE).await?;
        let refused = ended.expect_code(7)?;
        assert_eq!(refused.stderr.lines().count(), 2, "{refused:?}");
        Ok::<_, anyhow::Error>(refused.stderr)
    };
    let told = start(machine.portray()).await?;
    assert!(told.contains("PORTRAY_PASSPHRASE_FILE"), "{told}");
    machine.write_passphrase("something else", 0o600)?;
    let told = start(machine.with_passphrase_file()).await?;
    assert!(told.contains("not the passphrase"), "{told}");
    assert_eq!(machine.desktop.running("portray"), agent);
    Ok(())
}

#[tokio::test]
async fn k3_the_tray_application_takes_over_the_encrypted_file_of_an_agent() -> Result<()> {
    let machine = Machine::without_keyring(true).await?.sign_in().await?;
    let _tray = TrayHost::start(&machine.desktop).await?;
    let portray = machine.with_passphrase_file();
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    let sign_ins = machine.emulator.calls("CreateToken").await?;
    let _application = portray.start_application()?;
    let has_taken_over = async || {
        let agent = portray.run(&["agent", "status", "--json"]).await?;
        Ok((agent.code == Some(0) && agent.json()?["kind"] == "tray").then_some(()))
    };
    machine
        .desktop
        .wait_until("the application", DEADLINE, has_taken_over)
        .await?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
    assert_eq!(machine.emulator.calls("CreateToken").await?, sign_ins);
    machine.renew(&portray).await
}

impl Machine {
    /// The calls of an agent that renews which open the file in order to write into it: whatever ended them would
    /// leave half of it.
    async fn writers_of_the_file_itself(&self) -> Result<Vec<String>> {
        let log = self.desktop.folder().join("opened");
        let program = self.with_passphrase_file().command(Program::Portray)?;
        let mut command = self.desktop.system_command("strace");
        command.envs(self.with_passphrase_file().environment());
        command.args(["--follow-forks", "--seccomp-bpf", "--quiet=all", "--output"]);
        command.arg(&log).arg("--trace=/^(open|creat|truncate)");
        command.arg(program.get_program()).args(["agent", "--foreground"]);
        let agent = self.desktop.start_process("strace", command)?;
        let is_up = async || Ok(agent.stderr().contains("The agent is running").then_some(()));
        self.desktop.wait_until("an agent", DEADLINE, is_up).await?;
        let portray = self.with_passphrase_file();
        portray.wait_for_portal("signed_in", DEADLINE).await?;
        self.renew(&portray).await?;
        portray.run(&["agent", "stop"]).await?.expect_code(0)?;
        agent.finished(DEADLINE).await?;
        let calls = fs::read_to_string(log)?;
        let of_the_file: Vec<_> = calls
            .lines()
            .filter(|call| call.contains("/sign-ins.age\""))
            .collect();
        ensure!(!of_the_file.is_empty(), "nobody opened it: {calls}");
        let writes = |call: &&str| {
            ["WRONLY", "RDWR", "creat(", "truncate("]
                .iter()
                .any(|word| call.contains(word))
        };
        Ok(of_the_file
            .into_iter()
            .filter(writes)
            .map(str::to_owned)
            .collect())
    }
}

/// The agent, killed by the `number`th call of `syscall` that it makes.
fn killed_by(machine: &Machine, syscall: &str, number: usize) -> Result<Process> {
    let program = machine.with_passphrase_file().command(Program::Portray)?;
    let mut command = machine.desktop.system_command("strace");
    command.envs(machine.with_passphrase_file().environment());
    command.args(["--follow-forks", "--seccomp-bpf", "--quiet=all"]);
    command
        .arg(format!("--trace={syscall}"))
        .arg("--output=/dev/null");
    command.arg(format!("--inject={syscall}:signal=KILL:when={number}"));
    command.arg(program.get_program());
    command.args(["agent", "--foreground"]);
    machine.desktop.start_process("strace", command)
}

#[tokio::test]
async fn r3_killed_at_any_step_of_a_write_the_encrypted_file_is_the_old_or_the_new_one() -> Result<()> {
    let machine = Machine::signed_in().await?;
    let portray = machine.with_passphrase_file();
    for syscall in ["fsync", "rename"] {
        let mut kills = 0;
        loop {
            let agent = killed_by(&machine, syscall, kills + 1)?;
            let before = machine.content()?;
            let is_up = async || {
                let runs = agent.stderr().contains("The agent is running");
                Ok((runs || agent.ended()?.is_some()).then_some(()))
            };
            machine.desktop.wait_until("an agent", DEADLINE, is_up).await?;
            // It may be killed before it is asked, or while it is.
            let _ = portray.ask(|_| Request::RenewNow).await;
            let is_over = async || {
                let ended = agent.ended()?.is_some();
                Ok((ended || machine.content()? != before).then_some(()))
            };
            machine
                .desktop
                .wait_until("a write or its end", DEADLINE, is_over)
                .await?;
            // The folder's own fsync comes after the file is in place: a killed agent no longer says who it is.
            let asked = portray.run(&["agent", "status"]).await?;
            let killed = agent.ended()?.is_some() || asked.code == Some(6);
            agent.kill();
            let status = portray.wait_for_portal("signed_in", DEADLINE).await?;
            ensure!(status["portals"][0]["problem"] == Value::Null, "{status}");
            portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
            portray.run(&["agent", "stop"]).await?.expect_code(0)?;
            assert_eq!(
                unfinished_files(&machine.desktop.portray_home())?,
                Vec::<PathBuf>::new()
            );
            if !killed {
                break;
            }
            kills += 1;
        }
        ensure!(kills > 0, "{syscall} never killed anything");
    }
    assert_eq!(machine.writers_of_the_file_itself().await?, Vec::<String>::new());
    let counters: Value = machine.emulator.read("counters").await?;
    assert_eq!(counters["reused_refresh_tokens"], 0);
    Ok(())
}
