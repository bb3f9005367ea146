//! StartDeviceAuthorization: `POST /device_authorization`.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::device_grant::{DEVICE_CODE_LIFE, DeviceGrant, POLLING_INTERVAL};
use super::{DEVICE_CODE, OidcError};
use crate::call::{self, Call};
use crate::state::State;

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
    let verification_uri = format!("{}/device", call.origin);
    let answer = json!({
        "deviceCode": device_code,
        "userCode": user_code,
        "verificationUri": verification_uri,
        "verificationUriComplete": format!("{verification_uri}?user_code={user_code}"),
        "expiresIn": DEVICE_CODE_LIFE.as_secs(),
        "interval": POLLING_INTERVAL.as_secs(),
    });
    state.devices.retain(|_, grant| call.now < grant.forgotten_at());
    state.devices.insert(
        device_code,
        DeviceGrant::new(client_id, user_code, start_url, call.now),
    );
    Ok(call::json(StatusCode::OK, &answer))
}
