//! Every story and every rule about the sources, in one binary that links once.

#[cfg(target_os = "linux")]
mod ended_session;
#[cfg(target_os = "linux")]
mod first_run;
#[cfg(target_os = "linux")]
mod harness_itself;
#[cfg(target_os = "linux")]
mod hours_in_process;
mod quality;
#[cfg(target_os = "linux")]
mod restart;
#[cfg(target_os = "linux")]
mod second_start;
mod sources;
#[cfg(target_os = "linux")]
mod stage;
mod supply_chain;
mod tidy;
#[cfg(target_os = "linux")]
mod unassigned;
