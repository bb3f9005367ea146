//! CreateToken: `POST /token`, for a device code, an authorization code or a refresh token.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::tokens::Issued;
use super::{AUTHORIZATION_CODE, DEVICE_CODE, OidcError, REFRESH_TOKEN};
use crate::audit;
use crate::call::{self, Call};
use crate::state::State;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    client_id: Option<String>,
    client_secret: Option<String>,
    grant_type: Option<String>,
    device_code: Option<String>,
    code: Option<String>,
    refresh_token: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
}

pub(crate) fn create_token(state: &mut State, call: &mut Call) -> Result<Response, OidcError> {
    let request: Request = super::parse(&call.body)?;
    let client = state.registration(
        request.client_id.as_deref(),
        request.client_secret.as_deref(),
        call.now,
    )?;
    let grant_type = request
        .grant_type
        .as_deref()
        .ok_or(OidcError::InvalidRequest("grantType is required"))?;
    if ![DEVICE_CODE, AUTHORIZATION_CODE, REFRESH_TOKEN].contains(&grant_type) {
        return Err(OidcError::UnsupportedGrantType);
    }
    if !client.allows(grant_type) {
        return Err(OidcError::UnauthorizedClient(
            "The client may not use this grant type",
        ));
    }
    let client_id = client.client_id.clone();

    let issued = match grant_type {
        DEVICE_CODE => for_device_code(state, call, &client_id, &request)?,
        AUTHORIZATION_CODE => for_authorization_code(state, call, &client_id, &request)?,
        _ => for_refresh_token(state, call, &client_id, &request)?,
    };
    if let Some((session, user)) = state.signed_in(&issued.access_token, call.now) {
        (call.user, call.session) = (Some(user.name), Some(session));
    }
    let mut answer = json!({
        "accessToken": issued.access_token,
        "tokenType": "Bearer",
        "expiresIn": issued.expires_in,
        "refreshToken": issued.refresh_token,
        "idToken": null,
    });
    call.trail.response_elements = audit::response_elements(&answer);
    state.world.unsettled.absent_members.settle(&mut answer);
    Ok(call::json(StatusCode::OK, &answer))
}

fn for_device_code(
    state: &mut State,
    call: &Call,
    client_id: &str,
    request: &Request,
) -> Result<Issued, OidcError> {
    let code = request
        .device_code
        .as_deref()
        .ok_or(OidcError::InvalidRequest("deviceCode is required"))?;
    let grant = state
        .devices
        .get_mut(code)
        .filter(|grant| grant.client_id == client_id);
    let grant = grant.ok_or(OidcError::InvalidGrant("Invalid device code provided"))?;
    let session = grant.poll(call.now)?;
    state.issue_tokens(client_id, session, call.now)
}

fn for_authorization_code(
    state: &mut State,
    call: &Call,
    client_id: &str,
    request: &Request,
) -> Result<Issued, OidcError> {
    let (Some(code), Some(redirect_uri), Some(verifier)) =
        (&request.code, &request.redirect_uri, &request.code_verifier)
    else {
        return Err(OidcError::InvalidRequest(
            "code, redirectUri and codeVerifier are required",
        ));
    };
    state.secrets.note("code_verifier", verifier);
    let code = state
        .codes
        .remove(code)
        .ok_or(OidcError::InvalidGrant("Invalid grant provided"))?;
    let session = code.exchange(client_id, redirect_uri, verifier, call.now)?;
    state.issue_tokens(client_id, session, call.now)
}

fn for_refresh_token(
    state: &mut State,
    call: &Call,
    client_id: &str,
    request: &Request,
) -> Result<Issued, OidcError> {
    let token = request
        .refresh_token
        .as_deref()
        .ok_or(OidcError::InvalidRequest("refreshToken is required"))?;
    state.refresh_tokens(client_id, token, call.now)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use crate::testing::{Client, VERIFIER, authorize_path};

    #[tokio::test]
    async fn l3_a_code_fails_with_a_wrong_verifier_client_or_redirect_and_after_ten_minutes() {
        let mut client = Client::new();
        let (registered, other) = (client.register_for_code().await, client.register_for_code().await);
        client.emulator.auto_approve(Some("amara")).unwrap();
        let mut codes = Vec::new();
        for _ in 0..4 {
            let redirected = client.get(&authorize_path(&registered.id, &[])).await;
            codes.push(redirected.redirected_with("code").unwrap());
        }
        let wrong = "wrong-verifier-wrong-verifier-wrong-verifier";
        assert_eq!(
            client.exchange(&registered, &codes[0], wrong).await.exception(),
            "InvalidGrantException"
        );
        assert_eq!(
            client
                .exchange(&registered, &codes[0], VERIFIER)
                .await
                .exception(),
            "InvalidGrantException"
        );
        assert_eq!(
            client.exchange(&other, &codes[1], VERIFIER).await.exception(),
            "InvalidGrantException"
        );
        assert_eq!(
            client.exchange(&registered, &codes[2], VERIFIER).await.status,
            200
        );
        client.advance(600);
        assert_eq!(
            client
                .exchange(&registered, &codes[3], VERIFIER)
                .await
                .exception(),
            "InvalidGrantException"
        );
    }

    #[tokio::test]
    async fn without_scopes_a_token_lives_eight_hours_and_cannot_be_refreshed() {
        let mut client = Client::new();
        let registered = client.register(&json!({})).await;
        let started = client.start_device(&registered).await;
        client
            .emulator
            .approve_device(&started.member("userCode"), "amara")
            .unwrap();
        // Nobody fetches the token in the moment of the approval, with which the session of eight hours begins.
        client.emulator.advance(SignedDuration::from_millis(20));
        let tokens = client
            .poll(&registered, &started.member("deviceCode"))
            .await
            .json();
        assert_eq!(tokens["expiresIn"], 28_800);
        assert!(tokens.get("refreshToken").is_none());
    }

    #[tokio::test]
    async fn refreshing_never_extends_the_session() {
        let mut client = Client::new();
        let (registered, tokens) = client.signed_in("amara").await;
        let mut refresh_token = tokens["refreshToken"].as_str().unwrap().to_owned();
        for _ in 0..15 {
            client.advance(1_800);
            let reply = client.refresh(&registered, &refresh_token).await;
            assert_eq!(reply.status, 200);
            refresh_token = reply.member("refreshToken");
        }
        client.advance(1_000);
        let last = client.refresh(&registered, &refresh_token).await;
        assert_eq!(last.json()["expiresIn"], 800, "what is left of eight hours");
        client.advance(800);
        let over = client.refresh(&registered, &last.member("refreshToken")).await;
        assert_eq!(over.exception(), "InvalidGrantException");
        assert_eq!(over.member("error_description"), "Invalid refresh token provided");
    }

    #[tokio::test]
    async fn a_new_sign_in_joins_the_browsers_session_and_inherits_its_end() {
        let mut client = Client::new();
        client.signed_in_with("firefox", "amara").await;
        client.advance(8 * 3_600 - 60);
        let (_, tokens) = client.signed_in_with("firefox", "amara").await;
        assert_eq!(tokens["expiresIn"], 60);
        let (_, tokens) = client.signed_in("amara").await;
        assert_eq!(tokens["expiresIn"], 3_600, "a browser of its own");
        let (_, tokens) = client.signed_in_with("firefox", "ben").await;
        assert_eq!(tokens["expiresIn"], 3_600, "somebody else");
        client.advance(60);
        let (_, tokens) = client.signed_in_with("firefox", "amara").await;
        assert_eq!(tokens["expiresIn"], 3_600);
    }

    #[tokio::test]
    async fn a_refresh_token_belongs_to_its_client() {
        let mut client = Client::new();
        let (_, tokens) = client.signed_in("amara").await;
        let other = client.register_for_device().await;
        let reply = client
            .refresh(&other, tokens["refreshToken"].as_str().unwrap())
            .await;
        assert_eq!(reply.exception(), "InvalidGrantException");
    }
}
