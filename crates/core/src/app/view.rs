//! Draws the one state from what the parts of the application know.

use jiff::Timestamp;

use crate::app::contract::{
    CredentialsState, CredentialsView, PortalState, PortalView, ProblemView, SyncView,
};
use crate::app::controller::Controller;
use crate::app::state::{AppState, NamedAccount, NamedRole};
use crate::identity_center::{Meaning, RoleKey};
use crate::refresh::RefreshFailure;
use crate::refresh::credentials::RoleView;
use crate::refresh::session::Session;
use crate::refresh::standing::{SessionView, Standing};
use crate::role_catalog::Catalogue;

/// A portal that cannot be reached for this long is shown as offline.
const OFFLINE_AFTER_SECONDS: i64 = 30;

/// More accounts than this do not stand in a menu.
const MENU_ACCOUNTS: usize = 15;

impl Controller {
    pub(super) fn state(&self, now: Timestamp) -> AppState {
        let catalogue = self.catalogue();
        let named = |keys: &[RoleKey]| {
            keys.iter()
                .filter_map(|key| named_role(&catalogue, key))
                .collect()
        };
        let sessions = self.refresh.sessions();
        let ended = sessions
            .iter()
            .filter(|session| session.view().standing == Standing::Ended);
        let credentials = self.refresh.roles.views().into_iter();
        AppState {
            portals: self
                .in_order(&sessions)
                .map(|session| self.portal_view(session, &catalogue, now))
                .collect(),
            credentials: credentials
                .map(|view| self.credentials_view(view, &catalogue))
                .collect(),
            favourites: named(&catalogue.favourites),
            recents: named(&catalogue.recents),
            accounts: menu_accounts(&catalogue),
            catalogue_revision: catalogue.revision,
            problem: self.problem.clone(),
            ended: ended.map(|session| session.portal().id.0.clone()).collect(),
            sign_in_wanted: self.sign_in_wanted.clone(),
            assignment_changes: self.assignment_changes.clone(),
        }
    }

    /// As the settings list them.
    fn in_order<'a>(&self, sessions: &'a [std::sync::Arc<Session>]) -> impl Iterator<Item = &'a Session> {
        let ids = self.settings.portals.iter().map(|portal| portal.id.clone());
        let found = ids.filter_map(|id| sessions.iter().find(|session| session.portal().id.0 == id));
        found.map(AsRef::as_ref).collect::<Vec<_>>().into_iter()
    }

    fn portal_view(&self, session: &Session, catalogue: &Catalogue, now: Timestamp) -> PortalView {
        let id = &session.portal().id;
        let mut view = portal_view(session, catalogue, now);
        if self.sign_ins.is_under_way(id) {
            view.state = PortalState::SigningIn;
        }
        view.sync.running = self.syncs.get(id).copied();
        view.sign_in = self.sign_ins.view(id);
        view.problem = self.portal_problem(session, &session.view());
        view
    }

    fn portal_problem(&self, session: &Session, view: &SessionView) -> Option<ProblemView> {
        let portal = session.portal();
        let store = view.store_failure.map(ProblemView::store);
        let failing = view
            .failing
            .as_ref()
            .map(|(failure, _)| ProblemView::aws(failure, &portal.name));
        let sync = || {
            let problem = self.sync_problems.get(&portal.id).cloned();
            problem.filter(|_| view.standing == Standing::SignedIn)
        };
        store.or(failing).or_else(sync)
    }

    fn credentials_view(&self, view: RoleView, catalogue: &Catalogue) -> CredentialsView {
        let account_name = account_name(catalogue, &view.key);
        let portal = self
            .settings
            .portal(&view.key.portal.0)
            .map_or("the portal", |portal| &portal.name);
        let role = format!("{account_name}/{}", view.key.permission_set);
        let problem = view
            .failure
            .as_ref()
            .map(|failure| ProblemView::refresh(failure, portal, Some(&role)));
        CredentialsView {
            account_name,
            state: credentials_state(&view),
            role: view.key.into(),
            expires_at: view.expires_at,
            kept: view.kept,
            problem,
        }
    }
}

/// A portal as far as its session and its listing tell.
pub fn portal_view(session: &Session, catalogue: &Catalogue, now: Timestamp) -> PortalView {
    let (portal, view) = (session.portal(), session.view());
    let counts = catalogue.counts(&portal.id);
    let listing = catalogue.listings.get(&portal.id);
    let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
    PortalView {
        id: portal.id.0.clone(),
        name: portal.name.clone(),
        start_url: portal.start_url.0.clone(),
        region: portal.region.clone(),
        state: portal_state(&view, now),
        access_token_expires_at: view.token_expires_at,
        session_ends_at: view.session_ends_at,
        session_end_is_estimate: true,
        accounts: count(counts.accounts),
        permission_sets: count(counts.permission_sets),
        sync: SyncView {
            synced_at: listing.and_then(|listing| listing.synced_at),
            complete: listing.is_some_and(|listing| listing.complete),
            running: None,
        },
        sign_in: None,
        problem: None,
    }
}

pub fn credentials_state(view: &RoleView) -> CredentialsState {
    match &view.failure {
        Some(RefreshFailure::NotAssigned) => CredentialsState::Unavailable,
        _ if view.renewing => CredentialsState::Renewing,
        Some(_) => CredentialsState::Failing,
        None if view.expires_at.is_some() => CredentialsState::Fresh,
        None => CredentialsState::Renewing,
    }
}

fn portal_state(view: &SessionView, now: Timestamp) -> PortalState {
    match view.standing {
        Standing::Unknown | Standing::SignedOut | Standing::Ended => PortalState::SignInNeeded,
        Standing::SignedIn if is_offline(view, now) => PortalState::Offline,
        Standing::SignedIn => PortalState::SignedIn,
    }
}

/// Only what nobody here can mend, and not at the first hiccup.
fn is_offline(view: &SessionView, now: Timestamp) -> bool {
    let Some((failure, since)) = &view.failing else {
        return false;
    };
    let out_of_reach = matches!(failure.meaning, Meaning::Unreachable | Meaning::Throttled);
    out_of_reach && now.duration_since(*since).as_secs() >= OFFLINE_AFTER_SECONDS
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

fn menu_accounts(catalogue: &Catalogue) -> Vec<NamedAccount> {
    let all: usize = catalogue
        .listings
        .values()
        .map(|listing| listing.accounts.len())
        .sum();
    if all > MENU_ACCOUNTS {
        return Vec::new();
    }
    let accounts = catalogue.listings.iter().flat_map(|(portal, listing)| {
        listing.accounts.iter().map(|listed| NamedAccount {
            portal: portal.0.clone(),
            account: listed.account.id.0.clone(),
            name: listed.account.name.clone(),
            permission_sets: listed.permission_sets.clone(),
        })
    });
    accounts.collect()
}
