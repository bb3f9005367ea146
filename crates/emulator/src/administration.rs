//! What an administrator, or a person without a browser, does to the running emulator.

use crate::oidc::{DeviceGrant, NotPending, Registration};
use crate::pages::DeviceRefusal;
use crate::state::{AutoApproval, State};
use crate::world::WorldError;

/// Why the control interface could not do it.
#[derive(Debug, thiserror::Error)]
pub enum AdministrationError {
    #[error("there is no user {0:?}")]
    UnknownUser(String),
    #[error("the user {0:?} is disabled")]
    DisabledUser(String),
    #[error("there is no pending user code {0:?}")]
    UnknownUserCode(String),
    #[error("invalid_grant: the program asked for the start URL {0:?}, which is not of this Identity Center")]
    OtherInstance(String),
    #[error(transparent)]
    World(#[from] WorldError),
    #[error("there is no live session {0:?}")]
    UnknownSession(String),
    #[error("there was no such assignment")]
    NotAssigned,
    #[error("the request is not understood: {0}")]
    BadRequest(String),
}

impl State {
    /// `origin` is where browsers reach this emulator, and so may be the start URL's. An error changes nothing.
    pub(crate) fn approve_device(
        &mut self,
        user_code: &str,
        user: &str,
        browser: Option<&str>,
        origin: &str,
    ) -> Result<(), AdministrationError> {
        let (user, now) = (self.enabled_user(user)?, self.clock.now());
        self.check_device(user_code, origin, now)
            .map_err(|refusal| match refusal {
                DeviceRefusal::Unknown | DeviceRefusal::Decided | DeviceRefusal::Expired => {
                    AdministrationError::UnknownUserCode(user_code.to_owned())
                }
                DeviceRefusal::OtherInstance(start_url) => AdministrationError::OtherInstance(start_url),
            })?;
        let session = self.unattended_session(&user, browser, now);
        self.decide_device(user_code, |grant| grant.approve(session, now))
    }

    pub(crate) fn deny_device(&mut self, user_code: &str) -> Result<(), AdministrationError> {
        let now = self.clock.now();
        self.decide_device(user_code, |grant| grant.deny(now))
    }

    pub(crate) fn set_auto_approve(
        &mut self,
        user: Option<&str>,
        browser: Option<&str>,
    ) -> Result<(), AdministrationError> {
        let user = user.map(|user| self.enabled_user(user)).transpose()?;
        self.auto_approve = user.map(|user| AutoApproval {
            user,
            browser: browser.map(str::to_owned),
        });
        Ok(())
    }

    pub(crate) fn end_sessions(&mut self, user: &str) -> Result<usize, AdministrationError> {
        let user = self.known_user(user)?;
        Ok(self.sessions.end_all_of(&user, self.clock.now()))
    }

    /// Adds a piece of a world file. Whom it disables has no session any more.
    pub(crate) fn amend(&mut self, piece: &str) -> Result<(), WorldError> {
        self.world.amend(piece)?;
        let now = self.clock.now();
        for user in self.world.users.iter().filter(|user| user.disabled) {
            self.sessions.end_all_of(&user.name, now);
        }
        Ok(())
    }

    /// Disabling ends the user's sessions; enabling does not bring them back.
    pub(crate) fn set_disabled(&mut self, user: &str, disabled: bool) -> Result<(), AdministrationError> {
        let name = self.known_user(user)?;
        for known in self.world.users.iter_mut().filter(|known| known.name == name) {
            known.disabled = disabled;
        }
        if disabled {
            self.sessions.end_all_of(&name, self.clock.now());
        }
        Ok(())
    }

    /// The chosen client registrations are from now on as if their 90 days were over.
    pub(crate) fn expire_registrations(&mut self, choice: impl Fn(&Registration) -> bool) -> usize {
        let now = self.clock.now();
        let chosen = self
            .registrations
            .values_mut()
            .filter(|registration| choice(registration));
        chosen.map(|registration| registration.expires = now).count()
    }

    fn decide_device(
        &mut self,
        user_code: &str,
        decision: impl FnOnce(&mut DeviceGrant) -> Result<(), NotPending>,
    ) -> Result<(), AdministrationError> {
        let unknown = || AdministrationError::UnknownUserCode(user_code.to_owned());
        let grant = self.device_of_user_code(user_code).ok_or_else(unknown)?;
        decision(grant).map_err(|NotPending| unknown())
    }

    fn enabled_user(&self, name: &str) -> Result<String, AdministrationError> {
        let name = self.known_user(name)?;
        if self.world.user(&name).is_some_and(|user| user.disabled) {
            return Err(AdministrationError::DisabledUser(name));
        }
        Ok(name)
    }

    fn known_user(&self, name: &str) -> Result<String, AdministrationError> {
        let user = self
            .world
            .user(name)
            .ok_or_else(|| AdministrationError::UnknownUser(name.to_owned()))?;
        Ok(user.name.clone())
    }
}
