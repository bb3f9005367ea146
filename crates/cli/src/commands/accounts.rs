//! `portray accounts`

use jiff::Timestamp;
use portray_core::agent::Client;
use portray_core::agent::protocol::{AccountLine, AccountsReply, Operation, Reply, StatusReply};
use portray_core::app::contract::{ChainView, PortalState, PortalView, ProblemCode, ProblemView, Request};
use serde::Serialize;

use super::{Invocation, command, details, listing, portal_in, status_of};
use crate::arguments::Accounts;
use crate::failure::Failure;

/// Rows asked for at once; the agent gives no more.
const PAGE: u32 = 100;

#[derive(Serialize)]
pub(super) struct AccountsDocument {
    pub portal: String,
    synced_at: Option<Timestamp>,
    pub complete: bool,
    pub accounts: Vec<AccountLine>,
}

/// A portal whose accounts are wanted.
pub(super) struct Wanted {
    pub portal: PortalView,
    /// Why its list is not there, or not as new as it was to be.
    problem: Option<ProblemView>,
}

pub fn run(invocation: &Invocation, arguments: &Accounts) -> Result<(), Failure> {
    let mut client = invocation.connect()?;
    let portals = meant(status_of(&mut client)?, arguments)?;
    let wanted = listed(invocation, &mut client, portals, arguments.sync)?;
    let name_portals = wanted.len() > 1;
    let mut client = invocation.reconnect()?;
    if let [only] = wanted.as_slice()
        && let Some(problem) = &only.problem
        && (arguments.sync || !only.is_known())
    {
        return Err(problem.clone().into());
    }
    let query = arguments.query.join(" ");
    let mut is_anything_hit = query.trim().is_empty() || !wanted.iter().any(Wanted::is_known);
    for wanted in wanted.iter().filter(|wanted| wanted.is_known()) {
        details::portal(invocation, &wanted.portal);
        let listing = listing_of(&mut client, &wanted.portal.name, &query)?;
        is_anything_hit |= !listing.accounts.is_empty();
        if arguments.json {
            return invocation.printer.json(&listing);
        }
        print(invocation, &listing, name_portals)?;
    }
    if !is_anything_hit {
        let note = format!("No account or permission set matches “{}”.", query.trim());
        invocation.printer.note(&note);
    }
    match say_what_is_missing(invocation, &wanted, arguments.sync) {
        Some(problem) => Err(problem.into()),
        None => Ok(()),
    }
}

/// What is known of all portals, or of the one that is named. A first list is waited for.
pub(super) fn known(
    invocation: &Invocation,
    client: &mut Client,
    named: Option<&str>,
) -> Result<Vec<Wanted>, Failure> {
    let status = status_of(client)?;
    let portals = match named {
        None if !status.portals.is_empty() => status.portals,
        _ => vec![portal_in(&status, named)?.clone()],
    };
    listed(invocation, client, portals, false)
}

/// One JSON document is about one portal.
fn meant(status: StatusReply, arguments: &Accounts) -> Result<Vec<PortalView>, Failure> {
    let named = arguments.portal.as_deref();
    if named.is_some() || status.portals.is_empty() {
        return Ok(vec![portal_in(&status, named)?.clone()]);
    }
    let portals = status.portals;
    if arguments.json && portals.len() > 1 {
        return Err(Failure {
            candidates: portals.into_iter().map(|portal| portal.name).collect(),
            ..Failure::from(ProblemView::one_portal_a_document())
        });
    }
    Ok(portals)
}

/// Asks AWS anew where that is wanted or nothing is known, and waits for the answer.
fn listed(
    invocation: &Invocation,
    client: &mut Client,
    portals: Vec<PortalView>,
    anew: bool,
) -> Result<Vec<Wanted>, Failure> {
    let mut wanted: Vec<_> = portals.into_iter().map(Wanted::from).collect();
    for wanted in &mut wanted {
        let id = wanted.portal.id.clone();
        if anew || wanted.needs_first_list() {
            wanted.problem = match command(client, Request::Sync { portal: id }) {
                Err(Failure { problem, .. }) => Some(problem),
                Ok(_) => None,
            };
        }
    }
    let is_meant = |portal: &PortalView| wanted.iter().any(|wanted| wanted.portal.id == portal.id);
    let is_running = |portal: &PortalView| portal.sync.running.is_some() && is_meant(portal);
    let now = match anew {
        true => listing::wait(invocation, is_running)?,
        false => listing::wait(invocation, |portal| is_meant(portal) && portal.is_listed_first())?,
    };
    for wanted in &mut wanted {
        let before = wanted.portal.sync.synced_at;
        if let Some(portal) = now.iter().find(|portal| portal.id == wanted.portal.id) {
            wanted.portal = portal.clone();
        }
        let synced_at = wanted.portal.sync.synced_at;
        let is_missing = synced_at.is_none() || (anew && synced_at == before);
        wanted.problem = is_missing.then(|| wanted.why());
    }
    Ok(wanted)
}

/// Notes what else there would be. One that is signed out does not make a failure of the others' lists.
fn say_what_is_missing(invocation: &Invocation, wanted: &[Wanted], anew: bool) -> Option<ProblemView> {
    let is_any_known = wanted.iter().any(Wanted::is_known);
    let mut failure = None;
    for wanted in wanted {
        let Some(problem) = &wanted.problem else { continue };
        let is_failure = !is_any_known || (anew && problem.code != ProblemCode::SignInNeeded);
        if is_failure && failure.is_none() {
            failure = Some(problem.clone());
            continue;
        }
        let note = format!(
            "{}: {} {}",
            wanted.portal.name, problem.what_happened, problem.what_to_do
        );
        invocation.printer.note(&note);
    }
    failure
}

impl From<PortalView> for Wanted {
    fn from(portal: PortalView) -> Self {
        Self {
            portal,
            problem: None,
        }
    }
}

impl Wanted {
    /// Whether there is a list, or a part of it.
    pub(super) fn is_known(&self) -> bool {
        self.portal.sync.synced_at.is_some() || self.portal.accounts > 0
    }

    fn needs_first_list(&self) -> bool {
        let portal = &self.portal;
        let is_signed_out = portal.state == PortalState::SignInNeeded;
        portal.sync.synced_at.is_none() && portal.sync.running.is_none() && !is_signed_out
    }

    /// Why there is no list, or no new one.
    pub(super) fn why(&self) -> ProblemView {
        let portal = &self.portal;
        let problem = portal.problem.clone().or_else(|| self.problem.clone());
        problem.unwrap_or_else(|| match portal.state {
            PortalState::SignInNeeded => ProblemView::sign_in_needed(&portal.name),
            PortalState::SignedIn | PortalState::SigningIn | PortalState::Offline | PortalState::Unknown => {
                ProblemView::not_listed_yet(&portal.name)
            }
        })
    }
}

/// All that is known of a portal, page by page.
pub(super) fn listing_of(
    client: &mut Client,
    portal: &str,
    query: &str,
) -> Result<AccountsDocument, Failure> {
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

/// A further role, behind the permission sets.
fn in_words(chain: &ChainView) -> String {
    let set = chain.from.rsplit('/').next().unwrap_or_default();
    format!("{} (from {set})", chain.name)
}

fn print(invocation: &Invocation, listing: &AccountsDocument, name_portal: bool) -> Result<(), Failure> {
    let printer = invocation.printer;
    let rows: Vec<_> = listing
        .accounts
        .iter()
        .map(|account| {
            let portal = name_portal.then(|| listing.portal.clone());
            let chains = account.chains.iter().map(in_words);
            let sets: Vec<_> = account.permission_sets.iter().cloned().chain(chains).collect();
            let sets = sets.join(", ");
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
