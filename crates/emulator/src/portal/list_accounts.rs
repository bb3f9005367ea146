//! ListAccounts: `GET /assignment/accounts`.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::PortalError;
use super::paging::Paging;
use crate::call::{self, Call};
use crate::state::State;

pub(crate) fn list_accounts(state: &mut State, call: &mut Call) -> Result<Response, PortalError> {
    let user = state.reader(call)?;
    let world = &state.world;
    let paging = Paging::of(call, format!("accounts of {}", user.name), world.page_size)?;
    let page = paging.take(&world.accounts, |account| world.has_access(&user, &account.id));
    let rows = page.rows.into_iter().map(|account| {
        json!({ "accountId": account.id, "accountName": account.name, "emailAddress": account.email })
    });
    let mut answer = json!({ "nextToken": page.next_token, "accountList": rows.collect::<Vec<_>>() });
    world.unsettled.absent_members.settle(&mut answer);
    Ok(call::json(StatusCode::OK, &answer))
}
