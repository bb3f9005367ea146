//! An agent for tests: a real socket, made-up answers.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::agent::claim::claim;
use crate::agent::client::{Client, ClientError};
use crate::agent::listener::Caller;
use crate::agent::protocol::{
    AgentHello, AgentKind, Asker, CredentialsReply, Operation, PreparedReply, Reply, RequestLine, Target,
    Terms, WireSecret,
};
use crate::agent::socket::{Answering, Replies};
use crate::app::contract::{ProblemCode, ProblemView, Role};
use crate::clock::SharedClock;
use crate::paths::{Environment, Paths, SecretStore};
use crate::secret::Secret;
use crate::stays::{Over, Stay};

/// Answers `hello`, `stop`, and `credentials` by the permission set's name: `Slow` waits to be let through,
/// a problem's code gives that problem, everything else credentials.
#[derive(Clone, Default)]
pub struct Double {
    /// How often somebody has left.
    pub departures: Arc<AtomicU64>,
    pub memory_store: bool,
    pub secret_store: Option<SecretStore>,
    /// Told when a slow answer has begun.
    pub begun: Arc<Notify>,
    /// Lets a slow answer go on.
    pub go_on: Arc<Notify>,
    pub stop: Arc<Notify>,
    /// Who asked for credentials, one after the other.
    pub askers: Arc<Mutex<Vec<Asker>>>,
}

impl Double {
    /// Serves until it is asked to stop.
    pub fn serve(&self, paths: &Paths, clock: &SharedClock) -> JoinHandle<()> {
        let claim = claim(paths).unwrap();
        let (double, clock) = (self.clone(), clock.clone());
        tokio::spawn(async move {
            let stop = double.stop.clone();
            claim
                .serve_until(double, clock, async move { stop.notified().await })
                .await
                .unwrap();
        })
    }
}

impl Answering for Double {
    async fn answer(&self, request: RequestLine, _caller: Caller, replies: Replies) {
        let reply = match request.operation {
            Operation::Hello { .. } => Reply::Hello(AgentHello {
                version: "0.0.1".to_owned(),
                pid: std::process::id(),
                kind: AgentKind::Headless,
                memory_store: self.memory_store,
                secret_store: self.secret_store,
            }),
            Operation::Credentials { role, asker, .. } => {
                let is_over = |terms: &Terms| terms.stay != self.stay();
                let over = asker.terms.as_ref().is_some_and(is_over);
                self.askers.lock().unwrap().push(asker);
                match over {
                    true => Reply::Revoked {
                        problem: ProblemView::launch_left(Over::SignedOut),
                    },
                    false => self.credentials(role).await,
                }
            }
            Operation::Subscribe => {
                replies.left().await;
                Reply::Done
            }
            Operation::Stop => {
                self.stop.notify_one();
                Reply::Done
            }
            Operation::Prepare { role, .. } => {
                let reply = self.credentials(role).await;
                let prepared = |given: &CredentialsReply| PreparedReply {
                    role: given.role.clone(),
                    portal_name: given.portal_name.clone(),
                    account_name: given.account_name.clone(),
                    stay: self.stay(),
                    definition: None,
                };
                if let Reply::Credentials(given) = &reply {
                    Reply::Prepared(prepared(given))
                } else {
                    reply
                }
            }
            Operation::Launch { .. } | Operation::Uses { .. } => {
                replies.left().await;
                Reply::Done
            }
            Operation::Granted
            | Operation::Status
            | Operation::StatusNow
            | Operation::Accounts { .. }
            | Operation::Search { .. }
            | Operation::Login { .. }
            | Operation::Logout { .. }
            | Operation::Console { .. }
            | Operation::Keep { .. }
            | Operation::MfaCode { .. }
            | Operation::Command { .. } => Reply::Done,
        };
        let _ = replies.send(reply).await;
    }
}

impl Double {
    /// Of whoever is signed in now.
    fn stay(&self) -> Stay {
        Stay::number(self.departures.load(Ordering::SeqCst))
    }

    async fn credentials(&self, role: Target) -> Reply {
        let Target::Role {
            account,
            permission_set,
            ..
        } = role
        else {
            panic!("tests name roles exactly");
        };
        if permission_set == "Slow" {
            self.begun.notify_one();
            self.go_on.notified().await;
        }
        if let Ok(code) = serde_json::from_value::<ProblemCode>(permission_set.clone().into()) {
            return Reply::problem(ProblemView {
                code,
                what_happened: "It failed.".to_owned(),
                what_to_do: "Do something.".to_owned(),
            });
        }
        Reply::Credentials(CredentialsReply {
            chain: None,
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: WireSecret::from(&Secret::from("secret/+=")),
            session_token: WireSecret::from(&Secret::from("token/+=")),
            expires_at: "2026-03-02T13:00:00Z".parse().unwrap(),
            role: Role {
                portal: "p".to_owned(),
                account,
                permission_set,
                chain: None,
            },
            portal_name: "acme".to_owned(),
            account_name: "acme-dev".to_owned(),
        })
    }
}

/// The paths of a home of its own.
pub fn paths_in(home: &Path) -> Paths {
    let home = home.to_str().unwrap();
    Paths::of(&Environment::of(&[("PORTRAY_HOME", home)])).unwrap()
}

pub fn role(permission_set: &str) -> Target {
    Target::Role {
        portal: Some("acme".to_owned()),
        portal_region: None,
        account: "111122223333".to_owned(),
        permission_set: permission_set.to_owned(),
    }
}

/// Asks over a connection of its own, off the runtime's threads.
pub async fn ask(paths: &Paths, operation: Operation) -> Result<Reply, ClientError> {
    let paths = paths.clone();
    tokio::task::spawn_blocking(move || Client::connect(&paths)?.ask(&operation))
        .await
        .unwrap()
}

pub fn credentials_of(permission_set: &str) -> Operation {
    Operation::Credentials {
        role: role(permission_set),
        min_ttl_seconds: 0,
        asker: Asker::default(),
    }
}

/// The terms of a launch that began before anybody has left.
pub fn terms() -> Terms {
    Terms {
        portal: "p".to_owned(),
        stay: Stay::number(0),
    }
}
