//! Whose forms the pages take, what a form has to say, and that its body has to come whole.

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::testing::{Client, Reply, encode};
use crate::{Fault, Operation, Trouble};

const OWN: &str = "http://127.0.0.1:8417";
const FORMS: [&str; 6] = [
    "/sign-in",
    "/sign-in/code",
    "/device",
    "/authorize",
    "/start/sign-out",
    "/sessions/v1/opt-in",
];

async fn submit(client: &mut Client, path: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Reply {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request.body(Body::from(encode(form))).unwrap()).await
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_and_does_nothing() {
    let mut client = Client::new();
    client.sign_in("amara").await;
    let registered = client.register_for_device().await;
    let started = client.start_device(&registered).await;
    let code = started.member("userCode");
    let form = [
        ("user_code", &*code),
        ("decision", "allow"),
        ("username", "amara"),
    ];
    let foreign: [&[(&str, &str)]; 8] = [
        &[("origin", "http://127.0.0.1:9999")],
        &[("origin", "http://localhost:8417")],
        &[("origin", "https://127.0.0.1:8417")],
        &[("origin", "null")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", OWN)],
        &[
            ("sec-fetch-site", "same-origin"),
            ("origin", "http://127.0.0.1:9999"),
        ],
        // A name of its own that leads here.
        &[
            ("host", "evil.example:8417"),
            ("origin", "http://evil.example:8417"),
        ],
    ];
    for headers in foreign {
        for path in FORMS {
            let refused = submit(&mut client, path, headers, &form).await;
            assert_eq!(refused.status, 403, "{path} {headers:?}");
            let words = refused.element("problem");
            assert!(
                words.contains("not sent by a page of this Identity Center"),
                "{words}"
            );
            assert!(!refused.headers.contains_key("set-cookie"));
        }
    }
    assert!(
        client.get("/start").await.text.contains("Amara"),
        "nobody signed her out"
    );
    let pending = client.poll(&registered, &started.member("deviceCode")).await;
    assert_eq!(pending.exception(), "AuthorizationPendingException");
}

#[tokio::test]
async fn a_form_of_our_own_pages_and_of_programs_is_taken() {
    let own: [&[(&str, &str)]; 5] = [
        &[],
        &[("origin", OWN), ("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
        &[("host", "localhost:9000"), ("origin", "http://localhost:9000")],
        &[("host", "[::1]:9000"), ("origin", "http://[::1]:9000")],
    ];
    for headers in own {
        let mut client = Client::new();
        let form = [("username", "amara"), ("password", "demo-amara")];
        let reply = submit(&mut client, "/sign-in", headers, &form).await;
        assert_eq!(reply.status, 303, "{headers:?}: {}", reply.text);
    }
}

#[tokio::test]
async fn a_form_that_decides_nothing_is_no_denial() {
    let mut client = Client::new();
    client.sign_in("amara").await;
    let registered = client.register_for_device().await;
    let started = client.start_device(&registered).await;
    let code = started.member("userCode");
    for decision in [None, Some(("decision", "")), Some(("decision", "ALLOW"))] {
        let form: Vec<_> = [("user_code", code.as_str())]
            .into_iter()
            .chain(decision)
            .collect();
        let reply = client.submit("/device", &form).await;
        assert_eq!(reply.status, 400, "{decision:?}");
        assert!(reply.element("problem").contains("neither to allow nor to deny"));
    }
    let form = [("user_code", code.as_str()), ("decision", "allow")];
    assert_eq!(client.submit("/device", &form).await.status, 200);
    let tokens = client.poll(&registered, &started.member("deviceCode")).await;
    assert_eq!(tokens.status, 200);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_called_too_large() {
    let client = Client::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let emulator = client.emulator.clone();
    tokio::spawn(async move { emulator.serve(listener).await });
    let bad_chunk = "Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n";
    let too_short = "Content-Length: 100\r\n\r\nclientName=x";
    for (path, words) in [
        (
            "/client/register",
            "\"error_description\":\"The body ends too early",
        ),
        ("/logout", "\"message\":\"The body ends too early"),
        ("/", "<Message>The body ends too early"),
        (
            "/_control/faults",
            "\"error\":\"the request is not understood: it ends too early",
        ),
        ("/nowhere", "\"message\":\"The body ends too early"),
        ("/sign-in", "did not arrive whole"),
    ] {
        for body in [bad_chunk, too_short] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{body}");
            stream.write_all(request.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
            assert!(answer.contains(words), "{path}: {answer}");
        }
    }
}

/// Name, outcome, status, error and whether it was injected, of the records of sign-ins.
async fn told(client: &mut Client) -> Vec<(String, String, Value, Value, Value)> {
    let audit = client.get("/_control/audit").await.json();
    let records = audit["Records"].as_array().unwrap().iter();
    let told = records
        .filter(|record| record["eventType"] == "AwsServiceEvent")
        .map(|record| {
            let name = record["eventName"].as_str().unwrap();
            let outcome = record["serviceEventDetails"][name].as_str().unwrap();
            let more = &record["additionalEventData"];
            (
                format!("{name} {}", more["CredentialType"].as_str().unwrap()),
                outcome.to_owned(),
                more["httpStatus"].clone(),
                record["errorCode"].clone(),
                more["injectedFault"].clone(),
            )
        });
    told.collect()
}

#[tokio::test]
async fn trouble_at_the_sign_in_is_in_the_audit_log_as_the_caller_saw_it() {
    let password = [("username", "zoe"), ("password", "demo-zoe")];
    let sign_in = Operation::SignIn;
    for (fault, status, error) in [
        (Fault::status(sign_in, 500), 500, Value::from("InternalFailure")),
        (Fault::status(sign_in, 403), 403, "InvalidRequestException".into()),
        (Fault::drop(sign_in), 0, Value::Null),
        (Fault::trouble(sign_in, Trouble::BadGatewayHtml), 502, Value::Null),
        (Fault::trouble(sign_in, Trouble::CaptivePortal), 200, Value::Null),
    ] {
        let mut client = Client::new();
        let challenge = client.submit("/sign-in", &password).await.hidden("challenge");
        let before = told(&mut client).await.len();
        client.emulator.add_fault(fault.clone());
        client.submit("/sign-in", &[("username", "zoe")]).await;
        client.submit("/sign-in", &password).await;
        let code = [("challenge", challenge.as_str()), ("code", "123456")];
        client.submit("/sign-in/code", &code).await;
        let told = told(&mut client).await;
        let expected = [
            "CredentialChallenge PASSWORD",
            "CredentialVerification PASSWORD",
            "CredentialVerification TOTP",
        ];
        let expected = expected.map(|name| {
            let (name, outcome) = (name.to_owned(), "Failure".to_owned());
            (name, outcome, status.into(), error.clone(), true.into())
        });
        assert_eq!(told[before..], expected, "{fault:?}");
        let audit = client.get("/_control/audit").await.json();
        for record in &audit["Records"].as_array().unwrap()[before..] {
            assert_eq!(record["additionalEventData"]["UserName"], "zoe", "{record}");
        }
    }
}

#[tokio::test]
async fn a_sign_in_whose_answer_is_lost_has_the_error_that_was_seen() {
    let mut client = Client::new();
    client
        .emulator
        .add_fault(Fault::status(Operation::SignIn, 500).after_processing());
    client.sign_in("amara").await;
    let told = told(&mut client).await;
    assert_eq!(told.last().unwrap().0, "UserAuthentication PASSWORD");
    for (name, outcome, status, error, injected) in told {
        assert_eq!(
            (outcome.as_str(), status, error, injected),
            ("Success", 500.into(), "InternalFailure".into(), true.into()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_sign_in_that_hangs_is_in_the_audit_log() {
    let mut client = Client::new();
    client.emulator.add_fault(Fault::hang(Operation::SignIn));
    let mut other = Client::with(client.emulator.clone());
    tokio::select! {
        biased;
        _ = other.sign_in("amara") => panic!("it answered"),
        () = tokio::task::yield_now() => {}
    }
    let told = told(&mut client).await;
    let name = "CredentialVerification PASSWORD".to_owned();
    let hung = (name, "Failure".to_owned(), 0.into(), Value::Null, true.into());
    assert_eq!(told, [hung]);
}
