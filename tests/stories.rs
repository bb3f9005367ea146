//! Every story and every rule about the sources, in one binary that links once.

mod quality;
mod sources;
mod supply_chain;
mod tidy;

/// What needs the harness, and so a desktop as Linux has it.
#[cfg(target_os = "linux")]
#[path = "."]
mod stories {
    mod aws_clients;
    mod changes_in_process;
    mod command_line;
    mod credential_process;
    mod device_code;
    mod emulator_pages;
    mod ended_session;
    mod ends_and_wakes;
    mod endurance;
    mod first_run;
    mod harness_itself;
    pub mod headless;
    mod hostile_page;
    mod hours_in_process;
    mod hours_later;
    pub mod killed;
    mod killed_while_listing;
    mod many_accounts;
    mod marks_in_process;
    mod no_secret_leaks;
    mod one_owner;
    mod over_tls;
    mod picker;
    mod portals_in_process;
    mod portals_on_the_command_line;
    mod private_to_its_user;
    mod restart;
    mod second_start;
    pub mod secret_store;
    mod sign_ins_in_process;
    pub mod stage;
    mod three_days;
    mod unassigned;
    mod waiting;
    mod ways_to_sign_in;
    mod without_notifications;
}

#[cfg(target_os = "linux")]
use stories::{headless, killed, secret_store, stage};
