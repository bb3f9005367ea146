//! The menu in every state, and labels from hostile names.

use super::*;
use crate::app::contract::ProblemView;
use crate::app::state::tests::{now, portal, state};
use crate::token_store::StoreFailure;

fn labels(menu: &[MenuItem]) -> Vec<&str> {
    let label = |item: &'_ MenuItem| match item {
        MenuItem::Text(label)
        | MenuItem::Action { label, .. }
        | MenuItem::Check { label, .. }
        | MenuItem::Submenu { label, .. } => Some(label.clone()),
        MenuItem::Separator => Some("—".to_owned()),
    };
    menu.iter()
        .filter_map(label)
        .map(|label| &*label.leak())
        .collect()
}

fn read_only(account: &str) -> NamedRole {
    let role = Role {
        portal: "p1".to_owned(),
        account: "111122223333".to_owned(),
        permission_set: "ReadOnly".to_owned(),
        chain: None,
    };
    NamedRole {
        role,
        account_name: account.to_owned(),
    }
}

fn of(state: &AppState) -> Tray {
    tray(state, now(), &TimeZone::UTC)
}

#[test]
fn before_the_first_portal_there_is_one_thing_to_do() {
    let tray = of(&AppState::default());
    assert_eq!(
        labels(&tray.menu),
        [
            "Add your access portal to begin",
            "—",
            "Add your access portal…",
            "—",
            "Quit Portray"
        ]
    );
}

#[test]
fn signed_in_favourites_come_before_recents_and_no_role_twice() {
    let mut state = state(vec![portal(PortalState::SignedIn)]);
    state.favourites = vec![read_only("acme-dev")];
    state.recents = vec![
        read_only("acme-dev"),
        NamedRole {
            account_name: "acme-prod".to_owned(),
            ..read_only("")
        },
    ];
    assert_eq!(
        labels(&of(&state).menu),
        [
            "Signed in to acme",
            "Renew now",
            "—",
            "acme-dev · ReadOnly",
            "—",
            "acme-prod · ReadOnly",
            "—",
            "All accounts…",
            "—",
            "acme",
            "—",
            "Quit Portray"
        ]
    );
}

#[test]
fn the_first_action_fits_the_state() {
    let second = |portal_state| {
        let tray = of(&state(vec![portal(portal_state)]));
        labels(&tray.menu)[1].to_owned()
    };
    assert_eq!(second(PortalState::SignInNeeded), "Sign in");
    assert_eq!(second(PortalState::SigningIn), "Cancel signing in");
    assert_eq!(second(PortalState::Offline), "Try again now");
    assert_eq!(second(PortalState::SignedIn), "Renew now");
}

#[test]
fn while_signing_in_a_portal_offers_its_page_and_the_way_back_but_no_second_sign_in() {
    let tray = of(&state(vec![portal(PortalState::SigningIn)]));
    let Some(MenuItem::Submenu { items, .. }) = tray.menu.iter().rev().nth(2) else {
        panic!("no portal in {:?}", tray.menu)
    };
    let expected = [
        "Open the sign-in page again",
        "Cancel signing in",
        "Open the access portal",
    ];
    assert_eq!(labels(items)[1..], expected);
    let asks = |nth: usize| {
        let MenuItem::Action { request, .. } = &items[nth] else {
            panic!("{:?} asks for nothing", items[nth])
        };
        request.clone()
    };
    let portal = || "p1".to_owned();
    assert_eq!(asks(1), Request::OpenSignInPage { portal: portal() });
    assert_eq!(asks(2), Request::CancelSignIn { portal: portal() });
}

#[test]
fn k3_a_locked_keyring_is_said_with_what_to_do_and_offers_no_sign_in() {
    let mut locked = portal(PortalState::Unknown);
    let reading = of(&state(vec![locked.clone()]));
    locked.problem = Some(ProblemView::store(StoreFailure::Locked));
    let locked = of(&state(vec![locked]));
    let top = |tray: &Tray| labels(&tray.menu)[..2].join(" / ");
    assert_eq!(top(&locked), "The keyring is locked. / Try again now");
    assert_eq!(top(&reading), "Reading the sign-in to acme… / —");
    let Some(MenuItem::Submenu { items, .. }) = locked.menu.iter().rev().nth(2) else {
        panic!("no portal in {:?}", locked.menu)
    };
    let expected = [
        "The keyring is locked.",
        "Unlock the keyring, then try again.",
        "Open the access portal",
    ];
    assert_eq!(labels(items), expected);
}

#[test]
fn few_accounts_stand_in_the_menu_by_name() {
    let mut state = state(vec![portal(PortalState::SignedIn)]);
    state.accounts = vec![NamedAccount {
        chains: Vec::new(),
        portal: "p1".to_owned(),
        account: "111122223333".to_owned(),
        name: "acme-dev".to_owned(),
        permission_sets: vec!["ReadOnly".to_owned()],
    }];
    let expected = open_console(&read_only("acme-dev").role, None);
    let tray = of(&state);
    let Some(MenuItem::Submenu { items, .. }) = tray
        .menu
        .iter()
        .find(|item| matches!(item, MenuItem::Submenu { label, .. } if label == "Accounts"))
    else {
        panic!("no accounts in {:?}", tray.menu)
    };
    let MenuItem::Submenu { label, items } = &items[0] else {
        panic!("no account")
    };
    assert_eq!(label, "acme-dev");
    assert_eq!(
        items[0],
        MenuItem::Action {
            label: "ReadOnly".to_owned(),
            enabled: true,
            request: expected
        }
    );
}

#[test]
fn i3_hostile_names_stay_one_short_line_that_reads_in_its_own_direction() {
    assert_eq!(label("R&D_[default]\n\u{1b}]8;;x\u{7}"), "R&D_[default]]8;;x");
    assert_eq!(label("abc\u{202e}fdp"), "abcfdp");
    assert_eq!(label("חשבון"), "\u{2068}חשבון\u{2069}");
    assert_eq!(label(&"x".repeat(4096)).chars().count(), 65);
}

#[test]
fn where_accounts_are_too_many_for_a_menu_it_leads_to_the_window() {
    let signed_in = state(vec![portal(PortalState::SignedIn)]);
    assert!(signed_in.accounts.is_empty());
    let tray = of(&signed_in);
    assert!(!labels(&tray.menu).contains(&"Accounts"));
    let all = MenuItem::Action {
        label: "All accounts…".to_owned(),
        enabled: true,
        request: Request::ShowWindow,
    };
    assert!(tray.menu.contains(&all), "{:?}", tray.menu);
}
