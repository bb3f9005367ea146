//! SSO-OIDC: client registration, device authorization, authorization code with PKCE, tokens.

mod authorize;
mod code_grant;
mod create_token;
mod device_grant;
mod error;
mod register_client;
mod registration;
mod start_device_authorization;
mod tokens;

pub(crate) use authorize::{authorize, decide};
pub(crate) use code_grant::{AuthorizationCode, ConsentRequest};
pub(crate) use create_token::create_token;
pub(crate) use device_grant::{DeviceGrant, NotPending};
pub(crate) use error::OidcError;
pub(crate) use register_client::register_client;
pub(crate) use registration::Registration;
pub(crate) use start_device_authorization::start_device_authorization;
pub(crate) use tokens::Tokens;

use axum::body::Bytes;
use serde::de::DeserializeOwned;

pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(crate) const AUTHORIZATION_CODE: &str = "authorization_code";
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";

/// Unknown members are ignored, as AWS does.
fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, OidcError> {
    serde_json::from_slice(body)
        .map_err(|_| OidcError::InvalidRequest("The request is not a valid JSON object"))
}
