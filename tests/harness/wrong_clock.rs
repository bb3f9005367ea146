//! A machine whose clock somebody sets, while AWS's goes on as it was.

use anyhow::{Context, Result};
use identity_center_emulator::Operation;
use jiff::{SignedDuration, Timestamp};
use portray_core::identity_center::RoleCredentials;

use crate::simulation::Simulation;

impl Simulation {
    /// Somebody sets the machine's clock; nothing has had a turn yet.
    pub fn set_clock(&self, by: SignedDuration) {
        self.clock.jump(by);
        self.emulator.advance(-by);
    }

    /// When the newest credentials of a role end by AWS's clock. `session` is their life.
    pub fn true_end(&self, role: &str, session: SignedDuration) -> Result<Timestamp> {
        let events = self.emulator.audit();
        let given = events.iter().rev().find(|event| {
            event.operation == Operation::GetRoleCredentials
                && event.status == 200
                && event.role.as_deref() == Some(role)
        });
        Ok(given.context("credentials that AWS gave")?.time + session)
    }

    /// What is really left of credentials that end at that time of AWS's clock.
    pub fn truly_left(&self, end: Timestamp) -> SignedDuration {
        end.duration_since(self.emulator.now())
    }

    /// How far what a tool is told of the end of its credentials is from the truth.
    pub fn told_too_late(&self, credentials: &RoleCredentials, end: Timestamp) -> SignedDuration {
        self.left(credentials) - self.truly_left(end)
    }
}
