//! `/_control/`: the administrator's actions, the clock, faults, counters and the log over HTTP, as JSON.

use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::administration::AdministrationError;
use crate::audit::Operation;
use crate::call::{self, Call, Peer};
use crate::clock::OutOfRange;
use crate::emulator::is_our_host;
use crate::faults::Fault;
use crate::sessions::credential_id;
use crate::state::State;
use crate::world::{NoAccount, World, WorldError, ambiguous};

use self::request::{
    Advance, Approval, AssignmentChange, AutoApproval, Denial, NamedAccount, NamedSet, NamedUser,
    NetworkChange, RegistrationChoice, SessionChoice, WantedCredentials,
};

mod request;

type Answer = Result<Value, AdministrationError>;

/// Nobody could end a longer one: the control interface refuses too.
const LONGEST_REFUSAL_MS: u64 = 3_600_000;

pub(crate) fn clock(state: &mut State, _: &mut Call) -> Answer {
    Ok(json!({ "now": state.clock.now() }))
}

pub(crate) fn advance_clock(state: &mut State, call: &mut Call) -> Answer {
    let advance: Advance = parse(call)?;
    let by = SignedDuration::try_from_secs_f64(advance.advance_seconds).map_err(|_| OutOfRange);
    let moved = by.and_then(|by| state.clock.advance(by));
    moved.map_err(|error| AdministrationError::BadRequest(error.to_string()))?;
    clock(state, call)
}

pub(crate) fn approve(state: &mut State, call: &mut Call) -> Answer {
    let approval: Approval = parse(call)?;
    let browser = approval.browser.as_deref();
    state
        .approve_device(&approval.user_code, &approval.user, browser, &call.origin)
        .map(done)
}

pub(crate) fn deny(state: &mut State, call: &mut Call) -> Answer {
    let denial: Denial = parse(call)?;
    state.deny_device(&denial.user_code).map(done)
}

pub(crate) fn auto_approve(state: &mut State, call: &mut Call) -> Answer {
    let request: AutoApproval = parse(call)?;
    if request.user.is_none() && request.browser.is_some() {
        return Err(bad("browser needs a user who is signed in there"));
    }
    state
        .set_auto_approve(request.user.as_deref(), request.browser.as_deref())
        .map(done)
}

/// A piece of a world file, as text.
pub(crate) fn amend_world(state: &mut State, call: &mut Call) -> Answer {
    let piece =
        str::from_utf8(&call.body).map_err(|error| AdministrationError::BadRequest(error.to_string()))?;
    Ok(done(state.amend(piece)?))
}

pub(crate) fn mfa_code(state: &mut State, call: &mut Call) -> Answer {
    if let Some(serial) = call.query("serial") {
        let code = state
            .world
            .device(&serial)
            .map(|device| device.codes.code(call.now));
        let code =
            code.ok_or_else(|| AdministrationError::BadRequest(format!("there is no device {serial:?}")))?;
        return Ok(json!({ "code": code }));
    }
    let name = call.query("user").unwrap_or_default();
    let user = state
        .world
        .user(&name)
        .ok_or(AdministrationError::UnknownUser(name))?;
    Ok(json!({ "code": user.mfa.code(call.now) }))
}

pub(crate) fn sessions(state: &mut State, call: &mut Call) -> Answer {
    let live = state.sessions.all_live(call.now);
    let mut live: Vec<_> = live
        .map(|(id, session)| (session.begins, credential_id(id), session))
        .collect();
    live.sort_by(|(begins, name, _), (others, other, _)| (begins, name).cmp(&(others, other)));
    let told = live.into_iter().map(|(begins, name, session)| {
        json!({ "session": name, "user": session.user, "begins": begins, "ends": session.ends })
    });
    Ok(json!({ "sessions": told.collect::<Vec<_>>() }))
}

pub(crate) fn end_sessions(state: &mut State, call: &mut Call) -> Answer {
    let choice: SessionChoice = parse(call)?;
    match (choice.user, choice.session) {
        (Some(user), None) => Ok(json!({ "ended": state.end_sessions(&user)? })),
        (None, Some(name)) => match state.sessions.end_named(&name, call.now) {
            true => Ok(json!({ "ended": 1 })),
            false => Err(AdministrationError::UnknownSession(name)),
        },
        (Some(_), Some(_)) | (None, None) => Err(bad("it takes either user or session")),
    }
}

pub(crate) fn remove_account(state: &mut State, call: &mut Call) -> Answer {
    let request: NamedAccount = parse(call)?;
    let id = account_id(&state.world, &request.account)?;
    match state.world.remove_account(&id) {
        true => Ok(done(())),
        false => Err(unknown("account", request.account)),
    }
}

pub(crate) fn delete_permission_set(state: &mut State, call: &mut Call) -> Answer {
    let request: NamedSet = parse(call)?;
    match state.world.delete_permission_set(&request.permission_set) {
        true => Ok(done(())),
        false => Err(unknown("permission_set", request.permission_set)),
    }
}

/// Role credentials without a sign-in; chained ones are as if AssumeRole had made them of others.
pub(crate) fn credentials(state: &mut State, call: &mut Call) -> Answer {
    let wanted: WantedCredentials = parse(call)?;
    let user = state.world.user(&wanted.user).cloned();
    let user = user.ok_or(AdministrationError::UnknownUser(wanted.user))?;
    let account = account_id(&state.world, &wanted.account)?;
    let mut issued = state
        .issue_role_credentials(&user, &account, &wanted.permission_set, call)
        .ok_or(AdministrationError::NotAssigned)?;
    if let (true, Some(role)) = (wanted.chained, state.mint.open(&issued.session_token)) {
        issued = state.mint.chain(&mut state.random, &role, call.now);
    }
    Ok(json!({
        "accessKeyId": issued.access_key_id,
        "secretAccessKey": issued.secret_access_key,
        "sessionToken": issued.session_token,
        "expiration": issued.expiration.as_millisecond(),
    }))
}

pub(crate) fn disable_user(state: &mut State, call: &mut Call) -> Answer {
    let request: NamedUser = parse(call)?;
    state.set_disabled(&request.user, true).map(done)
}

pub(crate) fn enable_user(state: &mut State, call: &mut Call) -> Answer {
    let request: NamedUser = parse(call)?;
    state.set_disabled(&request.user, false).map(done)
}

pub(crate) fn change_assignment(state: &mut State, call: &mut Call) -> Answer {
    let change: AssignmentChange = parse(call)?;
    match (change.add, change.remove) {
        (Some(added), None) => {
            let assignment = added.assignment(&state.world)?;
            Ok(done(state.world.assign(&assignment)?))
        }
        (None, Some(removed)) => match state.world.unassign(&removed.assignment(&state.world)?) {
            true => Ok(done(())),
            false => Err(AdministrationError::NotAssigned),
        },
        (Some(_), Some(_)) | (None, None) => Err(bad("it takes either add or remove")),
    }
}

/// All of them, or those of one client.
pub(crate) fn expire_registrations(state: &mut State, call: &mut Call) -> Answer {
    let choice = match call.body.trim_ascii().is_empty() {
        true => RegistrationChoice::default(),
        false => parse(call)?,
    };
    let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
    let expired = state.expire_registrations(|registration| {
        is(&choice.client_id, &registration.client_id) && is(&choice.client_name, &registration.client_name)
    });
    Ok(json!({ "expired": expired }))
}

/// One fault, or a list of them.
pub(crate) fn add_fault(state: &mut State, call: &mut Call) -> Answer {
    let is_list = call.body.trim_ascii_start().starts_with(b"[");
    let faults = if is_list {
        parse(call)?
    } else {
        vec![parse::<Fault>(call)?]
    };
    let checked = faults.into_iter().map(|fault| {
        fault.check().map_err(AdministrationError::BadRequest)?;
        of_a_role(fault, &state.world)
    });
    for fault in checked.collect::<Result<Vec<_>, _>>()? {
        state.faults.add(fault);
    }
    Ok(done(()))
}

/// The fault with the account of its role by id, as calls name it. One for a role that is not there would never strike.
fn of_a_role(fault: Fault, world: &World) -> Result<Fault, AdministrationError> {
    let Some((account, name)) = fault.role.as_ref().and_then(|role| role.split_once('/')) else {
        return Ok(fault);
    };
    let account = account_id(world, account)?;
    let (key, is_there) = if fault.operation == Operation::AssumeRole {
        let mut roles = world.roles.iter();
        let is_there = roles.any(|role| role.account == account && role.name == name);
        ("role", is_there)
    } else {
        ("permission_set", world.permission_set(name).is_some())
    };
    match is_there {
        true => Ok(Fault {
            role: Some(format!("{account}/{name}")),
            ..fault
        }),
        false => Err(unknown(key, name.to_owned())),
    }
}

/// Of the account that a request calls by its id or its name.
fn account_id(world: &World, called: &str) -> Result<String, AdministrationError> {
    match world.account_called(called) {
        Ok(account) => Ok(account.id.clone()),
        Err(NoAccount::Unknown) => Err(unknown("account", called.to_owned())),
        Err(NoAccount::Ambiguous) => Err(AdministrationError::BadRequest(ambiguous(called))),
    }
}

pub(crate) fn change_network(state: &mut State, call: &mut Call) -> Answer {
    let change: NetworkChange = parse(call)?;
    if change.refuse_ms.is_none() && change.unknown_ca.is_none() {
        return Err(bad("it takes refuse_ms, unknown_ca or both"));
    }
    if change
        .refuse_ms
        .is_some_and(|milliseconds| milliseconds > LONGEST_REFUSAL_MS)
    {
        return Err(bad("refuse_ms is more than an hour (3600000)"));
    }
    if let Some(is_unknown) = change.unknown_ca {
        state.network.set_unknown_ca(is_unknown);
    }
    if let Some(milliseconds) = change.refuse_ms {
        state.network.refuse(Duration::from_millis(milliseconds));
    }
    Ok(done(()))
}

pub(crate) fn clear_faults(state: &mut State, _: &mut Call) -> Answer {
    state.faults.clear();
    Ok(done(()))
}

pub(crate) fn counters(state: &mut State, _: &mut Call) -> Answer {
    Ok(json!(state.audit.counters))
}

pub(crate) fn calls_by_second(state: &mut State, _: &mut Call) -> Answer {
    Ok(json!(state.audit.by_second()))
}

pub(crate) fn audit(state: &mut State, _: &mut Call) -> Answer {
    let records = state
        .audit
        .events()
        .flat_map(|event| event.cloudtrail_records(&state.world));
    Ok(json!({ "Records": records.collect::<Vec<_>>() }))
}

pub(crate) fn secrets(state: &mut State, _: &mut Call) -> Answer {
    Ok(json!(state.secrets))
}

/// Why a request may not use the control interface. Pages of other sites can send requests here, and with a name of
/// theirs that leads to this machine they could read the answers: only programs here, and a person who types the address,
/// are let in.
pub(crate) fn refusal(head: &Parts) -> Option<&'static str> {
    let header = |name: &str| head.headers.get(name).map(HeaderValue::as_bytes);
    let peer = head.extensions.get::<Peer>();
    if peer.is_some_and(|peer| !peer.address.is_loopback()) {
        return Some("the control interface is for programs on this machine");
    }
    // Without a connection there may be no Host; over one, HTTP/1.1 asks for it.
    if header("host").is_some() && !is_our_host(&head.headers) {
        return Some("the control interface answers to 127.0.0.1 and localhost only: look at Host");
    }
    if !is_own_site(&head.headers) || header("origin").is_some() || header("referer").is_some() {
        return Some("the control interface does not answer to web pages: send no Origin and no Referer");
    }
    None
}

/// What a browser says of the page that sent a request: that it is ours, or that there was none. Programs say nothing.
pub(crate) fn is_own_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    matches!(site, None | Some(b"none" | b"same-origin"))
}

pub(crate) fn refused(why: &str) -> Response {
    call::json(StatusCode::FORBIDDEN, &json!({ "error": why }))
}

/// 200 with what was asked for, 400 with one sentence.
pub(crate) fn answer(answer: Answer) -> Response {
    match answer {
        Ok(body) => call::json(StatusCode::OK, &body),
        Err(error) => call::json(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
    }
    .into_response()
}

/// For a path or a method that the control interface does not have.
pub(crate) fn nothing_here(head: &Parts) -> Response {
    let (method, path) = (&head.method, head.uri.path());
    let error = format!("there is no {method} /_control{path}: the README lists all of it");
    call::json(StatusCode::NOT_FOUND, &json!({ "error": error }))
}

fn bad(problem: &str) -> AdministrationError {
    AdministrationError::BadRequest(problem.to_owned())
}

fn unknown(key: &'static str, name: String) -> AdministrationError {
    AdministrationError::World(WorldError::Unknown { key, name })
}

fn done((): ()) -> Value {
    json!({})
}

fn parse<T: DeserializeOwned>(call: &Call) -> Result<T, AdministrationError> {
    serde_json::from_slice(&call.body).map_err(|error| AdministrationError::BadRequest(error.to_string()))
}
