//! One limiter per portal: what a person waits for goes before what runs in the background.

/// Who waits for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    Interactive,
    Background,
}

/// 18 requests/s, burst 10, slower after a 429.
#[derive(Debug)]
pub struct Limiter {}
