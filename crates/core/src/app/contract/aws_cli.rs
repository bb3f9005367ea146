//! What the AWS CLI has that can be taken over.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::ProblemView;

/// An access portal in `~/.aws/config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AwsCliPortal {
    /// As it is called here, or would be.
    pub name: String,
    pub start_url: String,
    pub region: String,
    /// How many profiles use it.
    pub profiles: u32,
    /// It is one of the portals here already.
    pub known: bool,
    /// Until when the AWS CLI's sign-in lasts, which can be taken over.
    #[ts(type = "string | null")]
    pub signed_in_until: Option<Timestamp>,
    /// Why it, or its sign-in, cannot be used.
    pub problem: Option<ProblemView>,
}
