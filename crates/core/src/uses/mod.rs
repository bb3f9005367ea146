//! The record of uses: which program was handed a role's credentials, when, and through which door. Nothing in it is
//! secret, and it stays on this machine.

mod book;
mod file;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::identity_center::RoleKey;
use crate::paths::short_hash;
use crate::programs::Program;
use crate::role_chain::Assumed;
pub use book::{Page, UseBook};
pub use file::{Read, UseFile};

/// How many uses are kept, at most.
pub const MOST: usize = 5_000;

/// How many are shown where nobody asks for more.
pub const SHOWN: usize = 200;

/// How credentials come to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// `portray credential-process`, in a profile.
    CredentialProcess,
    /// `portray credentials`.
    Credentials,
    /// `portray env`.
    Env,
    /// `portray exec --env`.
    ExecEnv,
    /// The endpoint of `portray exec`.
    Exec,
    /// The endpoint of `portray serve`.
    Serve,
    /// The socket of `portray exec` or `portray serve` with `--container-dir`.
    Container,
    /// The endpoint of `portray ssh`.
    Ssh,
    /// A session of the AWS console, opened or printed.
    Console,
    /// A program that speaks to the agent by itself.
    #[default]
    Socket,
}

impl Door {
    /// Whether a person has just ordered what comes through it. Programs come through the others again and again.
    pub fn is_ordered(self) -> bool {
        match self {
            Self::Credentials | Self::Env | Self::ExecEnv | Self::Console => true,
            Self::CredentialProcess
            | Self::Exec
            | Self::Serve
            | Self::Container
            | Self::Ssh
            | Self::Socket => false,
        }
    }

    /// As a person knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CredentialProcess => "credential-process",
            Self::Credentials => "credentials",
            Self::Env => "env",
            Self::ExecEnv => "exec --env",
            Self::Exec => "exec",
            Self::Serve => "serve",
            Self::Container => "container",
            Self::Ssh => "ssh",
            Self::Console => "console",
            Self::Socket => "agent socket",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum UseOutcome {
    HandedOut,
    Refused,
}

/// One program that was handed a role's credentials, or refused them; also several times in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Use {
    /// Tells uses apart, and grows.
    #[ts(type = "number")]
    pub number: u64,
    #[ts(type = "string")]
    pub at: Timestamp,
    /// The last time of those that are counted here.
    #[ts(type = "string")]
    pub last_at: Timestamp,
    /// How often within moments: a program in a loop is one line.
    pub times: u32,
    pub door: Door,
    /// Absent where the system does not tell.
    pub program: Option<Program>,
    /// Which `exec` or `serve`, where it was through one.
    pub launch: Option<String>,
    /// What to revoke: the launch, or the program. Absent where neither is known.
    pub consumer: Option<String>,
    /// The portal's name.
    pub portal: String,
    /// Twelve digits.
    pub account: String,
    /// Empty while the account is not in the listing.
    pub account_name: String,
    pub permission_set: String,
    /// The further role that was assumed from it, by its name in the settings.
    #[serde(default)]
    pub chain: Option<String>,
    /// That role itself.
    #[serde(default)]
    pub assumed: Option<Assumed>,
    pub outcome: UseOutcome,
    /// Why it was refused.
    pub reason: Option<String>,
}

/// What a use is made of, before it is counted and dated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    pub door: Door,
    pub program: Option<Program>,
    pub launch: Option<String>,
    pub role: RoleKey,
    pub portal: String,
    pub account_name: String,
    /// The further role, where one was asked for.
    pub assumed: Option<Assumed>,
    /// Why it was refused; none: handed out.
    pub refused: Option<String>,
}

/// What a program is called where it is revoked: the same at every start, made from its path.
pub fn consumer_of(executable: &str) -> String {
    let mut id = short_hash(executable.as_bytes());
    id.truncate(8);
    id
}

impl Observed {
    fn consumer(&self) -> Option<String> {
        let executable = self
            .program
            .as_ref()
            .and_then(|program| program.executable.as_deref());
        self.launch.clone().or_else(|| executable.map(consumer_of))
    }

    fn outcome(&self) -> UseOutcome {
        match self.refused {
            None => UseOutcome::HandedOut,
            Some(_) => UseOutcome::Refused,
        }
    }

    /// Whether a use that stands in the book is the same thing once more.
    fn is_again(&self, before: &Use) -> bool {
        let executable = |program: &Option<Program>| program.as_ref().and_then(|it| it.executable.clone());
        let pid = |program: &Option<Program>| program.as_ref().map(|it| it.pid);
        before.door == self.door
            && before.account == self.role.account.0
            && before.permission_set == self.role.permission_set
            && before.chain == self.role.chain
            && before.assumed == self.assumed
            && before.portal == self.portal
            && before.outcome == self.outcome()
            && before.launch == self.launch
            && before.reason == self.refused
            && pid(&before.program) == pid(&self.program)
            && executable(&before.program) == executable(&self.program)
    }

    fn into_use(self, number: u64, at: Timestamp) -> Use {
        Use {
            number,
            at,
            last_at: at,
            times: 1,
            door: self.door,
            consumer: self.consumer(),
            outcome: self.outcome(),
            program: self.program,
            launch: self.launch,
            portal: self.portal,
            account: self.role.account.0,
            account_name: self.account_name,
            permission_set: self.role.permission_set,
            chain: self.role.chain,
            assumed: self.assumed,
            reason: self.refused,
        }
    }
}

/// Uses for tests of this crate.
#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::identity_center::{AccountId, PortalId};

    pub fn observed(program: &str, pid: u32) -> Observed {
        Observed {
            door: Door::CredentialProcess,
            program: Some(Program {
                pid,
                name: program.to_owned(),
                executable: Some(format!("/usr/bin/{program}")),
                below: Vec::new(),
            }),
            launch: None,
            role: RoleKey {
                portal: PortalId("p1".to_owned()),
                account: AccountId("111122223333".to_owned()),
                permission_set: "ReadOnly".to_owned(),
                chain: None,
            },
            portal: "acme".to_owned(),
            account_name: "acme-dev".to_owned(),
            assumed: None,
            refused: None,
        }
    }

    #[test]
    fn a6_a_consumer_is_the_launch_else_the_program_and_nobody_where_neither_is_known() {
        let mut seen = observed("aws", 7);
        assert_eq!(seen.consumer(), Some(consumer_of("/usr/bin/aws")));
        seen.launch = Some("1f2e3d4c".to_owned());
        assert_eq!(seen.consumer().as_deref(), Some("1f2e3d4c"));
        (seen.launch, seen.program) = (None, None);
        assert_eq!(seen.consumer(), None);
    }
}
