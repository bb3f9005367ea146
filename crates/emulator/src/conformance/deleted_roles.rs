//! What is deleted and made again is another role: nothing brings old credentials back.

use serde_json::{Value, json};

use super::assume_role::{Keys, ask, assume, deployer, element, given, keys_of, refused};
use crate::testing::{Client, Reply};
use crate::{Keys as IssuedKeys, World};

const DEV: &str = "111122223333";
const PROD: &str = "666677778888";

async fn who(client: &mut Client, keys: &Keys) -> Reply {
    ask(client, keys, &[("Action", "GetCallerIdentity")]).await
}

async fn assert_is_refused(client: &mut Client, keys: &Keys) {
    let reply = who(client, keys).await;
    let (status, code, _) = refused(&reply);
    assert_eq!((status, code), (403, "InvalidClientTokenId"));
}

/// The unique identifier of the role, and its name.
async fn role_of(client: &mut Client, keys: &Keys) -> (String, String) {
    let reply = who(client, keys).await;
    let id = element(&reply, "UserId").split(':').next().unwrap().to_owned();
    let name = element(&reply, "Arn").split('/').nth(1).unwrap().to_owned();
    (id, name)
}

async fn tell(client: &mut Client, path: &str, body: &Value) {
    let reply = client.post(&format!("/_control/{path}"), body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn a_permission_set_that_is_made_again_has_another_role_and_old_keys_stay_refused() {
    let mut client = Client::new();
    let old = keys_of(&mut client, DEV, "Developer").await;
    let (old_id, old_name) = role_of(&mut client, &old).await;
    tell(
        &mut client,
        "permission-sets/delete",
        &json!({ "permission_set": "Developer" }),
    )
    .await;
    assert_is_refused(&mut client, &old).await;
    let again = "[[permission_set]]\nname = \"Developer\"\n[[assignment]]\nuser = \"amara\"\n\
                 permission_sets = [\"Developer\"]\naccounts = [\"acme-dev\"]\n";
    client.emulator.amend(again).unwrap();
    assert_is_refused(&mut client, &old).await;
    let new = keys_of(&mut client, DEV, "Developer").await;
    let (new_id, new_name) = role_of(&mut client, &new).await;
    assert!(new_id.starts_with("AROA") && new_id != old_id);
    assert!(new_name.starts_with("AWSReservedSSO_Developer_") && new_name != old_name);

    let more = "[[permission_set]]\nname = \"Developer\"\nsession_duration = \"2h\"\n";
    client.emulator.amend(more).unwrap();
    assert_eq!(
        role_of(&mut client, &new).await,
        (new_id, new_name),
        "changed, and not made again"
    );
}

#[tokio::test]
async fn a_role_goes_with_the_last_assignment_and_another_comes_with_the_next_one() {
    let mut client = Client::new();
    let role = |user: &str| json!({ "user": user, "permission_set": "Deployer", "account": "777788889999" });
    let old = keys_of(&mut client, "777788889999", "Deployer").await;
    let before = role_of(&mut client, &old).await;
    tell(&mut client, "assignments", &json!({ "add": role("ben") })).await;
    tell(&mut client, "assignments", &json!({ "remove": role("amara") })).await;
    assert_eq!(
        who(&mut client, &old).await.status,
        200,
        "somebody else has it still"
    );
    tell(&mut client, "assignments", &json!({ "remove": role("ben") })).await;
    assert_is_refused(&mut client, &old).await;
    tell(&mut client, "assignments", &json!({ "add": role("amara") })).await;
    assert_is_refused(&mut client, &old).await;
    let new = keys_of(&mut client, "777788889999", "Deployer").await;
    assert_ne!(role_of(&mut client, &new).await, before);
}

#[tokio::test]
async fn keys_that_are_handed_out_twice_are_not_those_of_a_role_before() {
    let mut world = World::acme();
    world.unsettled.role_credentials = IssuedKeys::Same;
    let mut client = Client::of(world);
    let role = json!({ "user": "amara", "permission_set": "Deployer", "account": "777788889999" });
    let old = keys_of(&mut client, "777788889999", "Deployer").await;
    assert_eq!(keys_of(&mut client, "777788889999", "Deployer").await, old);
    for change in ["remove", "add"] {
        tell(&mut client, "assignments", &json!({ change: role })).await;
    }
    let new = keys_of(&mut client, "777788889999", "Deployer").await;
    assert_ne!(new, old);
    assert_eq!(who(&mut client, &new).await.status, 200);
}

#[tokio::test]
async fn an_account_that_leaves_the_organization_keeps_its_roles() {
    let mut client = Client::new();
    let source = deployer(&mut client).await;
    let of_role = given(&assume(&mut client, &source, &[]).await);
    let of_set = keys_of(&mut client, PROD, "ReadOnly").await;
    tell(&mut client, "accounts/remove", &json!({ "account": PROD })).await;
    for keys in [&of_role, &of_set] {
        assert_eq!(who(&mut client, keys).await.status, 200);
    }
    given(&assume(&mut client, &source, &[]).await);
}
