//! The grammar of `portray profiles`.

use clap::{Args, Subcommand, ValueEnum};
use portray_core::settings::ProfileKind;

use super::{Json, region};

#[derive(Debug, Subcommand)]
pub enum ProfilesCommand {
    /// Show what would change in ~/.aws/config, and change nothing.
    Plan(ProfileOptions),
    /// Write a profile for every account and permission set of yours into ~/.aws/config.
    Apply(ProfileOptions),
    /// Take back what was written there.
    Remove(Json),
}

/// What the profiles are like. What is left out is as the [profiles] of settings.toml say.
#[derive(Debug, Args)]
pub struct ProfileOptions {
    /// Only for this portal; profiles for other ones stay as they are.
    #[arg(long)]
    pub portal: Option<String>,
    /// How profiles are named, of {account}, {account_id}, {permission_set}, {portal} and safe characters.
    #[arg(long)]
    pub template: Option<String>,
    /// How tools come to credentials.
    #[arg(long, value_enum)]
    pub kind: Option<KindArgument>,
    /// The region of every profile.
    #[arg(long, value_parser = region)]
    pub region: Option<String>,
    /// The output format of every profile.
    #[arg(long)]
    pub output: Option<String>,
    /// Only for roles whose ACCOUNT/PERMISSION_SET matches, for instance "*dev*"; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    pub only: Vec<String>,
    /// One JSON document instead of text.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum KindArgument {
    /// They run “portray credential-process”: signed in here is signed in there.
    CredentialProcess,
    /// They sign in by themselves, after “aws sso login”.
    SsoSession,
}

impl From<KindArgument> for ProfileKind {
    fn from(kind: KindArgument) -> Self {
        match kind {
            KindArgument::CredentialProcess => Self::CredentialProcess,
            KindArgument::SsoSession => Self::SsoSession,
        }
    }
}
