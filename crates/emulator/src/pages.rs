//! The pages that a person uses in a browser: plain HTML, one stylesheet, a few lines of script.

mod access_keys;
mod accounts;
mod applications;
mod consent;
mod console;
mod device;
mod error;
mod layout;
mod mfa;
mod multi_session;
mod shortcut;
mod sign_in;
mod start;

pub(crate) use access_keys::access_keys;
pub(crate) use accounts::start;
pub(crate) use applications::applications;
pub(crate) use consent::consent_page;
pub(crate) use console::{console_page, no_console_session_page, signed_out_of_console_page};
pub(crate) use device::{DeviceRefusal, decide_device, device};
pub(crate) use error::{PageError, status_page};
pub(crate) use layout::{decision, escape, nothing_here, script, stylesheet};
pub(crate) use mfa::verify_code;
pub(crate) use multi_session::{log_out_first_page, multi_session_page, too_many_sessions_page};
pub(crate) use shortcut::open_console;
pub(crate) use sign_in::{is_local_path, sign_in, sign_in_page, unserved_sign_in};
pub(crate) use start::{sign_out, to_portal};

#[cfg(test)]
mod tests;
