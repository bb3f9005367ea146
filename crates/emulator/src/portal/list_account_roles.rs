//! ListAccountRoles: `GET /assignment/roles`.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::PortalError;
use super::paging::Paging;
use crate::call::{self, Call};
use crate::state::State;

pub(crate) fn list_account_roles(state: &mut State, call: &mut Call) -> Result<Response, PortalError> {
    let user = state.reader(call)?;
    let account = call
        .query("account_id")
        .ok_or(PortalError::InvalidRequest("account_id is required"))?;
    let world = &state.world;
    if !world.has_access(&user, &account) {
        return Err(PortalError::Forbidden);
    }
    let paging = Paging::of(
        call,
        format!("roles of {} in {account}", user.name),
        world.page_size,
    )?;
    let page = paging.take(&world.permission_sets, |set| {
        world.is_assigned(&user, &account, &set.name)
    });
    let rows = page
        .rows
        .into_iter()
        .map(|set| json!({ "roleName": set.name, "accountId": account }));
    let mut answer = json!({ "nextToken": page.next_token, "roleList": rows.collect::<Vec<_>>() });
    world.unsettled.absent_members.settle(&mut answer);
    Ok(call::json(StatusCode::OK, &answer))
}
