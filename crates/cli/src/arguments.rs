//! The command line's grammar; its comments are the help that people read.

mod elsewhere;
mod profiles;
mod uses;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use portray_core::app::contract::ConsoleVia;
use portray_core::identity_center::portal::is_region;

use crate::shells::Shell;
pub use elsewhere::{CredentialProcess, Forward, Import, Ssh};
pub use profiles::{ProfileOptions, ProfilesCommand};
pub use uses::Uses;

/// Your AWS access portal: signs in to IAM Identity Center, keeps credentials fresh, opens consoles.
///
/// First steps:
///   portray portal add https://YOUR-COMPANY.awsapps.com/start --region REGION
///   portray login
///   portray accounts
///   portray exec acme-dev/ReadOnly -- aws sts get-caller-identity
///
/// Data goes to stdout, everything else to stderr.
///
/// Exit codes:
///     0  done
///     1  failed
///     2  wrong use
///     3  sign-in needed
///     4  not assigned or denied
///     5  AWS unreachable
///     6  no agent
///     7  no secret store
///     8  waits for your confirmation
///   130  cancelled
///   141  the reader of the output had left
#[derive(Debug, Parser)]
#[command(name = "portray", bin_name = "portray", version, verbatim_doc_comment)]
pub struct Arguments {
    /// Say more on stderr: who answers, about which portal and role, how old a list is, what is waited for.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add, list and remove access portals.
    #[command(subcommand)]
    Portal(PortalCommand),
    /// Sign in to a portal.
    Login(Login),
    /// Sign out: ends the session at AWS and forgets its credentials.
    Logout(Logout),
    /// What is signed in, and which credentials are alive.
    Status(Json),
    /// The accounts and permission sets that are assigned to you.
    Accounts(Accounts),
    /// Print a role's credentials in the form that a tool or shell wants.
    Credentials(Credentials),
    /// Answer an AWS tool (`credential_process` in ~/.aws/config).
    CredentialProcess(CredentialProcess),
    /// Open the AWS console with a role.
    Console(Console),
    /// Run a command that gets a role's credentials, also after they have been renewed.
    Exec(Exec),
    /// Print statements that give a role's credentials to this shell: eval "$(portray env TARGET)"
    Env(Env),
    /// Offer a role's credentials to other programs of yours until Ctrl-C, and print the variables that lead there.
    Serve(Serve),
    /// Work on another machine over SSH, where AWS's tools find a role's credentials until the connection ends.
    Ssh(Ssh),
    /// Inside a container: run a command that gets the credentials of the role that was shown to the container.
    Forward(Forward),
    /// Keep a role's credentials fresh, though nobody asks for them.
    Keep(Keep),
    /// Which program was handed which role's credentials, when, and through which door; and revoking that.
    Uses(Uses),
    /// Show, write and take back profiles for your roles in ~/.aws/config.
    #[command(subcommand)]
    Profiles(ProfilesCommand),
    /// The background process of computers without a desktop.
    Agent(Agent),
    /// What is wrong, and what to do; in words that can be posted in public.
    Doctor(Doctor),
    /// Print the script with which a shell completes this program's arguments.
    Completions(Completions),
    /// Print a manual page: portray man | man -l -
    Man(Man),
}

#[derive(Debug, Subcommand)]
pub enum PortalCommand {
    /// Add a portal by its start URL, or by your company's part of it.
    Add {
        /// For instance https://acme.awsapps.com/start
        url: String,
        /// What you call it; made from the URL by default.
        #[arg(long)]
        name: Option<String>,
        /// The region of your organization's Identity Center, where the URL does not say.
        #[arg(long)]
        region: Option<String>,
    },
    /// List the portals.
    List(Json),
    /// Take over portals that the AWS CLI uses, and its sign-ins. Without a name it shows them and changes nothing.
    Import(Import),
    /// Sign out of a portal and forget it.
    Remove {
        /// The portal's name.
        name: String,
    },
}

/// Whether to print one JSON document.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Json {
    /// One JSON document instead of text.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Login {
    /// The portal's name; not needed while there is only one.
    pub portal: Option<String>,
    /// Show a code to be confirmed in any browser, also on another computer.
    #[arg(long)]
    pub device_code: bool,
    /// Print the URL to open and wait, instead of opening a browser.
    #[arg(long)]
    pub no_browser: bool,
    /// End a live session first, so that the new one gets its full length: as soon as AWS has a page for the new one,
    /// before you have signed in there.
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Args)]
pub struct Logout {
    /// The portal's name; not needed while there is only one.
    pub portal: Option<String>,
    /// Sign out of every portal.
    #[arg(long, conflicts_with = "portal")]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct Accounts {
    /// Only what matches these words: account, id, e-mail, permission set.
    pub query: Vec<String>,
    /// Only this portal. With --json it must be named where there are several.
    #[arg(long)]
    pub portal: Option<String>,
    /// Ask AWS anew before listing.
    #[arg(long)]
    pub sync: bool,
    /// One JSON document instead of text, about one portal.
    #[arg(long)]
    pub json: bool,
}

/// Which role is meant.
#[derive(Debug, Args)]
pub struct RoleArgument {
    /// ACCOUNT/PERMISSION_SET by id or name, with PORTAL: in front if needed; or words that match exactly one.
    #[arg(value_name = "TARGET", required = true)]
    words: Vec<String>,
}

impl RoleArgument {
    pub fn words(&self) -> String {
        self.words.join(" ")
    }
}

#[derive(Debug, Args)]
pub struct Credentials {
    #[command(flatten)]
    pub role: RoleArgument,
    /// The form: a JSON document, or variables for a shell or a file.
    #[arg(long, value_enum, default_value_t = Format::Process)]
    pub format: Format,
    /// How long they have to be good at least, for instance 15m.
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub min_ttl: Option<u32>,
    /// The region that the variables name.
    #[arg(long, value_parser = region)]
    pub region: Option<String>,
}

/// How credentials are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// What credential_process gives: one JSON line.
    Process,
    /// Everything that is known, as JSON.
    Json,
    /// For eval in bash, zsh and other POSIX shells.
    Bash,
    /// For fish: portray credentials … | source
    Fish,
    /// For PowerShell: … | Out-String | Invoke-Expression
    Powershell,
    /// For the Windows command prompt.
    Cmd,
    /// For a profile in a credentials file.
    Ini,
}

#[derive(Debug, Args)]
pub struct Env {
    /// ACCOUNT/PERMISSION_SET by id or name, with PORTAL: in front if needed; or words that match exactly one.
    #[arg(value_name = "TARGET", required_unless_present = "unset")]
    pub words: Vec<String>,
    /// The shell that reads the statements; the login shell where it is not said.
    #[arg(long, value_parser = Shell::parser())]
    pub shell: Option<Shell>,
    /// Set AWS_REGION and AWS_DEFAULT_REGION too.
    #[arg(long, value_parser = region, conflicts_with = "unset")]
    pub region: Option<String>,
    /// Clear the variables with credentials instead.
    #[arg(long, conflicts_with = "words")]
    pub unset: bool,
}

#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub role: RoleArgument,
    /// The shell that reads the statements; the login shell where it is not said.
    #[arg(long, value_parser = Shell::parser(), conflicts_with = "json")]
    pub shell: Option<Shell>,
    /// Write the token into this new file, for you alone, instead of printing it. It goes when serving ends.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The variables as one JSON document instead of statements for a shell.
    #[arg(long)]
    pub json: bool,
    /// Set AWS_REGION and AWS_DEFAULT_REGION too.
    #[arg(long, value_parser = region)]
    pub region: Option<String>,
    /// Answer also under this address, for programs on another machine whose port SSH leads here: 127.0.0.1:PORT
    #[arg(long, value_name = "ADDRESS", value_parser = elsewhere::authority)]
    pub authority: Option<String>,
    /// Serve containers instead: DIR/mount gets all that a container needs, for docker run -v DIR/mount:/run/portray:ro
    #[arg(long, value_name = "DIR", conflicts_with_all = ["shell", "token_file", "authority"])]
    pub container_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Keep {
    #[command(flatten)]
    pub role: RoleArgument,
    /// Keep it fresh no longer.
    #[arg(long)]
    pub off: bool,
}

#[derive(Debug, Clone, Copy, Args)]
pub struct Completions {
    /// The shell that completes.
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct Man {
    /// The page of this command; the whole program's by default.
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Console {
    /// ACCOUNT/PERMISSION_SET by id or name, with PORTAL: in front if needed; or words that match exactly one.
    /// Without it a terminal shows a list to choose from.
    #[arg(value_name = "TARGET")]
    pub words: Vec<String>,
    /// A service, for instance s3, or the URL of a console page.
    #[arg(long, value_name = "SERVICE|URL")]
    pub destination: Option<String>,
    /// The region that the console shows.
    #[arg(long, value_parser = region)]
    pub region: Option<String>,
    /// How long the console session lasts, for instance 4h.
    #[arg(long, value_parser = seconds)]
    pub duration: Option<u32>,
    /// With credentials of ours, or through the access portal's own link.
    #[arg(long, value_enum)]
    pub via: Option<Via>,
    /// The browser's command line, for this once: its program, arguments, and {url} where the link goes.
    #[arg(long, value_name = "COMMAND", conflicts_with = "print")]
    pub browser: Option<String>,
    /// Print the URL instead of opening a browser. Whoever has it gets the console: keep it to yourself.
    #[arg(long)]
    pub print: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Via {
    Federation,
    Portal,
}

impl From<Via> for ConsoleVia {
    fn from(via: Via) -> Self {
        match via {
            Via::Federation => Self::Federation,
            Via::Portal => Self::Portal,
        }
    }
}

#[derive(Debug, Args)]
pub struct Exec {
    #[command(flatten)]
    pub role: RoleArgument,
    /// Set AWS_ACCESS_KEY_ID and the like instead of an endpoint: for tools that know nothing else, and
    /// where the [default] profile has credentials of its own. They are not renewed.
    #[arg(long)]
    pub env: bool,
    /// Set AWS_REGION and AWS_DEFAULT_REGION.
    #[arg(long, value_parser = region)]
    pub region: Option<String>,
    /// Serve containers too while it runs: DIR/mount gets all that one needs, for docker run -v DIR/mount:/run/portray:ro
    #[arg(long, value_name = "DIR", conflicts_with = "env")]
    pub container_dir: Option<PathBuf>,
    /// The command and its arguments, after --
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// One JSON document instead of text.
    #[arg(long)]
    pub json: bool,
    /// Write a report to a new file too: checks, settings, state and the end of the logs, with nobody's names in it.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Agent {
    #[command(subcommand)]
    pub command: Option<AgentCommand>,
    /// Stay in this terminal, for a service manager or to watch it.
    #[arg(long)]
    pub foreground: bool,
    /// Started by another command: leaves its terminal and reports on stdout when it is ready.
    #[arg(long, hide = true, requires = "foreground")]
    pub detached: bool,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum AgentCommand {
    /// Which agent runs.
    Status(Json),
    /// End the agent, also one that hangs; sign-ins stay where they are kept. The tray application is quit from its menu.
    Stop {
        /// End also the tray application, and an agent with a sign-in that it could not store yet.
        #[arg(long)]
        force: bool,
    },
}

impl Arguments {
    /// Whether this process is to be the agent.
    pub fn is_agent(&self) -> bool {
        matches!(&self.command, Some(Command::Agent(agent)) if agent.foreground)
    }
}

/// A duration as people write it (15m, 1h30m, 900s), in seconds.
fn seconds(text: &str) -> Result<u32, String> {
    let duration: jiff::SignedDuration = text
        .parse()
        .map_err(|_| "write it like 15m, 1h30m or 900s".to_owned())?;
    u32::try_from(duration.as_secs()).map_err(|_| "it must be between 0s and many years".to_owned())
}

/// A region's name: it ends up in variables that shells evaluate.
fn region(text: &str) -> Result<String, String> {
    let name = text.trim().to_ascii_lowercase();
    match is_region(&name) {
        true => Ok(name),
        false => Err("region names look like eu-west-1".to_owned()),
    }
}

#[cfg(test)]
mod tests;
