//! Two clients with one token file at the same moment, and one that signs out while another goes on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use harness::Finished;
use jiff::SignedDuration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio::task::JoinHandle;
use url::Url;

use super::aws_cli::AwsCli;
use super::cache_files::{TOKEN_LIFE, let_token_run_out};
use super::client::{Client, python};
use super::surroundings::{PROFILE, Surroundings, assert_is_read_only_in_dev};

/// Goes on with the credentials it has while another program signs out.
const GOES_ON: &str = include_str!("goes_on.py");

#[tokio::test]
async fn conforms_29_two_clients_refresh_at_once_while_refresh_tokens_stay() -> Result<()> {
    let surroundings = expired_with_rotation("off").await?;
    for pair in [
        [Client::Boto3, Client::AwsCli],
        [Client::JavaScript, Client::Rust],
    ] {
        assert_both_work(&surroundings, pair).await?;
        let_token_run_out(&surroundings).await?;
    }
    assert_eq!(surroundings.reused_refresh_tokens().await?, 0);
    Ok(())
}

#[tokio::test]
async fn conforms_29_two_clients_refresh_at_once_with_a_grace_for_the_replaced_token() -> Result<()> {
    let surroundings = expired_with_rotation("grace").await?;
    for pair in [
        [Client::Boto3, Client::JavaScript],
        [Client::Rust, Client::AwsCli],
    ] {
        assert_both_work(&surroundings, pair).await?;
        // Whoever wrote last has left a token that can be refreshed, by one alone.
        let_token_run_out(&surroundings).await?;
        let command = pair[0].who_am_i(&surroundings, PROFILE).await?;
        surroundings.run(command).await?.expect_code(0)?;
        let_token_run_out(&surroundings).await?;
    }
    assert_eq!(surroundings.reused_refresh_tokens().await?, 0, "none was refused");
    Ok(())
}

#[tokio::test]
async fn conforms_29_two_clients_refresh_at_once_and_strict_rotation_ends_the_sign_in() -> Result<()> {
    let surroundings = expired_with_rotation("strict").await?;
    let ended = at_once(&surroundings, [Client::Boto3, Client::JavaScript]).await?;
    let failed = ended.iter().filter(|finished| finished.code != Some(0)).count();
    assert!(failed >= 1, "a token was used twice: {ended:#?}");
    assert_eq!(surroundings.reused_refresh_tokens().await?, 1);
    // Nobody has a token any more that opens anything.
    let command = Client::Boto3.who_am_i(&surroundings, PROFILE).await?;
    let refused = surroundings.run(command).await?;
    assert_ne!(refused.code, Some(0), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn conforms_29_the_aws_cli_signs_out_while_boto3_goes_on() -> Result<()> {
    for rotation in ["off", "grace", "strict"] {
        let surroundings = expired_with_rotation(rotation).await?;
        let aws = AwsCli::of_this_system(&surroundings).await?;
        let logout = aws.command(&surroundings, &["sso", "logout"])?;
        let mut command = python(&surroundings, GOES_ON)?;
        command
            .env("AWS_PROFILE", PROFILE)
            .arg(logout.get_program())
            .args(logout.get_args());
        for (name, value) in logout.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        let finished = surroundings.run(command).await?.expect_code(0)?;
        let told = finished.json()?;
        assert_is_read_only_in_dev(&told["before"])?;
        // Role credentials that are out live on; new ones are to be had no more.
        assert_eq!(told["after"], told["before"], "{rotation}");
        assert_eq!(told["portal"], "UnauthorizedException", "{rotation}");
        assert_eq!(told["refresh"], "InvalidGrantException", "{rotation}");
        assert!(!surroundings.token_file().exists());
    }
    Ok(())
}

/// With an expired token in the file, which can be refreshed once by everybody.
async fn expired_with_rotation(rotation: &str) -> Result<Surroundings> {
    let surroundings = Surroundings::new().await?;
    surroundings
        .emulator
        .amend_world(&format!("rotation = \"{rotation}\""))
        .await?;
    let sign_in = surroundings.sign_in().await?;
    let past = surroundings.now().await? - SignedDuration::from_mins(1);
    let token = surroundings.token(&sign_in, past)?;
    surroundings.keep_only(&surroundings.token_file(), &token)?;
    surroundings.advance(TOKEN_LIFE).await?;
    Ok(surroundings)
}

async fn assert_both_work(surroundings: &Surroundings, pair: [Client; 2]) -> Result<()> {
    let (calls, ended) = surroundings.calls_during(at_once(surroundings, pair)).await?;
    for (client, finished) in pair.iter().zip(ended) {
        let finished = finished.expect_code(0)?;
        assert_is_read_only_in_dev(&client.told(&finished)?)?;
    }
    assert_eq!(calls["CreateToken"], 2, "{calls:?}");
    Ok(())
}

/// Both have read the file and want to refresh before either gets an answer.
async fn at_once(surroundings: &Surroundings, pair: [Client; 2]) -> Result<[Finished; 2]> {
    let start = StartLine::before(&surroundings.addresses().base_url, pair.len()).await?;
    surroundings.lead_oidc_to(&start.url);
    let [one, other] = pair;
    let one = one.who_am_i(surroundings, PROFILE).await?;
    let other = other.who_am_i(surroundings, PROFILE).await?;
    surroundings.lead_oidc_to(&surroundings.addresses().base_url);
    let (one, other) = tokio::try_join!(surroundings.run(one), surroundings.run(other))?;
    Ok([one, other])
}

/// Takes connections and passes none on until all that it waits for are there.
struct StartLine {
    url: Url,
    task: JoinHandle<()>,
}

impl Drop for StartLine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl StartLine {
    async fn before(emulator: &Url, runners: usize) -> Result<StartLine> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?).parse()?;
        let emulator = emulator.socket_addrs(|| None)?[0];
        let all_there = Arc::new(Barrier::new(runners));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass_on(stream, emulator, all_there.clone()));
            }
        });
        Ok(StartLine { url, task })
    }
}

async fn pass_on(mut from: TcpStream, to: SocketAddr, all_there: Arc<Barrier>) {
    let _ = tokio::time::timeout(Duration::from_secs(30), all_there.wait()).await;
    if let Ok(mut to) = TcpStream::connect(to).await {
        // Either side may close first.
        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
    }
}
