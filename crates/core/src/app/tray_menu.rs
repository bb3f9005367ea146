//! The tray as a value: icon, tooltip and menu, derived from the state.

mod steps;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::contract::{CONSOLE_SERVICES, Mood, PortalState, PortalView, Request, Role, SignInMethod};
use crate::app::state::{AppState, NamedAccount, NamedChain, NamedRole, portal_line};
pub use steps::{Step, steps};

/// What the tray shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tray {
    pub mood: Mood,
    /// The state in words.
    pub tooltip: String,
    pub menu: Vec<MenuItem>,
}

/// One line of the menu. Labels are plain text: whoever draws them keeps `&` and `_` literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MenuItem {
    /// A line that cannot be clicked.
    Text(String),
    Action {
        label: String,
        enabled: bool,
        request: Request,
    },
    Check {
        label: String,
        checked: bool,
        request: Request,
    },
    Submenu {
        label: String,
        items: Vec<MenuItem>,
    },
    Separator,
}

const FAVOURITES: usize = 10;
const RECENTS: usize = 5;

/// The longest label, in characters.
const LABEL: usize = 64;

pub fn tray(state: &AppState, now: Timestamp, zone: &TimeZone) -> Tray {
    let headline = state.headline(now, zone);
    let mut menu = vec![MenuItem::Text(label(&headline))];
    if let Some(problem) = &state.problem {
        menu.push(MenuItem::Text(label(&problem.what_happened)));
    }
    menu.extend(main_actions(state));
    section(
        &mut menu,
        state
            .favourites
            .iter()
            .take(FAVOURITES)
            .map(|role| role_menu(state, role)),
    );
    let recents = state
        .recents
        .iter()
        .filter(|role| !state.favourites.contains(role))
        .take(RECENTS);
    section(&mut menu, recents.map(|role| role_menu(state, role)));
    section(
        &mut menu,
        accounts_menu(state).into_iter().chain([all_accounts(state)]),
    );
    section(
        &mut menu,
        state.portals.iter().map(|portal| portal_menu(portal, now, zone)),
    );
    section(&mut menu, [action("Quit Portray", Request::Quit)]);
    Tray {
        mood: state.mood(now),
        tooltip: headline,
        menu,
    }
}

/// Cut to a line's length, without control characters, and kept apart from the text around it where it could
/// change the direction of reading.
pub fn label(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|letter| !letter.is_control() && !is_bidi_control(*letter))
        .collect();
    let mut cut: String = plain.chars().take(LABEL).collect();
    if cut.len() < plain.len() {
        cut.push('…');
    }
    match cut.chars().any(is_right_to_left) {
        true => format!("\u{2068}{cut}\u{2069}"),
        false => cut,
    }
}

fn section(menu: &mut Vec<MenuItem>, items: impl IntoIterator<Item = MenuItem>) {
    let mut items = items.into_iter().peekable();
    if items.peek().is_some() {
        menu.push(MenuItem::Separator);
        menu.extend(items);
    }
}

/// What fits the state: at most one line a portal.
fn main_actions(state: &AppState) -> Vec<MenuItem> {
    let several = state.portals.len() > 1;
    let of = |portal: &PortalView| {
        if several {
            format!(" to {}", portal.name)
        } else {
            String::new()
        }
    };
    let actions = state.portals.iter().filter_map(|portal| match portal.state {
        PortalState::SignInNeeded => Some(action(&format!("Sign in{}", of(portal)), sign_in(portal))),
        PortalState::SigningIn => {
            let label = format!("Cancel signing in{}", of(portal));
            Some(action(&label, cancel_sign_in(portal)))
        }
        PortalState::Offline => Some(action("Try again now", Request::RenewNow)),
        PortalState::Unknown if portal.problem.is_some() => Some(action("Try again now", Request::RenewNow)),
        PortalState::Unknown | PortalState::SignedIn => None,
    });
    let mut actions: Vec<_> = actions.collect();
    let is_known = |portal: &PortalView| portal.state != PortalState::Unknown;
    if actions.is_empty() && state.portals.iter().any(is_known) {
        actions.push(action("Renew now", Request::RenewNow));
    }
    actions
}

fn sign_in(portal: &PortalView) -> Request {
    Request::SignIn {
        portal: portal.id.clone(),
        method: SignInMethod::Browser,
        force: false,
    }
}

fn cancel_sign_in(portal: &PortalView) -> Request {
    Request::CancelSignIn {
        portal: portal.id.clone(),
    }
}

fn role_menu(state: &AppState, named: &NamedRole) -> MenuItem {
    let role = &named.role;
    let kept = state
        .credentials
        .iter()
        .any(|view| view.role == *role && view.kept);
    let destinations = CONSOLE_SERVICES
        .iter()
        .map(|(name, service)| action(name, open_console(role, Some((*service).to_owned()))))
        .collect();
    let mut title = match &role.chain {
        None => format!("{} · {}", named.account_name, role.permission_set),
        Some(chain) => format!("{} · {chain} (from {})", named.account_name, role.permission_set),
    };
    if state.portals.len() > 1
        && let Some(portal) = state.portal(&role.portal)
    {
        title = format!("{title} · {}", portal.name);
    }
    MenuItem::Submenu {
        label: label(&title),
        items: vec![
            action("Open console", open_console(role, None)),
            MenuItem::Submenu {
                label: "Open console at".to_owned(),
                items: destinations,
            },
            MenuItem::Check {
                label: "Keep fresh".to_owned(),
                checked: kept,
                request: Request::Keep {
                    role: role.clone(),
                    on: !kept,
                },
            },
        ],
    }
}

fn accounts_menu(state: &AppState) -> Option<MenuItem> {
    let account = |account: &NamedAccount| MenuItem::Submenu {
        label: label(&account.name),
        items: account
            .permission_sets
            .iter()
            .map(|set| permission_set(account, set))
            .chain(account.chains.iter().map(|chain| further_role(account, chain)))
            .collect(),
    };
    let items: Vec<_> = state.accounts.iter().map(account).collect();
    (!items.is_empty()).then(|| MenuItem::Submenu {
        label: "Accounts".to_owned(),
        items,
    })
}

fn permission_set(account: &NamedAccount, name: &str) -> MenuItem {
    let role = Role {
        portal: account.portal.clone(),
        account: account.account.clone(),
        permission_set: name.to_owned(),
        chain: None,
    };
    action(name, open_console(&role, None))
}

fn further_role(account: &NamedAccount, chain: &NamedChain) -> MenuItem {
    let role = Role {
        portal: account.portal.clone(),
        account: account.account.clone(),
        permission_set: chain.permission_set.clone(),
        chain: Some(chain.name.clone()),
    };
    let name = format!("{} (from {})", chain.name, chain.permission_set);
    action(&name, open_console(&role, None))
}

fn all_accounts(state: &AppState) -> MenuItem {
    let label = if state.portals.is_empty() {
        "Add your access portal…"
    } else {
        "All accounts…"
    };
    action(label, Request::ShowWindow)
}

fn portal_menu(portal: &PortalView, now: Timestamp, zone: &TimeZone) -> MenuItem {
    let id = || portal.id.clone();
    let mut items = vec![MenuItem::Text(label(&portal_line(portal, now, zone)))];
    match portal.state {
        PortalState::Unknown => {
            let problem = portal.problem.as_ref();
            items.extend(problem.map(|problem| MenuItem::Text(label(&problem.what_to_do))));
            items.push(action(
                "Open the access portal",
                Request::OpenPortal { portal: id() },
            ));
        }
        PortalState::SignedIn | PortalState::Offline => {
            items.push(action("Sync now", Request::Sync { portal: id() }));
            items.push(action(
                "Open the access portal",
                Request::OpenPortal { portal: id() },
            ));
            items.push(action("Sign out", Request::SignOut { portal: id() }));
        }
        PortalState::SigningIn => {
            items.push(action(
                "Open the sign-in page again",
                Request::OpenSignInPage { portal: id() },
            ));
            items.push(action("Cancel signing in", cancel_sign_in(portal)));
            items.push(action(
                "Open the access portal",
                Request::OpenPortal { portal: id() },
            ));
        }
        PortalState::SignInNeeded => {
            items.push(action("Sign in", sign_in(portal)));
            items.push(action(
                "Open the access portal",
                Request::OpenPortal { portal: id() },
            ));
        }
    }
    MenuItem::Submenu {
        label: label(&portal.name),
        items,
    }
}

fn open_console(role: &Role, destination: Option<String>) -> Request {
    Request::OpenConsole {
        role: role.clone(),
        destination,
        region: None,
        duration_seconds: None,
        via: None,
    }
}

fn action(text: &str, request: Request) -> MenuItem {
    MenuItem::Action {
        label: label(text),
        enabled: true,
        request,
    }
}

fn is_bidi_control(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Hebrew, Arabic and their neighbours.
fn is_right_to_left(letter: char) -> bool {
    matches!(letter, '\u{0590}'..='\u{08ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests;
