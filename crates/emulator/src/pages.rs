//! The pages that a person uses in a browser: plain HTML, one stylesheet, a few lines of script.

mod consent;
mod console;
mod device;
mod error;
mod layout;
mod mfa;
mod sign_in;
mod start;

pub(crate) use consent::consent_page;
pub(crate) use console::{console_page, log_out_first_page, signed_out_of_console_page};
pub(crate) use device::{decide_device, device};
pub(crate) use error::PageError;
pub(crate) use layout::{escape, nothing_here, script, stylesheet};
pub(crate) use mfa::verify_code;
pub(crate) use sign_in::{is_local_path, sign_in, sign_in_page};
pub(crate) use start::{open_console, sign_out, start, to_portal};

#[cfg(test)]
mod tests;
