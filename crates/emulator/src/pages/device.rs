//! Device verification: type or compare the code, then allow or deny.

use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;

use super::consent::asks;
use super::console::query;
use super::error::PageError;
use super::layout::{card, decision, decision_form, escape, name};
use super::sign_in::sign_in_page;
use crate::call::Call;
use crate::oidc::{DeviceGrant, NotPending};
use crate::state::State;
use crate::world::{User, World};

/// `GET /device`, with or without `?user_code=`.
pub(crate) fn device(state: &mut State, call: &mut Call) -> Result<Response, PageError> {
    let user_code = call.query("user_code").filter(|code| !code.trim().is_empty());
    let Some((_, user)) = state.browser_session(call) else {
        return Ok(sign_in_page(&state.world, &call.path_and_query(), None));
    };
    let Some(user_code) = user_code else {
        return Ok(code_page(&state.world));
    };
    check_grant(state, call, &user_code)?;
    Ok(compare_page(state, &user_code, &user))
}

const ENDED: &str = "Your session has ended, and nothing was decided. Sign in again to compare the code.";

/// `POST /device`: the decision.
pub(crate) fn decide_device(state: &mut State, call: &mut Call) -> Result<Response, PageError> {
    let user_code = call.form("user_code").unwrap_or_default();
    let Some((session, _)) = state.browser_session(call) else {
        let here = format!("/device?{}", query(&[("user_code", &user_code)]));
        return Ok(sign_in_page(&state.world, &here, Some(ENDED)));
    };
    check_grant(state, call, &user_code)?;
    let allowed = decision(call)?;
    let grant = state.device_of_user_code(&user_code);
    let grant = grant.ok_or(PageError::UnknownUserCode)?;
    let decided = if allowed {
        grant.approve(session, call.now)
    } else {
        grant.deny(call.now)
    };
    decided.map_err(|NotPending| PageError::ExpiredUserCode)?;
    let (title, sentence) = if allowed {
        (
            "Access allowed",
            "The program is signed in. You may close this page and go back to it.",
        )
    } else {
        (
            "Access denied",
            "The program was told so. You may close this page.",
        )
    };
    Ok(card(
        StatusCode::OK,
        &state.world,
        title,
        &format!("<p id=\"done\">{sentence}</p>\n"),
    ))
}

/// Why a device code cannot be decided on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DeviceRefusal {
    Unknown,
    Decided,
    Expired,
    /// It was asked for with this start URL.
    OtherInstance(String),
}

impl State {
    /// The start URL of the request is looked at here for the first time, as at AWS.
    pub(crate) fn check_device(
        &mut self,
        user_code: &str,
        origin: &str,
        now: Timestamp,
    ) -> Result<(), DeviceRefusal> {
        let grant = self
            .device_of_user_code(user_code)
            .ok_or(DeviceRefusal::Unknown)?;
        if grant.is_decided() {
            return Err(DeviceRefusal::Decided);
        }
        if !grant.is_pending(now) {
            return Err(DeviceRefusal::Expired);
        }
        let start_url = grant.start_url.clone();
        if !self.is_our_start_url(&start_url, origin) {
            return Err(DeviceRefusal::OtherInstance(start_url));
        }
        Ok(())
    }

    /// By the code as people type it: any case, with or without the dash.
    pub(crate) fn device_of_user_code(&mut self, typed: &str) -> Option<&mut DeviceGrant> {
        let typed = plain(typed);
        self.devices
            .values_mut()
            .find(|grant| plain(&grant.user_code) == typed)
    }
}

fn check_grant(state: &mut State, call: &Call, user_code: &str) -> Result<(), PageError> {
    state
        .check_device(user_code, &call.origin, call.now)
        .map_err(|refusal| match refusal {
            DeviceRefusal::Unknown => PageError::UnknownUserCode,
            DeviceRefusal::Decided => PageError::DecidedUserCode,
            DeviceRefusal::Expired => PageError::ExpiredUserCode,
            DeviceRefusal::OtherInstance(_) => PageError::OtherInstance,
        })
}

fn code_page(world: &World) -> Response {
    let body = r#"<p class="quiet">Type the code that your program shows.</p>
<form method="get" action="/device">
<label for="code">Code</label>
<input id="code" name="user_code" class="code" placeholder="XXXX-XXXX" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" required autofocus>
<div class="actions"><button id="continue">Continue</button></div>
</form>
"#;
    card(StatusCode::OK, world, "Connect a program", body)
}

fn compare_page(state: &mut State, user_code: &str, user: &User) -> Response {
    let grant = state.device_of_user_code(user_code);
    let (code, client_id) = grant
        .map(|grant| (grant.user_code.clone(), grant.client_id.clone()))
        .unwrap_or_default();
    let client = state.registrations.get(&client_id);
    let program = client.map_or("A program", |client| &client.client_name);
    let body = format!(
        r#"<p><strong id="client-name">{}</strong> waits with this code:</p>
<output id="user-code" class="user-code">{}</output>
<p>If your program shows the same code, it asks to act for you, <strong id="user">{}</strong>:</p>
{}<p class="quiet small">Deny if it shows another code, or if you did not start a sign-in yourself just now.</p>
{}"#,
        name(program),
        escape(&code),
        name(&user.display_name),
        asks(client),
        decision_form("/device", "user_code", &code),
    );
    card(StatusCode::OK, &state.world, "Compare the code", &body)
}

fn plain(user_code: &str) -> String {
    user_code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_uppercase()
}
