//! The built program against agents that say what a test wrote down, and against real ones.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

#[path = "command_line/agents.rs"]
mod agents;
#[path = "command_line/completions.rs"]
mod completions;
#[path = "command_line/console.rs"]
mod console;
#[path = "command_line/credential_process.rs"]
mod credential_process;
#[path = "command_line/exec.rs"]
mod exec;
#[path = "command_line/folders.rs"]
mod folders;
#[cfg(target_os = "linux")]
#[path = "command_line/foreground.rs"]
mod foreground;
#[path = "command_line/home.rs"]
mod home;
#[path = "command_line/hung_agents.rs"]
mod hung_agents;
#[path = "command_line/lists.rs"]
mod lists;
#[path = "command_line/login.rs"]
mod login;
#[path = "command_line/output.rs"]
mod output;
#[path = "command_line/settings.rs"]
mod settings;
#[path = "command_line/shells.rs"]
mod shells;
#[path = "command_line/small_program.rs"]
mod small_program;
#[path = "command_line/ssh.rs"]
mod ssh;
