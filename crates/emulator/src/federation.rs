//! Console federation: `/federation` turns role credentials into a console session in the browser.

use std::collections::HashMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::call::{self, Call, ErrorName};
use crate::pages;
use crate::role_credentials::RoleSession;
use crate::state::State;

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
    #[error("Invalid or expired SigninToken parameter")]
    SigninToken,
    #[error("Invalid Destination parameter")]
    Destination,
}

/// Sign-in tokens that were issued, and what each browser is signed in to.
#[derive(Default)]
pub(crate) struct ConsoleSignIns {
    tokens: HashMap<String, SignInToken>,
    /// By the browser's cookie.
    sessions: HashMap<String, ConsoleSession>,
}

struct SignInToken {
    session: ConsoleSession,
    expires: Timestamp,
}

#[derive(Clone)]
pub(crate) struct ConsoleSession {
    pub(crate) role: RoleSession,
    pub(crate) ends: Timestamp,
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

/// Shows the console page at once instead of redirecting to AWS. A browser has one console session.
pub(crate) fn login(state: &mut State, call: &mut Call) -> Result<Response, FederationError> {
    let destination = call.query("Destination").and_then(|text| Url::parse(&text).ok());
    let destination = destination.filter(|url| matches!(url.scheme(), "https" | "http"));
    let destination = destination.ok_or(FederationError::Destination)?;
    let token = call.query("SigninToken").unwrap_or_default();
    let known = state
        .console
        .tokens
        .get(&token)
        .filter(|token| call.now < token.expires);
    let session = known.ok_or(FederationError::SigninToken)?.session.clone();
    call.user = Some(session.role.user.clone());

    let cookie_name = call.cookie_name(CONSOLE_COOKIE);
    let current = call
        .cookie(&cookie_name)
        .and_then(|cookie| state.console.sessions.get(cookie));
    let identity = |role: &RoleSession| {
        (
            role.account.clone(),
            role.permission_set.clone(),
            role.user.clone(),
        )
    };
    let is_other = |current: &&ConsoleSession| identity(&current.role) != identity(&session.role);
    if let Some(current) = current.filter(|current| call.now < current.ends).filter(is_other) {
        return Ok(pages::log_out_first_page(
            &state.world,
            current,
            &call.path_and_query(),
        ));
    }
    let mut page = pages::console_page(&state.world, &session, &destination);
    let cookie = state.random.base64url(32);
    state.console.sessions.retain(|_, known| call.now < known.ends);
    state.console.sessions.insert(cookie.clone(), session);
    call::set_cookie(&mut page, &cookie_name, &cookie);
    Ok(page)
}

/// The console page again, for whoever is signed in to it: the address that stays after signing in.
pub(crate) fn console(state: &mut State, call: &mut Call) -> Result<Response, FederationError> {
    let cookie_name = call.cookie_name(CONSOLE_COOKIE);
    let current = call
        .cookie(&cookie_name)
        .and_then(|cookie| state.console.sessions.get(cookie));
    let Some(session) = current.filter(|session| call.now < session.ends) else {
        return Ok(pages::signed_out_of_console_page(&state.world));
    };
    let destination = call.query("destination").and_then(|text| Url::parse(&text).ok());
    let destination = destination.ok_or(FederationError::Destination)?;
    call.user = Some(session.role.user.clone());
    Ok(pages::console_page(&state.world, session, &destination))
}

/// `/oauth?Action=logout`: follows `redirect_uri` only to our own pages.
pub(crate) fn logout(state: &mut State, call: &mut Call) -> Result<Response, FederationError> {
    if call.query("Action").as_deref() != Some("logout") {
        return Err(FederationError::Action);
    }
    let cookie_name = call.cookie_name(CONSOLE_COOKIE);
    if let Some(session) = call
        .cookie(&cookie_name)
        .and_then(|cookie| state.console.sessions.remove(cookie))
    {
        call.user = Some(session.role.user);
    }
    let wanted = call.query("redirect_uri").unwrap_or_default();
    let path = wanted.strip_prefix(call.origin.as_str()).unwrap_or(&wanted);
    let mut response = if pages::is_local_path(path) {
        call::redirect(StatusCode::SEE_OTHER, path)
    } else {
        pages::signed_out_of_console_page(&state.world)
    };
    call::set_cookie(&mut response, &cookie_name, "");
    Ok(response)
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
