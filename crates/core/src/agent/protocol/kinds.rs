//! How operations are treated, each by its kind.

use super::Operation;

impl Operation {
    /// Whether something is another way afterwards: not done for a client that has given up before it was begun.
    pub fn changes_something(&self) -> bool {
        match self {
            Self::Prepare { .. }
            | Self::Launch { .. }
            | Self::Login { .. }
            | Self::Logout { .. }
            | Self::Console { .. }
            | Self::Keep { .. }
            | Self::MfaCode { .. }
            | Self::Command { .. }
            | Self::Stop => true,
            Self::Hello { .. }
            | Self::Credentials { .. }
            | Self::Granted
            | Self::Uses { .. }
            | Self::Status
            | Self::StatusNow
            | Self::Accounts { .. }
            | Self::Search { .. }
            | Self::Subscribe => false,
        }
    }

    /// Whether whoever got no answer may ask again: it changes nothing that anybody would see twice.
    pub fn may_be_repeated(&self) -> bool {
        matches!(self, Self::Prepare { .. }) || !self.changes_something()
    }

    /// Whether it may wait for a person, or goes on until the client leaves.
    pub fn is_open_ended(&self) -> bool {
        matches!(
            self,
            Self::Login { .. } | Self::Subscribe | Self::Launch { .. } | Self::Uses { follow: true, .. }
        )
    }
}
