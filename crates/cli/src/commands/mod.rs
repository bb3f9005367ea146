//! One file per command.

mod accounts;
mod agent;
mod console;
mod container_folder;
mod credential_process;
mod credentials;
mod default_profile;
mod details;
mod doctor;
mod endpoint;
mod env;
mod exec;
mod forward;
mod headless;
mod keep;
mod launch;
pub mod listing;
mod login;
mod logout;
mod manual;
mod own_files;
mod portal;
mod profiles;
mod secret_store;
mod serve;
mod serve_containers;
mod ssh;
mod status;
mod uses;

use std::process::ExitCode;

use portray_core::agent::protocol::{Operation, Reply, StatusReply};
use portray_core::agent::{Client, ClientError, targets};
use portray_core::app::contract::{Answer, PortalView, ProblemView, Request};
use portray_core::paths::{Environment, Paths};

use crate::agent_start::{self, Questions};
use crate::arguments::{Command, CredentialProcess, Json};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::shells::{Shell, Unquotable};
pub use status::state_in_words;

/// What every command has at hand.
pub struct Invocation {
    pub environment: Environment,
    pub paths: Paths,
    pub printer: Printer,
}

/// What came of a command that may need nothing of this machine's own.
pub enum Inside {
    Done(Result<ExitCode, Failure>),
    /// One that needs folders and an agent.
    Not(Option<Command>),
}

/// Runs what is for the inside of a container, where there is no agent, no folder of ours and perhaps no home.
pub fn inside_container(environment: &Environment, printer: Printer, command: Option<Command>) -> Inside {
    match command {
        Some(Command::Forward(arguments)) => Inside::Done(forward::run(environment, printer, &arguments)),
        Some(Command::CredentialProcess(CredentialProcess {
            socket: Some(socket), ..
        })) => Inside::Done(credential_process::of_a_launch(printer, &socket).map(|()| ExitCode::SUCCESS)),
        other => Inside::Not(other),
    }
}

/// Runs a command; none is `status`.
pub fn run(invocation: &Invocation, command: Option<Command>) -> Result<ExitCode, Failure> {
    match command.unwrap_or(Command::Status(Json::default())) {
        Command::Portal(arguments) => portal::run(invocation, arguments)?,
        Command::Login(arguments) => login::run(invocation, &arguments)?,
        Command::Logout(arguments) => logout::run(invocation, arguments)?,
        Command::Status(arguments) => status::run(invocation, arguments)?,
        Command::Accounts(arguments) => accounts::run(invocation, &arguments)?,
        Command::Credentials(arguments) => credentials::run(invocation, &arguments)?,
        Command::CredentialProcess(arguments) => credential_process::run(invocation, arguments)?,
        Command::Console(arguments) => console::run(invocation, &arguments)?,
        Command::Exec(arguments) => return exec::run(invocation, &arguments),
        Command::Env(arguments) => env::run(invocation, &arguments)?,
        Command::Serve(arguments) => serve::run(invocation, &arguments)?,
        Command::Ssh(arguments) => return ssh::run(invocation, &arguments),
        Command::Forward(arguments) => {
            return forward::run(&invocation.environment, invocation.printer, &arguments);
        }
        Command::Keep(arguments) => keep::run(invocation, &arguments)?,
        Command::Uses(arguments) => uses::run(invocation, &arguments)?,
        Command::Profiles(command) => profiles::run(invocation, &command)?,
        Command::Agent(arguments) => agent::run(invocation, &arguments)?,
        Command::Doctor(arguments) => return doctor::run(invocation, &arguments),
        Command::Completions(arguments) => manual::completions(invocation.printer, arguments)?,
        Command::Man(arguments) => manual::page(invocation.printer, &arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Invocation {
    /// A connection to the agent, which is started where none runs.
    pub fn connect(&self) -> Result<Client, Failure> {
        self.connect_with(Questions::Allowed)
    }

    /// The same, where nobody may be asked anything.
    pub fn connect_with(&self, questions: Questions) -> Result<Client, Failure> {
        let mut client = agent_start::connect(&self.environment, &self.paths, questions)?;
        details::agent(self, &mut client)?;
        Ok(client)
    }

    /// What is asked of the agent and changes nothing. One that was killed may take a connection still, and answers
    /// nobody: then the next one is asked, which is started for it, once.
    pub fn read<T>(
        &self,
        ask: impl Fn(&mut Client) -> Result<T, ClientError>,
    ) -> Result<(Client, T), Failure> {
        let mut client = agent_start::connect(&self.environment, &self.paths, Questions::Allowed)?;
        match details::agent(self, &mut client).and_then(|()| ask(&mut client)) {
            Err(ClientError::Closed | ClientError::Broken(_)) => {
                let mut next = self.connect()?;
                let answer = ask(&mut next)?;
                Ok((next, answer))
            }
            outcome => Ok((client, outcome?)),
        }
    }

    /// Prints statements that clear some variables and set others, in the words of this shell, else of the login shell.
    fn statements(
        &self,
        shell: Shell,
        clear: &[&str],
        variables: &[(&str, String)],
        further: &[String],
    ) -> Result<(), Failure> {
        let statements = shell.set(clear, variables);
        let statements = statements.map_err(|Unquotable| ProblemView::unquotable())?;
        let lines = std::iter::once(&statements).chain(further);
        let lines: Vec<_> = lines.map(String::as_str).collect();
        self.printer.exactly(&lines.join("\n"))
    }

    /// The shell that is asked for, else the person's own.
    fn shell(&self, wanted: Option<Shell>) -> Shell {
        wanted.unwrap_or_else(|| Shell::of(&self.environment))
    }

    /// One more connection to the agent that was there before.
    pub fn reconnect(&self) -> Result<Client, ClientError> {
        Client::find(&self.paths)
    }
}

pub fn status_of(client: &mut Client) -> Result<StatusReply, ClientError> {
    let Reply::Status(status) = client.ask(&Operation::Status)? else {
        return Err(ClientError::Garbled);
    };
    Ok(*status)
}

/// The portal that is meant. Where there is none, the settings may say why.
fn portal_in<'a>(status: &'a StatusReply, named: Option<&str>) -> Result<&'a PortalView, Failure> {
    Ok(targets::portal_or_why(
        &status.portals,
        named,
        &status.missing_portals,
    )?)
}

/// Asks what the window may ask too.
fn command(client: &mut Client, request: Request) -> Result<Answer, Failure> {
    let Reply::Command { outcome } = client.ask(&Operation::Command { request })? else {
        return Err(Failure::unexpected_answer());
    };
    Ok(outcome)
}
