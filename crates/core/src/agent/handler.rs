//! Turns requests into questions to the application, and what it says into replies.

use crate::agent::hand_out::ConsoleWish;
use crate::agent::listener::Caller;
use crate::agent::pages::{account_line, at_most_a_page, by_account, page};
use crate::agent::protocol::{
    AccountsReply, AgentHello, AgentKind, Operation, Reply, RequestLine, StatusReply, Target, UnclearChain,
    WireSecret,
};
use crate::agent::socket::{Answering, Replies};
use crate::agent::targets::{self, Refusal, account_name};
use crate::app::chained::chain_view;
use crate::app::contract::{
    Answer, MfaCode, ProblemView, Request, Role, RoleRow, SearchRequest, SignInMethod,
};
use crate::app::state::NamedPortal;
use crate::app::{App, ConsoleRequest, SignInStart};
use crate::identity_center::PortalId;
use crate::paths::SecretStore;
use crate::uses::Observed;

/// What kind of agent this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    pub kind: AgentKind,
    pub secret_store: SecretStore,
}

/// Answers from the application.
#[derive(Clone)]
pub struct Handler {
    pub(super) app: App,
    host: Host,
    /// Of this process: asking the system for it would be a third of the calls that an answer takes.
    pub(super) pid: u32,
}

pub(super) type Outcome = Result<Reply, Refusal>;

impl Handler {
    pub fn new(app: App, host: Host) -> Self {
        Self {
            app,
            host,
            pid: std::process::id(),
        }
    }

    /// `noted` is what is to be written down of it once the answer is on its way.
    async fn reply(
        &self,
        operation: Operation,
        caller: &Caller,
        noted: &mut Option<Observed>,
        replies: &Replies,
    ) -> Outcome {
        match operation {
            Operation::Hello { version } => Ok(self.hello(&version)),
            Operation::Credentials {
                role,
                min_ttl_seconds,
                asker,
            } => {
                self.credentials(&role, min_ttl_seconds, asker, caller, noted)
                    .await
            }
            Operation::Granted => Err(ProblemView::unknown_request().into()),
            Operation::Prepare { role, door } => self.prepare(&role, door, caller, noted).await,
            Operation::Launch { launch, terms } => Ok(self.launch(launch, terms, replies).await),
            Operation::Uses { after, follow: false } => Ok(self.uses(after)),
            Operation::Uses { after, follow: true } => Ok(self.follow_uses(after, replies).await),
            Operation::Status => self.status(false).await,
            Operation::StatusNow => self.status(true).await,
            Operation::Accounts {
                portal,
                query,
                offset,
                limit,
            } => self.accounts(portal.as_deref(), query, offset, limit).await,
            Operation::Search { search } => Ok(Reply::Search(self.app.search(&at_most_a_page(search)))),
            Operation::Login {
                portal,
                device_code,
                open_browser,
                force,
            } => {
                let portal = self.portal(portal.as_deref()).await?;
                let method = match device_code {
                    true => SignInMethod::DeviceCode,
                    false => SignInMethod::Browser,
                };
                self.login(&portal, method, open_browser, force, replies).await
            }
            Operation::Logout { portal, all } => self.logout(portal.as_deref(), all).await,
            Operation::Console {
                role,
                destination,
                region,
                duration_seconds,
                via,
                open_browser,
                browser,
            } => {
                let request = ConsoleRequest {
                    role: self.role(&role).await?,
                    destination,
                    region,
                    duration_seconds,
                    via,
                };
                let wish = ConsoleWish {
                    request,
                    open_browser,
                    browser,
                };
                self.console(wish, caller, noted).await
            }
            Operation::Keep { role, on } => self.keep(&role, on).await,
            Operation::MfaCode { role, code } => self.mfa_code(&role, code).await,
            Operation::Command { request } => {
                let outcome = self.ask(request).await?;
                Ok(Reply::Command { outcome })
            }
            Operation::Subscribe => Ok(self.subscribe(replies).await),
            Operation::Stop => self.stop().await,
        }
    }

    async fn stop(&self) -> Outcome {
        self.ask(Request::Quit).await?;
        Ok(Reply::Done)
    }

    async fn mfa_code(&self, target: &Target, code: MfaCode) -> Outcome {
        let role = self.role(target).await?.into();
        self.ask(Request::GiveMfaCode { role, code }).await?;
        Ok(Reply::Done)
    }

    async fn keep(&self, target: &Target, on: bool) -> Outcome {
        let key = match self.role(target).await {
            Err(refusal) if !on => self.kept_chain(target).ok_or(refusal)?,
            named => named?,
        };
        let catalogue = self.app.catalogue();
        let account_name = account_name(&catalogue, &key).to_owned();
        let wants_code = chain_view(&catalogue, &key).is_some_and(|chain| chain.wants_code);
        let role = Role::from(key);
        let kept = role.clone();
        self.ask(Request::Keep { role: kept, on }).await?;
        Ok(Reply::Kept {
            role,
            account_name,
            wants_code,
        })
    }

    fn hello(&self, client: &str) -> Reply {
        tracing::debug!(client, "hello");
        Reply::Hello(AgentHello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: self.pid,
            kind: self.host.kind,
            memory_store: self.host.secret_store == SecretStore::Memory,
            secret_store: Some(self.host.secret_store),
        })
    }

    /// `now`: without waiting for anything.
    async fn status(&self, now: bool) -> Outcome {
        let (snapshot, left_behind) = match now {
            true => (self.app.snapshot_now().await?, self.app.left_behind_now()),
            false => {
                self.app.settings_of_now().await;
                (self.app.snapshot().await?, self.app.left_behind().await)
            }
        };
        let problems = self.app.settings_problems();
        let ambiguous = targets::ambiguous_chains(&self.app.catalogue());
        Ok(Reply::Status(Box::new(StatusReply {
            pid: self.pid,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            headline: snapshot.headline.clone(),
            portals: snapshot.portals.clone(),
            credentials: snapshot.credentials.clone(),
            missing_portals: problems.missing_portals(),
            problems: [problems.faults(), ambiguous, problems.unknown_keys].concat(),
            clock_problem: self.app.clock_problem(),
            left_behind,
        })))
    }

    async fn accounts(&self, portal: Option<&str>, query: String, offset: u32, limit: u32) -> Outcome {
        let portal = self.portal(portal).await?;
        let catalogue = self.app.catalogue();
        let listing = catalogue.listing(&PortalId(portal.id.clone()));
        let listing = listing.cloned().unwrap_or_default();
        let (total, accounts) = if query.trim().is_empty() {
            let id = PortalId(portal.id.clone());
            let lines = page(listing.accounts.iter(), offset, limit);
            let lines = lines.map(|listed| account_line(&catalogue, &id, listed));
            (listing.accounts.len(), lines.collect())
        } else {
            let id = PortalId(portal.id.clone());
            // What is assigned in these is not known yet; that they are is.
            let begun = catalogue.accounts_begun(&query, &id, &portal.name);
            let mut lines = by_account(self.every_row(&portal, query));
            let others = begun
                .into_iter()
                .map(|listed| account_line(&catalogue, &id, listed));
            let others: Vec<_> = others
                .filter(|other| lines.iter().all(|line| line.id != other.id))
                .collect();
            lines.extend(others);
            (lines.len(), page(lines.into_iter(), offset, limit).collect())
        };
        Ok(Reply::Accounts(AccountsReply {
            portal: portal.name,
            synced_at: listing.synced_at,
            complete: listing.complete,
            total: u32::try_from(total).unwrap_or(u32::MAX),
            accounts,
            unclear_chains: catalogue
                .ambiguous_chains_of(&PortalId(portal.id))
                .map(|chain| UnclearChain::from(&**chain))
                .collect(),
        }))
    }

    fn every_row(&self, portal: &NamedPortal, query: String) -> Vec<RoleRow> {
        let search = SearchRequest {
            query,
            portal: Some(portal.id.clone()),
            sorted_at: None,
            offset: 0,
            limit: u32::MAX,
        };
        self.app.search(&search).rows
    }

    async fn login(
        &self,
        portal: &NamedPortal,
        method: SignInMethod,
        open_browser: bool,
        force: bool,
        replies: &Replies,
    ) -> Outcome {
        let started = self.app.sign_in(&portal.id, method, open_browser, force).await;
        let started = match started? {
            SignInStart::AlreadySignedIn => return Ok(Reply::Done),
            SignInStart::Started(started) => started,
        };
        let begun = Reply::SignIn {
            url: WireSecret::from(&started.url),
            user_code: started.user_code,
            expires_at: started.expires_at,
            joined: started.joined,
            signed_out_of: started.signed_out_of,
        };
        // A client that has left does not end the sign-in: the person may be in the middle of it.
        let _ = replies.send(begun).await;
        match started.finished.await {
            Ok(Ok(())) => self.signed_in(portal).await,
            Ok(Err(problem)) => Err(problem.into()),
            Err(_) => Err(ProblemView::cancelled().into()),
        }
    }

    /// A person is done. What was saved in settings.toml meanwhile may have taken the portal away.
    async fn signed_in(&self, portal: &NamedPortal) -> Outcome {
        self.app.settings_of_now().await;
        let signed_in = (&portal.id, &portal.start_url, &portal.region);
        let is_it = |known: &NamedPortal| (&known.id, &known.start_url, &known.region) == signed_in;
        match self.portals().iter().any(is_it) {
            true => Ok(Reply::Done),
            false => Err(ProblemView::signed_in_to_what_is_gone(&portal.name).into()),
        }
    }

    async fn logout(&self, portal: Option<&str>, all: bool) -> Outcome {
        if all {
            self.app.settings_of_now().await;
        }
        let left_behind = self.app.left_behind().await;
        let portals = self.portals();
        let sign_out = |portal: NamedPortal| Request::SignOut { portal: portal.id };
        let requests = if all && !(portals.is_empty() && left_behind.is_empty()) {
            let others = Request::SignOutLeftBehind { name: None };
            portals.into_iter().map(sign_out).chain([others]).collect()
        } else {
            let is_left = |name: &&str| left_behind.iter().any(|left| left.is_called(name));
            match (self.portal(portal).await, portal.filter(is_left)) {
                (Ok(portal), _) => vec![sign_out(portal)],
                (Err(_), Some(name)) => vec![Request::SignOutLeftBehind {
                    name: Some(name.to_owned()),
                }],
                (Err(refusal), None) => return Err(refusal),
            }
        };
        every_one(requests, |request| self.ask(request)).await
    }

    /// Sends the state now and at every change, until the client leaves or the application ends.
    async fn subscribe(&self, replies: &Replies) -> Reply {
        let mut snapshots = self.app.snapshots();
        snapshots.mark_changed();
        loop {
            tokio::select! {
                () = replies.left() => return Reply::Done,
                changed = snapshots.changed() => if changed.is_err() { return Reply::Done },
            }
            let snapshot = (**snapshots.borrow_and_update()).clone();
            if replies.send(Reply::Snapshot(Box::new(snapshot))).await.is_err() {
                return Reply::Done;
            }
        }
    }

    async fn ask(&self, request: Request) -> Result<Answer, ProblemView> {
        self.app.ask(request).await
    }

    /// The portal that is meant, also where it was saved a moment ago.
    async fn portal(&self, named: Option<&str>) -> Result<NamedPortal, Refusal> {
        let known = self.known_portal(named);
        if known.is_ok() {
            return known;
        }
        self.app.settings_of_now().await;
        self.known_portal(named)
    }

    fn known_portal(&self, named: Option<&str>) -> Result<NamedPortal, Refusal> {
        let portals = self.portals();
        let missing = self.app.settings_problems().missing_portals();
        targets::portal_or_why(&portals, named, &missing).cloned()
    }

    pub(super) fn portals(&self) -> Vec<NamedPortal> {
        self.app.portals()
    }
}

impl Answering for Handler {
    async fn answer(&self, request: RequestLine, caller: Caller, replies: Replies) {
        tracing::debug!(pid = caller.pid, "request");
        let mut noted = None;
        let outcome = self.reply(request.operation, &caller, &mut noted, &replies).await;
        let reply = outcome.unwrap_or_else(Reply::from);
        // The client may have left; then nobody waits for this.
        let _ = replies.send(reply).await;
        if let Some(noted) = noted {
            self.write_down(noted, &caller);
        }
    }
}

/// Does it to all of them: one that fails keeps nobody signed in elsewhere. The last failure is the outcome.
async fn every_one<T, SigningOut>(all: Vec<T>, mut sign_out: impl FnMut(T) -> SigningOut) -> Outcome
where
    SigningOut: Future<Output = Result<Answer, ProblemView>>,
{
    let (mut outcome, mut said) = (Ok(()), Vec::new());
    for one in all {
        match sign_out(one).await {
            Ok(Answer::Said { words }) => said.push(words),
            Ok(_) => {}
            Err(problem) => outcome = Err(problem),
        }
    }
    outcome?;
    if said.is_empty() {
        return Ok(Reply::Done);
    }
    let words = said.join("\n");
    let outcome = Answer::Said { words };
    Ok(Reply::Command { outcome })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn signing_out_of_all_goes_on_where_one_fails() {
        let mut asked = Vec::new();
        let outcome = every_one(vec!["a", "b", "c"], |portal| {
            asked.push(portal);
            std::future::ready(match portal {
                "b" => Err(ProblemView::unknown_portal()),
                _ => Ok(Answer::Done),
            })
        });
        let refused = outcome.await.unwrap_err();
        assert_eq!(refused.problem, ProblemView::unknown_portal());
        assert_eq!(asked, ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn r8_what_is_to_be_said_of_each_sign_out_is_said() {
        let outcome = every_one(vec!["a", "b", "c"], |portal| {
            std::future::ready(Ok(match portal {
                "b" => Answer::Done,
                portal => Answer::Said {
                    words: format!("AWS does not know of {portal}."),
                },
            }))
        });
        let Ok(Reply::Command { outcome }) = outcome.await else {
            panic!("something is said");
        };
        let words = "AWS does not know of a.\nAWS does not know of c.".to_owned();
        assert_eq!(outcome, Answer::Said { words });
    }
}
