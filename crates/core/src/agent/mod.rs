//! The doors into the application for other processes.

pub mod protocol;
