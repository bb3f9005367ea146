//! Point 21: the audit log, in CloudTrail's shape.

use serde_json::{Value, json};

use crate::testing::Client;

#[tokio::test]
async fn the_audit_log_has_the_shape_of_cloudtrail_and_no_secret() {
    let mut client = Client::new();
    let (registered, tokens) = client.signed_in("amara").await;
    let token = tokens["accessToken"].as_str().unwrap();
    client
        .get_as(
            "/federation/credentials?role_name=ReadOnly&account_id=111122223333",
            token,
        )
        .await;
    client
        .get_as(
            "/federation/credentials?role_name=Nothing&account_id=111122223333",
            token,
        )
        .await;
    let text = client.get("/_control/audit").await.text;
    for secret in [
        registered.secret.as_str(),
        token,
        tokens["refreshToken"].as_str().unwrap(),
    ] {
        assert!(!text.contains(secret));
    }
    let records: Value = serde_json::from_str(&text).unwrap();
    let [.., created, issued, refused] = records["Records"].as_array().unwrap().as_slice() else {
        panic!("{records}");
    };
    assert_eq!(
        created["requestParameters"]["clientSecret"],
        "HIDDEN_DUE_TO_SECURITY_REASONS"
    );
    assert_eq!(
        created["requestParameters"]["grantType"],
        crate::oidc::DEVICE_CODE
    );
    assert_eq!(issued["eventVersion"], "1.11");
    assert_eq!(issued["eventSource"], "sso.amazonaws.com");
    assert_eq!(issued["eventTime"], "2030-01-01T08:00:00Z");
    assert_eq!(issued["sourceIPAddress"], "127.0.0.1");
    assert_eq!(issued["eventType"], "AwsServiceEvent");
    assert_eq!(issued["requestParameters"], Value::Null);
    assert_eq!(issued["serviceEventDetails"]["role_name"], "ReadOnly");
    assert_eq!(issued["serviceEventDetails"]["account_id"], "111122223333");
    let identity = &issued["userIdentity"];
    assert_eq!(identity["type"], "IdentityCenterUser");
    assert_eq!(identity["credentialId"], created["userIdentity"]["credentialId"]);
    let store = identity["onBehalfOf"]["identityStoreArn"].as_str().unwrap();
    assert!(store.ends_with(":identitystore/d-9967123abc"), "{store}");
    assert_eq!(
        issued["additionalEventData"]["principalTags"]["CostCenter"],
        "4711"
    );
    assert_eq!(
        created["responseElements"],
        json!({
            "accessToken": "HIDDEN_DUE_TO_SECURITY_REASONS",
            "tokenType": "Bearer",
            "expiresIn": 3_600,
            "refreshToken": "HIDDEN_DUE_TO_SECURITY_REASONS",
            "idToken": null,
        })
    );
    assert_eq!(refused["errorCode"], "ForbiddenException");
    assert_eq!(refused["errorMessage"], "No access");
    assert_eq!(refused["additionalEventData"]["principalTags"], json!({}));
}

/// The records of sign-ins: name, credential, outcome.
async fn sign_ins(client: &mut Client) -> (Vec<[String; 3]>, Vec<Value>) {
    let audit = client.get("/_control/audit").await.json();
    let records: Vec<Value> = audit["Records"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["eventSource"] == "signin.amazonaws.com")
        .cloned()
        .collect();
    let told = records.iter().map(|record| {
        let name = record["eventName"].as_str().unwrap();
        [
            name.to_owned(),
            record["additionalEventData"]["CredentialType"]
                .as_str()
                .unwrap()
                .to_owned(),
            record["serviceEventDetails"][name].as_str().unwrap().to_owned(),
        ]
    });
    (told.collect(), records)
}

fn step(name: &str, credential: &str, outcome: &str) -> [String; 3] {
    [name, credential, outcome].map(str::to_owned)
}

#[tokio::test]
async fn a_sign_in_is_told_step_by_step_as_cloudtrail_does() {
    let mut client = Client::new();
    let page = client.submit("/sign-in", &[("username", "zoe")]).await;
    let workflow = page.hidden("workflow");
    let fields = |password| {
        [
            ("username", "zoe"),
            ("workflow", workflow.as_str()),
            ("password", password),
        ]
    };
    client.submit("/sign-in", &fields("wrong")).await;
    let page = client.submit("/sign-in", &fields("demo-zoe")).await;
    let challenge = page.hidden("challenge");
    for code in ["000000".to_owned(), client.emulator.mfa_code("zoe").unwrap()] {
        let fields = [("challenge", challenge.as_str()), ("code", &code)];
        client.submit("/sign-in/code", &fields).await;
    }
    let (told, records) = sign_ins(&mut client).await;
    assert_eq!(
        told,
        [
            step("CredentialChallenge", "PASSWORD", "Success"),
            step("CredentialVerification", "PASSWORD", "Failure"),
            step("CredentialVerification", "PASSWORD", "Success"),
            step("CredentialChallenge", "TOTP", "Success"),
            step("CredentialVerification", "TOTP", "Failure"),
            step("CredentialVerification", "TOTP", "Success"),
            step("UserAuthentication", "TOTP", "Success"),
        ]
    );
    for record in &records {
        assert_eq!(record["eventType"], "AwsServiceEvent");
        assert_eq!(record["errorCode"], Value::Null);
        assert_eq!(record["additionalEventData"]["AuthWorkflowID"], workflow.as_str());
        assert_eq!(record["additionalEventData"]["UserName"], "zoe");
        assert_eq!(record["userIdentity"]["type"], "IdentityCenterUser");
    }
    let last = records.last().unwrap();
    assert_eq!(
        last["additionalEventData"]["LoginTo"],
        "https://d-9967123abc.awsapps.com/start"
    );
    assert!(last["userIdentity"]["credentialId"].is_string());
    let mut ids: Vec<&str> = records
        .iter()
        .map(|record| record["eventID"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), records.len());
    let counters = client.emulator.counters();
    assert_eq!(counters.calls(crate::Operation::SignIn), 5);
    assert_eq!(counters.errors(crate::Operation::SignIn, "SignInFailed"), 2);
}

#[tokio::test]
async fn who_fails_to_sign_in_is_never_told_as_authenticated() {
    let mut client = Client::new();
    client.emulator.disable_user("ben").unwrap();
    for (user, password) in [("my-password", "x"), ("amara", "x"), ("ben", "demo-ben")] {
        let fields = [("username", user), ("password", password)];
        assert_eq!(client.submit("/sign-in", &fields).await.status, 401);
    }
    let (told, records) = sign_ins(&mut client).await;
    let failed = [
        step("CredentialChallenge", "PASSWORD", "Success"),
        step("CredentialVerification", "PASSWORD", "Failure"),
    ];
    assert_eq!(told, [&failed[..]; 3].concat());
    assert_eq!(records[0]["userIdentity"]["type"], "Unknown");
    assert!(
        !records
            .iter()
            .any(|record| record.to_string().contains("my-password"))
    );

    let mut world = crate::World::acme();
    world.identity_source = crate::IdentitySource::ExternalIdp {
        name: "Okta".to_owned(),
        session_duration: None,
    };
    let mut client = Client::of(world);
    for password in ["wrong", "demo-amara"] {
        client.submit("/sign-in", &[("username", "amara")]).await;
        let fields = [("username", "amara"), ("password", password)];
        client.submit("/sign-in", &fields).await;
    }
    let (told, _) = sign_ins(&mut client).await;
    assert_eq!(told, [step("UserAuthentication", "EXTERNAL_IDP", "Success")]);
}
