//! What the SDKs for Go and Java send to the endpoint, byte for byte, and what they make of its answers.
//!
//! Go: `credentials/endpointcreds` of aws-sdk-go-v2, which Terraform uses, over net/http. Java: `HttpCredentialsLoader`
//! and `HttpResourcesUtils` of aws-sdk-java-v2 over HttpURLConnection, whose bytes were read from a JDK 17.

use jiff::Timestamp;
use serde_json::Map;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::tests::{Scene, clock};
use super::*;

/// The error codes for which the SDK for Go tries again whatever the status is.
const RETRIED_BY_GO: [&str; 16] = [
    "RequestTimeout",
    "RequestTimeoutException",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
];

/// The shortest patience of an SDK, that of the one for Java, less what a busy machine takes.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(800);

const _: () = assert!(PATIENCE.as_millis() + LEAST.as_millis() <= SHORTEST_PATIENCE.as_millis());
const _: () = assert!(PENANCE.as_millis() < SHORTEST_PATIENCE.as_millis());

fn by_go(host: &str, token: &str, attempt: u8) -> String {
    format!(
        "GET /credentials HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Go-http-client/1.1\r\nAccept: application/json\r\n\
         Amz-Sdk-Request: attempt={attempt}; max=3\r\nAuthorization: {token}\r\nAccept-Encoding: gzip\r\n\r\n"
    )
}

fn by_java(host: &str, token: &str) -> String {
    format!(
        "GET /credentials HTTP/1.1\r\nUser-Agent: aws-sdk-java/2.31.0 md/io#sync md/http#UrlConnection ua/2.1 os/Linux \
         lang/java#17.0.15\r\nAuthorization: {token}\r\nHost: {host}\r\n\
         Accept: text/html, image/gif, image/jpeg, */*; q=0.2\r\nConnection: keep-alive\r\n\r\n"
    )
}

/// An answer as a client reads it that keeps its connection.
struct Answer {
    status: u16,
    content_type: String,
    body: String,
}

/// A connection that stays, as both keep theirs.
struct Connection(TcpStream);

impl Connection {
    async fn to(scene: &Scene) -> Self {
        Self(TcpStream::connect(scene.address).await.unwrap())
    }

    async fn send(&mut self, request: &str) -> Answer {
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let value = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            let found = lines.find(|(other, _)| other.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_owned())
        };
        assert_eq!(value("content-encoding"), None, "nobody has to unpack anything");
        let mut body = vec![0; value("content-length").unwrap().parse().unwrap()];
        self.0.read_exact(&mut body).await.unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            content_type: value("content-type").unwrap(),
            body: String::from_utf8(body).unwrap(),
        }
    }
}

impl Answer {
    fn object(&self) -> Map<String, Value> {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Both want texts under these names, and a time with a zone; Java's takes the account too.
    fn assert_is_credentials(&self) {
        assert_eq!(
            (self.status, self.content_type.as_str()),
            (200, "application/json")
        );
        let object = self.object();
        let text = |name: &str| object[name].as_str().unwrap();
        assert_eq!(
            (text("AccessKeyId"), text("SecretAccessKey"), text("Token")),
            ("ASIAEXAMPLE", "secret/+=", "token/+=")
        );
        assert_eq!(text("AccountId"), "111122223333");
        // RFC 3339 with a T and a Z is what Go's time.Time and Java's parser take both.
        let expiration = text("Expiration");
        assert!(expiration.parse::<Timestamp>().is_ok(), "{expiration}");
        assert!(expiration.len() == 20 && &expiration[10..11] == "T" && expiration.ends_with('Z'));
        let unknown = object.keys().filter(|name| {
            ![
                "AccessKeyId",
                "SecretAccessKey",
                "Token",
                "Expiration",
                "AccountId",
            ]
            .contains(&name.as_str())
        });
        assert_eq!(unknown.count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_the_sdk_for_go_and_with_it_terraform_gets_credentials_by_its_own_request() {
    let scene = Scene::new("ReadOnly", clock()).await.with_agent();
    let mut connection = Connection::to(&scene).await;
    for name in ["127.0.0.1", "localhost"] {
        let host = format!("{name}:{}", scene.address.port());
        let answer = connection.send(&by_go(&host, &scene.token, 1)).await;
        answer.assert_is_credentials();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_the_sdk_for_java_gets_credentials_by_its_own_request() {
    let scene = Scene::new("ReadOnly", clock()).await.with_agent();
    let mut connection = Connection::to(&scene).await;
    for _ in 0..2 {
        let answer = connection
            .send(&by_java(&scene.address.to_string(), &scene.token))
            .await;
        answer.assert_is_credentials();
    }
}

/// Go's decoder takes names in any case, Java's reads small letters, both only where the type says JSON.
#[tokio::test(flavor = "multi_thread")]
async fn h5_the_sdks_for_go_and_java_tell_why_and_try_again_only_where_that_helps() {
    for (permission_set, status, code) in [
        ("sign_in_needed", 403, "SignInNeeded"),
        ("mfa_code_needed", 403, "MfaCodeNeeded"),
        ("revoked", 403, "Revoked"),
        ("unreachable", 503, "TryAgainSoon"),
    ] {
        let scene = Scene::new(permission_set, clock()).await.with_agent();
        let host = scene.address.to_string();
        let mut connection = Connection::to(&scene).await;
        for attempt in 1..=3 {
            let answer = connection.send(&by_go(&host, &scene.token, attempt)).await;
            assert_eq!(
                (answer.status, answer.content_type.as_str()),
                (status, "application/json")
            );
            let told = |wanted: &str| {
                let object = answer.object();
                let found = object.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                found.and_then(|(_, value)| value.as_str().map(str::to_owned))
            };
            assert_eq!(told("message").as_deref(), Some("It failed. Do something."));
            assert_eq!(told("code").as_deref(), Some(code));
            assert!(!RETRIED_BY_GO.contains(&code), "a person is not waited for");
        }
        let mut connection = Connection::to(&scene).await;
        // At once and up to five times more where the status is one of a server.
        for _ in 0..6 {
            let answer = connection.send(&by_java(&host, &scene.token)).await;
            assert_eq!(answer.status, status);
            let object = answer.object();
            assert_eq!(object["message"], "It failed. Do something.", "{object:?}");
            assert_eq!(object["code"], code);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_a_token_with_the_end_of_its_line_or_without_its_file_is_none() {
    let scene = Scene::new("ReadOnly", clock()).await.with_agent();
    let host = scene.address.to_string();
    // Go refuses to send a line's end itself; others take it off or send a space.
    for token in [
        format!("{} x", scene.token),
        format!("Bearer {}", scene.token),
        String::new(),
    ] {
        for request in [by_go(&host, &token, 1), by_java(&host, &token)] {
            let answer = Connection::to(&scene).await.send(&request).await;
            assert_eq!(answer.status, 403, "{request}");
            assert!(!answer.body.contains("ASIA"));
        }
    }
}
