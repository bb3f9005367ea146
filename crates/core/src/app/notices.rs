//! Which notices a change of the state calls for: decided here, shown by the shell.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::app::contract::{
    CredentialsState, CredentialsView, PortalState, PortalView, ProblemCode, ProblemView, Request,
    SignInMethod,
};
use crate::app::program_notices;
use crate::app::shell::{Notice, NoticeAction};
use crate::app::state::{
    AppState, AssignmentChange, ChangedRole, ChangedRoles, ENDS_SOON_MINUTES, ends_soon,
};
use crate::app::tray_menu::label;

/// With less left AWS's SDKs ask for new credentials at every request.
const PRESSING: SignedDuration = SignedDuration::from_mins(15);

/// What the shell has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeChange {
    Show(Notice),
    Withdraw(String),
}

/// Compares two states. A notice comes when something begins to be true, never while it stays so, and goes when it
/// is no longer true.
pub fn notices(before: &AppState, after: &AppState, now: Timestamp, earlier: Timestamp) -> Vec<NoticeChange> {
    let mut changes: Vec<_> = after
        .portals
        .iter()
        .flat_map(|portal| {
            [
                sign_in(before, after, portal),
                session_end(before, portal, now, earlier),
                storing(before, portal),
            ]
        })
        .flatten()
        .collect();
    changes.extend(renewal(before, after, now, earlier));
    changes.extend(code_wanted(before, after));
    changes.extend(problem(before, after));
    changes.extend(wrong_clock(before, after));
    changes.extend(assignments(before, after));
    changes.extend(program_notices::questions(before, after));
    changes.extend(program_notices::kept_no_longer(before, after));
    changes
}

/// A person must sign in: the session ended while in use, or a program asks for credentials.
fn sign_in(before: &AppState, after: &AppState, portal: &PortalView) -> Option<NoticeChange> {
    let key = format!("sign-in/{}", portal.id);
    let is_in = |state: &AppState, standing: PortalState| {
        state
            .portal(&portal.id)
            .is_some_and(|portal| portal.state == standing)
    };
    let has_reason =
        |state: &AppState| state.ended.contains(&portal.id) || state.sign_in_wanted.contains(&portal.id);
    let called_for = |state: &AppState| is_in(state, PortalState::SignInNeeded) && has_reason(state);
    // Whoever cancels a sign-in knows that it is needed.
    let cancelled = is_in(before, PortalState::SigningIn) && has_reason(before);
    match (called_for(before), called_for(after)) {
        // The notice about the one that failed has the same button.
        (false, true) if cancelled || failed_sign_in(after) == Some(portal) => None,
        (false, true) => {
            let (title, body) = match after.ended.contains(&portal.id) {
                true => (format!("Sign in to {} again", portal.name), why_it_ended(portal)),
                false => (
                    format!("Sign in to {}", portal.name),
                    "A program asks for credentials that you can only get by signing in.".to_owned(),
                ),
            };
            Some(NoticeChange::Show(Notice {
                key,
                title,
                body,
                actions: vec![sign_in_button(portal), later()],
            }))
        }
        (true, false) => Some(NoticeChange::Withdraw(key)),
        (false, false) | (true, true) => None,
    }
}

/// What a person is told of a session that AWS has ended.
fn why_it_ended(portal: &PortalView) -> String {
    let problem = portal.problem.as_ref();
    let lost = problem.filter(|problem| problem.code == ProblemCode::SignInNeeded);
    let why = lost.map_or("Your portal session has ended.", |problem| &problem.what_happened);
    format!("{why} Credentials that tools hold go on until they expire.")
}

/// The end of the portal session is known and near.
fn session_end(
    before: &AppState,
    portal: &PortalView,
    now: Timestamp,
    earlier: Timestamp,
) -> Option<NoticeChange> {
    let key = format!("session-end/{}", portal.id);
    let was = before
        .portal(&portal.id)
        .is_some_and(|portal| ends_soon(portal, earlier));
    match (was, ends_soon(portal, now)) {
        (false, true) => Some(NoticeChange::Show(Notice {
            key,
            title: format!("Your session at {} ends soon", portal.name),
            body: format!(
                "It ends in less than {ENDS_SOON_MINUTES} minutes. Sign in again when it suits you."
            ),
            actions: vec![renew_session_button(portal), later()],
        })),
        (true, false) => Some(NoticeChange::Withdraw(key)),
        (false, false) | (true, true) => None,
    }
}

/// A renewed sign-in is in memory only: it would be lost with this process.
fn storing(before: &AppState, portal: &PortalView) -> Option<NoticeChange> {
    let key = format!("store/{}", portal.id);
    let was_unsaved = before.portal(&portal.id).and_then(unsaved).is_some();
    match (was_unsaved, unsaved(portal)) {
        (false, Some(problem)) => Some(NoticeChange::Show(Notice {
            key,
            title: format!("Your sign-in to {} is not stored", portal.name),
            body: format!(
                "{} {} Until it is stored, ending Portray may sign you out.",
                problem.what_happened, problem.what_to_do
            ),
            actions: vec![details(), later()],
        })),
        (true, None) => Some(NoticeChange::Withdraw(key)),
        (false, None) | (true, Some(_)) => None,
    }
}

/// Why the sign-in that is used is not in the store.
fn unsaved(portal: &PortalView) -> Option<&ProblemView> {
    let problem = portal.problem.as_ref();
    problem.filter(|problem| is_in_session(portal) && problem.code == ProblemCode::SecretStore)
}

/// Credentials in use are not renewed though that is pressing: one notice for all of them, until none is left.
fn renewal(before: &AppState, after: &AppState, now: Timestamp, earlier: Timestamp) -> Option<NoticeChange> {
    let key = "renewal".to_owned();
    let failing = failing_in_use(after, now);
    match (failing_in_use(before, earlier).is_empty(), failing.is_empty()) {
        (true, true) | (false, false) => None,
        (true, false) => Some(NoticeChange::Show(Notice {
            key,
            title: "Credentials are not being renewed".to_owned(),
            body: not_renewed(after, &failing),
            actions: vec![details(), later()],
        })),
        (false, true) => Some(NoticeChange::Withdraw(key)),
    }
}

/// Roles that cannot be renewed without a person: one notice for all of them, until none is left.
fn code_wanted(before: &AppState, after: &AppState) -> Option<NoticeChange> {
    let key = "mfa-code".to_owned();
    let wanted = wanting_code(after);
    match (wanting_code(before).as_slice(), wanted.as_slice()) {
        ([], []) | ([_, ..], [_, ..]) => None,
        ([], [first, rest @ ..]) => Some(NoticeChange::Show(Notice {
            key,
            title: "A code of your MFA device is needed".to_owned(),
            body: match rest.len() {
                0 => format!("For {}. Enter it in the window.", label(first)),
                1 => format!("For {} and another role. Enter it in the window.", label(first)),
                more => format!(
                    "For {} and {more} other roles. Enter it in the window.",
                    label(first)
                ),
            },
            actions: vec![
                NoticeAction {
                    label: "Enter code".to_owned(),
                    request: Some(Request::ShowWindow),
                },
                later(),
            ],
        })),
        ([_, ..], []) => Some(NoticeChange::Withdraw(key)),
    }
}

fn wanting_code(state: &AppState) -> Vec<&str> {
    let waiting = state.credentials.iter().filter(|view| wants_code(view));
    let in_session = waiting.filter(|view| state.portal(&view.role.portal).is_some_and(is_in_session));
    in_session.filter_map(|view| view.role.chain.as_deref()).collect()
}

fn wants_code(view: &CredentialsView) -> bool {
    let problem = view.problem.as_ref();
    problem.is_some_and(|problem| problem.code == ProblemCode::MfaCodeNeeded)
}

fn failing_in_use(state: &AppState, now: Timestamp) -> Vec<&CredentialsView> {
    let failing = state.credentials.iter();
    // One attempt of a hundred fails, and the next works, also after a long sleep when all of them are pressing.
    let failing = failing.filter(|view| state.failed_again.contains(&view.role));
    let failing = failing.filter(|view| is_failing(view) && is_pressing(view, now) && !wants_code(view));
    let in_session = failing.filter(|view| state.portal(&view.role.portal).is_some_and(is_in_session));
    in_session.collect()
}

fn not_renewed(state: &AppState, failing: &[&CredentialsView]) -> String {
    let portals: BTreeSet<_> = failing.iter().map(|view| &view.role.portal).collect();
    let portals: Vec<_> = portals.into_iter().filter_map(|id| state.portal(id)).collect();
    let portals: Vec<_> = portals.iter().map(|portal| portal.name.as_str()).collect();
    let portals = portals.join(" and ");
    let roles = match failing {
        [one] => {
            let name = one.role.chain.as_ref().unwrap_or(&one.role.permission_set);
            format!("{} / {name}", one.account_name)
        }
        several => format!("{} roles", several.len()),
    };
    format!("AWS does not give new credentials for {roles} of {portals}. Portray goes on trying.")
}

/// Also while the next attempt is under way: only one that AWS has answered ends the failure.
fn is_failing(view: &CredentialsView) -> bool {
    match view.state {
        CredentialsState::Failing => true,
        CredentialsState::Renewing => view.problem.is_some(),
        CredentialsState::Fresh | CredentialsState::Unavailable => false,
    }
}

/// That disturbs nobody while there is time for many more attempts.
fn is_pressing(view: &CredentialsView, now: Timestamp) -> bool {
    view.expires_at
        .is_none_or(|end| end.duration_since(now) < PRESSING)
}

/// Where a person has to sign in, or is about to, that is said instead.
fn is_in_session(portal: &PortalView) -> bool {
    match portal.state {
        PortalState::SignedIn | PortalState::Offline => true,
        PortalState::SignInNeeded | PortalState::SigningIn | PortalState::Unknown => false,
    }
}

/// What a click in the tray or on a notice asked for did not work, and no window says so.
fn problem(before: &AppState, after: &AppState) -> Option<NoticeChange> {
    let key = "problem".to_owned();
    match &after.problem {
        Some(problem) if before.problem.as_ref() != Some(problem) && !after.window_is_shown => {
            let again = failed_sign_in(after).map(sign_in_button);
            Some(NoticeChange::Show(Notice {
                key,
                title: problem.what_happened.clone(),
                body: problem.what_to_do.clone(),
                actions: again.into_iter().chain([details()]).collect(),
            }))
        }
        None if before.problem.is_some() => Some(NoticeChange::Withdraw(key)),
        Some(_) | None => None,
    }
}

/// The machine's clock has turned out to be wrong, or is right again.
fn wrong_clock(before: &AppState, after: &AppState) -> Option<NoticeChange> {
    let key = "clock".to_owned();
    match (&before.clock_problem, &after.clock_problem) {
        (None, Some(problem)) => Some(NoticeChange::Show(Notice {
            key,
            title: problem.what_happened.clone(),
            body: problem.what_to_do.clone(),
            actions: vec![later()],
        })),
        (Some(_), None) => Some(NoticeChange::Withdraw(key)),
        (None, None) | (Some(_), Some(_)) => None,
    }
}

/// What was gained and lost: a newer notice takes the place of the one before.
fn assignments(before: &AppState, after: &AppState) -> Vec<NoticeChange> {
    let of = |state: &AppState, portal: &str| {
        let mut changes = state.assignment_changes.iter();
        changes.any(|change| change.portal == portal)
    };
    let key = |portal: &str| format!("assignments/{portal}");
    let gone = before.assignment_changes.iter();
    let gone = gone.filter(|change| !of(after, &change.portal));
    let withdrawn = gone.map(|change| NoticeChange::Withdraw(key(&change.portal)));
    let new = after.assignment_changes.iter();
    let new = new.filter(|change| !before.assignment_changes.contains(change));
    let shown = new.filter_map(|change| {
        let portal = after.portal(&change.portal)?;
        Some(NoticeChange::Show(Notice {
            key: key(&change.portal),
            title: format!("Your permission sets at {} have changed", portal.name),
            body: what_changed(change),
            actions: vec![NoticeAction {
                label: "Show".to_owned(),
                request: Some(Request::ShowWindow),
            }],
        }))
    });
    withdrawn.chain(shown).collect()
}

/// By name where that is short, else how many.
fn what_changed(AssignmentChange { added, removed, .. }: &AssignmentChange) -> String {
    let by_name = |roles: &ChangedRoles| roles.named.len() == roles.all;
    if !(by_name(added) && by_name(removed)) {
        return format!("{} new, {} removed.", added.all, removed.all);
    }
    let lines = [("New", added), ("Removed", removed)];
    let lines = lines.iter().filter(|(_, roles)| roles.all > 0);
    let lines: Vec<_> = lines
        .map(|(word, roles)| {
            let names: Vec<_> = roles.named.iter().map(role).collect();
            format!("{word}: {}.", names.join(", "))
        })
        .collect();
    lines.join(" ")
}

/// The portal's texts: each cut, and unable to change what stands around it.
fn role(role: &ChangedRole) -> String {
    format!("{} / {}", label(&role.account_name), label(&role.permission_set))
}

/// The portal that the problem is about, where it is that a sign-in failed.
fn failed_sign_in(state: &AppState) -> Option<&PortalView> {
    state.portal(state.failed_sign_in.as_deref()?)
}

fn details() -> NoticeAction {
    NoticeAction {
        label: "Details".to_owned(),
        request: Some(Request::ShowWindow),
    }
}

fn sign_in_button(portal: &PortalView) -> NoticeAction {
    button(portal, false)
}

/// Ends the old session first, else the new sign-in would inherit its end.
fn renew_session_button(portal: &PortalView) -> NoticeAction {
    button(portal, true)
}

fn button(portal: &PortalView, force: bool) -> NoticeAction {
    let request = Request::SignIn {
        portal: portal.id.clone(),
        method: SignInMethod::Browser,
        force,
    };
    NoticeAction {
        label: "Sign in".to_owned(),
        request: Some(request),
    }
}

pub(super) fn later() -> NoticeAction {
    NoticeAction {
        label: "Later".to_owned(),
        request: None,
    }
}

#[cfg(test)]
mod tests;
