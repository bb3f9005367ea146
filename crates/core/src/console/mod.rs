//! Federated console sessions and the links that open them.

pub mod browsers;
pub mod destinations;
pub mod doorway;
pub mod url;
