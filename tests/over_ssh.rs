//! Work on another machine: credentials come through an SSH connection and end with it.

use std::time::Duration;

use anyhow::{Context, Result};
use harness::{
    Answer, Process, SshServer, aws_cli, get_with_authorization, words_of_all_processes, write_service_models,
};
use serde_json::Value;
use url::Url;

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(60);
const TARGET: &str = "acme-dev/ReadOnly";

/// Tells what the session was given, and stays until it is ended.
const STAYS: &str = "echo \"$AWS_CONTAINER_CREDENTIALS_FULL_URI\" \"$AWS_CONTAINER_AUTHORIZATION_TOKEN\" \
                     \"$NO_PROXY\"; exec tail -f /dev/null";

#[tokio::test]
async fn the_aws_cli_on_another_machine_has_the_role_and_only_through_the_connection() -> Result<()> {
    if !SshServer::is_expected() {
        return Ok(());
    }
    let story = Headless::signed_in().await?;
    let server = SshServer::start(&story.desktop, "").await?;
    let models = story.desktop.folder().join("models");
    let base = story
        .emulator
        .addresses()
        .base_url
        .as_str()
        .trim_end_matches('/')
        .to_owned();
    let endpoints = ["SSO", "SSO_OIDC", "STS"].map(|service| (service, base.clone()));
    write_service_models(&models, &endpoints)?;
    let asks = format!(
        "AWS_DATA_PATH={} AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/nowhere \
         AWS_SHARED_CREDENTIALS_FILE=/nowhere AWS_ENDPOINT_URL_STS={base} {} sts get-caller-identity",
        models.display(),
        aws_cli()?.display()
    );
    let session = start(&story, &server, &["--region", "eu-west-1"], &asks)?;
    let told: Value = session.finished(DEADLINE).await?.expect_code(0)?.json()?;
    assert_eq!(told["Account"], "111122223333");
    assert!(
        told["Arn"].as_str().context("an ARN")?.contains("_ReadOnly_"),
        "{told}"
    );
    // Exit codes pass through, as with ssh.
    let session = start(&story, &server, &[], "exit 7")?;
    session.finished(DEADLINE).await?.expect_code(7)?;
    Ok(())
}

#[tokio::test]
async fn h4_the_token_of_a_connection_is_in_nobodys_arguments_and_void_after_its_end() -> Result<()> {
    if !SshServer::is_expected() {
        return Ok(());
    }
    let story = Headless::signed_in().await?;
    let server = SshServer::start(&story.desktop, "").await?;
    let session = start(&story, &server, &[], STAYS)?;
    let line = session.first_line(DEADLINE).await?;
    let given: Vec<_> = line.split(' ').collect();
    let [uri, token, no_proxy] = given[..] else {
        anyhow::bail!("the session was given {line:?}");
    };
    assert!(no_proxy.ends_with("127.0.0.1,localhost,::1"), "{no_proxy}");
    let uri = Url::parse(uri)?;
    let answer = get_with_authorization(&uri, token).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer.body.contains("\"AccountId\":\"111122223333\""),
        "{answer:?}"
    );

    // H1: the grant names one address.
    let mut otherwise = uri.clone();
    otherwise.set_host(Some("localhost"))?;
    assert_eq!(get_with_authorization(&otherwise, token).await?.status, 403);
    assert_eq!(get_with_authorization(&uri, "wrong").await?.status, 403);
    let words = words_of_all_processes()?;
    assert!(
        words.iter().any(|words| words.contains("portray\0ssh")),
        "this one is looked at"
    );
    assert!(!words.iter().any(|words| words.contains(token)));
    assert_eq!(files_with(token)?, Vec::<String>::new());

    session.terminate();
    let gone = async || {
        let answer: Result<Answer> = get_with_authorization(&uri, token).await;
        Ok(answer.is_err().then_some(()))
    };
    story
        .desktop
        .wait_until("the end of the port", DEADLINE, gone)
        .await
}

#[tokio::test]
async fn at_a_terminal_the_person_gets_the_login_shell() -> Result<()> {
    if !SshServer::is_expected() {
        return Ok(());
    }
    let story = Headless::signed_in().await?;
    let server = SshServer::start(&story.desktop, "").await?;
    let portray = story.portray();
    let words = server.words();
    let mut arguments = vec!["ssh", TARGET, "--"];
    arguments.extend(words.iter().map(String::as_str));
    let mut terminal = portray.start_at_terminal(&arguments)?;
    // What is typed is echoed too; what the shell makes of it is not what was typed.
    terminal.press(
        "echo given=$((${#AWS_CONTAINER_AUTHORIZATION_TOKEN}+0))=; tty && echo at-a-ter''minal; exit 5\n",
    )?;
    let told = terminal.finished(DEADLINE).await?.expect_code(5)?;
    assert!(told.stdout.contains("given=43="), "{told:?}");
    assert!(told.stdout.contains("at-a-terminal"), "{told:?}");
    Ok(())
}

#[tokio::test]
async fn h1_a_server_that_opens_ports_to_its_network_or_forwards_none_gets_no_token() -> Result<()> {
    if !SshServer::is_expected() {
        return Ok(());
    }
    let story = Headless::signed_in().await?;
    for (configuration, said) in [
        ("GatewayPorts yes", "GatewayPorts"),
        ("AllowTcpForwarding no", "AllowTcpForwarding"),
    ] {
        let server = SshServer::start(&story.desktop, configuration).await?;
        let refused = start(&story, &server, &[], "echo reached")?
            .finished(DEADLINE)
            .await?;
        let refused = refused.expect_code(4)?;
        assert!(refused.stderr.contains(said), "{refused:?}");
        assert_eq!(refused.stdout, "");
    }
    let nobody = start_words(&story, &[], &["-o", "BatchMode=yes", "-p", "1", "127.0.0.1"])?;
    let refused = nobody.finished(DEADLINE).await?.expect_code(5)?;
    assert!(
        refused.stderr.contains("ssh did not connect to 127.0.0.1"),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn h1_a_port_that_somebody_leads_here_is_answered_under_the_name_of_its_grant() -> Result<()> {
    if !SshServer::is_expected() {
        return Ok(());
    }
    let story = Headless::signed_in().await?;
    let server = SshServer::start(&story.desktop, "").await?;
    let portray = story.portray();
    let there = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let authority = there.to_string();
    let serving = portray.start(&["serve", TARGET, "--authority", &authority, "--json"])?;
    let variables: Value = serde_json::from_str(&serving.first_line(DEADLINE).await?)?;
    let uri = variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        .as_str()
        .context("a URI")?;
    assert_eq!(uri, format!("http://{authority}/credentials"));
    let token = variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        .as_str()
        .context("a token")?;
    let command = async || {
        let said = serving.stderr();
        Ok(said
            .split_once("ssh -R ")
            .and_then(|(_, rest)| Some(rest.split_once(' ')?.0.to_owned())))
    };
    let leads = story
        .desktop
        .wait_until("the words for ssh", DEADLINE, command)
        .await?;
    let client = server.client(&story.desktop, &["-N", "-R", &leads]);
    let _client = story.desktop.start_process("ssh", client)?;
    let uri = Url::parse(uri)?;
    let answered = async || Ok(get_with_authorization(&uri, token).await.ok());
    let answer = story
        .desktop
        .wait_until("the port there", DEADLINE, answered)
        .await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok(())
}

/// `portray ssh` to this server, with a command for the other side.
fn start(story: &Headless, server: &SshServer, options: &[&str], command: &str) -> Result<Process> {
    let words = server.words();
    let words: Vec<_> = words.iter().map(String::as_str).chain([command]).collect();
    start_words(story, options, &words)
}

fn start_words(story: &Headless, options: &[&str], words: &[&str]) -> Result<Process> {
    story
        .portray()
        .start(&[&["ssh", TARGET][..], options, &["--"], words].concat())
}

/// The files in the folders of the other side that hold a text.
fn files_with(text: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/tmp")? {
        let start = entry?.path().join("start");
        // Folders of others come and go.
        if std::fs::read_to_string(&start).is_ok_and(|content| content.contains(text)) {
            found.push(start.display().to_string());
        }
    }
    Ok(found)
}
