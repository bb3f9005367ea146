//! How many calls the emulator answers in a second, and whether its memory stays flat over a million of them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use harness::{Desktop, EmulatorProcess, Program, post};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::figure::{Figure, stopwatch};
use crate::memory::proportional_share;

/// The smallest world, with its quota of requests lifted.
const WORLD: &str = include_str!("../../crates/emulator/worlds/one.toml");

/// As many clients as call at once.
const CLIENTS: u32 = 16;

/// Calls until everything that is kept for a while (the audit log, the secrets for tests) is full.
const FIRST: u32 = 100_000;

const ALL: u32 = 1_000_000;

type Caller = Client<HttpConnector, Empty<axum::body::Bytes>>;

pub async fn measure() -> Result<Vec<Figure>> {
    let desktop = Desktop::without_display().await?;
    let world = desktop.folder().join("one.toml");
    std::fs::write(&world, format!("requests_per_second = 0\n{WORLD}"))?;
    let mut command = desktop.command(Program::Emulator)?;
    command.arg("--world").arg(&world);
    let emulator = EmulatorProcess::start_command(&desktop, command).await?;
    let process = i32::try_from(emulator.process().id())?;
    let token = sign_in(&emulator).await?;

    let (first, _) = calls(&emulator, &token, FIRST).await?;
    let before = proportional_share(process)?;
    let (rest, took) = calls(&emulator, &token, ALL - FIRST).await?;
    let after = proportional_share(process)?;
    ensure!(
        emulator.calls("GetRoleCredentials").await? == u64::from(first + rest),
        "every call arrived once"
    );
    let rate = f64::from(rest) / took.as_secs_f64();
    let growth = 100.0 * (after as f64 / before as f64 - 1.0);
    Ok(vec![
        Figure::new(
            format!("emulator: GetRoleCredentials by {CLIENTS} clients on the same machine"),
            format!("{rate:.0} a second"),
        ),
        Figure::new(
            format!("emulator: memory (PSS) after {FIRST} and after {ALL} calls"),
            format!("{} MiB and {} MiB ({growth:+.1} %)", before / 1024, after / 1024),
        ),
    ])
}

/// Signs in by device code; gives the access token.
async fn sign_in(emulator: &EmulatorProcess) -> Result<String> {
    let ask = async |path: &str, body: Value| -> Result<Value> {
        let url = emulator.addresses().base_url.join(path)?;
        post(&url, &body).await?.json()
    };
    let register = json!({ "clientName": "bench", "clientType": "public", "scopes": ["sso:account:access"] });
    let client = ask("client/register", register).await?;
    let (id, secret) = (&client["clientId"], &client["clientSecret"]);
    let start_url = emulator.addresses().start_url.as_str();
    let start = json!({ "clientId": id, "clientSecret": secret, "startUrl": start_url });
    let device = ask("device_authorization", start).await?;
    let code = device["userCode"].as_str().context("a user code")?;
    emulator.approve(code, "amara").await?;
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let exchange = json!({
        "clientId": id, "clientSecret": secret, "grantType": grant, "deviceCode": device["deviceCode"],
    });
    let tokens = ask("token", exchange).await?;
    Ok(tokens["accessToken"]
        .as_str()
        .context("an access token")?
        .to_owned())
}

/// Makes `count` calls by all clients together; gives how many were made and how long they took.
async fn calls(emulator: &EmulatorProcess, token: &str, count: u32) -> Result<(u32, Duration)> {
    let path = "federation/credentials?role_name=ReadOnly&account_id=111122223333";
    let url = emulator.addresses().base_url.join(path)?;
    let of_each = count / CLIENTS;
    let watch = stopwatch();
    let clients = (0..CLIENTS).map(|_| {
        let (url, token) = (url.to_string(), token.to_owned());
        let calls = tokio::spawn(async move {
            let client = Client::builder(TokioExecutor::new()).build_http();
            for _ in 0..of_each {
                call(&client, &url, &token).await?;
            }
            anyhow::Ok(())
        });
        async { calls.await? }
    });
    try_join_all(clients).await?;
    Ok((of_each * CLIENTS, watch.elapsed()))
}

async fn call(client: &Caller, url: &str, token: &str) -> Result<()> {
    let request = axum::http::Request::get(url)
        .header("x-amz-sso_bearer_token", token)
        .body(Empty::new())?;
    let answer = client.request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    ensure!(status.is_success() && !body.is_empty(), "{status}");
    Ok(())
}
