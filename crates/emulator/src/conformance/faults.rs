//! What scripted faults put on the wire, and requests that are too large: in the form of the service, or as a page.

use axum::http::Request;
use serde_json::{Value, json};

use super::assume_role::{ask, assume, deployer, element, given};
use crate::sts::signed;
use crate::testing::{Client, encode};
use crate::{Fault, Operation, Trouble};

#[tokio::test]
async fn a_scripted_status_has_the_form_of_its_service_or_is_a_page() {
    let mut client = Client::new();
    for (status, code) in [
        (500, "InternalFailure"),
        (503, "ServiceUnavailable"),
        (403, "AccessDenied"),
        (400, "ValidationError"),
    ] {
        client
            .emulator
            .add_fault(Fault::status(Operation::GetCallerIdentity, status).times(1));
        let reply = client.submit("/", &[("Action", "GetCallerIdentity")]).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.headers["content-type"], "text/xml");
        let id = reply.headers["x-amzn-requestid"].to_str().unwrap();
        for part in [
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">",
            &format!("<Code>{code}</Code>"),
            &format!("</Error><RequestId>{id}</RequestId>"),
        ] {
            assert!(reply.text.contains(part), "{part} is not in {}", reply.text);
        }
    }
    let throttled = Fault::trouble(Operation::GetCallerIdentity, Trouble::ThrottledRetryAfter);
    client.emulator.add_fault(throttled.times(1));
    let reply = client.submit("/", &[("Action", "GetCallerIdentity")]).await;
    assert!(reply.status == 400 && reply.text.contains("<Code>Throttling</Code>"));
    assert_eq!(reply.headers["retry-after"], "2");

    for (operation, path) in [
        (Operation::AccessPortal, "/start"),
        (Operation::VerifyDevice, "/device"),
        (Operation::ConsoleLogin, "/console"),
    ] {
        client.emulator.add_fault(Fault::status(operation, 500).times(1));
        let reply = client.get(path).await;
        assert_eq!(reply.status, 500);
        assert!(
            reply.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        assert!(reply.element("problem").contains("Try again"), "{}", reply.text);
    }
    let records = client.get("/_control/audit").await.json();
    let faults: Vec<(&Value, &Value)> = records["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| {
            (
                &record["errorCode"],
                &record["additionalEventData"]["injectedFault"],
            )
        })
        .take(2)
        .collect();
    let yes = &json!(true);
    assert_eq!(
        faults,
        [
            (&json!("InternalFailure"), yes),
            (&json!("ServiceUnavailable"), yes)
        ]
    );
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused_in_the_form_of_its_service() {
    let mut client = Client::new();
    let large = "x".repeat(3 * 1024 * 1024);
    for (path, has_type) in [("/client/register", true), ("/logout", true), ("/nowhere", false)] {
        let request = Request::post(path);
        let reply = client.send(request.body(large.clone().into()).unwrap()).await;
        assert_eq!(reply.status, 413, "{path}");
        assert_eq!(reply.headers["content-type"], "application/json");
        assert!(reply.headers.contains_key("x-amzn-requestid") && reply.headers.contains_key("date"));
        assert_eq!(!reply.exception().is_empty(), has_type, "{path}");
    }
}

#[tokio::test]
async fn a_person_who_sends_too_much_or_goes_astray_gets_a_page() {
    let mut client = Client::new();
    let large = "x".repeat(3 * 1024 * 1024);
    for path in [
        "/sign-in",
        "/device",
        "/authorize",
        "/start",
        "/console",
        "/oauth",
        "/nowhere",
    ] {
        let request = Request::post(path).header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
        let reply = client.send(request.body(large.clone().into()).unwrap()).await;
        assert_eq!(reply.status, 413, "{path}");
        assert_eq!(
            reply.headers["content-type"], "text/html; charset=utf-8",
            "{path}"
        );
        assert!(
            reply.element("problem").contains("larger than any form"),
            "{}",
            reply.text
        );
    }
    let request = Request::get("/nowhere").header("accept", "text/html");
    let reply = client.send(request.body("".into()).unwrap()).await;
    assert_eq!(reply.status, 404);
    assert!(
        reply.element("problem").contains("The address is not one"),
        "{}",
        reply.text
    );
    let reply = client.submit("/", &[("Action", &large)]).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.headers["content-type"]),
        (413, &"text/xml".parse().unwrap())
    );
}

#[tokio::test]
async fn content_of_sts_that_is_wrong_is_wrong_xml() {
    let mut client = Client::new();
    let call = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")];
    let sts = |trouble| Fault::trouble(Operation::GetCallerIdentity, trouble).times(1);
    client.emulator.add_fault(sts(Trouble::GarbageJson));
    let garbage = client.submit("/", &call).await;
    assert_eq!(
        (garbage.status.as_u16(), &garbage.headers["content-type"]),
        (200, &"text/xml".parse().unwrap())
    );
    assert!(
        garbage.text.starts_with("<GetCallerIdentityResponse ") && !garbage.text.contains("</"),
        "{}",
        garbage.text
    );

    client.emulator.add_fault(sts(Trouble::WrongTypes));
    let wrong = client.submit("/", &call).await;
    assert!(
        wrong.text.contains("<Code><seventeen>true</seventeen></Code>"),
        "{}",
        wrong.text
    );
    assert!(
        wrong.text.ends_with("</RequestId></ErrorResponse>"),
        "{}",
        wrong.text
    );

    client.emulator.add_fault(sts(Trouble::HugeBody));
    let huge = client.submit("/", &call).await;
    assert!(huge.text.len() > 64 * 1024 * 1024);
    assert!(huge.text.starts_with("<!--aaa") && huge.text.ends_with("</ErrorResponse>"));
}

#[tokio::test]
async fn a_made_up_answer_has_the_type_of_its_service_and_no_body_where_there_is_none() {
    let mut client = Client::new();
    for (operation, path, expected) in [
        (Operation::AccessPortal, "/start", "text/html; charset=utf-8"),
        (
            Operation::ListAccounts,
            "/assignment/accounts",
            "application/json",
        ),
        (
            Operation::GetCallerIdentity,
            "/?Action=GetCallerIdentity",
            "text/xml",
        ),
    ] {
        client
            .emulator
            .add_fault(Fault::status(operation, 200).with_body("text").times(1));
        let reply = client.get(path).await;
        assert_eq!(
            (reply.text.as_str(), &reply.headers["content-type"]),
            ("text", &expected.parse().unwrap())
        );
        client.emulator.add_fault(Fault::status(operation, 204).times(1));
        let reply = client.get(path).await;
        assert!(reply.status == 204 && reply.text.is_empty(), "{}", reply.text);
    }
}

#[tokio::test]
async fn credentials_of_assume_role_end_when_the_script_says() {
    for (trouble, in_xml, in_json) in [
        (Trouble::ExpirationPast, "2030-01-01T07:00:00Z", 1_893_481_200),
        (Trouble::ExpirationZero, "1970-01-01T00:00:00Z", 0),
        (Trouble::ExpirationNegative, "1969-12-31T23:59:59Z", -1),
        (Trouble::ExpirationSeconds, "1970-01-22T21:58:08Z", 1_893_488),
    ] {
        let mut client = Client::new();
        let source = deployer(&mut client).await;
        let fault = || Fault::trouble(Operation::AssumeRole, trouble).times(1);
        client.emulator.add_fault(fault());
        let reply = assume(&mut client, &source, &[]).await;
        assert_eq!(element(&reply, "Expiration"), in_xml, "{trouble:?}");
        // The keys themselves are the true ones.
        let keys = given(&reply);
        let who = ask(&mut client, &keys, &[("Action", "GetCallerIdentity")]).await;
        assert_eq!(who.status, 200);
        client.emulator.add_fault(fault());
        let answer = assume_in_json(&mut client, &source).await;
        let told = answer.pointer("/AssumeRoleResponse/AssumeRoleResult/Credentials/Expiration");
        assert_eq!(told, Some(&json!(in_json)), "{trouble:?}");
        let answer = assume_in_json(&mut client, &source).await;
        let told = answer.pointer("/AssumeRoleResponse/AssumeRoleResult/Credentials/Expiration");
        assert_eq!(told, Some(&json!(1_893_488_400)), "the true one");
    }
}

async fn assume_in_json(client: &mut Client, keys: &[String; 3]) -> Value {
    let fields = [
        ("Version", "2011-06-15"),
        ("Action", "AssumeRole"),
        ("RoleArn", super::assume_role::RELEASE_MANAGER),
        ("RoleSessionName", "amara"),
        ("ExternalId", "acme-releases"),
    ];
    let request = Request::post("/")
        .header("host", "127.0.0.1:8417")
        .header("accept", "application/json")
        .header("x-amz-date", "20300101T080000Z")
        .header("x-amz-security-token", &keys[2]);
    let request = signed(request.body(encode(&fields).into()).unwrap(), &keys[0], &keys[1]).await;
    client.send(request).await.json()
}

#[tokio::test]
async fn a_made_up_error_of_sts_is_json_for_those_who_accept_it() {
    let mut client = Client::new();
    let ask = async |client: &mut Client| {
        let request =
            Request::get("/?Action=AssumeRole&Version=2011-06-15").header("accept", "application/json");
        client.send(request.body("".into()).unwrap()).await
    };
    for (status, kind, code) in [
        (503, "Receiver", "ServiceUnavailable"),
        (403, "Sender", "AccessDenied"),
    ] {
        let fault = Fault::status(Operation::AssumeRole, status).times(1);
        client.emulator.add_fault(fault);
        let reply = ask(&mut client).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.headers["content-type"], "application/json");
        let error = &reply.json()["Error"];
        assert_eq!((&error["Code"], &error["Type"]), (&json!(code), &json!(kind)));
        assert_eq!(
            client.emulator.counters().injected(Operation::AssumeRole, code),
            1
        );
    }
    let garbage = Fault::trouble(Operation::AssumeRole, Trouble::GarbageJson).times(1);
    client.emulator.add_fault(garbage);
    let reply = ask(&mut client).await;
    assert_eq!(reply.headers["content-type"], "application/json");
    assert!(reply.text.starts_with("{\"AssumeRoleResponse\"") && !reply.text.ends_with('}'));
    let throttled = Fault::trouble(Operation::AssumeRole, Trouble::Throttled).times(1);
    client.emulator.add_fault(throttled);
    let reply = ask(&mut client).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["Error"]["Code"]),
        (400, &json!("Throttling"))
    );
}

#[tokio::test]
async fn an_answer_that_came_late_counts_as_disturbed_and_a_dropped_one_was_none() {
    let mut client = Client::new();
    let late = Fault {
        delay_ms: 1,
        ..Fault::on(Operation::ListAccounts)
    };
    client.emulator.add_fault(late.times(1));
    assert_eq!(client.get("/assignment/accounts").await.status, 401);
    let counters = client.emulator.counters();
    assert_eq!(counters.injected(Operation::ListAccounts, "Fault"), 1);
    assert_eq!(
        counters.errors(Operation::ListAccounts, "UnauthorizedException"),
        1
    );

    for fault in [
        Fault::drop(Operation::ListAccounts),
        Fault::drop(Operation::ListAccounts).after_processing(),
    ] {
        client.emulator.add_fault(fault.times(1));
        client.get("/assignment/accounts").await;
    }
    assert_eq!(
        client
            .emulator
            .counters()
            .injected(Operation::ListAccounts, "Fault"),
        3
    );
    let log = client.get("/_control/audit").await.json();
    let statuses = log["Records"].as_array().unwrap().iter().map(|record| {
        let data = &record["additionalEventData"];
        (
            data["httpStatus"].as_u64().unwrap(),
            data["injectedFault"].as_bool().unwrap(),
        )
    });
    assert_eq!(statuses.collect::<Vec<_>>(), [(401, true), (0, true), (0, true)]);
}

#[tokio::test]
async fn the_headers_of_a_script_are_those_that_come() {
    let mut client = Client::new();
    let fault = Fault::status(Operation::ListAccounts, 500)
        .with_header("X-Amzn-RequestId", "of-the-script")
        .with_header("Date", "Thu, 01 Jan 1970 00:00:00 GMT");
    client.emulator.add_fault(fault.times(1));
    let reply = client.get("/assignment/accounts").await;
    let all = |name: &str| reply.headers.get_all(name).iter().collect::<Vec<_>>();
    assert_eq!(all("x-amzn-requestid"), ["of-the-script"]);
    assert_eq!(all("date"), ["Thu, 01 Jan 1970 00:00:00 GMT"]);
}

#[tokio::test]
async fn a_fault_is_for_a_role_that_is_there() {
    let mut client = Client::new();
    for (operation, role, problem) in [
        (
            "GetRoleCredentials",
            "999999999999/ReadOnly",
            Some("no account \"999999999999\""),
        ),
        (
            "GetRoleCredentials",
            "111122223333/Nothing",
            Some("no permission_set \"Nothing\""),
        ),
        (
            "AccessPortal",
            "111122223333/Nothing",
            Some("no permission_set \"Nothing\""),
        ),
        (
            "AssumeRole",
            "111122223333/ReadOnly",
            Some("no role \"ReadOnly\""),
        ),
        ("GetRoleCredentials", "111122223333/ReadOnly", None),
        ("AssumeRole", "666677778888/ReleaseManager", None),
    ] {
        let fault = json!({ "operation": operation, "status": 500, "role": role });
        let reply = client.post("/_control/faults", &fault).await;
        match problem {
            Some(problem) => assert!(reply.member("error").ends_with(problem), "{role}: {}", reply.text),
            None => assert_eq!(reply.status, 200, "{role}: {}", reply.text),
        }
    }
}
