//! Federated console sessions and the links that open them.

pub mod destinations;
pub mod doorway;
pub mod url;
