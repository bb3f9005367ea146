//! The frame of the access portal at `/start`: who is signed in, the tabs, the way out.

use axum::http::StatusCode;
use axum::response::Response;

use super::layout::{name, page};
use crate::call::{self, Call};
use crate::state::{SESSION_COOKIE, State};
use crate::world::{User, World};

/// The lists of the portal, each with an address of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Accounts,
    Applications,
}

const TABS: [(Tab, &str, &str); 2] = [
    (Tab::Accounts, "/start", "Accounts"),
    (Tab::Applications, "/start/applications", "Applications"),
];

pub(crate) fn to_portal(_: &mut State, _: &mut Call) -> Response {
    call::redirect(StatusCode::SEE_OTHER, "/start")
}

/// Ends the portal session, as the API's Logout does.
pub(crate) fn sign_out(state: &mut State, call: &mut Call) -> Response {
    if let Some((session, _)) = state.browser_session(call) {
        state.sessions.sign_out(&session);
    }
    let mut response = call::redirect(StatusCode::SEE_OTHER, "/start");
    call::set_cookie(&mut response, &call.cookie_name(SESSION_COOKIE), "");
    response
}

/// A page of the portal; `content` is HTML. Pages below a tab belong to it too.
pub(super) fn portal_page(world: &World, user: &User, tab: Tab, title: &str, content: &str) -> Response {
    let tabs: String = TABS
        .iter()
        .map(|(one, address, text)| {
            let current = if *one == tab { " aria-current=\"page\"" } else { "" };
            format!("<a href=\"{address}\"{current}>{text}</a>\n")
        })
        .collect();
    let main = format!(
        r#"<main>
<div class="heading">
<div><h1>AWS access portal</h1><p class="quiet">Signed in as <span id="user">{}</span></p></div>
<form method="post" action="/start/sign-out"><button id="sign-out" class="plain">Sign out</button></form>
</div>
<nav class="tabs" aria-label="Access portal">
{tabs}</nav>
{content}</main>"#,
        name(&user.display_name),
    );
    page(StatusCode::OK, world, title, &main)
}
