//! Signing in: the user name, then the password, then back to the page that asked.

use axum::http::StatusCode;
use axum::response::Response;

use super::layout::{escape, form_card};
use super::mfa::code_page;
use crate::audit::{CredentialType, SIGN_IN_FAILED, SignInEvent};
use crate::call::{self, Call, ErrorName};
use crate::state::{SESSION_COOKIE, State};
use crate::world::{IdentitySource, Mfa, User, World};

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

/// The second step. Its user name can be read by a password manager, and taken back. `workflow` is the sign-in's.
fn password_page(
    world: &World,
    user_name: &str,
    workflow: &str,
    next: &str,
    problem: Option<&str>,
) -> Response {
    let (title, hint) = words(world);
    let hint = match &world.identity_source {
        IdentitySource::ExternalIdp { .. } => format!("<p class=\"quiet\">{hint}</p>\n"),
        IdentitySource::IdentityCenter | IdentitySource::ActiveDirectory { .. } => String::new(),
    };
    form_card(world, &title, problem, |notice, described| {
        format!(
            r#"{hint}{notice}<form method="post" action="/sign-in">
<input type="hidden" name="next" value="{next}">
<input type="hidden" name="workflow" value="{workflow}">
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
        IdentitySource::IdentityCenter => (own, example(world)),
        IdentitySource::ActiveDirectory { domain } => {
            let netbios = domain.split('.').next().unwrap_or(domain).to_uppercase();
            let hint = format!(
                "Use your Active Directory user: <code>name</code>, <code>name@{}</code> or <code>{}\\name</code>. {}",
                escape(domain),
                escape(&netbios),
                example(world)
            );
            (own, hint)
        }
        IdentitySource::ExternalIdp { name, .. } => {
            let hint = format!(
                "{} signs people in with an external identity provider. This page stands for it. {}",
                escape(&world.company),
                example(world)
            );
            (format!("Sign in at {name}"), hint)
        }
    }
}

/// Whoever opens a demo for the first time has to be somebody. HTML.
fn example(world: &World) -> String {
    let may_sign_in = |user: &&User| !user.disabled && user.mfa == Mfa::None;
    world.users.iter().find(may_sign_in).map_or_else(String::new, |user| {
        format!(
            "For example as <code>{}</code> with the password <code>{}</code>; the world file has all users.",
            escape(&user.name),
            escape(&user.password)
        )
    })
}

/// `POST /sign-in`: a user name asks for the password; both sign in. Whether there is such a user shows only then, and
/// one message tells of a wrong name and of a wrong password.
pub(crate) fn sign_in(state: &mut State, call: &mut Call) -> Response {
    let next = next_path(call);
    let name = call.form("username").unwrap_or_default();
    if name.trim().is_empty() {
        return refused(sign_in_page(&state.world, &next, Some("Type your user name.")));
    }
    let user = state.world.typed_user(&name).cloned();
    call.user = user.as_ref().map(|user| user.name.clone());
    let workflow = workflow(state, call);
    let Some(password) = call.form("password") else {
        return password_page(&state.world, &name, &workflow, &next, None);
    };
    let user = user.filter(|user| user.password == password);
    let is_right = user.as_ref().is_some_and(|user| !user.disabled);
    if !is_external(&state.world) {
        let verified = SignInEvent::verification(CredentialType::Password, is_right, &workflow);
        call.trail.sign_in.push(verified);
    }
    let problem = match user {
        None => "The user name or the password is not right.",
        Some(user) if user.disabled => "This user is disabled. Ask your administrator.",
        Some(user) if user.mfa != Mfa::None => {
            let asked = SignInEvent::challenge(CredentialType::Totp, &workflow);
            call.trail.sign_in.push(asked);
            let challenge = state.challenge(&user.name, workflow, call.now);
            return code_page(&state.world, &challenge, &next, None);
        }
        Some(user) => {
            let credential = match is_external(&state.world) {
                true => CredentialType::ExternalIdp,
                false => CredentialType::Password,
            };
            return signed_in(state, call, &user.name, (credential, &workflow), &next);
        }
    };
    refused(password_page(
        &state.world,
        &name,
        &workflow,
        &next,
        Some(problem),
    ))
}

/// Tells the audit log of a form of the sign-in, of either step, that no endpoint looks at.
pub(crate) fn unserved_sign_in(state: &mut State, call: &mut Call) {
    let challenge = call.form("challenge").unwrap_or_default();
    let name = call.form("username").unwrap_or_default();
    let waiting = state.challenged(&challenge, call.now);
    let known = state.world.typed_user(&name).map(|user| user.name.clone());
    let is_code = call.uri.path() == "/sign-in/code";
    let (user, workflow) = match waiting {
        Some((user, workflow)) => (Some(user), workflow),
        None => {
            let sent = call.form("workflow").filter(|sent| is_workflow(sent));
            (known, sent.unwrap_or_else(|| state.random.uuid()))
        }
    };
    call.user = user;
    let step = if is_code {
        SignInEvent::verification(CredentialType::Totp, false, &workflow)
    } else if is_external(&state.world) {
        SignInEvent::refusal(CredentialType::ExternalIdp, &workflow)
    } else if call.form("password").is_some() {
        SignInEvent::verification(CredentialType::Password, false, &workflow)
    } else {
        SignInEvent::no_challenge(CredentialType::Password, &workflow)
    };
    call.trail.sign_in.push(step);
}

/// The sign-in that a form belongs to. A form that comes without one begins another: it is asked for the password.
fn workflow(state: &mut State, call: &mut Call) -> String {
    if let Some(known) = call.form("workflow").filter(|sent| is_workflow(sent)) {
        return known;
    }
    let id = state.random.uuid();
    if !is_external(&state.world) {
        let asked = SignInEvent::challenge(CredentialType::Password, &id);
        call.trail.sign_in.push(asked);
    }
    id
}

fn is_workflow(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// An external provider does not tell what it asked for.
fn is_external(world: &World) -> bool {
    matches!(world.identity_source, IdentitySource::ExternalIdp { .. })
}

/// Where the form says to go after signing in, if that is here; else the access portal.
pub(super) fn next_path(call: &Call) -> String {
    call.form("next")
        .filter(|next| is_local_path(next))
        .unwrap_or_else(|| "/start".to_owned())
}

/// Marks the page for counters and audit log.
pub(super) fn refused(mut page: Response) -> Response {
    page.extensions_mut()
        .insert(ErrorName::new(SIGN_IN_FAILED, "Failed authentication"));
    page
}

/// Starts the session and goes on to `next`. The sign-in is named by its last credential and its workflow.
pub(super) fn signed_in(
    state: &mut State,
    call: &mut Call,
    user: &str,
    (credential, workflow): (CredentialType, &str),
    next: &str,
) -> Response {
    let done = SignInEvent::authentication(credential, workflow);
    call.trail.sign_in.push(done);
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
