//! Calls that are not answered, answered late, or answered without an end.

use identity_center_emulator::Trouble as Cause;

use super::*;

#[tokio::test]
async fn n1_a_call_ends_although_nobody_answers() {
    let stage = Stage::acme().await;
    let (_, token) = stage.signed_in().await;
    stage.emulator.add_fault(Fault::hang(Operation::ListAccounts));
    let center = stage.center.clone();
    let waiting = tokio::spawn(async move { center.accounts(&token, None, Priority::Background).await });
    stage
        .until(|stage| stage.calls(Operation::ListAccounts) == 1)
        .await;
    stage.clock.advance(Duration::from_secs(20));
    assert_eq!(waiting.await.unwrap().unwrap_err().meaning, Meaning::Unreachable);
}

#[tokio::test]
async fn n1_three_tries_while_a_person_waits_and_one_in_the_background() {
    let stage = Stage::acme().await;
    let (_, token) = stage.signed_in().await;
    stage
        .emulator
        .add_fault(Fault::status(Operation::ListAccounts, 503));
    let failure = stage
        .center
        .accounts(&token, None, Priority::Background)
        .await
        .unwrap_err();
    assert_eq!(
        (failure.meaning, stage.calls(Operation::ListAccounts)),
        (Meaning::Unreachable, 1)
    );
    let center = stage.center.clone();
    let waiting = tokio::spawn(async move { center.accounts(&token, None, Priority::Interactive).await });
    for calls in [2, 3] {
        stage
            .until(|stage| stage.calls(Operation::ListAccounts) == calls)
            .await;
        while !waiting.is_finished() && stage.calls(Operation::ListAccounts) == calls {
            stage.clock.advance(Duration::from_millis(100));
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(waiting.await.unwrap().unwrap_err().meaning, Meaning::Unreachable);
    assert_eq!(stage.calls(Operation::ListAccounts), 4);
}

#[tokio::test]
async fn r8_what_somebody_else_answers_to_a_sign_out_is_no_word_of_aws() {
    let stage = Stage::acme().await;
    let (_, token) = stage.signed_in().await;
    for cause in [Cause::GarbageJson, Cause::CaptivePortal] {
        stage
            .emulator
            .add_fault(Fault::trouble(Operation::Logout, cause).times(1));
        let failure = stage.center.sign_out(&token).await.unwrap_err();
        assert_eq!(failure.meaning, Meaning::Unreachable, "{cause:?}");
    }
    stage.center.sign_out(&token).await.unwrap();
}

#[tokio::test]
async fn n1_an_endless_answer_is_cut_off() {
    let stage = Stage::acme().await;
    let (_, token) = stage.signed_in().await;
    let account = AccountId("111122223333".to_owned());
    let body = format!(r#"{{"padding":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    stage
        .emulator
        .add_fault(Fault::status(Operation::GetRoleCredentials, 200).with_body(&body));
    let failure = stage
        .center
        .role_credentials(&token, &account, "Developer", Priority::Background)
        .await
        .unwrap_err();
    assert_eq!(failure.meaning, Meaning::Unreachable);
}

#[tokio::test]
async fn r5_an_answer_that_breaks_off_is_told_as_that() {
    let stage = Stage::acme().await;
    let (_, token) = stage.signed_in().await;
    for cause in [Cause::Reset, Cause::TruncatedBody, Cause::HugeBody] {
        stage.clock.advance(Duration::from_secs(30));
        stage
            .emulator
            .add_fault(Fault::trouble(Operation::ListAccounts, cause));
        let listed = stage.center.accounts(&token, None, Priority::Background).await;
        let failure = listed.unwrap_err();
        assert_eq!(
            (failure.meaning, failure.trouble),
            (Meaning::Unreachable, Trouble::Answer),
            "{cause:?}"
        );
        let said = failure.detail.unwrap_or_default();
        assert!(said.contains("broke off"), "{cause:?}: {said}");
        stage.emulator.clear_faults();
    }
}

#[tokio::test]
async fn t4_an_expiry_that_is_over_is_no_matter_of_the_clock_where_the_dates_agree_with_it() {
    let stage = Stage::acme().await;
    let (_, token) = stage.signed_in().await;
    let account = AccountId("111122223333".to_owned());
    for cause in [Cause::ExpirationPast, Cause::ExpirationSeconds] {
        let fault = Fault::trouble(Operation::GetRoleCredentials, cause);
        stage.emulator.add_fault(fault);
        let asked = stage
            .center
            .role_credentials(&token, &account, "Developer", Priority::Background);
        let failure = asked.await.unwrap_err();
        assert_eq!(
            (failure.meaning, failure.trouble),
            (Meaning::Unreachable, Trouble::Answer),
            "{cause:?}"
        );
        let said = failure.detail.unwrap_or_default();
        assert!(said.contains("no usable expiry"), "{cause:?}: {said}");
        stage.emulator.clear_faults();
    }
}

#[tokio::test]
async fn t1_an_answer_that_slept_through_a_suspend_is_asked_for_once_more_and_blames_nobody() {
    let mut world = World::acme();
    for set in &mut world.permission_sets {
        set.session_duration = SignedDuration::from_mins(15);
    }
    let stage = Stage::of(world).await;
    let (_, token) = stage.signed_in().await;
    let account = AccountId("111122223333".to_owned());
    for (minutes, calls) in [(30, 2), (5, 1)] {
        let before = stage.emulator.counters().calls(Operation::GetRoleCredentials);
        let asked = || stage.emulator.counters().calls(Operation::GetRoleCredentials) - before;
        let late = Fault::delay(Operation::GetRoleCredentials, Duration::from_secs(1));
        stage.emulator.add_fault(late.after_processing().times(1));
        let call = {
            let (center, token, account) = (stage.center.clone(), token.clone(), account.clone());
            tokio::spawn(async move {
                center
                    .role_credentials(&token, &account, "Developer", Priority::Interactive)
                    .await
            })
        };
        while asked() == 0 {
            tokio::task::yield_now().await;
        }
        stage.clock.suspend(Duration::from_secs(minutes * 60));
        let given = call.await.unwrap().unwrap();
        assert!(
            given.expires_at > stage.emulator.now() + SignedDuration::from_mins(9),
            "{given:?}"
        );
        assert_eq!(asked(), calls, "{minutes}");
        stage.emulator.clear_faults();
    }
}
