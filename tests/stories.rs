//! Every story and every rule about the sources, in one binary that links once.

mod quality;
mod sleeps;
mod sources;
mod supply_chain;
mod tidy;
mod what_is_logged;

/// What needs the harness, and so a desktop as Linux has it.
#[cfg(target_os = "linux")]
#[path = "."]
mod stories {
    mod another_network;
    mod at_a_shell;
    mod aws_clients;
    pub mod behind_a_proxy;
    mod chained_in_process;
    pub mod chained_roles;
    mod changes_in_process;
    mod clock_in_process;
    mod command_line;
    mod containers;
    mod crashed_agent;
    mod crashes;
    mod credential_process;
    mod device_code;
    mod doctor;
    mod edited_settings;
    mod emulator_pages;
    mod encrypted_file;
    mod ended_session;
    mod ends_and_wakes;
    mod endurance;
    mod first_run;
    mod harness_itself;
    pub mod headless;
    mod hostile_names;
    mod hostile_page;
    mod hours_in_process;
    mod hours_later;
    mod hung_keyring;
    mod kept_in_process;
    pub mod killed;
    mod killed_while_listing;
    mod launches_over;
    mod left_behind_in_process;
    mod lives_in_process;
    mod many_accounts;
    mod many_clients;
    mod marks_in_process;
    mod memory_after_sign_out;
    mod no_secret_leaks;
    mod one_owner;
    mod outage_in_process;
    mod over_ssh;
    mod over_tls;
    mod picker;
    mod portals_in_process;
    mod portals_on_the_command_line;
    mod private_to_its_user;
    mod profiles;
    mod restart;
    mod second_start;
    pub mod secret_store;
    mod shared_with_the_aws_cli;
    mod sign_ins_in_process;
    pub mod stage;
    mod start_ups;
    mod stays;
    mod stays_in_process;
    mod stopped_agent;
    mod sync_times_in_process;
    mod table_in_process;
    mod three_days;
    mod tray_menu;
    mod unassigned;
    mod unfinished_list;
    mod unfinished_list_in_process;
    mod unfinished_sign_outs;
    mod unsaved;
    mod unsaved_in_process;
    mod uses;
    mod waiting;
    mod ways_to_sign_in;
    mod window_pages;
    mod without_notifications;
}

#[cfg(target_os = "linux")]
use stories::{behind_a_proxy, chained_roles, headless, killed, secret_store, stage};
