//! What anybody on this machine may send to the container endpoint: credentials only for who knows the token.

use std::time::Duration;

use portray_core::agent::claim;
use portray_core::agent::container_endpoint::ContainerEndpoint;
use portray_core::agent::listener::Caller;
use portray_core::agent::protocol::{Asker, CredentialsReply, Reply, RequestLine, Target, WireSecret};
use portray_core::agent::socket::{Answering, Replies};
use portray_core::app::contract::Role;
use portray_core::secret::Secret;

use crate::bounds::bounded_async;
use crate::scene::{self, Hurried};

pub fn run(input: &[u8]) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let (_, paths) = scene::paths_in(home.path());
    bounded_async(input, async {
        let agent = claim(&paths).expect("nobody else is the agent here");
        let clock = std::sync::Arc::new(scene::clock());
        let agent = tokio::spawn(agent.serve_until(Generous, clock, std::future::pending()));
        let target = Target::Words {
            words: "111122223333/ReadOnly".to_owned(),
        };
        let endpoint = ContainerEndpoint::bind(
            paths.clone(),
            target,
            Asker::default(),
            Hurried::up_to(Duration::from_secs(1)),
        )
        .await;
        let endpoint = endpoint.expect("a port is free");
        let uri = url::Url::parse(&endpoint.uri()).expect("a URL");
        let port = uri.port().expect("it has a port");
        let token = endpoint.token().expose().clone();
        let serving = tokio::spawn(endpoint.serve());
        let (request, knows_token) = scene::filled_in(input, port, &token);
        let answer = scene::exchange(port, &request).await;
        assert!(!scene::contains(&answer, &token), "the token is not repeated");
        assert!(
            knows_token || !scene::contains(&answer, scene::CANARY),
            "credentials for somebody who does not know the token"
        );
        serving.abort();
        agent.abort();
    });
}

/// An agent that gives everybody credentials.
#[derive(Clone)]
struct Generous;

impl Answering for Generous {
    async fn answer(&self, _request: RequestLine, _caller: Caller, replies: Replies) {
        let secret = WireSecret::from(&Secret::from(scene::CANARY));
        let credentials = CredentialsReply {
            chain: None,
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: secret.clone(),
            session_token: secret,
            expires_at: scene::noon(),
            role: Role {
                portal: "p-acme".to_owned(),
                account: "111122223333".to_owned(),
                permission_set: "ReadOnly".to_owned(),
                chain: None,
            },
            portal_name: "acme".to_owned(),
            account_name: "acme-dev".to_owned(),
        };
        // The endpoint may have left.
        let _ = replies.send(Reply::Credentials(credentials)).await;
    }
}
