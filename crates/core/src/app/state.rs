//! The one state that every surface is drawn from.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::app::contract::{
    CredentialsState, CredentialsView, Mood, PortalState, PortalView, ProblemView, Role, Snapshot,
};
use crate::consumers::Question;
use crate::refresh::standing::Standing;
use crate::settings::UnusedFor;
use crate::token_store::StoreFailure;

/// How long before the known end of a portal session it is said to end soon, in minutes.
pub const ENDS_SOON_MINUTES: i64 = 30;

/// Everything that is shown anywhere, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppState {
    pub portals: Vec<PortalView>,
    pub credentials: Vec<CredentialsView>,
    /// Those of them whose renewal has failed more than once in a row.
    pub failed_again: BTreeSet<Role>,
    pub favourites: Vec<NamedRole>,
    pub recents: Vec<NamedRole>,
    /// All accounts, where there are few enough for a menu.
    pub accounts: Vec<NamedAccount>,
    pub catalogue_revision: u64,
    pub problem: Option<ProblemView>,
    /// The machine's clock is wrong.
    pub clock_problem: Option<ProblemView>,
    /// A person has seen that.
    pub clock_problem_dismissed: bool,
    /// The portal, by id, whose sign-in failed, where the problem is that.
    pub failed_sign_in: Option<String>,
    /// Portals whose session AWS ended (and no person on this machine), by id.
    pub ended: BTreeSet<String>,
    /// Whether the window says what happens.
    pub window_is_shown: bool,
    /// Portals that a program waits for while nobody is signed in, by id.
    pub sign_in_wanted: BTreeSet<String>,
    /// What the last sync of a portal found to be different: at most one a portal.
    pub assignment_changes: Vec<AssignmentChange>,
    /// Grows with every use, launch and revocation.
    pub uses_revision: u64,
    /// Programs that wait for a person's word.
    pub questions: Vec<Question>,
    /// Roles that stopped being kept because nobody used them.
    pub kept_no_longer: Vec<NamedRole>,
    /// For how long that is, as the settings have it.
    pub unused_for: UnusedFor,
}

/// A portal as targets name it, and whether there is anything to name in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPortal {
    pub id: String,
    pub name: String,
    pub start_url: String,
    pub region: String,
    pub standing: Standing,
    /// Why it is not known who is signed in.
    pub store_failure: Option<StoreFailure>,
    /// What keeps its list from being whole, as far as that was looked up.
    pub list_problem: Option<ProblemView>,
}

/// A role with the names that people know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRole {
    pub role: Role,
    pub account_name: String,
}

/// An account with its permission sets, for the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedAccount {
    pub portal: String,
    pub account: String,
    pub name: String,
    pub permission_sets: Vec<String>,
    pub chains: Vec<NamedChain>,
}

/// A further role by its name, and the permission set that it is assumed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedChain {
    pub name: String,
    pub permission_set: String,
}

/// Roles gained and lost from one complete list of a sign-in to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentChange {
    pub portal: String,
    pub at: Timestamp,
    pub added: ChangedRoles,
    pub removed: ChangedRoles,
}

/// As many of the roles as are told by name, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangedRoles {
    pub named: Vec<ChangedRole>,
    pub all: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedRole {
    pub account_name: String,
    pub permission_set: String,
}

impl AppState {
    pub fn portal(&self, id: &str) -> Option<&PortalView> {
        self.portals.iter().find(|portal| portal.id == id)
    }

    /// The state at a glance: what a person has to know first wins.
    pub fn mood(&self, now: Timestamp) -> Mood {
        let any = |state| self.portals.iter().any(|portal| portal.state == state);
        let unknown = |known: bool| {
            let mut unknown = self
                .portals
                .iter()
                .filter(|portal| portal.state == PortalState::Unknown);
            unknown.any(|portal| portal.problem.is_some() == known)
        };
        let renewing = |view: &CredentialsView| view.state == CredentialsState::Renewing;
        if self.portals.is_empty() {
            Mood::Empty
        } else if any(PortalState::SigningIn) || unknown(false) {
            Mood::Renewing
        } else if unknown(true) {
            // Not the icon that asks for a sign-in: that is not what a person has to do.
            Mood::Offline
        } else if !self.ended.is_empty() || !(any(PortalState::SignedIn) || any(PortalState::Offline)) {
            Mood::SignInNeeded
        } else if any(PortalState::Offline) {
            Mood::Offline
        } else if self.portals.iter().any(|portal| ends_soon(portal, now)) {
            Mood::EndsSoon
        } else if self.credentials.iter().any(renewing) {
            Mood::Renewing
        } else {
            Mood::Fresh
        }
    }

    /// The state in words.
    pub fn headline(&self, now: Timestamp, zone: &TimeZone) -> String {
        match self.portals.as_slice() {
            [] => "Add your access portal to begin".to_owned(),
            [portal] => portal_line(portal, now, zone),
            portals => several(portals, now, zone),
        }
    }

    pub fn snapshot(&self, revision: u64, now: Timestamp, zone: &TimeZone) -> Snapshot {
        Snapshot {
            revision,
            catalogue_revision: self.catalogue_revision,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            headline: self.headline(now, zone),
            mood: self.mood(now),
            portals: self.portals.clone(),
            credentials: self.credentials.clone(),
            uses_revision: self.uses_revision,
            questions: self.questions.clone(),
            problem: self.problem.clone().or_else(|| self.clock_problem_to_show()),
        }
    }

    fn clock_problem_to_show(&self) -> Option<ProblemView> {
        let problem = self.clock_problem.clone();
        problem.filter(|_| !self.clock_problem_dismissed)
    }
}

/// Whether a portal's session has a known end within the next half hour.
pub fn ends_soon(portal: &PortalView, now: Timestamp) -> bool {
    let soon = now
        .saturating_add(ENDS_SOON_MINUTES.minutes())
        .unwrap_or(Timestamp::MAX);
    portal.state == PortalState::SignedIn && portal.session_ends_at.is_some_and(|end| end <= soon)
}

/// One portal's state in words.
pub fn portal_line(portal: &PortalView, now: Timestamp, zone: &TimeZone) -> String {
    let name = &portal.name;
    match portal.state {
        PortalState::Unknown => match &portal.problem {
            Some(problem) => problem.what_happened.clone(),
            None => format!("Reading the sign-in to {name}…"),
        },
        PortalState::SigningIn => format!("Waiting for you to sign in to {name}"),
        PortalState::SignInNeeded => format!("Sign-in needed for {name}"),
        PortalState::Offline => match portal.sync.synced_at {
            Some(at) => format!("Offline, showing the list of {}", time_of(at, now, zone)),
            None => format!("Offline, {name} cannot be reached"),
        },
        PortalState::SignedIn => match portal.session_ends_at {
            Some(end) => {
                let about = if portal.session_end_is_estimate {
                    "about "
                } else {
                    ""
                };
                format!("Signed in to {name} until {about}{}", time_of(end, now, zone))
            }
            None => format!("Signed in to {name}"),
        },
    }
}

/// A time of day; with the weekday where it is not today.
pub fn time_of(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (time, today) = (time.to_zoned(zone.clone()), now.to_zoned(zone.clone()).date());
    if time.date() == today {
        time.strftime("%H:%M").to_string()
    } else {
        time.strftime("%a %H:%M").to_string()
    }
}

fn several(portals: &[PortalView], now: Timestamp, zone: &TimeZone) -> String {
    let first = |state| portals.iter().find(|portal| portal.state == state);
    if let Some(portal) = first(PortalState::SigningIn).or_else(|| first(PortalState::Unknown)) {
        return portal_line(portal, now, zone);
    }
    let is_signed_in = |portal: &&PortalView| portal.state == PortalState::SignedIn;
    let signed_in = portals.iter().filter(is_signed_in).count();
    match portals.len() {
        all if all == signed_in => format!("Signed in to all {all} portals"),
        all => format!("Signed in to {signed_in} of {all} portals"),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::app::contract::SyncView;

    pub fn now() -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    pub fn portal(state: PortalState) -> PortalView {
        PortalView {
            id: "p1".to_owned(),
            name: "acme".to_owned(),
            start_url: "https://acme.awsapps.com/start".to_owned(),
            region: "eu-west-1".to_owned(),
            state,
            access_token_expires_at: None,
            session_ends_at: None,
            session_end_is_estimate: true,
            accounts: 0,
            permission_sets: 0,
            sync: SyncView::default(),
            sign_in: None,
            problem: None,
        }
    }

    pub fn state(portals: Vec<PortalView>) -> AppState {
        AppState {
            portals,
            ..AppState::default()
        }
    }

    #[test]
    fn no_end_is_named_until_one_was_learned() {
        let mut signed_in = portal(PortalState::SignedIn);
        assert_eq!(
            portal_line(&signed_in, now(), &TimeZone::UTC),
            "Signed in to acme"
        );
        signed_in.session_ends_at = Some("2026-03-02T18:40:00Z".parse().unwrap());
        assert_eq!(
            portal_line(&signed_in, now(), &TimeZone::UTC),
            "Signed in to acme until about 18:40"
        );
        signed_in.session_ends_at = Some("2026-03-06T09:00:00Z".parse().unwrap());
        assert_eq!(
            portal_line(&signed_in, now(), &TimeZone::UTC),
            "Signed in to acme until about Fri 09:00"
        );
    }

    #[test]
    fn the_mood_is_what_a_person_has_to_know_first() {
        assert_eq!(AppState::default().mood(now()), Mood::Empty);
        assert_eq!(
            state(vec![portal(PortalState::SignInNeeded)]).mood(now()),
            Mood::SignInNeeded
        );
        assert_eq!(
            state(vec![portal(PortalState::Offline)]).mood(now()),
            Mood::Offline
        );
        assert_eq!(
            state(vec![portal(PortalState::SigningIn)]).mood(now()),
            Mood::Renewing
        );
        let mut ending = portal(PortalState::SignedIn);
        assert_eq!(state(vec![ending.clone()]).mood(now()), Mood::Fresh);
        ending.session_ends_at = Some("2026-03-02T12:29:00Z".parse().unwrap());
        assert_eq!(state(vec![ending]).mood(now()), Mood::EndsSoon);
    }

    #[test]
    fn k3_a_keyring_that_says_nothing_is_not_called_signed_out() {
        let reading = portal(PortalState::Unknown);
        let mut locked = reading.clone();
        locked.problem = Some(ProblemView::store(StoreFailure::Locked));
        let shown = |portals: &[PortalView]| {
            let state = state(portals.to_vec());
            (state.mood(now()), state.headline(now(), &TimeZone::UTC))
        };
        let reads = "Reading the sign-in to acme…".to_owned();
        let is_locked = "The keyring is locked.".to_owned();
        assert_eq!(shown(std::slice::from_ref(&reading)), (Mood::Renewing, reads));
        assert_eq!(
            shown(std::slice::from_ref(&locked)),
            (Mood::Offline, is_locked.clone())
        );
        let both = [portal(PortalState::SignedIn), locked];
        assert_eq!(shown(&both), (Mood::Offline, is_locked));
    }

    #[test]
    fn a_portal_that_nobody_signed_in_to_does_not_hide_the_one_that_works() {
        let portals = vec![portal(PortalState::SignedIn), portal(PortalState::SignInNeeded)];
        assert_eq!(state(portals.clone()).mood(now()), Mood::Fresh);
        assert_eq!(
            state(portals).headline(now(), &TimeZone::UTC),
            "Signed in to 1 of 2 portals"
        );
    }
}
