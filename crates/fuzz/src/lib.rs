//! Every parser of foreign bytes, to be run with any input: by a fuzzer, and by the tests with what was found once.
//!
//! `cargo xtask fuzz` looks for new inputs; those worth keeping lie in `corpus/TARGET/` and are run by every
//! `cargo test`. A target panics where a promise is broken, and nowhere else.
#![cfg(unix)]

pub mod bounds;
mod scene;
mod targets;

pub use targets::{TARGETS, Target, named};
