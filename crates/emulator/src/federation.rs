//! Console federation: `/federation` turns role credentials into a console session in the browser.

mod browsers;

use std::collections::HashMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::call::{self, Call, ErrorName};
use crate::pages::{self, PageError};
use crate::state::State;

pub(crate) use self::browsers::{ConsoleBrowser, ConsoleSession, MOST_SESSIONS};

use self::browsers::{Admission, Browsers};

const SIGN_IN_TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(15);
const SESSION_DURATIONS: std::ops::RangeInclusive<i64> = 900..=43_200;
const CONSOLE_COOKIE: &str = "console-session";

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
    let fits = role.access_key_id == keys.session_id
        && state.mint.secret_access_key(&keys.session_id) == keys.session_key
        && call.now < role.expires()
        && !state.world.deleted_sets.contains(&role.permission_set);
    if !fits {
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
    call.user = Some(role.user.clone());
    let token = state.issue_signin_token(ConsoleSession { role, ends }, call.now);
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
    let destination = destination(call, "Destination")?.ok_or(PageError::Destination)?;
    let token = call.query("SigninToken").unwrap_or_default();
    let known = state
        .console
        .tokens
        .get(&token)
        .filter(|token| call.now < token.expires);
    let session = known.ok_or(PageError::SigninToken)?.session.clone();
    call.user = Some(session.role.user.clone());

    let cookie = browser_cookie(state, call);
    let browser = state.console.browsers.find_or_add(&cookie, call.now);
    let mut page = match browser.admit(session.clone()) {
        Admission::SignedIn => pages::console_page(&state.world, browser, &session, &destination),
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
    let destination = destination(call, "destination")?.unwrap_or(home);
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
    let is_known = browser.multi_session || !browser.sessions().is_empty();
    let mut response = match local_target(call, call.query("redirect_uri")) {
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
    let back = local_target(call, call.query("redirect_uri"));
    pages::multi_session_page(&state.world, browser, back.as_deref())
}

/// `POST /sessions/v1/opt-in`: the decision, which belongs to the browser and stays.
pub(crate) fn decide_multi_session(state: &mut State, call: &mut Call) -> Response {
    let cookie = browser_cookie(state, call);
    let browser = state.console.browsers.find_or_add(&cookie, call.now);
    browser.set_multi_session(call.form("decision").as_deref() == Some("on"));
    let mut response = match local_target(call, call.form("redirect_uri")) {
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

/// An address of this server as a path, if it is one.
fn local_target(call: &Call, address: Option<String>) -> Option<String> {
    let address = address?;
    let path = address.strip_prefix(call.origin.as_str()).unwrap_or(&address);
    pages::is_local_path(path).then(|| path.to_owned())
}

/// What a browser could open, if the address names a destination.
fn destination(call: &Call, parameter: &str) -> Result<Option<Url>, PageError> {
    let Some(text) = call.query(parameter) else {
        return Ok(None);
    };
    let url = Url::parse(&text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "https" | "http"));
    url.map(Some).ok_or(PageError::Destination)
}

impl State {
    pub(crate) fn issue_signin_token(&mut self, session: ConsoleSession, now: Timestamp) -> String {
        let token = self.random.base64url(300);
        self.secrets.note("signin_token", &token);
        self.console.tokens.retain(|_, known| now < known.expires);
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
        response.extensions_mut().insert(ErrorName(format!("{self:?}")));
        response
    }
}

#[cfg(test)]
mod tests;
