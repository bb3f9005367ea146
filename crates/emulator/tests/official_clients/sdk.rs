//! What the SDK makes of every answer: types, paging, errors, retries.

use aws_sdk_sso::error::ProvideErrorMetadata as _;
use identity_center_emulator::{Assignment, Fault, Operation};
use jiff::SignedDuration;

use super::judge::{DEVICE_CODE, Judge, REDIRECT, Refusal, VERIFIER, redirect};

#[tokio::test]
async fn a_device_code_sign_in_is_typed_at_every_step() {
    let judge = Judge::new().await;
    let (id, secret) = judge.register_for_device().await;
    let started = judge
        .oidc
        .start_device_authorization()
        .client_id(&id)
        .client_secret(&secret);
    let started = started
        .start_url(judge.emulator.start_url())
        .send()
        .await
        .unwrap();
    assert_eq!((started.expires_in(), started.interval()), (600, 1));
    let uri = started.verification_uri_complete().unwrap();
    assert!(uri.starts_with(&judge.emulator.base_url()) && uri.contains("/device?user_code="));

    let poll = || {
        let request = judge
            .oidc
            .create_token()
            .client_id(&id)
            .client_secret(&secret)
            .grant_type(DEVICE_CODE);
        request.device_code(started.device_code().unwrap()).send()
    };
    for _ in 0..3 {
        let error = poll().await.unwrap_err().into_service_error();
        assert!(error.is_authorization_pending_exception(), "{error:?}");
    }
    assert!(
        poll()
            .await
            .unwrap_err()
            .into_service_error()
            .is_slow_down_exception()
    );
    judge
        .emulator
        .approve_device(started.user_code().unwrap(), "amara")
        .unwrap();
    assert_eq!(poll().await.unwrap().expires_in(), 3_600);
    assert!(
        poll()
            .await
            .unwrap_err()
            .into_service_error()
            .is_invalid_grant_exception()
    );
}

#[tokio::test]
async fn a_pkce_sign_in_works_through_the_redirect() {
    let judge = Judge::new().await;
    let request = judge
        .oidc
        .register_client()
        .client_name("judge")
        .client_type("public");
    let request = request
        .scopes("sso:account:access")
        .issuer_url(judge.emulator.start_url());
    let request = request
        .grant_types("authorization_code")
        .grant_types("refresh_token");
    let client = request
        .redirect_uris("http://127.0.0.1/oauth/callback")
        .send()
        .await
        .unwrap();
    judge.emulator.auto_approve(Some("ben")).unwrap();

    let location = redirect(&judge.emulator.base_url(), client.client_id().unwrap()).await;
    let callback = url::Url::parse(&location).unwrap();
    let code = callback
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .into_owned();
    let exchange = judge
        .oidc
        .create_token()
        .grant_type("authorization_code")
        .code(code);
    let exchange = exchange
        .client_id(client.client_id().unwrap())
        .client_secret(client.client_secret().unwrap());
    let tokens = exchange
        .redirect_uri(REDIRECT)
        .code_verifier(VERIFIER)
        .send()
        .await
        .unwrap();

    let accounts = judge
        .portal
        .list_accounts()
        .access_token(tokens.access_token().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(accounts.account_list().len(), 5, "the world's page size");
    assert!(accounts.next_token().is_some());
}

#[tokio::test]
async fn the_paginators_list_everything_once() {
    let judge = Judge::new().await;
    let (token, ..) = judge.sign_in("chiara").await;
    let pages = judge
        .portal
        .list_accounts()
        .access_token(&token)
        .into_paginator()
        .items()
        .send();
    let mut ids: Vec<String> = pages
        .collect::<Result<Vec<_>, _>>()
        .await
        .unwrap()
        .iter()
        .map(|account| account.account_id().unwrap().to_owned())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 12);

    let roles = judge
        .portal
        .list_account_roles()
        .access_token(&token)
        .account_id(&ids[0])
        .max_results(1);
    let roles = roles
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .unwrap();
    let names: Vec<_> = roles.iter().map(|role| role.role_name().unwrap()).collect();
    assert_eq!(names, ["ReadOnly", "SecurityAudit"]);
}

#[tokio::test]
async fn refreshing_ends_with_the_session() {
    let judge = Judge::new().await;
    let (_, refresh_token, (id, secret)) = judge.sign_in("amara").await;
    let refresh = || {
        let request = judge.oidc.create_token().client_id(&id).client_secret(&secret);
        request
            .grant_type("refresh_token")
            .refresh_token(&refresh_token)
            .send()
    };
    assert!(refresh().await.unwrap().refresh_token().is_some());
    judge.emulator.end_sessions("amara").unwrap();
    let error = refresh().await.unwrap_err().into_service_error();
    assert!(error.is_invalid_grant_exception());

    judge.emulator.expire_registrations();
    assert!(
        refresh()
            .await
            .unwrap_err()
            .into_service_error()
            .is_invalid_client_exception()
    );
}

#[tokio::test]
async fn role_credentials_expire_in_milliseconds_and_refusals_have_their_meaning() {
    let judge = Judge::new().await;
    let (token, ..) = judge.sign_in("amara").await;
    let credentials = judge.credentials(&token, "Developer").await.unwrap();
    let four_hours = judge.emulator.now() + SignedDuration::from_hours(4);
    assert_eq!(credentials.expiration(), four_hours.as_millisecond());

    let unassigned = judge
        .credentials(&token, "AdministratorAccess")
        .await
        .unwrap_err();
    assert_eq!(unassigned.code(), Some("ForbiddenException"));
    assert_eq!(unassigned.message(), Some("No access"));
    judge
        .emulator
        .assign(&Assignment::group(
            "developers",
            "AdministratorAccess",
            "111122223333",
        ))
        .unwrap();
    assert!(judge.credentials(&token, "AdministratorAccess").await.is_ok());

    judge
        .emulator
        .add_fault(Fault::status(Operation::GetRoleCredentials, 404).times(1));
    let gone = judge.credentials(&token, "Developer").await.unwrap_err();
    assert!(matches!(gone, Refusal::ResourceNotFoundException(_)), "{gone:?}");

    judge.emulator.advance(SignedDuration::from_hours(1));
    let expired = judge.credentials(&token, "Developer").await.unwrap_err();
    assert!(
        matches!(expired, Refusal::UnauthorizedException(_)),
        "{expired:?}"
    );
}

#[tokio::test]
async fn too_many_requests_are_typed_and_pass_with_time() {
    let judge = Judge::new().await;
    let (token, ..) = judge.sign_in("amara").await;
    for _ in 0..20 {
        judge.credentials(&token, "ReadOnly").await.unwrap();
    }
    let throttled = judge.credentials(&token, "ReadOnly").await.unwrap_err();
    assert!(
        matches!(throttled, Refusal::TooManyRequestsException(_)),
        "{throttled:?}"
    );
    judge.emulator.advance(SignedDuration::from_secs(1));
    judge.credentials(&token, "ReadOnly").await.unwrap();
}

#[tokio::test]
async fn logging_out_ends_the_token() {
    let judge = Judge::new().await;
    let (token, ..) = judge.sign_in("amara").await;
    judge.portal.logout().access_token(&token).send().await.unwrap();
    let refused = judge.credentials(&token, "ReadOnly").await.unwrap_err();
    assert!(
        matches!(refused, Refusal::UnauthorizedException(_)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_dropped_connection_is_an_io_error_and_a_lost_reply_was_still_processed() {
    let judge = Judge::new().await;
    let (token, refresh_token, (id, secret)) = judge.sign_in("amara").await;
    judge
        .emulator
        .add_fault(Fault::drop(Operation::GetRoleCredentials).times(1));
    let request = judge
        .portal
        .get_role_credentials()
        .access_token(&token)
        .account_id("111122223333");
    let error = request.role_name("ReadOnly").send().await.unwrap_err();
    assert!(
        matches!(error, aws_sdk_sso::error::SdkError::DispatchFailure(_)),
        "{error:?}"
    );

    judge
        .emulator
        .add_fault(Fault::drop(Operation::CreateToken).after_processing().times(1));
    let refresh = judge
        .oidc
        .create_token()
        .client_id(id)
        .client_secret(secret)
        .grant_type("refresh_token");
    // The SDK tries again by itself, with the token that the first try has used up: grace lets it.
    assert!(refresh.refresh_token(refresh_token).send().await.is_ok());
    assert_eq!(judge.emulator.counters().calls(Operation::CreateToken), 3);
}
