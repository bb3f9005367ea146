//! Every story and every rule about the sources, in one binary that links once.

#[cfg(target_os = "linux")]
mod aws_clients;
#[cfg(target_os = "linux")]
mod command_line;
#[cfg(target_os = "linux")]
mod credential_process;
#[cfg(target_os = "linux")]
mod device_code;
#[cfg(target_os = "linux")]
mod ended_session;
#[cfg(target_os = "linux")]
mod ends_and_wakes;
#[cfg(target_os = "linux")]
mod first_run;
#[cfg(target_os = "linux")]
mod harness_itself;
#[cfg(target_os = "linux")]
mod hours_in_process;
#[cfg(target_os = "linux")]
mod hours_later;
#[cfg(target_os = "linux")]
mod killed;
#[cfg(target_os = "linux")]
mod marks_in_process;
#[cfg(target_os = "linux")]
mod no_secret_leaks;
#[cfg(target_os = "linux")]
mod one_owner;
#[cfg(target_os = "linux")]
mod over_tls;
#[cfg(target_os = "linux")]
mod picker;
#[cfg(target_os = "linux")]
mod portals_in_process;
#[cfg(target_os = "linux")]
mod portals_on_the_command_line;
#[cfg(target_os = "linux")]
mod private_to_its_user;
mod quality;
#[cfg(target_os = "linux")]
mod restart;
#[cfg(target_os = "linux")]
mod second_start;
#[cfg(target_os = "linux")]
mod secret_store;
#[cfg(target_os = "linux")]
mod sign_ins_in_process;
mod sources;
#[cfg(target_os = "linux")]
mod stage;
mod supply_chain;
mod tidy;
#[cfg(target_os = "linux")]
mod unassigned;
#[cfg(target_os = "linux")]
mod waiting;
