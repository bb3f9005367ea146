//! The window's connection to the agent: requests that it answers, and the snapshots that it sends.

use std::sync::Arc;
use std::time::Duration;

use portray_core::agent::client::{Client, ClientError};
use portray_core::agent::protocol::{AgentKind, Operation, Reply};
use portray_core::app::contract::{
    Answer, Mood, PortalState, PortalView, ProblemView, Request, SearchAnswer, SearchRequest, Snapshot,
};
use portray_core::clock::{Clock, SystemClock};
use portray_core::paths::Paths;
use tokio::sync::watch;

/// How long the window waits before it looks for the agent again.
const PAUSE: Duration = Duration::from_secs(1);

/// A handle to the agent of this home. Clones share the snapshots.
#[derive(Debug, Clone)]
pub struct Link {
    paths: Arc<Paths>,
    latest: watch::Sender<Option<Arc<Snapshot>>>,
}

impl Link {
    pub fn new(paths: Paths) -> Self {
        Self {
            paths: Arc::new(paths),
            latest: watch::Sender::new(None),
        }
    }

    /// The newest snapshot; waits for the first one, which also comes where there is no agent.
    pub async fn snapshot(&self) -> Arc<Snapshot> {
        let mut latest = self.latest.subscribe();
        let known = latest.wait_for(Option::is_some).await;
        let known = known.expect("the sender is ours and lives");
        Arc::clone(known.as_ref().expect("waited for one"))
    }

    /// Blocks until the agent has answered.
    pub fn ask(&self, request: Request) -> Result<Answer, ProblemView> {
        let Reply::Command { outcome } = self.exchange(&Operation::Command { request })? else {
            return Err(ClientError::Garbled.into_problem());
        };
        Ok(outcome)
    }

    /// Blocks until the agent has answered.
    pub fn search(&self, search: SearchRequest) -> Result<SearchAnswer, ProblemView> {
        let Reply::Search(answer) = self.exchange(&Operation::Search { search })? else {
            return Err(ClientError::Garbled.into_problem());
        };
        Ok(answer)
    }

    /// Passes every snapshot to `show`, for ever: where the agent goes away it says so in a snapshot of its own,
    /// and comes back to it when there is one again. `meet` learns who the agent is, and that there is none.
    pub async fn follow(
        &self,
        show: impl Fn(&Snapshot) + Clone + Send + 'static,
        meet: impl Fn(Option<AgentKind>) + Clone + Send + 'static,
    ) {
        let clock = SystemClock::new();
        loop {
            let link = self.clone();
            let (shown, met) = (show.clone(), meet.clone());
            let gone = tokio::task::spawn_blocking(move || link.follow_once(&shown, &met)).await;
            if let Ok(Err(error)) = gone {
                tracing::debug!("the agent is gone: {error}");
                meet(None);
                let known = self.latest.borrow().clone();
                self.publish(without_agent(known.as_deref(), error), &show);
            }
            clock.sleep(PAUSE).await;
        }
    }

    fn follow_once(
        &self,
        show: &impl Fn(&Snapshot),
        meet: &impl Fn(Option<AgentKind>),
    ) -> Result<(), ClientError> {
        let mut client = Client::connect(&self.paths)?;
        meet(Some(client.hello()?.kind));
        for reply in client.stream(&Operation::Subscribe)? {
            if let Reply::Snapshot(snapshot) = reply? {
                self.publish(*snapshot, show);
            }
        }
        Err(ClientError::Closed)
    }

    /// Revisions count from here on: those of an agent that was restarted begin anew, and a page that has seen a
    /// higher one would ignore them.
    fn publish(&self, mut snapshot: Snapshot, show: &impl Fn(&Snapshot)) {
        let before = self.latest.borrow().as_ref().map_or(0, |known| known.revision);
        snapshot.revision = before + 1;
        show(&snapshot);
        self.latest.send_replace(Some(Arc::new(snapshot)));
    }

    fn exchange(&self, operation: &Operation) -> Result<Reply, ProblemView> {
        Client::find(&self.paths)
            .and_then(|mut client| client.ask(operation))
            .map_err(ClientError::into_problem)
    }
}

/// What the window shows while there is no agent: what was known, marked as such.
fn without_agent(known: Option<&Snapshot>, error: ClientError) -> Snapshot {
    let ended = matches!(
        error,
        ClientError::NotRunning | ClientError::Closed | ClientError::Broken(_)
    );
    let problem = if ended {
        ProblemView::application_ended()
    } else {
        error.into_problem()
    };
    Snapshot {
        revision: 0,
        catalogue_revision: known.map_or(0, |known| known.catalogue_revision),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        headline: "Portray is not running".to_owned(),
        mood: Mood::Offline,
        portals: known.map(out_of_reach).unwrap_or_default(),
        credentials: Vec::new(),
        uses_revision: 0,
        questions: Vec::new(),
        problem: Some(problem),
    }
}

/// The portals as they were known; what the agent was busy with ended with it.
fn out_of_reach(known: &Snapshot) -> Vec<PortalView> {
    let mut portals = known.portals.clone();
    for portal in &mut portals {
        portal.state = PortalState::Offline;
        portal.sign_in = None;
        portal.sync.running = None;
    }
    portals
}

#[cfg(test)]
mod tests {
    use super::*;
    use portray_core::app::contract::ProblemCode;

    fn link() -> (Link, tempfile::TempDir) {
        let home = tempfile::tempdir().unwrap();
        let environment =
            portray_core::paths::Environment::of(&[("PORTRAY_HOME", home.path().to_str().unwrap())]);
        (Link::new(Paths::of(&environment).unwrap()), home)
    }

    fn calm(revision: u64) -> Snapshot {
        Snapshot {
            revision,
            catalogue_revision: 4,
            version: "1".to_owned(),
            headline: "Signed in".to_owned(),
            mood: Mood::Fresh,
            portals: Vec::new(),
            credentials: Vec::new(),
            uses_revision: 0,
            questions: Vec::new(),
            problem: None,
        }
    }

    #[test]
    fn without_an_agent_requests_say_so() {
        let (link, _home) = link();
        let problem = link.ask(Request::RenewNow).unwrap_err();
        assert_eq!(problem.code, ProblemCode::NoAgent);
    }

    #[test]
    fn an_agent_that_went_away_is_said_in_words_over_what_was_known() {
        let snapshot = without_agent(Some(&calm(9)), ClientError::Closed);
        assert_eq!((snapshot.mood, snapshot.catalogue_revision), (Mood::Offline, 4));
        assert_eq!(snapshot.problem.unwrap().code, ProblemCode::NoAgent);
    }

    #[tokio::test]
    async fn the_first_snapshot_comes_also_where_there_is_no_agent() {
        let (link, _home) = link();
        let following = link.clone();
        tokio::spawn(async move { following.follow(|_| (), |_| ()).await });
        let problem = link.snapshot().await.problem.clone();
        assert_eq!(problem.unwrap().code, ProblemCode::NoAgent);
    }

    #[tokio::test]
    async fn revisions_go_on_after_the_agent_was_restarted() {
        let (link, _home) = link();
        for revision in [41, 42, 1] {
            link.publish(calm(revision), &|_| ());
        }
        assert_eq!(link.snapshot().await.revision, 3);
    }
}
