//! AWS CLI 2.36.7 is in no registry: its requests, byte for byte, stand in for it.

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use url::Url;

use super::surroundings::{ACCOUNT, CHAINED_ROLE, PERMISSION_SET, Surroundings};
use super::table::{Column, compare_operations};

const AGENT: &str = "aws-cli/2.36.7";
const VERIFIER: &str = "~wJ0skaz3mEziNp7NWz-X4JnmSa8Euie6xAfeE8MNsPBytu2jZ-PG~GihHnRZQ8j";
const STATE: &str = "7279f797-a92a-4c25-a543-8a27f71f1cd4";
const BLOCK_LENGTH: usize = 64;

/// The recorded requests were signed on another day.
async fn on_any_date() -> Result<Surroundings> {
    let surroundings = Surroundings::new().await?;
    surroundings
        .emulator
        .amend_world("check_signature_dates = false")
        .await?;
    Ok(surroundings)
}

#[tokio::test]
async fn conforms_22_the_requests_of_aws_cli_2_36_7_sign_in_by_pkce_use_and_sign_out() -> Result<()> {
    let surroundings = on_any_date().await?;
    surroundings.emulator.approve_automatically(Some("amara")).await?;
    let mut cli = Cli::connect(&surroundings.addresses().base_url).await?;
    let start_url = surroundings.addresses().start_url.as_str();
    let registered = cli
        .post(
            "/client/register",
            &format!(
                "{{\"clientName\": \"botocore-client-corp\", \"clientType\": \"public\", \
                 \"grantTypes\": [\"authorization_code\", \"refresh_token\"], \
                 \"redirectUris\": [\"http://127.0.0.1/oauth/callback\"], \
                 \"issuerUrl\": \"{start_url}\", \"scopes\": [\"sso:account:access\"]}}"
            ),
        )
        .await?;
    for endpoint in ["authorizationEndpoint", "tokenEndpoint"] {
        assert!(registered[endpoint].is_null(), "the CLI knows better");
    }
    let client = Secrets::of(&registered)?;
    let code = cli.authorize(&client.id).await?;
    let tokens = cli
        .post(
            "/token",
            &format!(
                "{{\"grantType\": \"authorization_code\", {client}, \
                 \"redirectUri\": \"http://127.0.0.1:39351/oauth/callback\", \
                 \"codeVerifier\": \"{VERIFIER}\", \"code\": \"{code}\"}}"
            ),
        )
        .await?;
    assert_eq!(tokens["expiresIn"], 3_600);
    let refresh_token = tokens["refreshToken"].as_str().context("a refresh token")?;
    let renewed = cli
        .post(
            "/token",
            &format!("{{\"grantType\": \"refresh_token\", {client}, \"refreshToken\": \"{refresh_token}\"}}"),
        )
        .await?;
    let token = renewed["accessToken"].as_str().context("an access token")?;
    assert_uses(&mut cli, token).await?;
    cli.sign_out(token).await?;
    let column = Column {
        name: "AWS CLI 2.36.7",
        heading: "AWS CLI 2.36.7, its requests".to_owned(),
    };
    use_device_code(&surroundings, &mut cli).await?;
    compare_operations(&column, AGENT, &surroundings.records().await?)
}

#[tokio::test]
async fn conforms_22_the_requests_of_aws_cli_2_36_7_sign_in_by_device_code() -> Result<()> {
    let surroundings = on_any_date().await?;
    let mut cli = Cli::connect(&surroundings.addresses().base_url).await?;
    let tokens = use_device_code(&surroundings, &mut cli).await?;
    assert_eq!(tokens["expiresIn"], 3_600);
    assert!(tokens["refreshToken"].is_string(), "{tokens}");
    assert_uses(&mut cli, tokens["accessToken"].as_str().context("a token")?).await
}

#[tokio::test]
async fn conforms_22_the_requests_of_aws_cli_2_36_7_sign_in_with_a_profile_of_the_older_form() -> Result<()> {
    let surroundings = on_any_date().await?;
    let mut cli = Cli::connect(&surroundings.addresses().base_url).await?;
    let registration = "{\"clientName\": \"botocore-client-1795829515\", \"clientType\": \"public\"}";
    let registered = cli.post("/client/register", registration).await?;
    let tokens = poll_twice_then_approve(&surroundings, &mut cli, &Secrets::of(&registered)?).await?;
    assert_eq!(tokens["expiresIn"], 28_800);
    assert!(tokens["refreshToken"].is_null(), "{tokens}");
    assert_uses(&mut cli, tokens["accessToken"].as_str().context("a token")?).await
}

async fn use_device_code(surroundings: &Surroundings, cli: &mut Cli) -> Result<Value> {
    let registration = "{\"clientName\": \"botocore-client-corp\", \"clientType\": \"public\", \
                        \"scopes\": [\"sso:account:access\"]}";
    let registered = cli.post("/client/register", registration).await?;
    poll_twice_then_approve(surroundings, cli, &Secrets::of(&registered)?).await
}

/// The CLI asks for the token twice without a pause before it waits.
async fn poll_twice_then_approve(
    surroundings: &Surroundings,
    cli: &mut Cli,
    client: &Secrets,
) -> Result<Value> {
    let start_url = surroundings.addresses().start_url.as_str();
    let device = cli
        .post(
            "/device_authorization",
            &format!("{{{client}, \"startUrl\": \"{start_url}\"}}"),
        )
        .await?;
    let device_code = device["deviceCode"].as_str().context("a device code")?;
    let poll = format!(
        "{{\"grantType\": \"urn:ietf:params:oauth:grant-type:device_code\", {client}, \
         \"deviceCode\": \"{device_code}\"}}"
    );
    for _ in 0..2 {
        let pending = cli.exchange(&post("/token", &poll)).await?;
        assert_eq!(pending.status, 400);
        assert_eq!(pending.error(), "AuthorizationPendingException");
    }
    let code = device["userCode"].as_str().context("a user code")?;
    surroundings.emulator.approve(code, "amara").await?;
    cli.post("/token", &poll).await
}

/// Lists, gets role credentials, asks who they belong to, and assumes a role with them.
async fn assert_uses(cli: &mut Cli, token: &str) -> Result<()> {
    let accounts = cli.portal("/assignment/accounts?max_result=1", token).await?;
    let next = accounts["nextToken"].as_str().context("more than one page")?;
    let next = url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>();
    let path = format!("/assignment/accounts?next_token={next}&max_result=1");
    let second = cli.portal(&path, token).await?;
    assert_ne!(second["accountList"], accounts["accountList"]);
    let roles = cli
        .portal(&format!("/assignment/roles?account_id={ACCOUNT}"), token)
        .await?;
    assert_eq!(roles["roleList"][0]["accountId"], ACCOUNT);
    let path = format!("/federation/credentials?role_name={PERMISSION_SET}&account_id={ACCOUNT}");
    let credentials = cli.portal(&path, token).await?["roleCredentials"].take();
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let identity = cli.exchange(&of_sts(body, &credentials)?).await?;
    assert_eq!(identity.status, 200, "{}", identity.body);
    let account = format!("<Account>{ACCOUNT}</Account>");
    assert!(identity.body.contains(&account), "{}", identity.body);
    let role = url::form_urlencoded::byte_serialize(CHAINED_ROLE.as_bytes()).collect::<String>();
    let body = format!("Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName=judge");
    let assumed = cli.exchange(&of_sts(&body, &credentials)?).await?;
    assert_eq!(assumed.status, 200, "{}", assumed.body);
    let arn = "<Arn>arn:aws:sts::999900001111:assumed-role/LogReader/judge</Arn>";
    assert!(assumed.body.contains(arn), "{}", assumed.body);
    Ok(())
}

/// `"clientId": …, "clientSecret": …`, as they stand in every further request.
struct Secrets {
    id: String,
    secret: String,
}

impl Secrets {
    fn of(registered: &Value) -> Result<Secrets> {
        let text = |member: &str| Some(registered[member].as_str()?.to_owned());
        Ok(Secrets {
            id: text("clientId").context("an id")?,
            secret: text("clientSecret").context("a secret")?,
        })
    }
}

impl std::fmt::Display for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Secrets { id, secret } = self;
        write!(
            formatter,
            "\"clientId\": \"{id}\", \"clientSecret\": \"{secret}\""
        )
    }
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = headers.find(|(header, _)| header.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    }

    /// The type of an error, as every client of AWS reads it.
    fn error(&self) -> &str {
        let name = self.header("x-amzn-errortype").unwrap_or_default();
        name.split(':').next().unwrap_or_default()
    }
}

/// One connection, kept open as botocore's are.
struct Cli {
    stream: BufReader<TcpStream>,
}

impl Cli {
    async fn connect(emulator: &Url) -> Result<Cli> {
        let address = emulator.socket_addrs(|| None)?[0];
        Ok(Cli {
            stream: BufReader::new(TcpStream::connect(address).await?),
        })
    }

    async fn exchange(&mut self, request: &str) -> Result<Reply> {
        self.stream.write_all(request.as_bytes()).await?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            ensure!(
                self.stream.read_line(&mut head).await? > 0,
                "it hung up after {head:?}"
            );
        }
        let mut reply = Reply {
            status: head.get(9..12).context("a status")?.parse()?,
            head,
            body: String::new(),
        };
        let length = reply.header("content-length").context("a length")?.parse()?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        reply.body = String::from_utf8(body)?;
        Ok(reply)
    }

    /// A call of SSO-OIDC that has to succeed.
    async fn post(&mut self, path: &str, body: &str) -> Result<Value> {
        let reply = self.exchange(&post(path, body)).await?;
        ensure!(reply.status == 200, "{path}: {} {}", reply.status, reply.body);
        Ok(serde_json::from_str(&reply.body)?)
    }

    /// A call of the portal that has to succeed.
    async fn portal(&mut self, path: &str, token: &str) -> Result<Value> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: identity\r\n\
             x-amz-sso_bearer_token: {token}\r\nUser-Agent: {AGENT}\r\n\r\n"
        );
        let reply = self.exchange(&request).await?;
        ensure!(reply.status == 200, "{path}: {} {}", reply.status, reply.body);
        Ok(serde_json::from_str(&reply.body)?)
    }

    async fn sign_out(&mut self, token: &str) -> Result<()> {
        let request = format!(
            "POST /logout HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: identity\r\n\
             x-amz-sso_bearer_token: {token}\r\nUser-Agent: {AGENT}\r\nContent-Length: 0\r\n\r\n"
        );
        let reply = self.exchange(&request).await?;
        assert_eq!((reply.status, reply.body.as_str()), (200, ""));
        Ok(())
    }

    /// What a browser does with the CLI's address: the code that comes back.
    async fn authorize(&mut self, client_id: &str) -> Result<String> {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let path = format!(
            "/authorize?response_type=code&client_id={client_id}\
             &redirect_uri=http%3A%2F%2F127.0.0.1%3A39351%2Foauth%2Fcallback&state={STATE}\
             &code_challenge_method=S256&scopes=sso%3Aaccount%3Aaccess&code_challenge={challenge}"
        );
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        let reply = self.exchange(&request).await?;
        assert_eq!(reply.status, 302, "{}", reply.body);
        let location: Url = reply.header("location").context("an address")?.parse()?;
        assert!(
            location
                .as_str()
                .starts_with("http://127.0.0.1:39351/oauth/callback?")
        );
        let parameter = |name: &str| {
            let found = location.query_pairs().find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned())
        };
        assert_eq!(parameter("state").as_deref(), Some(STATE));
        parameter("code").context("a code")
    }
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: identity\r\n\
         Content-Type: application/json\r\nUser-Agent: {AGENT}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A call of STS, signed with role credentials (Signature Version 4).
fn of_sts(body: &str, credentials: &Value) -> Result<String> {
    let member = |name: &str| credentials[name].as_str().context("a text");
    let (key, secret) = (member("accessKeyId")?, member("secretAccessKey")?);
    let token = member("sessionToken")?;
    let (date, time, scope) = (
        "20261128",
        "20261128T013159Z",
        "20261128/eu-west-1/sts/aws4_request",
    );
    let kind = "application/x-www-form-urlencoded; charset=utf-8";
    let names = "content-type;host;x-amz-date;x-amz-security-token";
    let canonical = format!(
        "POST\n/\n\ncontent-type:{kind}\nhost:127.0.0.1\nx-amz-date:{time}\n\
         x-amz-security-token:{token}\n\n{names}\n{}",
        hex(&Sha256::digest(body))
    );
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hex(&Sha256::digest(canonical))
    );
    let mut signing_key = format!("AWS4{secret}").into_bytes();
    for part in [date, "eu-west-1", "sts", "aws4_request"] {
        signing_key = hmac(&signing_key, part.as_bytes());
    }
    let signature = hex(&hmac(&signing_key, to_sign.as_bytes()));
    Ok(format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: identity\r\nContent-Type: {kind}\r\n\
         User-Agent: {AGENT}\r\nX-Amz-Date: {time}\r\nX-Amz-Security-Token: {token}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, \
         Signature={signature}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; BLOCK_LENGTH];
    block[..key.len()].copy_from_slice(key);
    let padded = |byte: u8| block.map(|one| one ^ byte);
    let inner = Sha256::new_with_prefix(padded(0x36))
        .chain_update(message)
        .finalize();
    let outer = Sha256::new_with_prefix(padded(0x5c)).chain_update(inner);
    outer.finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_stand_in_signs_as_the_standards_say() {
    // RFC 4231, test case 2.
    let digest = hex(&hmac(b"Jefe", b"what do ya want for nothing?"));
    assert_eq!(
        digest,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}
