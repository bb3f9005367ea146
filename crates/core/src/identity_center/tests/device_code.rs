//! Sign-in by device code: polling, slowing down, the end.

use identity_center_emulator::Trouble as Cause;

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

/// What SSO-OIDC says to a client that is too fast.
fn slow_down() -> Fault {
    Fault::trouble(Operation::CreateToken, Cause::Throttled)
}

#[tokio::test]
async fn l5_slow_down_adds_five_seconds_for_good() {
    let stage = Stage::acme().await;
    stage.emulator.add_fault(slow_down().times(1));
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
async fn l5_no_more_is_asked_than_life_and_interval_allow() {
    // How often it is slowed down, and the seconds between its calls then.
    for (times, interval) in [(0, 1), (1, 6), (2, 11)] {
        let stage = Stage::acme().await;
        if times > 0 {
            stage.emulator.add_fault(slow_down().times(times));
        }
        let (_, waiting) = device(&stage).await;
        poll_for(&stage, 620, &waiting).await;
        assert_eq!(waiting.await.unwrap().unwrap_err().meaning, Meaning::TimedOut);
        let calls = stage.calls(Operation::CreateToken);
        let most = 1 + 600 / interval + u64::from(times);
        assert!((most * 9 / 10..=most).contains(&calls), "{calls} of {most}");
        let counters = stage.emulator.counters();
        let slow_down = "SlowDownException";
        assert_eq!(
            counters.injected(Operation::CreateToken, slow_down),
            u64::from(times)
        );
        let refused = counters.errors(Operation::CreateToken, slow_down);
        assert_eq!(refused, 0, "AWS itself had no reason to slow it down");
        stage.clock.advance(Duration::from_secs(60));
        assert_eq!(stage.calls(Operation::CreateToken), calls, "the end is the end");
    }
}

#[tokio::test]
async fn l5_trouble_on_the_way_does_not_end_it() {
    for cause in [
        Cause::Throttled,
        Cause::ServerError,
        Cause::BadGatewayHtml,
        Cause::Unavailable,
        Cause::Reset,
        Cause::Hang,
        Cause::HalfOpen,
        Cause::SlowDrip,
        Cause::TruncatedBody,
        Cause::WrongContentLength,
        Cause::GarbageJson,
        Cause::HugeBody,
        Cause::CaptivePortal,
        Cause::RedirectToHttp,
    ] {
        let stage = Stage::acme().await;
        let (code, waiting) = device(&stage).await;
        let trouble = Fault::trouble(Operation::CreateToken, cause);
        stage.emulator.add_fault(trouble.times(2));
        stage
            .emulator
            .add_fault(Fault::drop(Operation::CreateToken).times(1));
        poll_for(&stage, 90, &waiting).await;
        assert!(
            !waiting.is_finished(),
            "{cause:?}: the person still types the code"
        );
        assert!(stage.calls(Operation::CreateToken) > 3, "{cause:?}: it goes on");
        stage.emulator.approve_device(&code, USER).unwrap();
        poll_for(&stage, 60, &waiting).await;
        assert!(waiting.is_finished(), "{cause:?}");
        waiting.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn l5_a_poll_that_is_given_up_leaves_nothing_behind() {
    let stage = Stage::acme().await;
    let (_, waiting) = device(&stage).await;
    let tasks = tokio::runtime::Handle::current().metrics();
    stage.emulator.add_fault(Fault::hang(Operation::CreateToken));
    poll_for(&stage, 3, &waiting).await;
    let calls = stage.calls(Operation::CreateToken);
    assert!(calls > 0 && !waiting.is_finished());
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    // The server itself is all that is left, on a clock that stands still.
    stage.until(|_| tasks.num_alive_tasks() == 1).await;
    stage.clock.advance(Duration::from_secs(60));
    assert_eq!(stage.calls(Operation::CreateToken), calls);
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
