//! Credentials of further roles: the permission set's first, then the role that is assumed with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::obtain::obtain;
use super::{Live, RoleCache, flown};
use crate::identity_center::{Failure, Meaning, PortalId, Priority, RoleCredentials, RoleKey, Trouble};
use crate::refresh::session::Session;
use crate::refresh::{ChainFailure, RefreshFailure};
use crate::role_chain::{Chain, Chains, session_name_of};
use crate::secret::Secret;

/// What the cache knows of further roles. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    chains: Arc<RwLock<Chains>>,
    /// Codes that a person has given and nobody has used yet.
    codes: Arc<Mutex<HashMap<RoleKey, Secret>>>,
    /// What AWS calls the user, by portal and epoch.
    users: Arc<Mutex<HashMap<(PortalId, u64), String>>>,
}

/// How often one request is made for a role whose settings, or whose source's credentials, change meanwhile.
const ATTEMPTS: usize = 3;

impl RoleCache {
    /// From now on these are the further roles. What another role, or other terms, gave is forgotten.
    pub fn set_chains(&self, chains: Chains) {
        let before = {
            let mut known = self.further.chains.write().expect("no panic under this lock");
            std::mem::replace(&mut *known, chains)
        };
        let is_as_before = |key: &RoleKey| match (&key.chain, self.chain(key)) {
            (Some(name), Some(now)) => before.iter().any(|old| old.name == *name && *old == now),
            (Some(_), None) => false,
            (None, _) => true,
        };
        let mut entries = self.entries();
        for (key, entry) in &mut entries.by_role {
            if !is_as_before(key) {
                entry.drop_given();
            }
        }
    }

    /// The further role that the key names, where the settings have it.
    pub fn chain(&self, key: &RoleKey) -> Option<Arc<Chain>> {
        let name = key.chain.as_ref()?;
        let chains = self.further.chains.read().expect("no panic under this lock");
        let mut chains = chains.iter();
        chains
            .find(|chain| chain.portal == key.portal && chain.name == *name)
            .cloned()
    }

    /// Whether only a person with an MFA device can have it renewed.
    pub fn wants_code(&self, key: &RoleKey) -> bool {
        self.chain(key)
            .is_some_and(|chain| chain.role.mfa_serial.is_some())
    }

    /// Assumes a role with a code of its MFA device, which works once.
    pub async fn give_code(
        &self,
        session: &Arc<Session>,
        key: &RoleKey,
        code: Secret,
    ) -> Result<(), RefreshFailure> {
        self.codes().insert(key.clone(), code);
        let mut outcome = Err(RefreshFailure::Chain(ChainFailure::CodeNeeded));
        // A flight that was under way had no code yet; the one after it has.
        while self.codes().contains_key(key) {
            let landed = self.entries().by_role.get(key).map_or(0, |entry| entry.landed);
            outcome = flown(self.fetch(session, key, Priority::Interactive, landed).await).map(drop);
            if outcome
                .as_ref()
                .is_err_and(|failure| !failure.is_for_want_of_a_code())
            {
                break;
            }
        }
        self.codes().remove(key);
        outcome
    }

    /// One call, or two, for a key's credentials.
    pub(super) async fn obtained(
        &self,
        session: &Arc<Session>,
        key: &RoleKey,
        priority: Priority,
    ) -> Result<RoleCredentials, RefreshFailure> {
        match key.chain {
            None => obtain(session, key, priority).await,
            Some(_) => self.assumed(session, key, priority).await,
        }
    }

    async fn assumed(
        &self,
        session: &Arc<Session>,
        key: &RoleKey,
        priority: Priority,
    ) -> Result<RoleCredentials, RefreshFailure> {
        let chain = self.chain(key).ok_or(ChainFailure::Gone)?;
        let code = match chain.role.mfa_serial {
            Some(_) => Some(self.codes().remove(key).ok_or(ChainFailure::CodeNeeded)?),
            None => None,
        };
        let mut last = RefreshFailure::Chain(ChainFailure::Gone);
        for _ in 0..ATTEMPTS {
            let chain = self.chain(key).ok_or(ChainFailure::Gone)?;
            let source = self.source(session, key, priority).await?;
            let name = match &chain.session_name {
                Some(name) => name.clone(),
                None => self.user_of(session, key, &chain, &source, priority).await?,
            };
            let center = &session.center;
            let keys = &source.credentials;
            let answer = center
                .assume_role(keys, &chain.role, &name, code.as_ref(), priority)
                .await;
            match answer {
                // It is what the settings say still.
                Ok(credentials) if self.chain(key).as_ref() == Some(&chain) => return Ok(credentials),
                Ok(_) => {}
                Err(failure) if failure.meaning == Meaning::KeysRefused => {
                    self.forget_live(&key.source(), &source);
                    last = RefreshFailure::Aws(out_of_time(failure));
                }
                Err(failure) => return Err(meant(failure, code.is_some())),
            }
        }
        Err(last)
    }

    /// The permission set's credentials, as any tool gets them; asking for them does not keep them in use.
    fn source(
        &self,
        session: &Arc<Session>,
        key: &RoleKey,
        priority: Priority,
    ) -> BoxFuture<'static, Result<Arc<Live>, RefreshFailure>> {
        let (cache, session, source) = (self.clone(), session.clone(), key.source());
        let asked = async move {
            let (live, landed) = {
                let entries = cache.entries();
                let entry = entries.by_role.get(&source);
                (
                    entry.and_then(|entry| entry.live.clone()),
                    entry.map_or(0, |entry| entry.landed),
                )
            };
            let moment = cache.moment();
            if let Some(live) = live.as_ref().filter(|live| live.life.left(moment) >= live.lead) {
                return Ok(live.clone());
            }
            let newer = flown(cache.fetch(&session, &source, priority, landed).await);
            match (newer, live) {
                (Ok(newer), _) => Ok(newer),
                (Err(RefreshFailure::NotAssigned), _) => Err(ChainFailure::SourceNotAssigned.into()),
                (Err(_), Some(old)) if cache.servable(&old, std::time::Duration::ZERO) => Ok(old),
                (Err(failure), _) => Err(failure),
            }
        };
        asked.boxed()
    }

    /// What AWS calls the portal's user: asked once after a sign-in.
    async fn user_of(
        &self,
        session: &Arc<Session>,
        key: &RoleKey,
        chain: &Chain,
        source: &Live,
        priority: Priority,
    ) -> Result<String, RefreshFailure> {
        let users = || self.further.users.lock().expect("no panic under this lock");
        let of = (key.portal.clone(), self.entries().epochs.of(&key.portal));
        if let Some(user) = users().get(&of) {
            return Ok(user.clone());
        }
        let asked = session.center.caller(&source.credentials, &chain.role, priority);
        let arn = asked.await.map_err(|failure| {
            let is_about_time = failure.meaning == Meaning::KeysRefused;
            let failure = if is_about_time {
                out_of_time(failure)
            } else {
                failure
            };
            RefreshFailure::Aws(failure)
        })?;
        let user = session_name_of(&arn);
        users().retain(|(portal, _), _| *portal != of.0);
        users().insert(of, user.clone());
        Ok(user)
    }

    /// AWS does not take these any more.
    fn forget_live(&self, key: &RoleKey, refused: &Arc<Live>) {
        if let Some(entry) = self.entries().by_role.get_mut(key)
            && entry.live.as_ref().is_some_and(|live| Arc::ptr_eq(live, refused))
        {
            entry.live = None;
        }
    }

    fn codes(&self) -> std::sync::MutexGuard<'_, HashMap<RoleKey, Secret>> {
        self.further.codes.lock().expect("no panic under this lock")
    }
}

impl RefreshFailure {
    fn is_for_want_of_a_code(&self) -> bool {
        *self == Self::Chain(ChainFailure::CodeNeeded)
    }

    /// That somebody's code was refused is no answer for another one, who can be asked for the next.
    pub(super) fn for_who_gave_no_code(self) -> Self {
        match matches!(self, Self::Chain(ChainFailure::CodeRefused(_))) {
            true => ChainFailure::CodeNeeded.into(),
            false => self,
        }
    }
}

/// Credentials that AWS gave a moment ago have ended only by a clock that is wrong.
fn out_of_time(failure: Failure) -> Failure {
    Failure {
        meaning: Meaning::Unreachable,
        ..failure.with_trouble(Trouble::Clock)
    }
}

fn meant(failure: Failure, with_code: bool) -> RefreshFailure {
    let is_about_the_code = failure
        .detail
        .as_ref()
        .is_some_and(|detail| detail.contains("MultiFactorAuthentication"));
    match failure.meaning {
        Meaning::RoleDenied if with_code && is_about_the_code => {
            ChainFailure::CodeRefused(failure.detail).into()
        }
        Meaning::RoleDenied => ChainFailure::Denied(failure.detail).into(),
        Meaning::Invalid => ChainFailure::Refused(failure.detail).into(),
        Meaning::TokenRefused
        | Meaning::GrantRefused
        | Meaning::RegistrationRefused
        | Meaning::NotAssigned
        | Meaning::DeniedByPerson
        | Meaning::TimedOut
        | Meaning::AdministratorNeeded
        | Meaning::Throttled
        | Meaning::Unreachable
        | Meaning::KeysRefused => RefreshFailure::Aws(failure),
    }
}
