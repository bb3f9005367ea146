//! Signing in: the user name, then the password, then back to the page that asked.

use axum::http::StatusCode;
use axum::response::Response;

use super::layout::{escape, form_card};
use super::mfa::code_page;
use crate::call::{self, Call, ErrorName};
use crate::state::{SESSION_COOKIE, State};
use crate::world::{IdentitySource, Mfa, World};

/// The first step, the user name. `next` is the path to go to afterwards; `problem` is why the last try failed.
pub(crate) fn sign_in_page(world: &World, next: &str, problem: Option<&str>) -> Response {
    let (title, hint) = words(world);
    form_card(world, &title, problem, |notice, described| {
        format!(
            r#"<p class="quiet">{hint}</p>
{notice}<form method="post" action="/sign-in">
<input type="hidden" name="next" value="{}">
<label for="username">User name</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus{described}>
<div class="actions"><button id="next" type="submit">Next</button></div>
</form>
"#,
            escape(next)
        )
    })
}

/// The second step. Its user name can be read by a password manager, and taken back.
fn password_page(world: &World, user_name: &str, next: &str, problem: Option<&str>) -> Response {
    let (title, _) = words(world);
    form_card(world, &title, problem, |notice, described| {
        format!(
            r#"{notice}<form method="post" action="/sign-in">
<input type="hidden" name="next" value="{next}">
<label for="username">User name</label>
<input id="username" name="username" value="{}" autocomplete="username" readonly>
<p class="small"><a href="{next}" id="other-user">Use another user name</a></p>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus{described}>
<div class="actions"><button id="sign-in" type="submit">Sign in</button></div>
</form>
"#,
            escape(user_name),
            next = escape(next)
        )
    })
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

/// `POST /sign-in`: a user name asks for the password; both sign in. Whether there is such a user shows only then, and
/// one message tells of a wrong name and of a wrong password.
pub(crate) fn sign_in(state: &mut State, call: &mut Call) -> Response {
    let next = next_path(call);
    let name = call.form("username").unwrap_or_default();
    if name.trim().is_empty() {
        return refused(sign_in_page(&state.world, &next, Some("Type your user name.")));
    }
    let Some(password) = call.form("password") else {
        return password_page(&state.world, &name, &next, None);
    };
    let user = state
        .world
        .user(state.world.identity_source.user_name(&name))
        .filter(|user| user.password == password);
    let problem = match user {
        None => "The user name or the password is not right.",
        Some(user) if user.disabled => "This user is disabled. Ask your administrator.",
        Some(user) if user.mfa != Mfa::None => {
            let user = user.name.clone();
            let challenge = state.challenge(&user, call.now);
            call.user = Some(user);
            return code_page(&state.world, &challenge, &next, None);
        }
        Some(user) => {
            let user = user.name.clone();
            return signed_in(state, call, &user, &next);
        }
    };
    refused(password_page(&state.world, &name, &next, Some(problem)))
}

/// Where the form says to go after signing in, if that is here; else the access portal.
pub(super) fn next_path(call: &Call) -> String {
    call.form("next")
        .filter(|next| is_local_path(next))
        .unwrap_or_else(|| "/start".to_owned())
}

/// Marks the page for counters and audit log.
pub(super) fn refused(mut page: Response) -> Response {
    page.extensions_mut().insert(ErrorName("SignInFailed".to_owned()));
    page
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

/// A path on this server, not an address elsewhere. Browsers read a backslash as a slash, and leave control characters out.
pub(crate) fn is_local_path(path: &str) -> bool {
    let is_odd = |letter: char| letter == '\\' || letter.is_control();
    path.starts_with('/') && !path.starts_with("//") && !path.contains(is_odd)
}
