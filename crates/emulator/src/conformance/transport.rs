//! Points 1 to 5: connections, headers, the form of errors, absent members.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::testing::Client;
use crate::{AbsentMembers, Certificates, Emulator, Fault, Operation, Options, VerificationUri, World};

/// Reads one answer of a connection that stays open: head, and as much as `Content-Length` says.
async fn answer(stream: &mut (impl AsyncRead + Unpin), has_body: bool) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    let mut body = vec![0; if has_body { length.parse().unwrap() } else { 0 }];
    stream.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &str,
    body: &str,
) -> (String, String) {
    let length = body.len();
    let text = format!("{request} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
    answer(stream, !request.starts_with("HEAD")).await
}

async fn tls(
    address: &str,
    ca_pem: &str,
    name: &str,
) -> std::io::Result<impl AsyncRead + AsyncWrite + Unpin> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

#[tokio::test]
async fn conforms_01_plain_http_and_tls_with_a_leaf_of_a_separate_ca() {
    let emulator = Emulator::new(World::acme(), Options::default());
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let secure = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (plain_address, address) = (
        plain.local_addr().unwrap(),
        secure.local_addr().unwrap().to_string(),
    );
    let certificates = Certificates::new("eu-west-1").unwrap();
    let ca = certificates.ca_pem().to_owned();
    let (first, second) = (emulator.clone(), emulator.clone());
    tokio::spawn(async move { first.serve(plain).await });
    tokio::spawn(async move { second.serve_tls(secure, certificates).await });

    let mut stream = TcpStream::connect(plain_address).await.unwrap();
    assert!(
        ask(&mut stream, "GET /nowhere", "")
            .await
            .0
            .starts_with("http/1.1 404")
    );
    for name in [
        "127.0.0.1",
        "localhost",
        "oidc.eu-west-1.amazonaws.com",
        "portal.sso.eu-west-1.amazonaws.com",
        "sts.eu-west-1.amazonaws.com",
        "signin.aws.amazon.com",
        "us-east-1.signin.aws.amazon.com",
    ] {
        let mut stream = tls(&address, &ca, name).await.unwrap();
        let body = r#"{"clientName":"x","clientType":"public"}"#;
        let (head, _) = ask(&mut stream, "POST /client/register", body).await;
        assert!(head.starts_with("http/1.1 200"), "{name}: {head}");
    }
    assert!(tls(&address, &ca, "evil.example").await.is_err());

    emulator.use_unknown_ca(true);
    assert!(tls(&address, &ca, "localhost").await.is_err());
    emulator.use_unknown_ca(false);
    assert!(tls(&address, &ca, "localhost").await.is_ok());
}

#[tokio::test]
async fn conforms_02_keep_alive_lengths_head_encoded_queries_and_404_for_the_rest() {
    let mut client = Client::new();
    let token = client.access_token("amara").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let emulator = client.emulator.clone();
    tokio::spawn(async move { emulator.serve(listener).await });
    let mut stream = TcpStream::connect(address).await.unwrap();

    // All over one connection; header names in any case, parameters in any order and encoding.
    for (name, query) in [
        (
            "x-amz-sso_bearer_token",
            "role_name=ReadOnly&account_id=111122223333",
        ),
        (
            "X-Amz-Sso_Bearer_Token",
            "account_id=%31%31%31122223333&role_name=Read%4Fnly",
        ),
        (
            "X-AMZ-SSO_BEARER_TOKEN",
            "unknown=1&account_id=111122223333&role_name=ReadOnly",
        ),
    ] {
        let request =
            format!("GET /federation/credentials?{query} HTTP/1.1\r\nHost: x\r\n{name}: {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let (head, body) = answer(&mut stream, true).await;
        assert!(head.starts_with("http/1.1 200"), "{name} {query}: {head}{body}");
    }
    let (head, _) = ask(&mut stream, "HEAD /start", "").await;
    assert!(head.starts_with("http/1.1 200") && head.contains("content-length: "));
    for path in ["GET /nowhere", "GET /token", "POST /assignment/accounts"] {
        let (head, body) = ask(&mut stream, path, "").await;
        assert!(
            head.starts_with("http/1.1 404") && head.contains("content-type: application/json"),
            "{path}"
        );
        assert!(serde_json::from_str::<Value>(&body).is_ok());
    }
}

#[tokio::test]
async fn conforms_03_every_answer_has_its_type_a_request_id_and_a_date() {
    let mut client = Client::new();
    let token = client.access_token("amara").await;
    let mut ids = Vec::new();
    for reply in [
        client.get_as("/assignment/accounts", &token).await,
        client
            .get_as("/assignment/roles?account_id=111122223333", &token)
            .await,
        client.get_as("/assignment/accounts", "wrong").await,
        client.post("/token", &json!({})).await,
        client
            .post(
                "/client/register",
                &json!({ "clientName": "x", "clientType": "public" }),
            )
            .await,
    ] {
        assert_eq!(reply.headers["content-type"], "application/json");
        assert_eq!(reply.headers["date"], "Tue, 01 Jan 2030 08:00:00 GMT");
        let id = reply.headers["x-amzn-requestid"].to_str().unwrap().to_owned();
        assert_eq!(id.len(), 36);
        ids.push(id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5, "each its own");
}

#[tokio::test]
async fn conforms_04_errors_have_the_status_the_header_and_the_body_of_aws() {
    let mut client = Client::new();
    for (status, exception, error) in [
        (401, "InvalidClientException", "invalid_client"),
        (400, "InvalidRequestException", "invalid_request"),
        (500, "InternalServerException", "server_error"),
    ] {
        let fault = Fault::status(Operation::CreateToken, status);
        client.emulator.add_fault(fault.times(1));
        let reply = client.post("/token", &json!({})).await;
        let header = format!("{exception}:http://internal.amazon.com/coral/com.amazonaws.sso.oidc/");
        assert_eq!(reply.headers["x-amzn-errortype"].to_str().unwrap(), header);
        assert_eq!(reply.status.as_u16(), status);
        assert_eq!(reply.member("error"), error);
        assert!(!reply.member("error_description").is_empty());
    }
    for (status, exception) in [
        (400, "InvalidRequestException"),
        (401, "UnauthorizedException"),
        (403, "ForbiddenException"),
        (404, "ResourceNotFoundException"),
        (429, "TooManyRequestsException"),
    ] {
        let fault = Fault::status(Operation::ListAccounts, status);
        client.emulator.add_fault(fault.times(1));
        let reply = client.get("/assignment/accounts").await;
        let namespace = "com.amazonaws.switchboard.portal";
        let header = format!("{exception}:http://internal.amazon.com/coral/{namespace}/");
        assert_eq!(reply.headers["x-amzn-errortype"].to_str().unwrap(), header);
        assert_eq!(reply.status.as_u16(), status);
        assert_eq!(reply.member("__type"), format!("{namespace}#{exception}"));
        assert!(!reply.member("message").is_empty());
    }
}

#[tokio::test]
async fn conforms_05_absent_members_are_left_out_or_null_as_the_world_says() {
    for (absent_members, is_there) in [(AbsentMembers::Omit, false), (AbsentMembers::Null, true)] {
        let mut world = World::acme();
        world.unsettled.absent_members = absent_members;
        let mut client = Client::of(world);
        let registration = json!({ "clientName": "x", "clientType": "public" });
        let registered = client.post("/client/register", &registration).await.json();
        let (_, tokens) = client.signed_in("amara").await;
        let token = tokens["accessToken"].as_str().unwrap();
        let accounts = client.get_as("/assignment/accounts", token).await.json();
        for (answer, member) in [
            (&registered, "authorizationEndpoint"),
            (&registered, "tokenEndpoint"),
            (&tokens, "idToken"),
            (&accounts, "nextToken"),
        ] {
            assert_eq!(answer.get(member), is_there.then_some(&Value::Null), "{member}");
        }
    }
}

#[tokio::test]
async fn a_refused_port_listens_again_after_a_while() {
    let emulator = Emulator::new(World::one(), Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = emulator.clone();
    tokio::spawn(async move { serving.serve(listener).await });
    let mut open = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut open, "GET /nowhere", "").await.0.contains("404"));

    emulator.refuse_connections(Duration::from_millis(300));
    assert_eq!(
        open.read(&mut [0; 1]).await.unwrap_or_default(),
        0,
        "open ones end"
    );
    assert!(TcpStream::connect(address).await.is_err());
    let listens_again = async {
        while TcpStream::connect(address).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), listens_again)
        .await
        .unwrap();
}

#[tokio::test]
async fn conforms_07_the_address_for_the_code_has_either_form_of_aws() {
    for (form, start) in [
        (VerificationUri::Path, "http://127.0.0.1:8417/device"),
        (VerificationUri::Fragment, "http://127.0.0.1:8417/start/#/device"),
    ] {
        let mut world = World::acme();
        world.unsettled.verification_uri = form;
        let mut client = Client::of(world);
        let registered = client.register_for_device().await;
        let started = client.start_device(&registered).await;
        assert_eq!(started.member("verificationUri"), start);
        let code = started.member("userCode");
        assert_eq!(
            started.member("verificationUriComplete"),
            format!("{start}?user_code={code}")
        );
    }
}

#[tokio::test]
async fn a_wrong_content_length_comes_with_the_whole_body_and_ten_bytes_never_come() {
    let mut client = Client::new();
    let token = client.access_token("amara").await;
    let whole = client.get_as("/assignment/accounts", &token).await.text;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let emulator = client.emulator.clone();
    tokio::spawn(async move { emulator.serve(listener).await });
    let fault = Fault::trouble(Operation::ListAccounts, crate::Trouble::WrongContentLength);
    client.emulator.add_fault(fault);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET /assignment/accounts HTTP/1.1\r\nHost: x\r\nX-Amz-Sso_Bearer_Token: {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let length = format!("content-length: {}", whole.len() + 10);
    assert!(head.to_lowercase().contains(&length), "{head}");
    assert_eq!(body, whole);
}
