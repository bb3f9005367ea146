//! Everything that Portray does, without a window. Modules stand in reading order: each uses only those above it.

pub mod clock;
pub mod harmless;
pub mod secret;
pub mod supervised;

pub mod paths;
pub mod private_files;
pub mod settings;

/// The profiles that other tools find us by, in `~/.aws/config`.
pub mod aws_config;

mod loopback;
mod loopback_peer;

/// Which program a process is.
pub mod programs;

/// Hears what a person does with a notification.
#[cfg(target_os = "linux")]
pub mod notice_answers;

/// Speaks to IAM Identity Center: sign-in, tokens, accounts, permission sets, role credentials.
pub mod identity_center;

/// Keeps registrations and tokens in the operating system's keyring.
pub mod token_store;

/// Further roles that are assumed from a permission set.
pub mod role_chain;

/// The accounts and permission sets that are assigned to a person.
pub mod role_catalog;

/// Federated console sessions and the links that open them.
pub mod console;

/// Who was handed credentials, when, and through which door.
pub mod uses;

/// Who may be handed credentials: what a person has revoked, and has to confirm.
pub mod consumers;

/// How long launches may go on: until their person signs out, whichever agent runs then.
pub mod stays;

/// Keeps tokens and role credentials fresh.
pub mod refresh;

/// The application: commands in, one state, every surface drawn from it.
pub mod app;

/// The doors into the application for other processes.
pub mod agent;
