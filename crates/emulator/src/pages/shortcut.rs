//! The way from the access portal into the console, also by its shortcut links.

use axum::http::StatusCode;
use axum::response::Response;
use url::Url;

use super::accounts::account_section;
use super::console::query;
use super::error::PageError;
use super::sign_in::sign_in_page;
use super::start::{Tab, portal_page};
use crate::call::{self, Call};
use crate::federation::ConsoleSession;
use crate::state::State;
use crate::world::User;

/// `/start/console`, which the script makes of `/start/#/console?account_id=…&role_name=…&destination=…`.
/// Destination: the link's own, then the permission set's relay state, then the console's home. Without a role the
/// person chooses.
pub(crate) fn open_console(state: &mut State, call: &mut Call) -> Result<Response, PageError> {
    let Some((_, user)) = state.browser_session(call) else {
        return Ok(sign_in_page(&state.world, &call.path_and_query(), None));
    };
    let account_id = call.query("account_id").unwrap_or_default();
    let destination = call.query("destination");
    if !state.world.has_access(&user, &account_id) {
        return Err(PageError::UnknownAccount);
    }
    let Some(role) = call.query("role_name") else {
        return choose_role(state, &user, &account_id, destination.as_deref());
    };
    let world = &state.world;
    let relay_state = || world.permission_set(&role)?.relay_state.clone();
    let destination = destination
        .or_else(relay_state)
        .unwrap_or_else(|| world.console_home());
    Url::parse(&destination).map_err(|_| PageError::Destination)?;
    let credentials = state
        .issue_role_credentials(&user, &account_id, &role, call)
        .ok_or(PageError::NotAssigned)?;
    let role = state
        .mint
        .open(&credentials.session_token)
        .ok_or(PageError::NotAssigned)?;
    let ends = role.expires();
    let token = state.issue_signin_token(ConsoleSession::new(role, ends), call.now);
    let query = query(&[
        ("Action", "login"),
        ("Issuer", &format!("{}/start", call.origin)),
        ("Destination", &destination),
        ("SigninToken", &token),
    ]);
    Ok(call::redirect(
        StatusCode::SEE_OTHER,
        &format!("/federation?{query}"),
    ))
}

fn choose_role(
    state: &State,
    user: &User,
    account_id: &str,
    destination: Option<&str>,
) -> Result<Response, PageError> {
    let world = &state.world;
    let account = world.account(account_id).ok_or(PageError::UnknownAccount)?;
    let content = format!(
        "<p id=\"choose\">Choose the permission set to open the console with.</p>\n{}",
        account_section(world, user, account, destination)
    );
    Ok(portal_page(
        world,
        user,
        Tab::Accounts,
        "Choose a permission set",
        &content,
    ))
}
