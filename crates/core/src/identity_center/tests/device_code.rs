//! Sign-in by device code: polling, slowing down, the end.

use super::*;

/// Moves the clock second by second, each time until the emulator has answered what was asked.
async fn poll_for(stage: &Stage, seconds: u64, waiting: &JoinHandle<Result<Token, Failure>>) {
    for _ in 0..seconds {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        tokio::time::timeout(Duration::from_millis(3), std::future::pending::<()>())
            .await
            .unwrap_err();
        if waiting.is_finished() {
            return;
        }
        stage.clock.advance(Duration::from_secs(1));
    }
}

async fn device(stage: &Stage) -> (String, JoinHandle<Result<Token, Failure>>) {
    let registration = stage.center.register(Flow::DeviceCode).await.unwrap();
    let sign_in = stage.center.begin_device_sign_in(&registration).await.unwrap();
    assert!(
        sign_in
            .verification_url_complete
            .expose()
            .contains(&sign_in.user_code)
    );
    let code = sign_in.user_code.clone();
    let center = stage.center.clone();
    let waiting = tokio::spawn(async move { center.finish_device_sign_in(sign_in, &registration).await });
    (code, waiting)
}

#[tokio::test]
async fn l5_polling_ends_with_the_approval() {
    let stage = Stage::acme().await;
    let (code, waiting) = device(&stage).await;
    poll_for(&stage, 5, &waiting).await;
    assert!(!waiting.is_finished());
    stage.emulator.approve_device(&code, USER).unwrap();
    poll_for(&stage, 5, &waiting).await;
    let token = waiting.await.unwrap().unwrap();
    assert!(token.refresh_token.is_some());
}

#[tokio::test]
async fn l5_slow_down_adds_five_seconds_for_good() {
    let stage = Stage::acme().await;
    let slow = r#"{"error":"slow_down","error_description":"Slow down"}"#;
    let fault = Fault::status(Operation::CreateToken, 400)
        .with_header("x-amzn-ErrorType", "SlowDownException")
        .with_body(slow)
        .times(1);
    stage.emulator.add_fault(fault);
    let (_, waiting) = device(&stage).await;
    poll_for(&stage, 31, &waiting).await;
    let calls = stage.calls(Operation::CreateToken);
    assert!(
        (4..=6).contains(&calls),
        "one after a second, then every six: {calls}"
    );
    waiting.abort();
}

#[tokio::test]
async fn l5_trouble_on_the_way_does_not_end_it() {
    let stage = Stage::acme().await;
    let (code, waiting) = device(&stage).await;
    stage
        .emulator
        .add_fault(Fault::status(Operation::CreateToken, 500).times(2));
    stage
        .emulator
        .add_fault(Fault::drop(Operation::CreateToken).times(2));
    poll_for(&stage, 8, &waiting).await;
    stage.emulator.approve_device(&code, USER).unwrap();
    poll_for(&stage, 20, &waiting).await;
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn l5_a_code_expires_and_a_person_may_deny() {
    let stage = Stage::acme().await;
    let (_, waiting) = device(&stage).await;
    stage.clock.suspend(Duration::from_secs(599));
    poll_for(&stage, 31, &waiting).await;
    assert_eq!(waiting.await.unwrap().unwrap_err().meaning, Meaning::TimedOut);

    let (code, waiting) = device(&stage).await;
    stage.emulator.deny_device(&code).unwrap();
    poll_for(&stage, 10, &waiting).await;
    assert_eq!(
        waiting.await.unwrap().unwrap_err().meaning,
        Meaning::DeniedByPerson
    );
}

#[tokio::test]
async fn b3_a_page_that_is_not_the_portals_is_not_opened() {
    let stage = Stage::acme().await;
    let registration = stage.center.register(Flow::DeviceCode).await.unwrap();
    let body = r#"{"deviceCode":"d","userCode":"ABCD-EFGH","verificationUri":"https://evil.example/",
        "verificationUriComplete":"https://evil.example/?user_code=ABCD-EFGH","expiresIn":600,"interval":1}"#;
    stage
        .emulator
        .add_fault(Fault::status(Operation::StartDeviceAuthorization, 200).with_body(body));
    let refused = stage
        .center
        .begin_device_sign_in(&registration)
        .await
        .unwrap_err();
    assert_eq!(refused.meaning, Meaning::Invalid);
    assert!(!refused.to_string().contains("evil"), "{refused}");
}
