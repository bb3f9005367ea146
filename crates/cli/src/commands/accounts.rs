//! `portray accounts`

use jiff::Timestamp;
use portray_core::agent::Client;
use portray_core::agent::protocol::{
    AccountLine, AccountsReply, Operation, Reply, StatusReply, UnclearChain,
};
use portray_core::app::contract::{
    ChainView, PortalState, PortalView, ProblemCode, ProblemView, Request, SyncProgress,
};
use portray_core::app::profiles::wishes;
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
    /// For profiles.
    #[serde(skip)]
    pub unclear_chains: Vec<UnclearChain>,
}

/// A portal whose accounts are wanted.
pub(super) struct Wanted {
    pub portal: PortalView,
    /// Why its list is not there, or not as new as it was to be.
    problem: Option<ProblemView>,
}

pub fn run(invocation: &Invocation, arguments: &Accounts) -> Result<(), Failure> {
    let (mut client, status) = invocation.read(status_of)?;
    let query = arguments.query.join(" ");
    let query = query.trim();
    let portals = meant(status, arguments)?;
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
            invocation.printer.json(&listing)?;
            say_how_far_it_is(invocation, wanted);
            return Ok(());
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
        // What there is of a list is given as soon as AWS answers nothing more.
        false => listing::wait(invocation, |portal| {
            is_meant(portal) && portal.is_soon_listed_first()
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
        wishes::is_listed(&self.portal)
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
        wishes::why_unlisted(&self.portal, self.problem.as_ref())
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
                unclear_chains: page.unclear_chains,
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

/// Of a list that is not whole, or that AWS does not bring up to date.
fn say_how_far_it_is(invocation: &Invocation, wanted: &Wanted) {
    if let Some(note) = how_far_it_is(&wanted.portal, details::moment) {
        invocation.printer.note(&note);
    }
}

fn how_far_it_is(portal: &PortalView, in_words: impl Fn(Timestamp) -> String) -> Option<String> {
    let PortalView { name, sync, .. } = portal;
    let silence = portal
        .list_problem()
        .filter(|it| it.code == ProblemCode::Unreachable);
    let why = silence.map_or_else(String::new, |it| format!(" {}", it.what_happened));
    match (sync.running, sync.synced_at) {
        (Some(SyncProgress { done, total }), None) if portal.accounts > 0 => Some(format!(
            "{name}: still being listed, {done} of {total} accounts; there may be more.{why}"
        )),
        (None, None) if portal.accounts > 0 => {
            Some(format!("{name}: only a part is known yet; try --sync.{why}"))
        }
        (_, None) => None,
        (_, Some(_)) if !sync.complete => Some(format!("{name}: only a part is known yet; try --sync.{why}")),
        (_, Some(at)) => silence.map(|_| format!("{name}: this was listed at {}.{why}", in_words(at))),
    }
}

#[cfg(test)]
mod tests {
    use portray_core::app::contract::SyncView;

    use super::*;

    fn portal(accounts: u32, sync: SyncView) -> PortalView {
        PortalView {
            id: "p".to_owned(),
            name: "acme".to_owned(),
            start_url: "https://acme.awsapps.com/start".to_owned(),
            region: "eu-west-1".to_owned(),
            state: PortalState::SignedIn,
            access_token_expires_at: None,
            session_ends_at: None,
            session_end_is_estimate: true,
            accounts,
            permission_sets: 0,
            sync,
            sign_in: None,
            problem: None,
        }
    }

    fn silence() -> ProblemView {
        ProblemView {
            code: ProblemCode::Unreachable,
            what_happened: "AWS cannot be reached for acme.".to_owned(),
            what_to_do: String::new(),
        }
    }

    fn note(portal: &PortalView) -> Option<String> {
        how_far_it_is(portal, |at| at.strftime("%H:%M").to_string())
    }

    #[test]
    fn s2_of_a_list_that_aws_does_not_go_on_with_it_is_said_how_far_it_is_and_why() {
        let running = Some(SyncProgress { done: 3, total: 9 });
        let half = |trouble| SyncView {
            running,
            trouble,
            ..SyncView::default()
        };
        let so_far = "acme: still being listed, 3 of 9 accounts; there may be more.";
        assert_eq!(note(&portal(9, half(None))).unwrap(), so_far);
        let why = format!("{so_far} AWS cannot be reached for acme.");
        assert_eq!(note(&portal(9, half(Some(silence())))).unwrap(), why);
        assert_eq!(note(&portal(0, half(Some(silence())))), None, "said as a failure");
        let stopped = PortalView {
            problem: Some(silence()),
            ..portal(9, SyncView::default())
        };
        let part = "acme: only a part is known yet; try --sync. AWS cannot be reached for acme.";
        assert_eq!(note(&stopped).unwrap(), part);
    }

    #[test]
    fn s2_a_whole_list_says_how_old_it_is_where_aws_does_not_answer_and_else_nothing() {
        let whole = |trouble| SyncView {
            synced_at: Some("2026-03-02T11:00:00Z".parse().unwrap()),
            complete: true,
            running: None,
            trouble,
        };
        assert_eq!(note(&portal(9, whole(None))), None);
        let told = "acme: this was listed at 11:00. AWS cannot be reached for acme.";
        assert_eq!(note(&portal(9, whole(Some(silence())))).unwrap(), told);
        let offline = PortalView {
            problem: Some(silence()),
            ..portal(9, whole(None))
        };
        assert_eq!(note(&offline).unwrap(), told);
        let other = PortalView {
            problem: Some(ProblemView {
                code: ProblemCode::SignInNeeded,
                ..silence()
            }),
            ..portal(9, whole(None))
        };
        assert_eq!(note(&other), None);
    }
}
