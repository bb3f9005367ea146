//! Many clients at once at the agent's real socket, which the application answers in the same process.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use harness::Simulation;
use identity_center_emulator::{Operation, World};
use portray_core::agent::Client;
use portray_core::agent::protocol::{Asker, CredentialsReply, Operation as Ask, Reply, Target};
use portray_core::paths::Paths;

const CLIENTS: usize = 64;

/// What a debug build answers in a few seconds; `cargo xtask bench` lets each ask 10,000 times.
const REQUESTS: usize = 250;

/// Roles of the demo company's developer.
const ROLES: [(&str, &str); 4] = [
    ("111122223333", "ReadOnly"),
    ("111122223333", "Developer"),
    ("222233334444", "ReadOnly"),
    ("333344445555", "ReadOnly"),
];

/// The answers that one client got, without repetitions.
type Answers = BTreeMap<usize, Vec<[String; 3]>>;

/// Asks again and again, each time for the next role.
fn ask(paths: &Paths, first: usize) -> Result<Answers> {
    let mut client = Client::connect(paths)?;
    let mut answers = Answers::new();
    for number in first..first + REQUESTS {
        let role = number % ROLES.len();
        let (account, permission_set) = ROLES[role];
        let role_asked = Target::Role {
            portal: Some("acme".to_owned()),
            portal_region: None,
            account: account.to_owned(),
            permission_set: permission_set.to_owned(),
        };
        let reply = client.ask(&Ask::Credentials {
            role: role_asked,
            min_ttl_seconds: 0,
            asker: Asker::default(),
        })?;
        let Reply::Credentials(reply) = reply else {
            anyhow::bail!("no credentials: {reply:?}");
        };
        ensure!(reply.role.account == account && reply.role.permission_set == permission_set);
        let seen = answers.entry(role).or_default();
        let parts = parts(&reply);
        if !seen.contains(&parts) {
            seen.push(parts);
        }
    }
    Ok(answers)
}

fn parts(reply: &CredentialsReply) -> [String; 3] {
    let [secret, token] = [&reply.secret_access_key, &reply.session_token].map(|it| it.expose().to_owned());
    [reply.access_key_id.clone(), secret, token]
}

#[tokio::test]
async fn a1_sixty_four_clients_get_the_same_whole_credentials_without_an_error() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    let paths = day.serve()?;
    for (account, permission_set) in ROLES {
        day.credentials(account, permission_set).await?;
    }
    let clients = (0..CLIENTS).map(|number| {
        let paths = paths.clone();
        let client = tokio::task::spawn_blocking(move || ask(&paths, number));
        async { client.await? }
    });
    let answers = try_join_all(clients).await?;

    for role in 0..ROLES.len() {
        let first = &answers[0][&role];
        assert_eq!(
            first.len(),
            1,
            "one answer for a role whose credentials are fresh"
        );
        assert!(answers.iter().all(|answers| answers[&role] == *first));
    }
    let calls = day.emulator.counters().calls(Operation::GetRoleCredentials);
    assert_eq!(calls, ROLES.len() as u64);
    Ok(())
}
