//! Credentials that AWS gave, for as long as they live.

use std::time::Duration;

use crate::identity_center::RoleCredentials;
use crate::refresh::life::{Life, Moment};

/// Credentials with their life.
#[derive(Debug)]
pub struct Live {
    pub credentials: RoleCredentials,
    pub life: Life,
    /// How long before their end they are renewed.
    pub(super) lead: Duration,
    /// The age of the clock until which asking AWS again would give nothing better.
    pub(super) new_until: Duration,
}

impl Live {
    /// As somebody is told of them who reads the clock.
    pub(super) fn told(&self, moment: Moment) -> RoleCredentials {
        RoleCredentials {
            expires_at: self.life.ends_at(moment),
            ..self.credentials.clone()
        }
    }
}
