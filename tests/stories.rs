//! Every story and every rule about the sources, in one binary that links once.

#[cfg(target_os = "linux")]
mod harness_itself;
#[cfg(target_os = "linux")]
mod hours_in_process;
mod quality;
mod sources;
mod supply_chain;
mod tidy;
