//! What both programs of the command line do alike: `portray`, which answers tools, and `portray-cli`, which does all.

pub mod documents;
pub mod failure;
pub mod for_tools;
pub mod printer;
pub mod signals;
