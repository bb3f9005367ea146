//! Console federation: `/federation` turns role credentials into a console session in the browser.

mod browsers;

use std::collections::HashMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use url::{Position, Url, form_urlencoded};

use crate::call::{self, Call, ErrorName};
use crate::pages::{self, PageError};
use crate::state::State;
use crate::world::World;

pub(crate) use self::browsers::{ConsoleBrowser, ConsoleSession, MOST_SESSIONS};

use self::browsers::{Admission, Browsers};

const SIGN_IN_TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(15);
/// How long it is known whose a token was that has expired.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);
const SESSION_DURATIONS: std::ops::RangeInclusive<i64> = 900..=43_200;
const CONSOLE_COOKIE: &str = "console-session";
/// What AWS's sign-in hosts and this server both have.
const SIGN_IN_PATHS: [&str; 3] = ["/federation", "/oauth", "/sessions/v1/opt-in"];

/// AWS answers these with 400 and a text that no client should parse.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FederationError {
    #[error("Invalid Action parameter")]
    Action,
    #[error("Invalid credentials parameter")]
    Credentials,
    #[error("Invalid SessionDuration parameter")]
    SessionDuration,
}

/// Sign-in tokens that were issued, and what each browser is signed in to.
#[derive(Default)]
pub(crate) struct ConsoleSignIns {
    tokens: HashMap<String, SignInToken>,
    browsers: Browsers,
}

struct SignInToken {
    session: ConsoleSession,
    expires: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    session_id: String,
    session_key: String,
    session_token: String,
}

pub(crate) fn signin_token(state: &mut State, call: &mut Call) -> Result<Response, FederationError> {
    if call.parameter("Action").as_deref() != Some("getSigninToken") {
        return Err(FederationError::Action);
    }
    let keys = call
        .parameter("Session")
        .and_then(|text| serde_json::from_str::<Keys>(&text).ok());
    let keys = keys.ok_or(FederationError::Credentials)?;
    let role = state
        .mint
        .open(&keys.session_token)
        .ok_or(FederationError::Credentials)?;
    let is_holder = role.access_key_id == keys.session_id
        && state.mint.secret_access_key(&keys.session_id) == keys.session_key;
    if !is_holder {
        return Err(FederationError::Credentials);
    }
    // Also of those who are refused the log tells who they are.
    call.user = Some(role.user.clone());
    call.trail.assumed_role = Some(role.assumed(&state.world));
    if call.now >= role.expires() || !role.is_there(&state.world) {
        return Err(FederationError::Credentials);
    }
    let ends = match call.parameter("SessionDuration") {
        None => role.expires(),
        // The limit of role chaining: such a console session lasts as long as its credentials.
        Some(_) if role.chained => return Err(FederationError::SessionDuration),
        Some(text) => {
            let seconds = text
                .parse()
                .ok()
                .filter(|seconds| SESSION_DURATIONS.contains(seconds));
            call.now + SignedDuration::from_secs(seconds.ok_or(FederationError::SessionDuration)?)
        }
    };
    let token = state.issue_signin_token(ConsoleSession::new(role, ends), call.now);
    Ok(call::json(StatusCode::OK, &json!({ "SigninToken": token })))
}

/// POST is documented nowhere: only a world that asks for it has it.
pub(crate) fn posted(state: &mut State, call: &mut Call) -> Response {
    if state.world.unsettled.federation_post {
        signin_token(state, call).into_response()
    } else {
        pages::nothing_here(state, call)
    }
}

/// Shows the console page at once instead of redirecting to AWS.
pub(crate) fn login(state: &mut State, call: &mut Call) -> Result<Response, PageError> {
    let token = call.query("SigninToken").unwrap_or_default();
    let known = state.console.tokens.get(&token).ok_or(PageError::SigninToken)?;
    let (expires, mut session) = (known.expires, known.session.clone());
    // Also of those who are refused the log tells who they are.
    call.user = Some(session.role.user.clone());
    call.trail.assumed_role = Some(session.role.assumed(&state.world));
    if call.now >= expires {
        return Err(PageError::SigninToken);
    }
    let destination = destination(&state.world, call, "Destination")?.ok_or(PageError::Destination)?;
    session.issuer = issuer(state, call);

    let cookie = browser_cookie(state, call);
    let browser = state.console.browsers.find_or_add(&cookie, call.now);
    let mut page = match browser.admit(session.clone()) {
        Admission::SignedIn => {
            call.trail.login_to = Some(destination.to_string());
            pages::console_page(&state.world, browser, &session, &destination)
        }
        Admission::LogOutFirst => pages::log_out_first_page(&state.world, browser, &call.path_and_query()),
        Admission::Full => pages::too_many_sessions_page(&state.world, browser, &call.path_and_query()),
    };
    call::set_cookie(&mut page, &call.cookie_name(CONSOLE_COOKIE), &cookie);
    Ok(page)
}

/// The console page again, for whoever is signed in to it: `/console`, or `/console/SESSION` with multi-session.
pub(crate) fn console(state: &mut State, call: &mut Call) -> Result<Response, PageError> {
    let cookie = browser_cookie(state, call);
    let browser = state.console.browsers.find_or_add(&cookie, call.now);
    let name = call.uri.path().strip_prefix("/console/");
    let Some(session) = browser.session(name).cloned() else {
        return Ok(pages::no_console_session_page(&state.world, browser));
    };
    call.user = Some(session.role.user.clone());
    let home = Url::parse(&state.world.console_home()).map_err(|_| PageError::Destination)?;
    let destination = destination(&state.world, call, "destination")?.unwrap_or(home);
    Ok(pages::console_page(&state.world, browser, &session, &destination))
}

/// `/oauth?Action=logout` ends all sessions of the browser, with `session` that one. Follows `redirect_uri` only to our
/// own pages.
pub(crate) fn logout(state: &mut State, call: &mut Call) -> Result<Response, FederationError> {
    if call.query("Action").as_deref() != Some("logout") {
        return Err(FederationError::Action);
    }
    let cookie = browser_cookie(state, call);
    let browser = state.console.browsers.find_or_add(&cookie, call.now);
    let name = call.query("session");
    call.user = browser
        .session(name.as_deref())
        .map(|session| session.role.user.clone());
    browser.log_out(name.as_deref());
    let is_known = browser.is_known();
    let target = local_target(&state.world, call, call.query("redirect_uri"));
    let mut response = match target {
        Some(path) => call::redirect(StatusCode::SEE_OTHER, &path),
        None => pages::signed_out_of_console_page(&state.world, browser),
    };
    let kept = if is_known { cookie.as_str() } else { "" };
    call::set_cookie(&mut response, &call.cookie_name(CONSOLE_COOKIE), kept);
    Ok(response)
}

/// `GET /sessions/v1/opt-in`: asks.
pub(crate) fn multi_session(state: &mut State, call: &mut Call) -> Response {
    let cookie = browser_cookie(state, call);
    let browser = state.console.browsers.find_or_add(&cookie, call.now);
    let back = local_target(&state.world, call, call.query("redirect_uri"));
    pages::multi_session_page(&state.world, browser, back.as_deref())
}

/// `POST /sessions/v1/opt-in`: the decision, which belongs to the browser and stays.
pub(crate) fn decide_multi_session(state: &mut State, call: &mut Call) -> Response {
    let cookie = browser_cookie(state, call);
    let browser = state.console.browsers.find_or_add(&cookie, call.now);
    let target = local_target(&state.world, call, call.form("redirect_uri"));
    match call.form("decision").as_deref() {
        Some("on") => browser.set_multi_session(true),
        Some("off") => browser.set_multi_session(false),
        // Off would sign out of everything: not for a form that says neither.
        Some(_) | None => return pages::multi_session_page(&state.world, browser, target.as_deref()),
    }
    let mut response = match target {
        Some(path) => call::redirect(StatusCode::SEE_OTHER, &path),
        None => pages::multi_session_page(&state.world, browser, None),
    };
    call::set_cookie(&mut response, &call.cookie_name(CONSOLE_COOKIE), &cookie);
    response
}

/// The cookie of a browser that we know, else a new one.
fn browser_cookie(state: &mut State, call: &Call) -> String {
    let sent = call.cookie(&call.cookie_name(CONSOLE_COOKIE));
    match sent.filter(|cookie| state.console.browsers.find(cookie, call.now).is_some()) {
        Some(cookie) => cookie.to_owned(),
        None => state.random.base64url(32),
    }
}

/// Where an address leads on this server, if it does: one of our own, or one of AWS's sign-in and console hosts, which
/// our pages stand for. AWS too redirects to its own hosts only.
fn local_target(world: &World, call: &Call, address: Option<String>) -> Option<String> {
    let address = address?;
    let path = address.strip_prefix(call.origin.as_str()).unwrap_or(&address);
    if pages::is_local_path(path) {
        return Some(path.to_owned());
    }
    let url = Url::parse(&address).ok().filter(|url| url.scheme() == "https")?;
    let is_host = |parent: &str| url.host_str().is_some_and(|host| is_within(host, parent));
    if is_host(world.sign_in_host()) && SIGN_IN_PATHS.contains(&url.path()) {
        return Some(url[Position::BeforePath..Position::AfterQuery].to_owned());
    }
    let query = || {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("destination", url.as_str())
            .finish()
    };
    is_host(world.console_host()).then(|| format!("/console?{}", query()))
}

/// What a browser may open, if the address names a destination.
fn destination(world: &World, call: &Call, parameter: &str) -> Result<Option<Url>, PageError> {
    let Some(text) = call.query(parameter) else {
        return Ok(None);
    };
    let url = Url::parse(&text).ok().filter(|url| is_destination(world, url));
    url.map(Some).ok_or(PageError::Destination)
}

/// A page of AWS's in this partition, or any with the switch.
fn is_destination(world: &World, url: &Url) -> bool {
    let is_ours = || {
        let host = url.host_str();
        url.scheme() == "https" && host.is_some_and(|host| is_within(host, world.console_domain()))
    };
    let is_any = world.unsettled.foreign_destinations && matches!(url.scheme(), "https" | "http");
    is_any || is_ours()
}

/// Where people go when the console session has ended. Our own portal has a page here.
fn issuer(state: &State, call: &Call) -> Option<String> {
    let issuer = call.query("Issuer")?;
    if state.is_our_start_url(&issuer, &call.origin) {
        return Some("/start".to_owned());
    }
    let url = Url::parse(&issuer).ok()?;
    matches!(url.scheme(), "https" | "http").then(|| url.into())
}

/// The host itself, or one below it.
fn is_within(host: &str, parent: &str) -> bool {
    let below = host.strip_suffix(parent);
    below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

impl State {
    pub(crate) fn issue_signin_token(&mut self, session: ConsoleSession, now: Timestamp) -> String {
        let token = self.random.base64url(300);
        self.secrets.note("signin_token", &token);
        self.console
            .tokens
            .retain(|_, known| now < known.expires + REMEMBERED);
        let issued = SignInToken {
            session,
            expires: now + SIGN_IN_TOKEN_LIFE,
        };
        self.console.tokens.insert(token.clone(), issued);
        token
    }
}

impl IntoResponse for FederationError {
    fn into_response(self) -> Response {
        let mut response = call::text(StatusCode::BAD_REQUEST, &self.to_string());
        response
            .extensions_mut()
            .insert(ErrorName::new("InvalidRequestException", self.to_string()));
        response
    }
}

#[cfg(test)]
mod tests;
