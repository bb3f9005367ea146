//! Portray as its user has it: the tray application and the command line, pointed at an emulator.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use portray_core::agent::protocol::{Operation, Reply};
use portray_core::agent::{Client, ClientError};
use portray_core::app::contract::Request;
use portray_core::paths::{Environment, Paths};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::desktop::Desktop;
use crate::emulator::EmulatorAddresses;
use crate::process::{Finished, Process};
use crate::programs::Program;
use crate::terminal::Terminal;

/// How long a command of ours may take that does not wait for a person.
const COMMAND_DEADLINE: Duration = Duration::from_secs(60);

/// What the agent answers to one request.
pub struct Answers(UnboundedReceiver<Result<Reply, ClientError>>);

impl Answers {
    /// The next answer; waits for it.
    pub async fn next(&mut self) -> Result<Reply> {
        let next = tokio::time::timeout(COMMAND_DEADLINE, self.0.recv()).await;
        let next = next.context("the agent does not answer")?;
        Ok(next.context("the agent has nothing more to say")??)
    }
}

/// Portray on one desktop.
pub struct Portray<'desktop> {
    desktop: &'desktop Desktop,
    environment: Vec<(String, String)>,
}

impl<'desktop> Portray<'desktop> {
    /// The programs on `desktop`, talking to the emulator at `addresses` only.
    pub fn with_emulator(desktop: &'desktop Desktop, addresses: &EmulatorAddresses) -> Portray<'desktop> {
        let endpoint = addresses.base_url.as_str().trim_end_matches('/').to_owned();
        Portray {
            desktop,
            environment: vec![("PORTRAY_ENDPOINT_URL".to_owned(), endpoint)],
        }
    }

    /// The programs on `desktop` as they are with AWS: nothing leads them elsewhere.
    pub fn with_aws(desktop: &'desktop Desktop) -> Portray<'desktop> {
        Portray {
            desktop,
            environment: Vec::new(),
        }
    }

    /// Sets one more variable for every program.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Portray<'desktop> {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The variables on top of the desktop's own, for [`crate::WindowDriver::open`].
    pub fn environment(&self) -> Vec<(&str, &str)> {
        self.environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    pub(crate) fn desktop(&self) -> &Desktop {
        self.desktop
    }

    /// A command for `program`.
    pub fn command(&self, program: Program) -> Result<Command> {
        let mut command = self.desktop.command(program)?;
        command.envs(self.environment());
        Ok(command)
    }

    /// A command for a program of the system, with what Portray's programs have.
    pub fn system_command(&self, program: &str) -> Command {
        let mut command = self.desktop.system_command(program);
        command.envs(self.environment());
        command
    }

    /// Starts the tray application.
    pub fn start_application(&self) -> Result<Process> {
        self.desktop
            .start_process(Program::PortrayApp.name(), self.command(Program::PortrayApp)?)
    }

    /// Runs `portray` with these arguments to its end, whatever its exit code.
    pub async fn run(&self, arguments: &[&str]) -> Result<Finished> {
        self.start(arguments)?.finished(COMMAND_DEADLINE).await
    }

    /// Starts `portray` with these arguments, for a command that waits for something.
    pub fn start(&self, arguments: &[&str]) -> Result<Process> {
        let mut command = self.command(Program::Portray)?;
        command.args(arguments);
        self.desktop.start_process(&name_of(arguments), command)
    }

    /// An agent that is nobody's child but ours, so that its end can be seen. It runs when this returns.
    pub async fn start_agent(&self) -> Result<Process> {
        let agent = self.start(&["agent", "--foreground"])?;
        let runs = async || Ok(agent.stderr().contains("The agent is running").then_some(()));
        let running = self
            .desktop
            .wait_until("an agent that runs", COMMAND_DEADLINE, runs);
        running.await?;
        Ok(agent)
    }

    /// Starts `portray` with these arguments at a terminal.
    pub fn start_at_terminal(&self, arguments: &[&str]) -> Result<Terminal> {
        let mut command = self.command(Program::Portray)?;
        command.args(arguments).env("TERM", "xterm-256color");
        Terminal::start(self.desktop, &name_of(arguments), command)
    }

    /// Sets up the emulator's portal under `name`.
    pub async fn add_portal(&self, name: &str, addresses: &EmulatorAddresses) -> Result<()> {
        let url = addresses.start_url.as_str();
        let arguments = [
            "portal",
            "add",
            url,
            "--name",
            name,
            "--region",
            &addresses.region,
        ];
        self.run(&arguments).await?.expect_code(0)?;
        Ok(())
    }

    /// `portray status --json`.
    pub async fn status(&self) -> Result<Value> {
        self.run(&["status", "--json"]).await?.expect_code(0)?.json()
    }

    /// Asks the agent what the window could ask, about its first portal.
    pub async fn ask(&self, request: impl FnOnce(String) -> Request + Send + 'static) -> Result<()> {
        let home = self.desktop.portray_home().to_string_lossy().into_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let paths = Paths::of(&Environment::of(&[("PORTRAY_HOME", &home)]))?;
            let mut client = Client::connect(&paths)?;
            let Reply::Status(status) = client.ask(&Operation::Status)? else {
                bail!("status answers status");
            };
            let portal = status.portals.first().context("a portal")?.id.clone();
            let request = request(portal);
            client.ask(&Operation::Command { request })?;
            Ok(())
        });
        asked.await?
    }

    /// Asks the agent as a program does that speaks its protocol. What it answers comes one after the other.
    pub fn tell(&self, operation: Operation) -> Answers {
        let (answer, answers) = unbounded_channel();
        let home = self.desktop.portray_home().to_string_lossy().into_owned();
        tokio::task::spawn_blocking(move || {
            let environment = Environment::of(&[("PORTRAY_HOME", &home)]);
            let paths = Paths::of(&environment).expect("a home is given");
            match Client::connect(&paths).and_then(|client| client.stream(&operation)) {
                Ok(replies) => replies.for_each(|reply| drop(answer.send(reply))),
                Err(error) => drop(answer.send(Err(error))),
            }
        });
        Answers(answers)
    }

    /// Begins a sign-in as `portray login` does at a desktop, where the agent opens the browser.
    pub async fn login_at_desktop(&self) -> Result<Answers> {
        let mut answers = self.tell(Operation::Login {
            portal: None,
            device_code: false,
            open_browser: true,
            force: false,
        });
        let begun = answers.next().await?;
        ensure!(
            matches!(begun, Reply::SignIn { .. }),
            "a login begins with its address, not with {begun:?}"
        );
        Ok(answers)
    }

    /// Waits until the first portal is in `state` (`signed_in`, `sign_in_needed`, …), and returns the whole status.
    pub async fn wait_for_portal(&self, state: &str, within: Duration) -> Result<Value> {
        let what = format!("a portal that is {state}");
        let seen = self.desktop.wait_until(&what, within, async || {
            let status = self.status().await?;
            if status["portals"][0]["state"] == state {
                return Ok(Some(status));
            }
            bail!("the status is {status:#}")
        });
        seen.await
    }
}

/// What a start of `portray` is called in the logs: by its command, `portray-login`.
fn name_of(arguments: &[&str]) -> String {
    let command = arguments.iter().find(|argument| !argument.starts_with('-'));
    command.map_or_else(
        || Program::Portray.name().to_owned(),
        |command| format!("{}-{command}", Program::Portray.name()),
    )
}
