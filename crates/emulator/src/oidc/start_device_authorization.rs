//! StartDeviceAuthorization: `POST /device_authorization`.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::device_grant::{DEVICE_CODE_LIFE, DeviceGrant, POLLING_INTERVAL};
use super::{DEVICE_CODE, OidcError};
use crate::audit;
use crate::call::{self, Call};
use crate::state::State;
use crate::world::VerificationUri;

/// Without letters and digits that look alike.
const USER_CODE_ALPHABET: &str = "BCDFGHJKLMNPQRSTVWXZ";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    client_id: Option<String>,
    client_secret: Option<String>,
    start_url: Option<String>,
}

/// The start URL is looked at only when a person approves, as at AWS.
pub(crate) fn start_device_authorization(state: &mut State, call: &mut Call) -> Result<Response, OidcError> {
    let request: Request = super::parse(&call.body)?;
    let start_url = request
        .start_url
        .ok_or(OidcError::InvalidRequest("startUrl is required"))?;
    let client = state.registration(
        request.client_id.as_deref(),
        request.client_secret.as_deref(),
        call.now,
    )?;
    if !client.allows(DEVICE_CODE) {
        return Err(OidcError::UnauthorizedClient(
            "The client may not use the device code",
        ));
    }
    let client_id = client.client_id.clone();

    let letters = state.random.text(USER_CODE_ALPHABET, 8);
    let user_code = format!("{}-{}", &letters[..4], &letters[4..]);
    let device_code = state.random.base64url(64);
    state.secrets.note("device_code", &device_code);
    state.secrets.note("user_code", &user_code);
    let verification_uri = match state.world.unsettled.verification_uri {
        VerificationUri::Path => format!("{}/device", call.origin),
        VerificationUri::Fragment => format!("{}/start/#/device", call.origin),
    };
    let answer = json!({
        "deviceCode": device_code,
        "userCode": user_code,
        "verificationUri": verification_uri,
        "verificationUriComplete": format!("{verification_uri}?user_code={user_code}"),
        "expiresIn": DEVICE_CODE_LIFE.as_secs(),
        "interval": POLLING_INTERVAL.as_secs(),
    });
    call.trail.response_elements = audit::response_elements(&answer);
    state.devices.retain(|_, grant| call.now < grant.forgotten_at());
    state.devices.insert(
        device_code,
        DeviceGrant::new(client_id, user_code, start_url, call.now),
    );
    Ok(call::json(StatusCode::OK, &answer))
}

#[cfg(test)]
mod tests {
    use crate::testing::Client;

    #[tokio::test]
    async fn a_device_code_is_pending_then_exchanged_once() {
        let mut client = Client::new();
        let registered = client.register_for_device().await;
        let started = client.start_device(&registered).await;
        assert_eq!(
            (
                started.json()["expiresIn"].as_i64(),
                started.json()["interval"].as_i64()
            ),
            (Some(600), Some(1))
        );
        assert_eq!(started.member("verificationUri"), "http://127.0.0.1:8417/device");
        let code = started.member("deviceCode");

        for _ in 0..2 {
            let pending = client.poll(&registered, &code).await;
            assert_eq!(
                (pending.status.as_u16(), pending.exception()),
                (400, "AuthorizationPendingException")
            );
            assert_eq!(pending.member("error"), "authorization_pending");
        }
        client
            .emulator
            .approve_device(&started.member("userCode"), "amara")
            .unwrap();
        let tokens = client.poll(&registered, &code).await.json();
        assert_eq!(
            (tokens["expiresIn"].as_i64(), tokens["tokenType"].as_str()),
            (Some(3_600), Some("Bearer"))
        );
        for (member, prefix) in [("accessToken", "aoa"), ("refreshToken", "aor")] {
            let token = tokens[member].as_str().unwrap();
            assert!(token.starts_with(prefix) && token.contains(':') && (200..400).contains(&token.len()));
        }
        assert_eq!(
            client.poll(&registered, &code).await.exception(),
            "InvalidGrantException"
        );
    }

    #[tokio::test]
    async fn l5_hasty_polling_is_told_to_slow_down_and_codes_expire() {
        let mut client = Client::new();
        let registered = client.register_for_device().await;
        let code = client.start_device(&registered).await.member("deviceCode");
        for _ in 0..3 {
            assert_eq!(
                client.poll(&registered, &code).await.exception(),
                "AuthorizationPendingException"
            );
        }
        assert_eq!(
            client.poll(&registered, &code).await.exception(),
            "SlowDownException"
        );
        client.advance(600);
        assert_eq!(
            client.poll(&registered, &code).await.exception(),
            "ExpiredTokenException"
        );
    }
}
