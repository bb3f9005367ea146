//! The doors into the application for other processes: a socket for ours, a loopback endpoint for AWS tools.

pub mod claim;
pub mod client;
mod connection;
pub mod container_endpoint;
#[cfg(test)]
#[cfg(unix)]
mod double;
mod endpoint_clients;
pub mod engine;
mod grant;
mod hand_out;
pub mod handler;
pub mod harden;
mod hold;
mod launches;
pub mod listener;
mod lookout;
mod lost_socket;
mod names;
mod pages;
pub mod passphrase;
pub mod protocol;
#[cfg(unix)]
pub mod role_socket;
pub mod socket;
pub mod targets;
mod whereabouts;
#[cfg(windows)]
mod windows_rights;

pub use claim::{Claim, ClaimError, claim, claim_when_free, lock_holder, take_over, wait_until_gone};
pub use client::{Client, ClientError};
pub use engine::{Engine, EngineError};
pub use grant::Grant;
pub use handler::{Handler, Host};
pub use harden::harden_process;
