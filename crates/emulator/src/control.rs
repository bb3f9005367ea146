//! `/_control/`: the administrator's actions, the clock, faults, counters and the log over HTTP, as JSON.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::administration::AdministrationError;
use crate::call::{self, Call};
use crate::faults::Fault;
use crate::state::State;
use crate::world::Assignment;

type Answer = Result<Value, AdministrationError>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    user_code: String,
    user: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Denial {
    user_code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionalUser {
    user: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedUser {
    user: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum AssignmentChange {
    Add(Assignment),
    Remove(Assignment),
}

pub(crate) fn clock(state: &mut State, _: &mut Call) -> Answer {
    Ok(json!({ "now": state.clock.now() }))
}

pub(crate) fn advance_clock(state: &mut State, call: &mut Call) -> Answer {
    let advance: Advance = parse(call)?;
    let by = SignedDuration::try_from_secs_f64(advance.advance_seconds);
    state
        .clock
        .advance(by.map_err(|error| AdministrationError::BadRequest(error.to_string()))?);
    clock(state, call)
}

pub(crate) fn approve(state: &mut State, call: &mut Call) -> Answer {
    let approval: Approval = parse(call)?;
    state
        .approve_device(&approval.user_code, &approval.user)
        .map(done)
}

pub(crate) fn deny(state: &mut State, call: &mut Call) -> Answer {
    let denial: Denial = parse(call)?;
    state.deny_device(&denial.user_code).map(done)
}

pub(crate) fn auto_approve(state: &mut State, call: &mut Call) -> Answer {
    let request: OptionalUser = parse(call)?;
    state.set_auto_approve(request.user.as_deref()).map(done)
}

pub(crate) fn end_sessions(state: &mut State, call: &mut Call) -> Answer {
    let request: NamedUser = parse(call)?;
    Ok(json!({ "ended": state.end_sessions(&request.user)? }))
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
    match parse(call)? {
        AssignmentChange::Add(assignment) => state.world.assign(&assignment)?,
        AssignmentChange::Remove(assignment) if state.world.unassign(&assignment) => {}
        AssignmentChange::Remove(_) => return Err(AdministrationError::NotAssigned),
    }
    Ok(done(()))
}

pub(crate) fn expire_registrations(state: &mut State, _: &mut Call) -> Answer {
    Ok(json!({ "expired": state.expire_registrations() }))
}

pub(crate) fn add_fault(state: &mut State, call: &mut Call) -> Answer {
    state.faults.add(parse::<Fault>(call)?);
    Ok(done(()))
}

pub(crate) fn clear_faults(state: &mut State, _: &mut Call) -> Answer {
    state.faults.clear();
    Ok(done(()))
}

pub(crate) fn counters(state: &mut State, _: &mut Call) -> Answer {
    Ok(json!(state.audit.counters))
}

pub(crate) fn audit(state: &mut State, _: &mut Call) -> Answer {
    Ok(json!({ "events": state.audit.events().collect::<Vec<_>>() }))
}

/// 200 with what was asked for, 400 with one sentence.
pub(crate) fn answer(answer: Answer) -> Response {
    match answer {
        Ok(body) => call::json(StatusCode::OK, &body),
        Err(error) => call::json(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
    }
    .into_response()
}

fn done((): ()) -> Value {
    json!({})
}

fn parse<T: DeserializeOwned>(call: &Call) -> Result<T, AdministrationError> {
    serde_json::from_slice(&call.body).map_err(|error| AdministrationError::BadRequest(error.to_string()))
}
