//! `portray accounts`

use jiff::Timestamp;
use portray_core::agent::Client;
use portray_core::agent::protocol::{AccountLine, AccountsReply, Operation, Reply, StatusReply};
use portray_core::app::contract::{
    ChainView, PortalState, PortalView, ProblemCode, ProblemView, Request, SyncProgress,
};
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
    let query = arguments.query.join(" ");
    let query = query.trim();
    let portals = meant(status_of(&mut client)?, arguments)?;
    let mut wanted = begin(&mut client, portals, arguments.sync)?;
    // What is looked for may be there long before the rest of a list.
    let may_be_enough = !(query.is_empty() || arguments.sync || arguments.json);
    let now = match may_be_enough && is_hit(&mut client, &wanted, query)? {
        true => status_of(&mut client)?.portals,
        false => wait(invocation, &wanted, arguments.sync)?,
    };
    take(&mut wanted, &now, arguments.sync);
    let name_portals = wanted.len() > 1;
    let mut client = invocation.reconnect()?;
    if let [only] = wanted.as_slice()
        && let Some(problem) = &only.problem
        && (arguments.sync || !only.is_known())
    {
        return Err(problem.clone().into());
    }
    let mut is_anything_hit = query.is_empty() || !wanted.iter().any(Wanted::is_known);
    for wanted in wanted.iter().filter(|wanted| wanted.is_known()) {
        details::portal(invocation, &wanted.portal);
        let listing = listing_of(&mut client, &wanted.portal.name, query)?;
        is_anything_hit |= !listing.accounts.is_empty();
        if arguments.json {
            return invocation.printer.json(&listing);
        }
        print(invocation, &listing, name_portals)?;
    }
    if !is_anything_hit {
        if let Some(unlisted) = wanted.iter().find(|wanted| !wanted.is_whole()) {
            let portal = &unlisted.portal;
            return Err(ProblemView::list_not_whole(&portal.name, portal.list_problem()).into());
        }
        let note = format!("No account or permission set matches “{query}”.");
        invocation.printer.note(&note);
    }
    for wanted in &wanted {
        say_how_far_it_is(invocation, wanted);
    }
    match say_what_is_missing(invocation, &wanted, arguments.sync) {
        Some(problem) => Err(problem.into()),
        None => Ok(()),
    }
}

/// Whether what is there by now has what is looked for.
fn is_hit(client: &mut Client, wanted: &[Wanted], query: &str) -> Result<bool, Failure> {
    for wanted in wanted.iter().filter(|wanted| wanted.is_known()) {
        if page(client, &wanted.portal.name, query, 0)?.total > 0 {
            return Ok(true);
        }
    }
    Ok(false)
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
    let mut wanted = begin(client, portals, false)?;
    let now = wait(invocation, &wanted, false)?;
    take(&mut wanted, &now, false);
    Ok(wanted)
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

/// Asks AWS anew where that is wanted or nothing is known. Gives what is there by then.
fn begin(client: &mut Client, portals: Vec<PortalView>, anew: bool) -> Result<Vec<Wanted>, Failure> {
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
    Ok(wanted)
}

/// Waits for the lists that were asked for, or that are made for the first time. Gives all portals as they are then.
fn wait(invocation: &Invocation, wanted: &[Wanted], anew: bool) -> Result<Vec<PortalView>, Failure> {
    let is_meant = |portal: &PortalView| wanted.iter().any(|wanted| wanted.portal.id == portal.id);
    let is_running = |portal: &PortalView| portal.sync.running.is_some() && is_meant(portal);
    let now = match anew {
        true => listing::wait(invocation, is_running)?,
        // What there is of a list is given when AWS has answered nothing more for a minute; nothing is given sooner.
        false => listing::wait(invocation, |portal| {
            is_meant(portal) && portal.is_listed_first() && !is_stuck(portal)
        })?,
    };
    Ok(now)
}

/// Takes what is known now, and why that is not what was wanted.
fn take(wanted: &mut [Wanted], now: &[PortalView], anew: bool) {
    for wanted in wanted {
        let before = wanted.portal.sync.synced_at;
        if let Some(portal) = now.iter().find(|portal| portal.id == wanted.portal.id) {
            wanted.portal = portal.clone();
        }
        let sync = &wanted.portal.sync;
        let was_never_made = sync.synced_at.is_none() && sync.running.is_none();
        let is_missing = was_never_made || is_stuck(&wanted.portal) || (anew && sync.synced_at == before);
        wanted.problem = is_missing.then(|| wanted.why());
    }
}

/// Whether nothing is known of it, and AWS does not answer.
fn is_stuck(portal: &PortalView) -> bool {
    let is_empty = portal.sync.synced_at.is_none() && portal.accounts == 0;
    is_empty && portal.sync.trouble.is_some()
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

    /// Whether what its list does not have is not there. Of one that is signed out that is said in another way.
    fn is_whole(&self) -> bool {
        let portal = &self.portal;
        let sync = &portal.sync;
        (sync.synced_at.is_some() && sync.complete) || portal.state == PortalState::SignInNeeded
    }

    fn needs_first_list(&self) -> bool {
        let portal = &self.portal;
        let is_signed_out = portal.state == PortalState::SignInNeeded;
        portal.sync.synced_at.is_none() && portal.sync.running.is_none() && !is_signed_out
    }

    /// Why there is no list, or no new one.
    pub(super) fn why(&self) -> ProblemView {
        let portal = &self.portal;
        let problem = portal.list_problem().or(self.problem.as_ref()).cloned();
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
    printer.table(&rows)
}

/// Of a list that is not whole.
fn say_how_far_it_is(invocation: &Invocation, wanted: &Wanted) {
    let PortalView { name, sync, .. } = &wanted.portal;
    let note = match sync.running {
        Some(SyncProgress { done, total }) if sync.synced_at.is_none() => {
            format!("{name}: still being listed, {done} of {total} accounts; there may be more.")
        }
        _ if sync.complete || !wanted.is_known() => return,
        Some(_) | None => format!("{name}: only a part is known yet; try --sync."),
    };
    invocation.printer.note(&note);
}
