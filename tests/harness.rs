//! What every story needs: the built programs, a desktop of their own, and the people in front of it.
//!
//! A story starts a [`Desktop`], an [`EmulatorProcess`] and the programs under test on it, and then acts as the
//! people and the desktop's parts would: [`TrayHost`] reads and clicks the tray menu, [`NotificationServer`]
//! presses notification buttons, [`Opener`] sees which pages were to be opened, [`Person`] opens them in
//! Chromium, [`WindowDriver`] uses the window. Everything waits by [`wait_until`] or for an event with a deadline,
//! and what fails says what the programs wrote.

#![cfg(target_os = "linux")]

#[path = "harness/aws_cli.rs"]
mod aws_cli;
#[path = "harness/bus_gate.rs"]
mod bus_gate;
#[path = "harness/canaries.rs"]
mod canaries;
#[path = "harness/desktop.rs"]
mod desktop;
#[path = "harness/emulator.rs"]
mod emulator;
#[path = "harness/exec.rs"]
mod exec;
#[path = "harness/fake_time.rs"]
mod fake_time;
#[path = "harness/http.rs"]
mod http;
#[path = "harness/in_process.rs"]
mod in_process;
#[path = "../crates/xtask/src/init_system.rs"]
mod init_system;
#[path = "harness/keyring.rs"]
mod keyring;
#[path = "harness/keyring_calls.rs"]
mod keyring_calls;
#[path = "harness/keyring_double.rs"]
mod keyring_double;
#[path = "harness/logs.rs"]
mod logs;
#[path = "harness/memory.rs"]
mod memory;
#[path = "harness/menu.rs"]
mod menu;
#[path = "harness/notifications.rs"]
mod notifications;
#[path = "harness/opener.rs"]
mod opener;
#[path = "harness/overheard.rs"]
mod overheard;
#[path = "harness/panel.rs"]
mod panel;
#[path = "harness/person.rs"]
mod person;
#[path = "harness/portray.rs"]
mod portray;
#[path = "harness/process.rs"]
mod process;
#[path = "harness/programs.rs"]
mod programs;
#[path = "harness/reaper.rs"]
mod reaper;
#[path = "harness/recording_shell.rs"]
mod recording_shell;
#[path = "harness/rounds.rs"]
mod rounds;
#[path = "harness/screen.rs"]
mod screen;
#[path = "harness/served.rs"]
mod served;
#[path = "harness/sign_in.rs"]
mod sign_in;
#[path = "harness/simulation.rs"]
mod simulation;
#[path = "harness/ssh_server.rs"]
mod ssh_server;
#[path = "harness/terminal.rs"]
mod terminal;
#[path = "harness/tray.rs"]
mod tray;
#[path = "harness/wait.rs"]
mod wait;
#[path = "harness/watch.rs"]
mod watch;
#[path = "harness/web_driver.rs"]
mod web_driver;
#[path = "harness/window.rs"]
mod window;
#[path = "harness/wrong_clock.rs"]
mod wrong_clock;

pub use aws_cli::{aws_cli, write_service_models};
pub use bus_gate::BusGate;
pub use canaries::Canaries;
pub use desktop::{Desktop, DesktopOptions};
pub use emulator::{EmulatorAddresses, EmulatorProcess};
pub use exec::Exec;
pub use fake_time::FakeTime;
pub use http::{Answer, delete, follow, get, get_with_authorization, post};
pub use in_process::InProcess;
pub use keyring_calls::KeyringCalls;
pub use keyring_double::KeyringDouble;
pub use logs::Logs;
pub use memory::Memory;
pub use menu::{Menu, MenuItem};
pub use notifications::{Notification, NotificationServer};
pub use opener::Opener;
pub use overheard::OverheardNotifications;
pub use panel::Panel;
pub use person::{ConsolePage, Person};
pub use portray::{Answers, Portray};
pub use process::{Finished, Process};
pub use programs::{Program, Programs};
pub use recording_shell::RecordingShell;
pub use rounds::rounds;
pub use simulation::{Simulation, hourly};
pub use ssh_server::{SshServer, words_of_all_processes};
pub use terminal::Terminal;
pub use tray::{TrayHost, TrayItem};
pub use wait::wait_until;
pub use watch::{Watch, traced};
pub use window::WindowDriver;
