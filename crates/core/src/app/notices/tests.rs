//! When a notice comes, and when it goes.

use super::*;
use crate::app::contract::Role;
use crate::app::state::tests::{now, portal, state};
use crate::token_store::StoreFailure;

fn between(before: &AppState, after: &AppState) -> Vec<NoticeChange> {
    notices(before, after, now(), now())
}

fn titles(changes: &[NoticeChange]) -> Vec<&str> {
    let title = |change: &'_ NoticeChange| match change {
        NoticeChange::Show(notice) => notice.title.clone(),
        NoticeChange::Withdraw(key) => format!("withdraw {key}"),
    };
    changes.iter().map(title).map(|title| &*title.leak()).collect()
}

fn kept_role(state: CredentialsState, problem: Option<ProblemView>) -> CredentialsView {
    CredentialsView {
        chain: None,
        role: Role {
            portal: "p1".to_owned(),
            account: "111122223333".to_owned(),
            permission_set: "ReadOnly".to_owned(),
            chain: None,
        },
        account_name: "acme-dev".to_owned(),
        state,
        expires_at: None,
        kept: true,
        problem,
    }
}

/// With all its roles having failed more than once.
fn again(state: AppState) -> AppState {
    let failed_again = state.credentials.iter().map(|view| view.role.clone());
    AppState {
        failed_again: failed_again.collect(),
        ..state
    }
}

fn ended() -> AppState {
    let mut ended = state(vec![portal(PortalState::SignInNeeded)]);
    ended.ended.insert("p1".to_owned());
    ended
}

#[test]
fn h5_roles_that_want_a_code_are_one_notice_with_a_way_to_give_it_and_none_says_that_aws_fails() {
    let wanting = |name: &str| {
        let problem = ProblemView {
            code: ProblemCode::MfaCodeNeeded,
            what_happened: String::new(),
            what_to_do: String::new(),
        };
        let mut view = kept_role(CredentialsState::Failing, Some(problem));
        view.role.chain = Some(name.to_owned());
        view
    };
    let nothing = state(vec![portal(PortalState::SignedIn)]);
    let mut wanted = nothing.clone();
    wanted.credentials = vec![wanting("release"), wanting("deploy")];
    let changes = between(&nothing, &wanted);
    let [NoticeChange::Show(notice)] = changes.as_slice() else {
        panic!("{changes:?}");
    };
    assert_eq!(
        notice.body,
        "For release and another role. Enter it in the window."
    );
    assert_eq!(notice.actions[0].request, Some(Request::ShowWindow));
    assert_eq!(between(&wanted, &wanted), []);
    assert_eq!(
        between(&wanted, &nothing),
        [NoticeChange::Withdraw("mfa-code".to_owned())]
    );
    wanted.portals = vec![portal(PortalState::SignInNeeded)];
    assert_eq!(between(&nothing, &wanted), [], "signing in comes first");
}

#[test]
fn r7_the_end_of_a_session_is_said_once_and_taken_back_after_the_sign_in() {
    let signed_in = state(vec![portal(PortalState::SignedIn)]);
    assert_eq!(titles(&between(&signed_in, &ended())), ["Sign in to acme again"]);
    assert!(between(&ended(), &ended()).is_empty());
    assert_eq!(titles(&between(&ended(), &signed_in)), ["withdraw sign-in/p1"]);
}

#[test]
fn r7_a_hundred_waiting_programs_are_one_notice() {
    let quiet = state(vec![portal(PortalState::SignInNeeded)]);
    assert!(
        between(&AppState::default(), &quiet).is_empty(),
        "nobody waits: nobody is disturbed"
    );
    let mut wanted = quiet.clone();
    wanted.sign_in_wanted.insert("p1".to_owned());
    let changes = between(&quiet, &wanted);
    assert_eq!(
        titles(&changes),
        ["Sign in to acme"],
        "not again: nobody ever did"
    );
    assert!(between(&wanted, &wanted).is_empty());
}

#[test]
fn k3_nobody_is_asked_to_sign_in_while_the_keyring_does_not_answer() {
    let mut locked = state(vec![portal(PortalState::Unknown)]);
    locked.sign_in_wanted.insert("p1".to_owned());
    assert!(between(&AppState::default(), &locked).is_empty());
}

#[test]
fn the_sign_in_button_signs_in() {
    let NoticeChange::Show(notice) = &between(&AppState::default(), &ended())[0] else {
        panic!("no notice")
    };
    assert_eq!(notice.actions[0].label, "Sign in");
    assert!(matches!(&notice.actions[0].request, Some(Request::SignIn { portal, .. }) if portal == "p1"));
}

#[test]
fn the_end_of_a_session_is_announced_only_where_it_is_known() {
    let signed_in = state(vec![portal(PortalState::SignedIn)]);
    assert!(between(&AppState::default(), &signed_in).is_empty());
    let mut ending = signed_in.clone();
    ending.portals[0].session_ends_at = Some("2026-03-02T12:20:00Z".parse().unwrap());
    assert_eq!(
        titles(&between(&signed_in, &ending)),
        ["Your session at acme ends soon"]
    );
    assert!(between(&ending, &ending).is_empty());
}

#[test]
fn r7_a_kept_role_that_waits_for_the_sign_in_is_no_further_notice() {
    let with = |portals: AppState| {
        again(AppState {
            credentials: vec![kept_role(CredentialsState::Failing, None)],
            ..portals
        })
    };
    let signed_in = state(vec![portal(PortalState::SignedIn)]);
    let signing_in = with(AppState {
        portals: vec![portal(PortalState::SigningIn)],
        ..ended()
    });
    let failing = with(signed_in.clone());
    assert_eq!(
        titles(&between(&signed_in, &with(ended()))),
        ["Sign in to acme again"]
    );
    assert_eq!(
        titles(&between(&with(ended()), &signing_in)),
        ["withdraw sign-in/p1"]
    );
    assert_eq!(
        titles(&between(&signed_in, &failing)),
        ["Credentials are not being renewed"]
    );
}

#[test]
fn a_click_that_did_not_work_is_said() {
    let before = state(vec![portal(PortalState::SignedIn)]);
    let problem = Some(ProblemView::cancelled());
    let after = AppState {
        problem,
        ..before.clone()
    };
    assert_eq!(titles(&between(&before, &after)), ["The sign-in was cancelled."]);
    let in_the_window = AppState {
        window_is_shown: true,
        ..after.clone()
    };
    assert!(between(&before, &in_the_window).is_empty(), "the window says it");
    assert!(between(&after, &after).is_empty());
    assert_eq!(titles(&between(&after, &before)), ["withdraw problem"]);
}

#[test]
fn a_sign_in_that_failed_is_one_notice_which_offers_another() {
    let signing_in = AppState {
        portals: vec![portal(PortalState::SigningIn)],
        ..ended()
    };
    let failed = AppState {
        problem: Some(ProblemView::cancelled()),
        failed_sign_in: Some("p1".to_owned()),
        ..ended()
    };
    let changes = between(&signing_in, &failed);
    let [NoticeChange::Show(notice)] = changes.as_slice() else {
        panic!("one notice, not {changes:?}")
    };
    let labels: Vec<_> = notice.actions.iter().map(|action| &action.label).collect();
    assert_eq!(labels, ["Sign in", "Details"]);
    assert!(matches!(&notice.actions[0].request, Some(Request::SignIn { portal, .. }) if portal == "p1"));
}

#[test]
fn r7_who_cancels_a_sign_in_is_not_asked_again_for_the_same_end() {
    let mut signing_in = state(vec![portal(PortalState::SigningIn)]);
    signing_in.ended.insert("p1".to_owned());
    assert_eq!(titles(&between(&ended(), &signing_in)), ["withdraw sign-in/p1"]);
    assert!(between(&signing_in, &ended()).is_empty());
    let signed_in = state(vec![portal(PortalState::SignedIn)]);
    assert_eq!(titles(&between(&signed_in, &ended())), ["Sign in to acme again"]);
}

#[test]
fn r7_a_stretch_of_failure_is_one_notice_however_often_it_is_tried_again() {
    let with = |state_of_role, problem| {
        again(AppState {
            credentials: vec![kept_role(state_of_role, problem)],
            ..state(vec![portal(PortalState::SignedIn)])
        })
    };
    let problem = || Some(ProblemView::not_understood());
    let failing = with(CredentialsState::Failing, problem());
    let trying = with(CredentialsState::Renewing, problem());
    let fresh = with(CredentialsState::Fresh, None);
    let renewing = with(CredentialsState::Renewing, None);
    assert!(between(&fresh, &renewing).is_empty());
    let title = "Credentials are not being renewed";
    let once = AppState {
        failed_again: BTreeSet::new(),
        ..failing.clone()
    };
    assert!(between(&renewing, &once).is_empty(), "one attempt failed");
    assert_eq!(titles(&between(&once, &failing)), [title]);
    let body = |failing: &AppState| match &between(&renewing, failing)[0] {
        NoticeChange::Show(notice) => notice.body.clone(),
        NoticeChange::Withdraw(_) => String::new(),
    };
    assert_eq!(
        body(&failing),
        "AWS does not give new credentials for acme-dev / ReadOnly of acme. Portray goes on trying."
    );
    let mut two = failing.clone();
    two.credentials.extend(failing.credentials.clone());
    assert_eq!(
        body(&two),
        "AWS does not give new credentials for 2 roles of acme. Portray goes on trying."
    );
    assert!(between(&failing, &trying).is_empty() && between(&trying, &failing).is_empty());
    assert_eq!(titles(&between(&trying, &fresh)), ["withdraw renewal"]);
}

#[test]
fn r3_a_renewed_sign_in_that_is_not_stored_is_said_once_and_taken_back() {
    let stored = state(vec![portal(PortalState::SignedIn)]);
    let mut unsaved = stored.clone();
    unsaved.portals[0].problem = Some(ProblemView::store(StoreFailure::Locked));
    let said = between(&stored, &unsaved);
    assert_eq!(titles(&said), ["Your sign-in to acme is not stored"]);
    let NoticeChange::Show(notice) = &said[0] else {
        panic!("no notice")
    };
    assert!(notice.body.contains("Unlock the keyring"), "{notice:?}");
    assert_eq!(between(&unsaved, &unsaved), []);
    assert_eq!(titles(&between(&unsaved, &stored)), ["withdraw store/p1"]);
    let mut unreadable = unsaved.clone();
    unreadable.portals[0].state = PortalState::Unknown;
    assert_eq!(between(&state(vec![]), &unreadable), [], "nothing was renewed");
}

fn changed(names: &[(&str, &str)], all: usize) -> ChangedRoles {
    let named = names.iter().map(|(account, set)| ChangedRole {
        account_name: (*account).to_owned(),
        permission_set: (*set).to_owned(),
    });
    ChangedRoles {
        named: named.collect(),
        all,
    }
}

fn with_change(added: ChangedRoles, removed: ChangedRoles) -> AppState {
    let change = AssignmentChange {
        portal: "p1".to_owned(),
        at: now(),
        added,
        removed,
    };
    AppState {
        assignment_changes: vec![change],
        ..state(vec![portal(PortalState::SignedIn)])
    }
}

fn body_of_change(added: ChangedRoles, removed: ChangedRoles) -> String {
    let before = state(vec![portal(PortalState::SignedIn)]);
    match between(&before, &with_change(added, removed)).as_slice() {
        [NoticeChange::Show(notice)] => notice.body.clone(),
        other => panic!("one notice, not {other:?}"),
    }
}

#[test]
fn a_renewal_that_failed_is_told_once_it_is_pressing() {
    let failing = kept_role(CredentialsState::Failing, Some(ProblemView::not_understood()));
    let ends = |end: &str| {
        again(AppState {
            credentials: vec![CredentialsView {
                expires_at: Some(end.parse().unwrap()),
                ..failing.clone()
            }],
            ..state(vec![portal(PortalState::SignedIn)])
        })
    };
    let quiet = state(vec![portal(PortalState::SignedIn)]);
    let later = ends("2026-03-02T12:20:00Z");
    assert!(between(&quiet, &later).is_empty());
    let in_six_minutes = "2026-03-02T12:06:00Z".parse().unwrap();
    let told = notices(&later, &later, in_six_minutes, now());
    assert_eq!(titles(&told), ["Credentials are not being renewed"]);
    assert_eq!(titles(&between(&quiet, &ends("2026-03-02T12:14:00Z"))).len(), 1);
}

#[test]
fn gained_and_lost_roles_are_one_notice_with_few_names_or_the_numbers() {
    let gained = changed(&[("acme-prod", "ReadOnly")], 1);
    let lost = changed(&[("acme-dev", "Admin"), ("acme-dev", "Billing")], 2);
    assert_eq!(
        body_of_change(gained.clone(), lost.clone()),
        "New: acme-prod / ReadOnly. Removed: acme-dev / Admin, acme-dev / Billing."
    );
    assert_eq!(
        body_of_change(gained.clone(), ChangedRoles::default()),
        "New: acme-prod / ReadOnly."
    );
    let many = changed(&[("acme-prod", "A"), ("acme-prod", "B")], 12);
    assert_eq!(body_of_change(many, lost), "12 new, 2 removed.");
}

#[test]
fn a_change_of_roles_is_told_once_replaced_by_the_next_and_taken_back_with_the_sign_in() {
    let none = ChangedRoles::default;
    let quiet = state(vec![portal(PortalState::SignedIn)]);
    let first = with_change(changed(&[("a", "A")], 1), none());
    let second = with_change(none(), changed(&[("a", "A")], 1));
    assert!(between(&first, &first).is_empty());
    let keys = |changes: &[NoticeChange]| -> Vec<String> {
        let key = |change: &NoticeChange| match change {
            NoticeChange::Show(notice) => notice.key.clone(),
            NoticeChange::Withdraw(key) => format!("withdraw {key}"),
        };
        changes.iter().map(key).collect()
    };
    assert_eq!(keys(&between(&quiet, &first)), ["assignments/p1"]);
    assert_eq!(keys(&between(&first, &second)), ["assignments/p1"]);
    assert_eq!(keys(&between(&second, &quiet)), ["withdraw assignments/p1"]);
}

#[test]
fn i3_names_in_a_notice_of_changes_are_cut_and_cannot_change_what_stands_around_them() {
    let endless = "x".repeat(4_000);
    let hostile = changed(
        &[("a\nb\u{202e}c\u{7}", "\u{5d0}\u{5d1}"), (&endless, "R&D <b>")],
        2,
    );
    let body = body_of_change(hostile, ChangedRoles::default());
    let cut = format!("{}…", "x".repeat(64));
    assert_eq!(
        body,
        format!("New: abc / \u{2068}\u{5d0}\u{5d1}\u{2069}, {cut} / R&D <b>.")
    );
}
