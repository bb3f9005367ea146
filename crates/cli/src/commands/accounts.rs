//! `portray accounts`

use jiff::Timestamp;
use portray_core::agent::protocol::{AccountLine, AccountsReply, Operation, Reply};
use portray_core::agent::{Client, targets};
use portray_core::app::contract::{PortalState, PortalView, ProblemView, Request};
use serde::Serialize;

use super::{Invocation, command, status_of};
use crate::arguments::Accounts;
use crate::failure::Failure;

/// Rows asked for at once; the agent gives no more.
const PAGE: u32 = 100;

#[derive(Serialize)]
struct AccountsDocument {
    portal: String,
    synced_at: Option<Timestamp>,
    complete: bool,
    accounts: Vec<AccountLine>,
}

pub fn run(invocation: &Invocation, arguments: &Accounts) -> Result<(), Failure> {
    let mut client = invocation.connect()?;
    let portals = portals(&mut client, arguments)?;
    if arguments.sync {
        for (id, _) in &portals {
            command(&mut client, Request::Sync { portal: id.clone() })?;
        }
        wait_for_listings(invocation, &mut client, &portals)?;
    }
    for (_, name) in &portals {
        let listing = listing(&mut client, name, &arguments.query.join(" "))?;
        if arguments.json.json {
            return invocation.printer.json(&listing);
        }
        print(invocation, &listing, portals.len() > 1)?;
    }
    Ok(())
}

/// Until no sync runs any more. A large organization takes its time; every call of it has a deadline of its own.
fn wait_for_listings(
    invocation: &Invocation,
    client: &mut Client,
    portals: &[(String, String)],
) -> Result<(), Failure> {
    let changes = invocation.connect()?.stream(&Operation::Subscribe)?;
    for change in changes {
        change?;
        // What was sent may be older than the sync; the status is not.
        let mut now = status_of(client)?.portals;
        now.retain(|portal| portals.iter().any(|(id, _)| *id == portal.id));
        if now.iter().any(|portal| portal.sync.running.is_some()) {
            continue;
        }
        let problem = now.into_iter().find_map(why_not_listed);
        return problem.map_or(Ok(()), |problem| Err(problem.into()));
    }
    Err(ProblemView::stopping().into())
}

fn why_not_listed(portal: PortalView) -> Option<ProblemView> {
    let sign_in_needed = portal.state == PortalState::SignInNeeded;
    let problem = sign_in_needed.then(|| ProblemView::sign_in_needed(&portal.name));
    problem.or(portal.problem)
}

/// Ids and names. One JSON document is about one portal.
fn portals(client: &mut Client, arguments: &Accounts) -> Result<Vec<(String, String)>, Failure> {
    let portals = status_of(client)?.portals;
    if arguments.portal.is_some() || arguments.json.json || portals.is_empty() {
        let portal = targets::portal(&portals, arguments.portal.as_deref(), None)?;
        return Ok(vec![(portal.id.clone(), portal.name.clone())]);
    }
    Ok(portals
        .into_iter()
        .map(|portal| (portal.id, portal.name))
        .collect())
}

fn listing(client: &mut Client, portal: &str, query: &str) -> Result<AccountsDocument, Failure> {
    let mut accounts = Vec::new();
    loop {
        let offset = u32::try_from(accounts.len()).unwrap_or(u32::MAX);
        let page = page(client, portal, query, offset)?;
        let is_last = page.accounts.is_empty() || offset.saturating_add(PAGE) >= page.total;
        accounts.extend(page.accounts);
        if is_last {
            return Ok(AccountsDocument {
                portal: page.portal,
                synced_at: page.synced_at,
                complete: page.complete,
                accounts,
            });
        }
    }
}

fn page(client: &mut Client, portal: &str, query: &str, offset: u32) -> Result<AccountsReply, Failure> {
    let reply = client.ask(&Operation::Accounts {
        portal: Some(portal.to_owned()),
        query: query.to_owned(),
        offset,
        limit: PAGE,
    })?;
    let Reply::Accounts(page) = reply else {
        return Err(Failure::unexpected_answer());
    };
    Ok(page)
}

fn print(invocation: &Invocation, listing: &AccountsDocument, name_portal: bool) -> Result<(), Failure> {
    let printer = invocation.printer;
    if listing.synced_at.is_none() && listing.accounts.is_empty() {
        return Err(ProblemView::accounts_unknown(&listing.portal).into());
    }
    let rows: Vec<_> = listing
        .accounts
        .iter()
        .map(|account| {
            let portal = name_portal.then(|| listing.portal.clone());
            let sets = account.permission_sets.join(", ");
            portal
                .into_iter()
                .chain([account.id.clone(), account.name.clone(), sets])
                .collect()
        })
        .collect();
    printer.table(&rows)?;
    if !listing.complete {
        printer.note(&format!(
            "{}: only a part is known yet; try --sync.",
            listing.portal
        ));
    }
    Ok(())
}
