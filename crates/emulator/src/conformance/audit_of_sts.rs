//! Point 21: what CloudTrail tells of calls that role credentials sign: tags, MFA, and who was refused.

use serde_json::{Value, json};

use super::assume_role::{DEVICE, Keys, ask, assume, deployer, given};
use crate::World;
use crate::testing::{Client, Reply, encode};

const NEXT: &str = "arn:aws:iam::999911112222:role/Next";
const BREAK: &str = "arn:aws:iam::666677778888:role/Break";

/// The latest records of an event, as many as there are of its last call.
async fn records_of(client: &mut Client, event: &str) -> Vec<Value> {
    let log = client.get("/_control/audit").await.json();
    let records = log["Records"].as_array().unwrap();
    let last = records
        .iter()
        .rfind(|record| record["eventName"] == event)
        .unwrap();
    let same = records
        .iter()
        .filter(|record| record["requestID"] == last["requestID"]);
    same.cloned().collect()
}

async fn refused_signin_token(client: &mut Client, session: &Value, more: &[(&str, &str)]) -> Value {
    let session = session.to_string();
    let fields = [
        &[("Action", "getSigninToken"), ("Session", session.as_str())],
        more,
    ]
    .concat();
    let reply = client.get(&format!("/federation?{}", encode(&fields))).await;
    assert_eq!(reply.status, 400, "{}", reply.text);
    let records = records_of(client, "GetSigninToken").await;
    assert_eq!(records[0]["responseElements"]["GetSigninToken"], "Failure");
    records[0]["userIdentity"].clone()
}

fn session_of(keys: &Keys) -> Value {
    json!({ "sessionId": keys[0], "sessionKey": keys[1], "sessionToken": keys[2] })
}

/// A first role with two tags, of which one is transitive, in a world where it may assume the role `Next`.
pub(super) async fn tagged() -> (Client, Reply) {
    let mut world = World::acme();
    let next =
        "[[role]]\naccount = \"acme-audit\"\nname = \"Next\"\ntrust = [\"arn:aws:iam::*:role/Release*\"]\n";
    world.amend(next).unwrap();
    let mut client = Client::of(world);
    let source = deployer(&mut client).await;
    let tags = [
        ("Tags.member.1.Key", "Team"),
        ("Tags.member.1.Value", "blue"),
        ("Tags.member.2.Key", "Cost"),
        ("Tags.member.2.Value", "1"),
        ("TransitiveTagKeys.member.1", "Team"),
    ];
    let first = assume(&mut client, &source, &tags).await;
    (client, first)
}

#[tokio::test]
async fn tags_that_came_with_the_callers_session_are_told_apart_from_those_of_the_call() {
    let (mut client, first) = tagged().await;
    let first = given(&first);
    let [of_caller, of_role] = <[Value; 2]>::try_from(records_of(&mut client, "AssumeRole").await).unwrap();
    for record in [&of_caller, &of_role] {
        assert_eq!(record["requestParameters"]["incomingTransitiveTags"], Value::Null);
        // Attributes for access control, from the user.
        assert_eq!(
            record["additionalEventData"]["principalTags"]["CostCenter"],
            "4711"
        );
    }
    let more = [
        ("RoleArn", NEXT),
        ("Tags.member.1.Key", "Cost"),
        ("Tags.member.1.Value", "2"),
    ];
    let second = given(&assume(&mut client, &first, &more).await);
    let records = records_of(&mut client, "AssumeRole").await;
    let asked = &records[0]["requestParameters"];
    assert_eq!(asked["incomingTransitiveTags"], json!({ "Team": "blue" }));
    assert_eq!(asked["tags"], json!([{ "key": "Cost", "value": "2" }]));
    assert_eq!(
        records[0]["additionalEventData"]["principalTags"],
        json!({ "Team": "blue", "Cost": "1" })
    );

    ask(&mut client, &second, &[("Action", "GetCallerIdentity")]).await;
    let records = records_of(&mut client, "GetCallerIdentity").await;
    assert_eq!(
        records[0]["additionalEventData"]["principalTags"],
        json!({ "Team": "blue", "Cost": "2" })
    );
}

#[tokio::test]
async fn a_session_for_which_a_code_was_given_is_told_as_authenticated_with_mfa() {
    let mut world = World::acme();
    let roles = format!(
        "[unsettled]\nmfa_of_role_sessions = true\n\
         [[role]]\naccount = \"acme-prod\"\nname = \"Break\"\ntrust = [\"acme-staging\"]\n\
         mfa = {{ serial = \"{DEVICE}\", totp = \"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\" }}\n\
         [[role]]\naccount = \"acme-audit\"\nname = \"Next\"\ntrust = [\"acme-prod\"]\n"
    );
    world.amend(&roles).unwrap();
    let mut client = Client::of(world);
    let source = deployer(&mut client).await;
    let code = client.emulator.device_code(DEVICE).unwrap();
    let more = [
        ("RoleArn", BREAK),
        ("SerialNumber", DEVICE),
        ("TokenCode", code.as_str()),
    ];
    let with_mfa = given(&assume(&mut client, &source, &more).await);
    let chained = given(&assume(&mut client, &with_mfa, &[("RoleArn", NEXT)]).await);
    for (keys, expected) in [(&source, "false"), (&with_mfa, "true"), (&chained, "false")] {
        ask(&mut client, keys, &[("Action", "GetCallerIdentity")]).await;
        let records = records_of(&mut client, "GetCallerIdentity").await;
        let attributes = &records[0]["userIdentity"]["sessionContext"]["attributes"];
        assert_eq!(attributes["mfaAuthenticated"], expected);
    }
}

#[tokio::test]
async fn a_refused_sign_in_token_has_the_role_whose_keys_came_and_nobody_where_they_were_forged() {
    let mut client = Client::new();
    let source = deployer(&mut client).await;
    let chained = given(&assume(&mut client, &source, &[]).await);
    let duration = [("SessionDuration", "3600")];
    let identity = refused_signin_token(&mut client, &session_of(&chained), &duration).await;
    assert_eq!(
        identity["arn"],
        "arn:aws:sts::666677778888:assumed-role/ReleaseManager/amara"
    );

    let forged = json!({ "sessionId": chained[0], "sessionKey": "forged", "sessionToken": chained[2] });
    let identity = refused_signin_token(&mut client, &forged, &[]).await;
    assert_eq!(identity["type"], "Unknown");

    client.advance(12 * 3_600);
    let identity = refused_signin_token(&mut client, &session_of(&source), &[]).await;
    assert_eq!(
        (&identity["type"], &identity["accountId"]),
        (&json!("AssumedRole"), &json!("444455556666"))
    );
}
