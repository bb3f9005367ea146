//! Point 21: what the requests of the control interface may name.

use serde_json::json;

use crate::World;
use crate::testing::Client;

#[tokio::test]
async fn an_account_is_called_by_its_id_or_its_name() {
    let mut client = Client::new();
    let noor = client.emulator.world().user("noor").unwrap().clone();
    let is_assigned = |client: &Client| {
        client
            .emulator
            .world()
            .is_assigned(&noor, "111122223333", "ReadOnly")
    };
    let assignment = json!({ "user": "noor", "permission_set": "ReadOnly", "account": "acme-dev" });
    for (change, result) in [("add", true), ("remove", false)] {
        let reply = client
            .post("/_control/assignments", &json!({ change: assignment }))
            .await;
        assert_eq!(
            (reply.status.as_u16(), is_assigned(&client)),
            (200, result),
            "{}",
            reply.text
        );
    }
    let fault = json!({
        "operation": "GetRoleCredentials", "role": "acme-dev/ReadOnly", "status": 500, "times": 1,
    });
    assert_eq!(client.post("/_control/faults", &fault).await.status, 200);
    let token = client.access_token("amara").await;
    let keys = "/federation/credentials?account_id=111122223333&role_name=ReadOnly";
    assert_eq!(client.get_as(keys, &token).await.status, 500);
    let wanted = json!({ "user": "amara", "account": "acme-dev", "permission_set": "ReadOnly" });
    assert_eq!(client.post("/_control/credentials", &wanted).await.status, 200);
    let account = json!({ "account": "acme-dev" });
    assert_eq!(
        client.post("/_control/accounts/remove", &account).await.status,
        200
    );
    let world = client.emulator.world();
    assert!(!world.has_access(world.user("amara").unwrap(), "111122223333"));
}

#[tokio::test]
async fn a_name_that_several_accounts_have_is_refused() {
    let mut world = World::acme();
    world.accounts[1].name = world.accounts[0].name.clone();
    let name = world.accounts[0].name.clone();
    let mut client = Client::of(world);
    let reply = client
        .post("/_control/accounts/remove", &json!({ "account": name }))
        .await;
    assert_eq!(reply.status, 400);
    assert!(
        reply.member("error").contains("several accounts: use the id"),
        "{}",
        reply.text
    );
}

#[tokio::test]
async fn an_assignment_that_names_two_principals_or_more_than_there_is_changes_nothing() {
    let mut client = Client::new();
    let noor = client.emulator.world().user("noor").unwrap().clone();
    let named = json!({ "user": "noor", "permission_set": "ReadOnly", "account": "111122223333" });
    let with = |more: (&str, &str)| {
        let mut assignment = named.clone();
        assignment[more.0] = more.1.into();
        assignment
    };
    for (change, reason) in [
        (
            json!({ "add": with(("group", "auditors")) }),
            "either a user or a group",
        ),
        (
            json!({ "add": with(("accounts", "acme-dev")) }),
            "unknown field `accounts`",
        ),
        (
            json!({ "add": with(("account", "acme-devil")) }),
            "no account \"acme-devil\"",
        ),
        (json!({ "add": named, "remove": named }), "either add or remove"),
    ] {
        let reply = client.post("/_control/assignments", &change).await;
        assert_eq!(reply.status, 400, "{change}");
        assert!(reply.member("error").contains(reason), "{}", reply.text);
        assert!(
            !client
                .emulator
                .world()
                .is_assigned(&noor, "111122223333", "ReadOnly"),
            "{change}"
        );
    }
}
