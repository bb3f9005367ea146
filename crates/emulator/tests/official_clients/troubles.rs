//! Every kind of trouble, as it reaches a client over a real socket.

use std::time::Duration;

use aws_sdk_sso::error::SdkError;
use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use identity_center_emulator::{Fault, Operation, Trouble, World};

use super::judge::{Judge, Refusal};

type Outcome = Result<i64, SdkError<GetRoleCredentialsError>>;

/// GetRoleCredentials with one kind of trouble: the expiration that the SDK read, or its error.
async fn with(judge: &Judge, token: &str, fault: Fault) -> Outcome {
    judge.emulator.add_fault(fault.times(1));
    let request = judge.portal.get_role_credentials().access_token(token);
    let answer = request
        .account_id("111122223333")
        .role_name("ReadOnly")
        .send()
        .await;
    Ok(answer?.role_credentials().unwrap().expiration())
}

fn status(outcome: &Outcome) -> u16 {
    let error = outcome.as_ref().unwrap_err();
    error
        .raw_response()
        .map_or(0, |response| response.status().as_u16())
}

#[tokio::test]
async fn made_up_answers_reach_the_client_with_their_status() {
    let judge = Judge::new().await;
    let (token, ..) = judge.sign_in("amara").await;
    for (trouble, expected) in [
        (Trouble::Throttled, 429),
        (Trouble::ThrottledRetryAfter, 429),
        (Trouble::ServerError, 500),
        (Trouble::BadGatewayHtml, 502),
        (Trouble::Unavailable, 503),
        (Trouble::Forbidden, 403),
        (Trouble::Unauthorized, 401),
        (Trouble::RedirectToHttp, 302),
    ] {
        let outcome = with(
            &judge,
            &token,
            Fault::trouble(Operation::GetRoleCredentials, trouble),
        )
        .await;
        assert_eq!(status(&outcome), expected, "{trouble:?}: {outcome:?}");
        let response = outcome.unwrap_err();
        let header = |name| {
            response
                .raw_response()
                .unwrap()
                .headers()
                .get(name)
                .map(str::to_owned)
        };
        let retry_after = (trouble == Trouble::ThrottledRetryAfter).then(|| "2".to_owned());
        assert_eq!(header("retry-after"), retry_after);
    }
    let refused = with(&judge, &token, Fault::drop(Operation::GetRoleCredentials)).await;
    assert!(
        matches!(refused, Err(SdkError::DispatchFailure(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn content_that_is_no_answer_is_an_error_and_never_credentials() {
    let judge = Judge::new().await;
    let (token, ..) = judge.sign_in("amara").await;
    for trouble in [Trouble::GarbageJson, Trouble::WrongTypes, Trouble::CaptivePortal] {
        let outcome = with(
            &judge,
            &token,
            Fault::trouble(Operation::GetRoleCredentials, trouble),
        )
        .await;
        assert_eq!(status(&outcome), 200, "{trouble:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn broken_connections_are_errors_of_the_connection() {
    let judge = Judge::new().await;
    let (token, ..) = judge.sign_in("amara").await;
    for trouble in [
        Trouble::Reset,
        Trouble::TruncatedBody,
        Trouble::WrongContentLength,
    ] {
        let outcome = with(
            &judge,
            &token,
            Fault::trouble(Operation::GetRoleCredentials, trouble),
        )
        .await;
        assert!(
            matches!(
                outcome,
                Err(SdkError::ResponseError(_) | SdkError::DispatchFailure(_))
            ),
            "{trouble:?}: {outcome:?}"
        );
    }
    let hurried = |fault| async {
        let call = with(&judge, &token, fault);
        tokio::time::timeout(Duration::from_millis(300), call).await
    };
    for trouble in [Trouble::Hang, Trouble::HalfOpen, Trouble::SlowDrip] {
        let outcome = hurried(Fault::trouble(Operation::GetRoleCredentials, trouble)).await;
        assert!(outcome.is_err(), "{trouble:?} answers in time: {outcome:?}");
    }
    let fast = Fault {
        drip_ms: Some(0),
        ..Fault::trouble(Operation::GetRoleCredentials, Trouble::SlowDrip)
    };
    assert!(
        with(&judge, &token, fast).await.is_ok(),
        "a slow drip is complete in the end"
    );
    assert!(judge.credentials(&token, "ReadOnly").await.is_ok());
}

#[tokio::test]
async fn expirations_are_past_zero_negative_or_in_seconds() {
    let judge = Judge::new().await;
    let (token, ..) = judge.sign_in("amara").await;
    let now = judge.emulator.now().as_millisecond();
    let right = now + 8 * 3_600_000;
    for (trouble, expected) in [
        (Trouble::ExpirationPast, now - 3_600_000),
        (Trouble::ExpirationZero, 0),
        (Trouble::ExpirationNegative, -1),
        (Trouble::ExpirationSeconds, right / 1_000),
        (Trouble::WrongDate, right),
    ] {
        let outcome = with(
            &judge,
            &token,
            Fault::trouble(Operation::GetRoleCredentials, trouble),
        )
        .await;
        assert_eq!(outcome.unwrap(), expected, "{trouble:?}");
    }
}

#[tokio::test]
async fn pages_come_twice_or_lead_to_themselves() {
    let judge = Judge::new().await;
    let (token, ..) = judge.sign_in("chiara").await;
    let list = |limit: usize| {
        let pages = judge.portal.list_accounts().access_token(&token).into_paginator();
        let mut rows = pages.stop_on_duplicate_token(false).items().send();
        async move {
            let mut ids = Vec::new();
            while let Some(row) = rows.next().await {
                ids.push(row.unwrap().account_id().unwrap().to_owned());
                if ids.len() == limit {
                    break;
                }
            }
            ids
        }
    };
    judge
        .emulator
        .add_fault(Fault::trouble(Operation::ListAccounts, Trouble::DuplicatePages).times(1));
    let ids = list(usize::MAX).await;
    assert_eq!(
        (ids.len(), &ids[..5]),
        (17, &ids[5..10]),
        "12 rows, the first page of 5 twice"
    );

    judge
        .emulator
        .add_fault(Fault::trouble(Operation::ListAccounts, Trouble::LoopingNextToken));
    let ids = list(60).await;
    assert_eq!((ids.len(), &ids[..5]), (60, &ids[55..]), "for ever");
}

#[tokio::test]
async fn an_answer_can_have_64_megabytes() {
    let judge = Judge::new().await;
    let (token, ..) = judge.sign_in("amara").await;
    judge
        .emulator
        .add_fault(Fault::trouble(Operation::ListAccounts, Trouble::HugeBody).times(1));
    let request = judge.portal.list_accounts().access_token(&token);
    // Whether it is read to its end in time is the client's affair.
    match request.send().await {
        Ok(accounts) => assert!(!accounts.account_list().is_empty()),
        Err(error) => assert!(matches!(error, SdkError::TimeoutError(_)), "{error:?}"),
    }
}

#[tokio::test]
async fn hostile_names_arrive_unchanged() {
    let judge = Judge::of(World::hostile()).await;
    let (token, ..) = judge.sign_in("amara").await;
    let world = judge.emulator.world();
    let accounts = judge.accounts(&token).await.unwrap();
    let arrived: Vec<&str> = accounts
        .account_list()
        .iter()
        .map(|account| account.account_name().unwrap())
        .collect();
    let sent: Vec<&str> = world
        .accounts
        .iter()
        .map(|account| account.name.as_str())
        .collect();
    assert_eq!(arrived, sent);

    let account = &world.accounts[0].id;
    for set in &world.permission_sets {
        judge.emulator.advance(jiff::SignedDuration::from_secs(1));
        let request = judge.portal.get_role_credentials().access_token(&token);
        let answer = request.account_id(account).role_name(&set.name).send().await;
        assert!(
            answer.is_ok(),
            "{:?}: {:?}",
            set.name,
            answer.map_err(Refusal::from)
        );
    }
}
