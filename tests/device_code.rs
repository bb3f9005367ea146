//! Signing in with a code that is confirmed elsewhere, at the pace that AWS asks for.

use std::time::Duration;

use anyhow::{Context, Result};
use harness::EmulatorProcess;
use jiff::Timestamp;
use portray_core::app::contract::Request;
use serde_json::{Value, json};

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(40);

#[tokio::test]
async fn l5_a_code_is_asked_for_at_the_pace_that_aws_wants() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();
    story
        .emulator
        .add_fault(&json!({
            "operation": "CreateToken",
            "status": 400,
            "headers": { "x-amzn-errortype": "SlowDownException" },
            "body": r#"{"error":"slow_down","error_description":"Requests come too fast"}"#,
            "times": 1,
        }))
        .await?;

    let login = portray.start(&["login", "--device-code", "--json"])?;
    let asked: Value = serde_json::from_str(&login.first_line(DEADLINE).await?)?;
    let code = asked["user_code"].as_str().context("a user code")?;
    assert!(
        asked["url"].as_str().is_some_and(|url| url.contains(code)),
        "{asked}"
    );
    let pending = async || Ok((polls(&story.emulator).await?.len() >= 2).then_some(()));
    story
        .desktop
        .wait_until("a second poll, answered as pending", DEADLINE, pending)
        .await?;
    story.emulator.approve(code, "amara").await?;
    login.finished(DEADLINE).await?.expect_code(0)?;

    let polls = polls(&story.emulator).await?;
    let errors: Vec<_> = polls.iter().map(|poll| poll.1.as_deref()).collect();
    assert_eq!(
        errors,
        [
            Some("SlowDownException"),
            Some("AuthorizationPendingException"),
            None
        ]
    );
    for two in polls.windows(2) {
        let pause = two[1].0.duration_since(two[0].0);
        assert!(
            pause.as_millis() >= 5_900,
            "one second, and five for SlowDown: {pause}"
        );
    }
    let status = portray.status().await?;
    assert_eq!(status["portals"][0]["state"], "signed_in");
    assert_eq!(story.opener.count(), 0);
    Ok(())
}

#[tokio::test]
async fn l5_a_denied_code_ends_the_sign_in_and_says_so() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();

    let (login, code) = portray.login_by_code(&[]).await?;
    story.emulator.deny(&code).await?;
    let denied = login.finished(DEADLINE).await?.expect_code(4)?;
    assert!(denied.stderr.contains("denied"), "{denied:?}");
    Ok(())
}

#[tokio::test]
async fn a_sign_in_that_is_cancelled_at_portray_ends_its_login_as_cancelled() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();

    let (login, _) = portray.login_by_code(&[]).await?;
    portray.ask(|portal| Request::CancelSignIn { portal }).await?;
    let cancelled = login.finished(DEADLINE).await?.expect_code(130)?;
    assert!(cancelled.stderr.contains("cancelled"), "{cancelled:?}");
    Ok(())
}

/// When CreateToken was called, and the error that it answered.
async fn polls(emulator: &EmulatorProcess) -> Result<Vec<(Timestamp, Option<String>)>> {
    let audit = emulator.read("audit").await?;
    let events = audit["Records"].as_array().context("a list of records")?;
    let polls = events.iter().filter(|event| event["eventName"] == "CreateToken");
    polls
        .map(|event| {
            let time = event["additionalEventData"]["time"]
                .as_str()
                .context("a time")?
                .parse()?;
            Ok((time, event["errorCode"].as_str().map(str::to_owned)))
        })
        .collect()
}
