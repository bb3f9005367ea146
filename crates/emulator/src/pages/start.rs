//! The access portal at `/start`: accounts and permission sets, and the way into the console.

use axum::http::StatusCode;
use axum::response::Response;
use url::Url;
use url::form_urlencoded;

use super::error::PageError;
use super::layout::{escape, page};
use super::sign_in::sign_in_page;
use crate::call::{self, Call};
use crate::federation::ConsoleSession;
use crate::state::{SESSION_COOKIE, State};
use crate::world::{Account, Application, PermissionSet, User, World};

pub(crate) fn to_portal(_: &mut State, _: &mut Call) -> Response {
    call::redirect(StatusCode::SEE_OTHER, "/start")
}

pub(crate) fn start(state: &mut State, call: &mut Call) -> Response {
    let Some((_, user)) = state.browser_session(call) else {
        return sign_in_page(&state.world, "/start", None);
    };
    let world = &state.world;
    portal_page(
        world,
        &user,
        world
            .accounts
            .iter()
            .filter(|account| world.has_access(&user, &account.id)),
        None,
    )
}

/// The shortcut link, after the script made a request of `#/console?account_id=…&role_name=…&destination=…`.
/// Destination: the link's own, then the permission set's relay state, then the console's home.
pub(crate) fn open_console(state: &mut State, call: &mut Call) -> Result<Response, PageError> {
    let Some((_, user)) = state.browser_session(call) else {
        return Ok(sign_in_page(&state.world, &call.path_and_query(), None));
    };
    let account_id = call.query("account_id").unwrap_or_default();
    let destination = call.query("destination");
    let Some(role) = call.query("role_name") else {
        let world = &state.world;
        let account = world
            .account(&account_id)
            .filter(|account| world.has_access(&user, &account.id));
        let account = account.ok_or(PageError::NotAssigned)?;
        return Ok(portal_page(
            world,
            &user,
            std::iter::once(account),
            destination.as_deref(),
        ));
    };
    let credentials = state
        .issue_role_credentials(&user, &account_id, &role, call)
        .ok_or(PageError::NotAssigned)?;
    let relay_state = || {
        state
            .world
            .permission_set(&role)
            .and_then(|set| set.relay_state.clone())
    };
    let home = || {
        format!(
            "https://{}/console/home?region={0}",
            state.world.region.clone() + ".console.aws.amazon.com"
        )
    };
    let destination = destination.or_else(relay_state).unwrap_or_else(home);
    Url::parse(&destination).map_err(|_| PageError::Destination)?;
    let role = state
        .mint
        .open(&credentials.session_token)
        .ok_or(PageError::NotAssigned)?;
    let ends = role.expires();
    let token = state.issue_signin_token(ConsoleSession { role, ends }, call.now);
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "login")
        .append_pair("Issuer", &format!("{}/start", call.origin))
        .append_pair("Destination", &destination)
        .append_pair("SigninToken", &token)
        .finish();
    Ok(call::redirect(
        StatusCode::SEE_OTHER,
        &format!("/federation?{query}"),
    ))
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

fn portal_page<'a>(
    world: &World,
    user: &User,
    accounts: impl Iterator<Item = &'a Account>,
    destination: Option<&str>,
) -> Response {
    let sections: String = accounts
        .map(|account| account_section(world, user, account, destination))
        .collect();
    let sections = match sections.is_empty() {
        true => {
            "<p id=\"nothing-assigned\">No accounts are assigned to you yet. Ask your administrator.</p>\n"
                .to_owned()
        }
        false => sections,
    };
    let applications = applications_section(world, user);
    let main = format!(
        r#"<main>
<div class="heading">
<div><h1>AWS access portal</h1><p class="quiet">Signed in as <span id="user">{}</span></p></div>
<form method="post" action="/start/sign-out"><button id="sign-out" class="plain">Sign out</button></form>
</div>
{sections}{applications}</main>"#,
        escape(&user.display_name),
    );
    page(StatusCode::OK, world, "AWS access portal", &main)
}

/// Nothing if the user has none.
fn applications_section(world: &World, user: &User) -> String {
    let row = |application: &Application| {
        format!(
            "<li class=\"role\"><span><strong>{name}</strong> <span class=\"quiet small\">{description}</span></span>\
             <a href=\"{url}\" rel=\"noreferrer\" aria-label=\"Open {name}\">Open</a></li>\n",
            name = escape(&application.name),
            description = escape(&application.description),
            url = escape(&application.url),
        )
    };
    let rows: String = world.applications_of(user).map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<section class=\"account\" id=\"applications\" aria-label=\"Applications\">\n<h2>Applications</h2>\n\
         <ul class=\"plain\">\n{rows}</ul>\n</section>\n"
    )
}

fn account_section(world: &World, user: &User, account: &Account, destination: Option<&str>) -> String {
    let assigned = world
        .permission_sets
        .iter()
        .filter(|set| world.is_assigned(user, &account.id, &set.name));
    let rows: String = assigned.map(|set| role_row(account, set, destination)).collect();
    format!(
        "<section class=\"account\" aria-label=\"{name}\">\n<h2>{name}</h2>\n\
         <p class=\"quiet small\">{id} · {email} · {unit}</p>\n<ul class=\"plain\">\n{rows}</ul>\n</section>\n",
        name = escape(&account.name),
        id = escape(&account.id),
        email = escape(&account.email),
        unit = escape(&account.organizational_unit),
    )
}

fn role_row(account: &Account, set: &PermissionSet, destination: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("account_id", &account.id)
        .append_pair("role_name", &set.name);
    if let Some(destination) = destination {
        query.append_pair("destination", destination);
    }
    format!(
        "<li class=\"role\"><span><strong>{name}</strong> <span class=\"quiet small\">{description} · {life:#}</span></span>\
         <a href=\"/start/console?{query}\" aria-label=\"Management console: {name} in {account}\">Management console</a></li>\n",
        name = escape(&set.name),
        description = escape(&set.description),
        life = set.session_duration,
        query = escape(&query.finish()),
        account = escape(&account.name),
    )
}
