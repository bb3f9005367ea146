//! AWS's own SDK for Rust judges the emulator, over real sockets; and the program starts and stops as promised.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "official_clients/judge.rs"]
mod judge;
#[path = "official_clients/program.rs"]
mod program;
#[path = "official_clients/sdk.rs"]
mod sdk;
#[path = "official_clients/sessions.rs"]
mod sessions;
#[path = "official_clients/troubles.rs"]
mod troubles;
#[path = "official_clients/words.rs"]
mod words;
