//! The whole application and the AWS CLI's file, when a sign-in ends.

use std::path::PathBuf;

use crate::app::App;
use crate::app::contract::Request;
use crate::app::unstored::tests::{Machine, quit};
use crate::aws_config::logins::LoginKey;
use crate::aws_config::sso_cache::{CachedToken, SsoCache};

/// Somebody is signed in, and shares that with the AWS CLI.
async fn sharing() -> Machine {
    let mut machine = Machine::with_a_sign_in().await;
    machine.settings.share_aws_cli_login = true;
    let portal = machine.portal();
    let config = format!(
        "[sso-session corp]\nsso_start_url = {}\nsso_region = {}\n[profile dev]\nsso_session = corp\n\
         sso_account_id = 111122223333\nsso_role_name = ReadOnly\nservices = here\n[services here]\nsso =\n  \
         endpoint_url = {}\nsso_oidc =\n  endpoint_url = {}\n",
        portal.start_url.0, portal.region, portal.endpoints.sso, portal.endpoints.sso_oidc
    );
    std::fs::create_dir(machine.home.path().join(".aws")).unwrap();
    std::fs::write(machine.home.path().join(".aws/config"), config).unwrap();
    machine
}

fn file(machine: &Machine) -> PathBuf {
    SsoCache::in_home(machine.home.path()).file(&key())
}

fn key() -> LoginKey {
    LoginKey::Session("corp".to_owned())
}

/// A process that has given the AWS CLI the sign-in.
async fn given(machine: &Machine) -> App {
    let app = machine.start();
    machine.until(async || file(machine).exists()).await;
    app
}

fn sign_out(machine: &Machine) -> Request {
    Request::SignOut {
        portal: machine.portal().id.0,
    }
}

#[tokio::test]
async fn x4_a_sign_out_is_answered_when_the_aws_clis_file_is_gone() {
    let machine = sharing().await;
    let app = given(&machine).await;
    app.ask(sign_out(&machine)).await.unwrap();
    assert!(!file(&machine).exists());
}

#[tokio::test]
async fn x4_so_is_one_of_a_process_that_has_given_nothing_yet() {
    let machine = sharing().await;
    // As the process before it has left it. The clock stands still, so that this one draws nothing by itself.
    let stored = machine.store().sign_in(&machine.portal()).await.unwrap().unwrap();
    let token = CachedToken {
        access_token: stored.token.access_token,
        expires_at: stored.token.expires_at,
        start_url: None,
        region: None,
    };
    SsoCache::in_home(machine.home.path())
        .write(&key(), &token)
        .unwrap();
    let next = machine.start();
    next.ask(sign_out(&machine)).await.unwrap();
    assert!(!file(&machine).exists());
}

#[tokio::test]
async fn r2_an_end_without_a_sign_out_leaves_the_file() {
    let machine = sharing().await;
    quit(&given(&machine).await, &machine).await;
    assert!(file(&machine).exists(), "whoever comes back is signed in");
}

#[tokio::test]
async fn x4_a_portal_that_is_removed_leaves_no_file() {
    let machine = sharing().await;
    let app = given(&machine).await;
    let portal = machine.portal().id.0;
    app.ask(Request::RemovePortal { portal }).await.unwrap();
    assert!(!file(&machine).exists());
}

#[tokio::test]
async fn x4_an_end_right_after_a_sign_out_that_nobody_waits_for_leaves_none_either() {
    let machine = sharing().await;
    let app = given(&machine).await;
    app.click(sign_out(&machine));
    quit(&app, &machine).await;
    assert!(!file(&machine).exists());
}
