//! Every story and every rule about the sources, in one binary that links once.

mod harness_itself;
mod quality;
mod tidy;
