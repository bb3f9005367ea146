//! Draws the one state from what the parts of the application know.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::app::chained::chain_view;
use crate::app::contract::{
    CredentialsState, CredentialsView, PortalState, PortalView, ProblemView, RoleRow, SyncView,
};
use crate::app::controller::Controller;
use crate::app::state::{AppState, NamedAccount, NamedChain, NamedPortal, NamedRole};
use crate::clock::Clock;
use crate::identity_center::{AccountId, Failure, Meaning, PortalId, RoleKey};
use crate::refresh::credentials::RoleView;
use crate::refresh::session::Session;
use crate::refresh::standing::{SessionView, Standing};
use crate::refresh::{ChainFailure, RefreshFailure};
use crate::role_catalog::{Catalogue, Hit};

/// A portal that cannot be reached for this long is shown as offline.
const OFFLINE_AFTER: Duration = Duration::from_secs(30);

/// More accounts than this do not stand in a menu.
const MENU_ACCOUNTS: usize = 15;

impl Controller {
    pub(super) fn state(&self) -> AppState {
        let catalogue = self.catalogue();
        let named = |keys: &[RoleKey]| {
            keys.iter()
                .filter_map(|key| named_role(&catalogue, key))
                .collect()
        };
        let sessions: Vec<_> = self
            .sessions_in_order()
            .map(|session| (session.view(), session))
            .collect();
        let ended = sessions
            .iter()
            .filter(|(view, _)| view.standing == Standing::Ended);
        let credentials = self.refresh.role_views();
        let failed_again = credentials.iter().filter(|view| view.failed_again);
        let failed = self.failed_sign_in.as_ref();
        // Another problem has taken the place of that one, or it was dismissed.
        let failed = failed.filter(|(_, problem)| self.problem.as_ref() == Some(problem));
        AppState {
            portals: sessions
                .iter()
                .map(|(view, session)| self.portal_view(session, view, &catalogue))
                .collect(),
            failed_again: failed_again.map(|view| view.key.clone().into()).collect(),
            credentials: credentials
                .into_iter()
                .map(|view| self.credentials_view(view, &catalogue))
                .collect(),
            favourites: named(&catalogue.favourites),
            recents: named(&catalogue.recents),
            accounts: menu_accounts(&catalogue),
            catalogue_revision: catalogue.revision,
            problem: self
                .problem
                .clone()
                .or_else(|| self.unsaved_problem())
                .or_else(|| self.settings_problem()),
            clock_problem: self.clock_problem(),
            clock_problem_dismissed: self.clock_problem_dismissed,
            failed_sign_in: failed.map(|(portal, _)| portal.0.clone()),
            ended: ended.map(|(_, session)| session.portal().id.0.clone()).collect(),
            window_is_shown: self.shell.window_is_shown(),
            sign_in_wanted: self.sign_in_wanted.clone(),
            assignment_changes: self.assignment_changes.clone(),
            uses_revision: self.records.uses.change() + self.records.consumers.change_count(),
            questions: self.records.consumers.questions(),
            kept_no_longer: named(&self.kept_no_longer),
            unused_for: self.settings.keep.unused_for,
        }
    }

    /// As the settings list them.
    fn sessions_in_order(&self) -> impl Iterator<Item = Arc<Session>> {
        let ids = self
            .settings
            .portals
            .iter()
            .map(|portal| PortalId(portal.id.clone()));
        ids.filter_map(|id| self.refresh.session(&id))
    }

    fn portal_view(&self, session: &Session, view: &SessionView, catalogue: &Catalogue) -> PortalView {
        let portal = session.portal();
        let counts = catalogue.counts(&portal.id);
        let shown = |time| self.clock.as_shown(time);
        let listing = catalogue.listing(&portal.id);
        let state = match self.sign_ins.is_under_way(&portal.id) {
            true => PortalState::SigningIn,
            false => portal_state(view, self.clock.elapsed()),
        };
        PortalView {
            id: portal.id.0.clone(),
            name: portal.name.clone(),
            start_url: portal.start_url.0.clone(),
            region: portal.region.clone(),
            state,
            access_token_expires_at: view.token_expires_at.map(shown),
            session_ends_at: view.session_ends_at.map(shown),
            session_end_is_estimate: true,
            accounts: count(counts.accounts),
            permission_sets: count(counts.permission_sets),
            sync: SyncView {
                synced_at: listing.and_then(|listing| listing.synced_at).map(shown),
                complete: listing.is_some_and(|listing| listing.complete),
                running: self.syncs.progress(&portal.id),
                trouble: self.syncs.trouble(&portal.id).cloned(),
            },
            sign_in: self.sign_ins.view(&portal.id),
            problem: self.portal_problem(session, view),
        }
    }

    fn portal_problem(&self, session: &Session, view: &SessionView) -> Option<ProblemView> {
        let portal = session.portal();
        let store = view.store_failure.map(|failure| match view.standing {
            Standing::SignedOut => ProblemView::ended_lives_on(failure),
            Standing::Unknown | Standing::Ended | Standing::SignedIn => ProblemView::store(failure),
        });
        let is_offline = view.standing == Standing::SignedIn && is_offline(view, self.clock.elapsed());
        let silent = view.silent.as_ref().filter(|_| is_offline);
        let failing = view.failing.as_ref().or(silent);
        let failing = failing.map(|(failure, _)| ProblemView::aws(failure, &portal.name));
        let sync = || {
            let worked_at = session.center.reach.worked_at();
            let problem = self.syncs.problem(&portal.id, worked_at).cloned();
            problem.filter(|_| view.standing == Standing::SignedIn)
        };
        let is_lost = view.standing == Standing::Ended && self.unstored.is_lost(&portal.id);
        let lost = is_lost.then(|| ProblemView::lost_renewal(&portal.name));
        let is_over = view.standing == Standing::Ended && !self.sign_ins.is_under_way(&portal.id);
        let ended = is_over.then(|| ProblemView::signed_out(&portal.name, view, &*self.clock, &self.zone));
        store.or(failing).or(lost).or(ended).or_else(sync)
    }

    fn credentials_view(&self, view: RoleView, catalogue: &Catalogue) -> CredentialsView {
        let problem = view.failure.as_ref().map(|failure| {
            let role = role_name(catalogue, &view.key);
            match self.refresh.session(&view.key.portal) {
                Some(session) => {
                    ProblemView::of_session(failure, &session, Some(&role), &*self.clock, &self.zone)
                }
                None => ProblemView::refresh(failure, "the portal", Some(&role)),
            }
        });
        CredentialsView {
            chain: chain_view(catalogue, &view.key),
            account_name: account_name(catalogue, &view.key),
            state: credentials_state(&view),
            role: view.key.into(),
            expires_at: view.expires_at.map(|time| self.clock.as_shown(time)),
            kept: view.kept,
            problem,
        }
    }
}

/// A portal as far as its session tells.
pub fn named_portal(session: &Session) -> NamedPortal {
    let (portal, view) = (session.portal(), session.view());
    NamedPortal {
        id: portal.id.0.clone(),
        name: portal.name.clone(),
        start_url: portal.start_url.0.clone(),
        region: portal.region.clone(),
        standing: view.standing,
        store_failure: view.store_failure,
        list_problem: None,
    }
}

/// What is too many to count is as many as can be said.
pub fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The state of a role's credentials, and when they end by the machine's clock.
pub fn until_when(view: &RoleView, clock: &dyn Clock) -> (CredentialsState, Option<Timestamp>) {
    let expires_at = view.expires_at.map(|time| clock.as_shown(time));
    (credentials_state(view), expires_at)
}

pub fn credentials_state(view: &RoleView) -> CredentialsState {
    match &view.failure {
        Some(
            RefreshFailure::NotAssigned
            | RefreshFailure::Chain(ChainFailure::SourceNotAssigned | ChainFailure::Gone),
        ) => CredentialsState::Unavailable,
        _ if view.renewing => CredentialsState::Renewing,
        Some(_) => CredentialsState::Failing,
        None if view.expires_at.is_some() => CredentialsState::Fresh,
        None => CredentialsState::Renewing,
    }
}

/// A role that was found, with what is known of its credentials.
pub fn row(
    hit: Hit,
    catalogue: &Catalogue,
    names: &BTreeMap<PortalId, String>,
    credentials: &BTreeMap<RoleKey, (CredentialsState, Option<Timestamp>)>,
) -> RoleRow {
    let (state, expire_at) = credentials
        .get(&hit.key)
        .map_or((None, None), |(state, at)| (Some(*state), *at));
    RoleRow {
        chain: chain_view(catalogue, &hit.key),
        portal_name: names.get(&hit.key.portal).cloned().unwrap_or_default(),
        account_name: hit.account_name,
        email: hit.email,
        favourite: hit.favourite,
        account_name_matches: hit.account_name_matches,
        permission_set_matches: hit.permission_set_matches,
        credentials: state,
        credentials_expire_at: expire_at,
        role: hit.key.into(),
    }
}

fn portal_state(view: &SessionView, elapsed: Duration) -> PortalState {
    match view.standing {
        Standing::Unknown => PortalState::Unknown,
        Standing::SignedOut | Standing::Ended => PortalState::SignInNeeded,
        Standing::SignedIn if is_offline(view, elapsed) => PortalState::Offline,
        Standing::SignedIn => PortalState::SignedIn,
    }
}

/// Only what nobody here can mend, and not at the first hiccup.
fn is_offline(view: &SessionView, elapsed: Duration) -> bool {
    let renewing = view
        .failing
        .as_ref()
        .filter(|(failure, _)| matches!(failure.meaning, Meaning::Unreachable | Meaning::Throttled));
    let is_long = |(_, since): &(Failure, Duration)| elapsed.saturating_sub(*since) >= OFFLINE_AFTER;
    renewing.is_some_and(is_long) || view.silent.as_ref().is_some_and(is_long)
}

fn named_role(catalogue: &Catalogue, key: &RoleKey) -> Option<NamedRole> {
    // What is not assigned any more is not offered.
    catalogue.lists(key).then(|| NamedRole {
        account_name: account_name(catalogue, key),
        role: key.clone().into(),
    })
}

pub fn account_name(catalogue: &Catalogue, key: &RoleKey) -> String {
    catalogue
        .account(key)
        .map_or_else(|| key.account.0.clone(), |listed| listed.account.name.clone())
}

/// `ACCOUNT/PERMISSION_SET`, by the account's name; a further role by its own, with where it is assumed from.
pub fn role_name(catalogue: &Catalogue, key: &RoleKey) -> String {
    let source = format!("{}/{}", account_name(catalogue, key), key.permission_set);
    match &key.chain {
        None => source,
        Some(name) => format!("{name} (from {source})"),
    }
}

/// The further roles of an account, for a menu.
fn chained(catalogue: &Catalogue, portal: &PortalId, account: &AccountId) -> Vec<NamedChain> {
    let chains = catalogue.chains_of(portal, account).into_iter();
    let named = chains.map(|chain| NamedChain {
        name: chain.name.clone(),
        permission_set: chain.source_permission_set.clone(),
    });
    named.collect()
}

fn menu_accounts(catalogue: &Catalogue) -> Vec<NamedAccount> {
    let all: usize = catalogue
        .listings()
        .map(|(_, listing)| listing.accounts.len())
        .sum();
    if all > MENU_ACCOUNTS {
        return Vec::new();
    }
    let accounts = catalogue.listings().flat_map(|(portal, listing)| {
        listing.accounts.iter().map(|listed| NamedAccount {
            portal: portal.0.clone(),
            account: listed.account.id.0.clone(),
            name: listed.account.name.clone(),
            permission_sets: listed.permission_sets.clone(),
            chains: chained(catalogue, portal, &listed.account.id),
        })
    });
    accounts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity_center::Account;
    use crate::role_catalog::{ListedAccount, Listing};

    #[test]
    fn fifteen_accounts_stand_in_the_menu_and_sixteen_do_not() {
        let in_menu = |accounts: usize| {
            let listed = (0..accounts).map(|number| ListedAccount {
                account: Account {
                    id: AccountId(format!("{number:012}")),
                    name: format!("account-{number}"),
                    email: String::new(),
                },
                permission_sets: vec!["ReadOnly".to_owned()],
            });
            let listing = Listing {
                synced_at: None,
                complete: true,
                accounts: listed.collect(),
            };
            let mut catalogue = Catalogue::default();
            catalogue.set_listing(PortalId("p1".to_owned()), Arc::new(listing));
            menu_accounts(&catalogue).len()
        };
        assert_eq!((in_menu(15), in_menu(16)), (15, 0));
    }

    #[test]
    fn t2_a_portal_that_gives_no_role_credentials_for_half_a_minute_is_offline() {
        let second = Duration::from_secs(1);
        let away = Failure::new("GetRoleCredentials", Meaning::Unreachable, "no answer in time");
        let signed_in = SessionView {
            standing: Standing::SignedIn,
            token_expires_at: None,
            session_ends_at: None,
            signed_in_at: None,
            ended: None,
            failing: None,
            store_failure: None,
            silent: None,
            renewing: false,
        };
        let silent = SessionView {
            silent: Some((away, 100 * second)),
            ..signed_in.clone()
        };
        let signed_out = SessionView {
            standing: Standing::SignedOut,
            ..silent.clone()
        };
        assert_eq!(portal_state(&signed_in, 130 * second), PortalState::SignedIn);
        assert_eq!(portal_state(&silent, 129 * second), PortalState::SignedIn);
        assert_eq!(portal_state(&silent, 130 * second), PortalState::Offline);
        assert_eq!(portal_state(&signed_out, 130 * second), PortalState::SignInNeeded);
    }

    #[test]
    fn credentials_that_are_being_fetched_for_the_first_time_are_renewing_and_what_failed_is_failing() {
        let kept = |failure| RoleView {
            key: RoleKey {
                portal: PortalId("p1".to_owned()),
                account: AccountId("111122223333".to_owned()),
                permission_set: "ReadOnly".to_owned(),
                chain: None,
            },
            expires_at: None,
            kept: true,
            renewing: false,
            failure,
            failed_again: false,
        };
        let states = [
            (None, CredentialsState::Renewing),
            (Some(RefreshFailure::SignInNeeded), CredentialsState::Failing),
            (Some(RefreshFailure::NotAssigned), CredentialsState::Unavailable),
        ];
        for (failure, state) in states {
            assert_eq!(credentials_state(&kept(failure)), state);
        }
    }
}
