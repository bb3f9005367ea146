//! Signing in: user name and password, then back to the page that asked.

use axum::http::StatusCode;
use axum::response::Response;

use super::layout::{card, escape};
use super::mfa::code_page;
use crate::call::{self, Call, ErrorName};
use crate::state::{SESSION_COOKIE, State};
use crate::world::{IdentitySource, Mfa, World};

/// The form. `next` is the path to go to afterwards; `problem` is why the last try failed.
pub(crate) fn sign_in_page(world: &World, next: &str, problem: Option<&str>) -> Response {
    let notice = problem.map_or_else(String::new, |problem| {
        format!(
            "<p class=\"problem\" id=\"problem\" role=\"alert\">{}</p>\n",
            escape(problem)
        )
    });
    let described = if problem.is_some() {
        " aria-describedby=\"problem\""
    } else {
        ""
    };
    let (title, hint) = words(world);
    let body = format!(
        r#"<p class="quiet">{hint}</p>
{notice}<form method="post" action="/sign-in">
<input type="hidden" name="next" value="{}">
<label for="username">User name</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus{described}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<div class="actions"><button id="sign-in" type="submit">Sign in</button></div>
</form>
"#,
        escape(next)
    );
    let status = if problem.is_some() {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::OK
    };
    card(status, world, &title, &body)
}

/// Title and hint: they depend on who keeps the passwords. The hint is HTML.
fn words(world: &World) -> (String, String) {
    let own = format!("Sign in to {}", world.company);
    match &world.identity_source {
        IdentitySource::IdentityCenter => (own, "Use a demo user of this company.".to_owned()),
        IdentitySource::ActiveDirectory { domain } => {
            let netbios = domain.split('.').next().unwrap_or(domain).to_uppercase();
            let hint = format!(
                "Use your Active Directory user: <code>name</code>, <code>name@{}</code> or <code>{}\\name</code>.",
                escape(domain),
                escape(&netbios)
            );
            (own, hint)
        }
        IdentitySource::ExternalIdp { name, .. } => {
            let hint = format!(
                "{} signs people in with an external identity provider. This page stands for it.",
                escape(&world.company)
            );
            (format!("Sign in at {name}"), hint)
        }
    }
}

/// `POST /sign-in`: one message for a wrong name and a wrong password.
pub(crate) fn sign_in(state: &mut State, call: &mut Call) -> Response {
    let next = call
        .form("next")
        .filter(|next| is_local_path(next))
        .unwrap_or_else(|| "/start".to_owned());
    let (name, password) = (
        call.form("username").unwrap_or_default(),
        call.form("password").unwrap_or_default(),
    );
    let user = state
        .world
        .user(state.world.identity_source.user_name(&name))
        .filter(|user| user.password == password);
    let refusal = match user {
        None => "The user name or the password is not right.",
        Some(user) if user.disabled => "This user is disabled. Ask your administrator.",
        Some(user) if user.mfa != Mfa::None => {
            let user = user.name.clone();
            let challenge = state.challenge(&user, &next, call.now);
            call.user = Some(user);
            return code_page(&state.world, &challenge, None);
        }
        Some(user) => {
            let user = user.name.clone();
            return signed_in(state, call, &user, &next);
        }
    };
    let mut response = sign_in_page(&state.world, &next, Some(refusal));
    response
        .extensions_mut()
        .insert(ErrorName("SignInFailed".to_owned()));
    response
}

/// Starts the session and goes on to `next`.
pub(super) fn signed_in(state: &mut State, call: &mut Call, user: &str, next: &str) -> Response {
    let session = state.begin_session(user, call.now);
    call.user = Some(user.to_owned());
    call.session = Some(session.clone());
    let mut response = call::redirect(StatusCode::SEE_OTHER, next);
    call::set_cookie(&mut response, &call.cookie_name(SESSION_COOKIE), &session);
    response
}

/// A path on this server, not an address elsewhere.
pub(crate) fn is_local_path(path: &str) -> bool {
    path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n'])
}
