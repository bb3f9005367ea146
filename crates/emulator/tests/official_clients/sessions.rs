//! What ends what: sessions, users, assignments, permission sets and registrations, changed while the SDK runs.
//! One test for each row of the protocol's table "clock, suspend, end-of-session signals".

use aws_sdk_sso::error::ProvideErrorMetadata as _;
use aws_sdk_sso::types::RoleCredentials;
use identity_center_emulator::{Assignment, Fault, Operation, Trouble, World};
use jiff::SignedDuration;

use super::judge::{Judge, Refusal};

/// Somebody at work: tokens, registration, and role credentials that were handed out already.
struct AtWork {
    judge: Judge,
    access: String,
    refresh: String,
    client: (String, String),
    issued: RoleCredentials,
}

/// What the three kinds of call get after an event.
#[derive(Debug, PartialEq, Eq)]
enum Refresh {
    Works,
    InvalidGrant,
    InvalidClient,
    SlowDown,
}

impl AtWork {
    async fn begin() -> Self {
        let judge = Judge::of(World::acme()).await;
        let (access, refresh, client) = judge.sign_in("amara").await;
        let issued = judge.credentials(&access, "ReadOnly").await.unwrap();
        assert!(judge.are_alive(&issued).await);
        Self {
            judge,
            access,
            refresh,
            client,
            issued,
        }
    }

    async fn refresh(&self) -> Refresh {
        match self.judge.refresh(&self.refresh, &self.client).await {
            Ok(_) => Refresh::Works,
            Err(error) if error.is_invalid_grant_exception() => Refresh::InvalidGrant,
            Err(error) if error.is_invalid_client_exception() => Refresh::InvalidClient,
            Err(error) if error.is_slow_down_exception() => Refresh::SlowDown,
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Portal calls get 401, and what was handed out before goes on.
    async fn is_signed_out(&self) {
        let listed = self.judge.accounts(&self.access).await.unwrap_err();
        assert!(matches!(listed, Refusal::UnauthorizedException(_)), "{listed:?}");
        assert_eq!(listed.message(), Some("Session token not found or invalid"));
        let role = self
            .judge
            .credentials(&self.access, "ReadOnly")
            .await
            .unwrap_err();
        assert!(matches!(role, Refusal::UnauthorizedException(_)), "{role:?}");
        assert!(self.judge.are_alive(&self.issued).await);
    }

    /// 403 for this one role; the session goes on.
    async fn has_lost(&self, role: &str) {
        let refused = self.judge.credentials(&self.access, role).await.unwrap_err();
        assert_eq!(refused.code(), Some("ForbiddenException"));
        assert_eq!(refused.message(), Some("No access"));
        assert!(self.judge.accounts(&self.access).await.is_ok());
        assert_eq!(self.refresh().await, Refresh::Works);
    }

    async fn roles(&self) -> Vec<String> {
        let request = self.judge.portal.list_account_roles().access_token(&self.access);
        match request.account_id("111122223333").send().await {
            Ok(answer) => answer
                .role_list()
                .iter()
                .map(|role| role.role_name().unwrap().to_owned())
                .collect(),
            Err(_) => Vec::new(),
        }
    }
}

#[tokio::test]
async fn an_access_token_that_ran_out_is_401_and_refreshing_works() {
    let work = AtWork::begin().await;
    work.judge.emulator.advance(SignedDuration::from_hours(1));
    work.is_signed_out().await;
    let tokens = work.judge.refresh(&work.refresh, &work.client).await.unwrap();
    assert!(work.judge.accounts(tokens.access_token().unwrap()).await.is_ok());
}

#[tokio::test]
async fn a_session_that_reached_its_end_refreshes_no_more() {
    let work = AtWork::begin().await;
    work.judge.emulator.advance(SignedDuration::from_hours(7));
    let issued = work.judge.refresh(&work.refresh, &work.client).await.unwrap();
    let issued = work
        .judge
        .credentials(issued.access_token().unwrap(), "ReadOnly")
        .await
        .unwrap();
    work.judge.emulator.advance(SignedDuration::from_hours(1));
    assert_eq!(work.refresh().await, Refresh::InvalidGrant);
    AtWork { issued, ..work }.is_signed_out().await;
}

#[tokio::test]
async fn a_session_that_the_administrator_ended_is_over_before_its_tokens_are() {
    let work = AtWork::begin().await;
    assert_eq!(work.judge.emulator.end_sessions("amara").unwrap(), 1);
    assert_eq!(work.refresh().await, Refresh::InvalidGrant);
    work.is_signed_out().await;
}

#[tokio::test]
async fn a_disabled_user_is_out_and_cannot_come_back() {
    let work = AtWork::begin().await;
    work.judge.emulator.disable_user("amara").unwrap();
    assert_eq!(work.refresh().await, Refresh::InvalidGrant);
    work.is_signed_out().await;
    assert!(work.judge.emulator.approve_device("AAAA-AAAA", "amara").is_err());
}

#[tokio::test]
async fn signing_out_ends_the_session_for_all_its_tokens() {
    let work = AtWork::begin().await;
    work.judge
        .portal
        .logout()
        .access_token(&work.access)
        .send()
        .await
        .unwrap();
    assert_eq!(work.refresh().await, Refresh::InvalidGrant);
    work.is_signed_out().await;
}

#[tokio::test]
async fn an_assignment_that_was_removed_is_403_for_that_role_and_the_list_shrinks() {
    let work = AtWork::begin().await;
    assert_eq!(work.roles().await, ["Developer", "ReadOnly"]);
    let assignment = Assignment::group("developers", "ReadOnly", "111122223333");
    assert!(work.judge.emulator.unassign(&assignment));
    work.has_lost("ReadOnly").await;
    assert_eq!(work.roles().await, ["Developer"]);
    assert!(work.judge.are_alive(&work.issued).await);
    work.judge.emulator.assign(&assignment).unwrap();
    assert!(work.judge.credentials(&work.access, "ReadOnly").await.is_ok());
}

#[tokio::test]
async fn an_account_that_was_removed_is_403_and_leaves_the_list() {
    let work = AtWork::begin().await;
    let before = work
        .judge
        .accounts(&work.access)
        .await
        .unwrap()
        .account_list()
        .len();
    assert!(work.judge.emulator.remove_account("111122223333"));
    work.has_lost("ReadOnly").await;
    assert_eq!(
        work.judge
            .accounts(&work.access)
            .await
            .unwrap()
            .account_list()
            .len(),
        before - 1
    );
    assert!(work.roles().await.is_empty() && work.judge.are_alive(&work.issued).await);
}

#[tokio::test]
async fn a_permission_set_that_was_deleted_takes_its_credentials_along() {
    let work = AtWork::begin().await;
    assert!(work.judge.emulator.delete_permission_set("ReadOnly"));
    work.has_lost("ReadOnly").await;
    assert!(!work.judge.are_alive(&work.issued).await, "calls fail at once");
}

#[tokio::test]
async fn a_changed_permission_set_counts_for_the_next_credentials() {
    let work = AtWork::begin().await;
    let piece = "[[permission_set]]\nname = \"ReadOnly\"\nsession_duration = \"2h\"\n";
    work.judge.emulator.amend(piece).unwrap();
    let next = work.judge.credentials(&work.access, "ReadOnly").await.unwrap();
    let expected = work.judge.emulator.now() + SignedDuration::from_hours(2);
    assert_eq!(next.expiration(), expected.as_millisecond());
    assert!(work.judge.are_alive(&work.issued).await);
}

#[tokio::test]
async fn an_expired_registration_is_an_invalid_client_and_its_tokens_go_on() {
    let work = AtWork::begin().await;
    assert_eq!(work.judge.emulator.expire_registrations(), 1);
    assert_eq!(work.refresh().await, Refresh::InvalidClient);
    assert!(work.judge.accounts(&work.access).await.is_ok());
    assert!(work.judge.credentials(&work.access, "ReadOnly").await.is_ok());
}

#[tokio::test]
async fn throttling_is_slow_down_there_and_429_here_and_passes() {
    let work = AtWork::begin().await;
    for operation in [Operation::CreateToken, Operation::ListAccounts] {
        work.judge
            .emulator
            .add_fault(Fault::trouble(operation, Trouble::Throttled).times(1));
    }
    assert_eq!(work.refresh().await, Refresh::SlowDown);
    let listed = work.judge.accounts(&work.access).await.unwrap_err();
    assert!(
        matches!(listed, Refusal::TooManyRequestsException(_)),
        "{listed:?}"
    );
    assert_eq!(work.refresh().await, Refresh::Works);
    assert!(work.judge.accounts(&work.access).await.is_ok());
}

#[tokio::test]
async fn another_region_knows_neither_registration_nor_token() {
    let work = AtWork::begin().await;
    let mut world = World::acme();
    world.region = "us-east-1".to_owned();
    let elsewhere = Judge::of(world).await;
    let error = elsewhere.refresh(&work.refresh, &work.client).await.unwrap_err();
    assert!(error.is_invalid_client_exception(), "{error:?}");
    let listed = elsewhere.accounts(&work.access).await.unwrap_err();
    assert!(matches!(listed, Refusal::UnauthorizedException(_)), "{listed:?}");
}
