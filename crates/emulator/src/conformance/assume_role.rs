//! Point 19: AssumeRole with role credentials.

use axum::http::Request;
use serde_json::{Value, json};

use super::audit_of_sts::tagged;
use crate::sts::signed;
use crate::testing::{Client, Reply, encode};
use crate::{Fault, Operation, World};

pub(super) const RELEASE_MANAGER: &str = "arn:aws:iam::666677778888:role/ReleaseManager";
pub(super) const DEVICE: &str = "arn:aws:iam::666677778888:mfa/release";

/// Access key id, secret and session token.
pub(super) type Keys = [String; 3];

pub(super) async fn keys_of(client: &mut Client, account: &str, permission_set: &str) -> Keys {
    let wanted = json!({ "user": "amara", "account": account, "permission_set": permission_set });
    let keys = client.post("/_control/credentials", &wanted).await.json();
    ["accessKeyId", "secretAccessKey", "sessionToken"].map(|name| keys[name].as_str().unwrap().to_owned())
}

pub(super) async fn deployer(client: &mut Client) -> Keys {
    keys_of(client, "444455556666", "Deployer").await
}

pub(super) async fn ask(client: &mut Client, keys: &Keys, fields: &[(&str, &str)]) -> Reply {
    let now = client.emulator.now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let request = Request::post("/")
        .header("host", "127.0.0.1:8417")
        .header("x-amz-date", now)
        .header("x-amz-security-token", &keys[2]);
    let body = format!("Version=2011-06-15&{}", encode(fields));
    let request = signed(request.body(body.into()).unwrap(), &keys[0], &keys[1]).await;
    client.send(request).await
}

/// Assumes the role of the acme world, with these parameters besides, or in place of, the usual ones.
pub(super) async fn assume(client: &mut Client, keys: &Keys, more: &[(&str, &str)]) -> Reply {
    let usual = [
        ("Action", "AssumeRole"),
        ("RoleArn", RELEASE_MANAGER),
        ("RoleSessionName", "amara"),
        ("ExternalId", "acme-releases"),
    ];
    let replaced = |name: &str| more.iter().any(|(other, _)| *other == name);
    let usual = usual.into_iter().filter(|(name, _)| !replaced(name));
    let more = more.iter().copied().filter(|(_, value)| !value.is_empty());
    let fields: Vec<_> = usual.chain(more).collect();
    ask(client, keys, &fields).await
}

pub(super) fn element<'a>(reply: &'a Reply, name: &str) -> &'a str {
    let (_, rest) = reply
        .text
        .split_once(&format!("<{name}>"))
        .unwrap_or_else(|| panic!("no {name} in {}", reply.text));
    rest.split('<').next().unwrap()
}

pub(super) fn given(reply: &Reply) -> Keys {
    assert_eq!(reply.status, 200, "{}", reply.text);
    ["AccessKeyId", "SecretAccessKey", "SessionToken"].map(|name| element(reply, name).to_owned())
}

/// Status, code and message of a refusal.
pub(super) fn refused(reply: &Reply) -> (u16, &str, &str) {
    (
        reply.status.as_u16(),
        element(reply, "Code"),
        element(reply, "Message"),
    )
}

#[tokio::test]
async fn conforms_19_a_role_is_assumed_by_whom_its_trust_policy_names() {
    let mut client = Client::new();
    let source = deployer(&mut client).await;
    let reply = assume(&mut client, &source, &[]).await;
    let keys = given(&reply);
    assert!(keys[0].starts_with("ASIA") && keys[2].len() >= 832);
    let arn = "arn:aws:sts::666677778888:assumed-role/ReleaseManager/amara";
    assert_eq!(element(&reply, "Arn"), arn);
    assert!(element(&reply, "AssumedRoleId").starts_with("AROA"));
    assert_eq!(element(&reply, "Expiration"), "2030-01-01T09:00:00Z");

    let who = ask(&mut client, &keys, &[("Action", "GetCallerIdentity")]).await;
    assert_eq!(
        (element(&who, "Arn"), element(&who, "Account")),
        (arn, "666677778888")
    );
    assert_eq!(element(&who, "UserId"), element(&reply, "AssumedRoleId"));

    let session = json!({ "sessionId": keys[0], "sessionKey": keys[1], "sessionToken": keys[2] }).to_string();
    for (duration, status) in [(None, 200), (Some("3600"), 400)] {
        let mut query = vec![("Action", "getSigninToken"), ("Session", session.as_str())];
        query.extend(duration.map(|seconds| ("SessionDuration", seconds)));
        let reply = client.get(&format!("/federation?{}", encode(&query))).await;
        assert_eq!(
            reply.status, status,
            "a chained session's console has the length of its credentials"
        );
    }
    client.advance(3_600);
    let late = ask(&mut client, &keys, &[("Action", "GetCallerIdentity")]).await;
    assert_eq!(refused(&late).1, "ExpiredToken");
}

#[tokio::test]
async fn conforms_19_nobody_else_may_assume_it_and_aws_does_not_say_why() {
    let mut client = Client::new();
    let source = deployer(&mut client).await;
    let other = keys_of(&mut client, "444455556666", "ReadOnly").await;
    let elsewhere = keys_of(&mut client, "777788889999", "Deployer").await;
    let denied = |reply: &Reply, action: &str| {
        let (status, code, message) = refused(reply);
        assert_eq!((status, code), (403, "AccessDenied"));
        assert!(message.starts_with("User: arn:aws:sts::"), "{message}");
        assert!(message.contains(&format!(
            "is not authorized to perform: sts:{action} on resource: arn:aws:iam"
        )));
    };
    for keys in [&other, &elsewhere] {
        denied(&assume(&mut client, keys, &[]).await, "AssumeRole");
    }
    for more in [
        ("ExternalId", ""),
        ("ExternalId", "acme-Releases"),
        ("RoleArn", "arn:aws:iam::666677778888:role/NotThere"),
    ] {
        denied(&assume(&mut client, &source, &[more]).await, "AssumeRole");
    }
    let identity = assume(&mut client, &source, &[("SourceIdentity", "amara")]).await;
    denied(&identity, "SetSourceIdentity");
    let reader = [
        ("RoleArn", "arn:aws:iam::999900001111:role/LogReader"),
        ("ExternalId", "any"),
    ];
    let developer = keys_of(&mut client, "111122223333", "Developer").await;
    given(&assume(&mut client, &developer, &reader).await);
    assert_eq!(client.emulator.counters().calls(Operation::AssumeRole), 7);
    assert_eq!(
        client
            .emulator
            .counters()
            .errors(Operation::AssumeRole, "AccessDenied"),
        6
    );
}

#[tokio::test]
async fn conforms_19_what_the_model_of_sts_does_not_allow_is_a_validation_error() {
    let mut client = Client::new();
    let source = deployer(&mut client).await;
    let long = "x".repeat(65);
    let tag = |number: usize, key: &'static str| (format!("Tags.member.{number}.Key"), key);
    let rows: Vec<(Vec<(String, &str)>, &str)> = vec![
        (
            vec![("RoleSessionName".into(), "")],
            "Value null at 'roleSessionName'",
        ),
        (vec![("RoleSessionName".into(), "a")], "length greater than"),
        (
            vec![("RoleSessionName".into(), long.as_str())],
            "length less than or equal to 64",
        ),
        (
            vec![("RoleSessionName".into(), "a b")],
            "regular expression pattern: [\\w+=,.@-]*",
        ),
        (
            vec![("ExternalId".into(), "x")],
            "'externalId' failed to satisfy constraint",
        ),
        (
            vec![("ExternalId".into(), "a b")],
            "'externalId' failed to satisfy constraint",
        ),
        (vec![("RoleArn".into(), "arn:aws:iam::1:role/")], "regular"),
        (
            vec![("RoleArn".into(), "arn:aws:s3:::bucket/of/somebody")],
            "is invalid",
        ),
        (
            vec![("DurationSeconds".into(), "899")],
            "greater than or equal to 900",
        ),
        (
            vec![("DurationSeconds".into(), "43201")],
            "less than or equal to 43200",
        ),
        (vec![("DurationSeconds".into(), "x")], "is no number"),
        (
            vec![("DurationSeconds".into(), "3601")],
            "1 hour session limit for roles assumed by role chaining",
        ),
        (
            vec![("TokenCode".into(), "12345x")],
            "'tokenCode' failed to satisfy constraint",
        ),
        (vec![tag(1, "Team"), tag(2, "TEAM")], "Duplicate tag keys found"),
        (vec![tag(1, "aws:x")], "reserved for system use"),
        (
            vec![tag(1, "a<b")],
            "'tags.1.member.key' failed to satisfy constraint",
        ),
        (
            vec![tag(1, "Team"), ("TransitiveTagKeys.member.1".into(), "Cost")],
            "must be included in the requested tags",
        ),
    ];
    for (more, expected) in rows {
        let more: Vec<_> = more.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let reply = assume(&mut client, &source, &more).await;
        if expected == "regular" {
            assert_eq!(refused(&reply).1, "AccessDenied", "there is no such account");
            continue;
        }
        let (status, code, message) = refused(&reply);
        assert_eq!((status, code), (400, "ValidationError"), "{more:?}");
        let message = message.replace("&#39;", "'").replace("&lt;", "<");
        assert!(message.contains(expected), "{message:?} lacks {expected:?}");
    }
}

#[tokio::test]
async fn conforms_19_tags_have_only_so_much_room() {
    let mut client = Client::new();
    let source = deployer(&mut client).await;
    let value = "v".repeat(256);
    let keys: Vec<String> = (1..=20)
        .map(|number| format!("Tags.member.{number}.Key"))
        .collect();
    let values: Vec<String> = (1..=20)
        .map(|number| format!("Tags.member.{number}.Value"))
        .collect();
    let mut more: Vec<(&str, &str)> = Vec::new();
    for (number, key) in keys.iter().enumerate() {
        more.push((key, &keys[number]));
        more.push((&values[number], &value));
    }
    assert_eq!(
        refused(&assume(&mut client, &source, &more).await).1,
        "PackedPolicyTooLarge"
    );
}

#[tokio::test]
async fn conforms_19_transitive_tags_go_on_to_the_next_role_and_stay_as_they_are() {
    let (mut client, first) = tagged().await;
    assert_eq!(element(&first, "PackedPolicySize"), "0");
    let first = given(&first);
    let next = ("RoleArn", "arn:aws:iam::999911112222:role/Next");
    for (key, code) in [("Cost", None), ("team", Some("ValidationError"))] {
        let more = [next, ("Tags.member.1.Key", key), ("Tags.member.1.Value", "red")];
        let reply = assume(&mut client, &first, &more).await;
        match code {
            None => drop(given(&reply)),
            Some(code) => assert_eq!(refused(&reply).1, code),
        }
    }
}

#[tokio::test]
async fn conforms_19_a_code_of_an_mfa_device_is_for_users_and_with_the_switch_for_role_sessions_once() {
    let mut world = World::acme();
    let role = format!(
        "[[role]]\naccount = \"acme-prod\"\nname = \"Break\"\ntrust = [\"acme-staging\"]\n\
         mfa = {{ serial = \"{DEVICE}\", totp = \"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\" }}\n"
    );
    world.amend(&role).unwrap();
    let mut client = Client::of(world);
    let source = deployer(&mut client).await;
    let role = ("RoleArn", "arn:aws:iam::666677778888:role/Break");
    let code = async |client: &mut Client| {
        let reply = client.get(&format!("/_control/mfa-code?serial={DEVICE}")).await;
        reply.json()["code"].as_str().unwrap().to_owned()
    };
    let with = |code: &str| {
        [role, ("SerialNumber", DEVICE), ("TokenCode", code)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let try_with = async |client: &mut Client, code: &str| {
        let more = with(code);
        let more: Vec<_> = more
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let reply = assume(client, &source, &more).await;
        match reply.status.as_u16() {
            200 => None,
            _ => Some((
                element(&reply, "Code").to_owned(),
                element(&reply, "Message").to_owned(),
            )),
        }
    };
    let shown = code(&mut client).await;
    let (name, why) = try_with(&mut client, &shown).await.unwrap();
    assert!(
        name == "AccessDenied" && why.contains("unable to validate MFA code"),
        "{why}"
    );

    client
        .emulator
        .amend("[unsettled]\nmfa_of_role_sessions = true\n")
        .unwrap();
    assert_eq!(
        refused(&assume(&mut client, &source, &[role]).await).1,
        "AccessDenied"
    );
    let alone = [role, ("SerialNumber", DEVICE)];
    assert!(
        refused(&assume(&mut client, &source, &alone).await)
            .2
            .contains("must provide both")
    );
    assert!(
        try_with(&mut client, "000000")
            .await
            .unwrap()
            .1
            .contains("invalid MFA one time pass code")
    );
    assert_eq!(try_with(&mut client, &shown).await, None);
    assert!(try_with(&mut client, &shown).await.is_some(), "a code works once");
    client.advance(60);
    let next = code(&mut client).await;
    assert_eq!(try_with(&mut client, &next).await, None);
}

#[tokio::test]
async fn conforms_19_a_chain_is_in_the_log_of_both_accounts_without_secrets_and_can_be_disturbed() {
    let mut client = Client::new();
    let source = deployer(&mut client).await;
    let more = [
        ("DurationSeconds", "900"),
        ("Tags.member.1.Key", "Team"),
        ("Tags.member.1.Value", "blue"),
    ];
    let keys = given(&assume(&mut client, &source, &more).await);
    let log = client.get("/_control/audit").await;
    assert!(!log.text.contains(&keys[1]) && !log.text.contains(&keys[2]));
    let records: Vec<Value> = log.json()["Records"].as_array().unwrap().clone();
    let of_role: Vec<&Value> = records
        .iter()
        .filter(|one| one["eventName"] == "AssumeRole")
        .collect();
    let [caller, role] = of_role.as_slice() else {
        panic!("{of_role:?}");
    };
    assert_eq!(caller["sharedEventID"], role["sharedEventID"]);
    assert_eq!(
        (
            caller["recipientAccountId"].as_str(),
            role["recipientAccountId"].as_str()
        ),
        (Some("444455556666"), Some("666677778888"))
    );
    assert_eq!(
        (&caller["userIdentity"]["type"], &role["userIdentity"]["type"]),
        (&json!("AssumedRole"), &json!("AWSAccount"))
    );
    assert_eq!(caller["eventSource"], "sts.amazonaws.com");
    assert_eq!(caller["requestParameters"]["roleArn"], RELEASE_MANAGER);
    assert_eq!(
        caller["requestParameters"]["tags"],
        json!([{ "key": "Team", "value": "blue" }])
    );
    assert_eq!(caller["resources"][0]["ARN"], RELEASE_MANAGER);
    assert_eq!(
        caller["responseElements"]["credentials"]["accessKeyId"],
        keys[0].as_str()
    );

    client
        .emulator
        .add_fault(Fault::status(Operation::AssumeRole, 503).times(1));
    let disturbed = assume(&mut client, &source, &[]).await;
    assert_eq!(
        refused(&disturbed),
        (503, "ServiceUnavailable", "The service is unavailable")
    );
    given(&assume(&mut client, &source, &[]).await);
}
