//! RegisterClient: `POST /client/register`.

use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::registration::{Registration, loopback_callback};
use super::{AUTHORIZATION_CODE, DEVICE_CODE, OidcError, REFRESH_TOKEN};
use crate::audit;
use crate::call::{self, Call};
use crate::state::State;
use crate::world::DoubleGrant;

const REGISTRATION_LIFE: SignedDuration = SignedDuration::from_hours(24 * 90);
/// Random characters in the secret that bring it to the length seen at AWS, about 1.8 kB.
const SECRET_FILLING: usize = 740;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    client_name: Option<String>,
    client_type: Option<String>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    redirect_uris: Option<Vec<String>>,
    #[serde(default)]
    grant_types: Option<Vec<String>>,
    issuer_url: Option<String>,
}

pub(crate) fn register_client(state: &mut State, call: &mut Call) -> Result<Response, OidcError> {
    let request: Request = super::parse(&call.body)?;
    let name = request.client_name.as_deref().filter(|name| !name.is_empty());
    let name = name
        .ok_or(OidcError::InvalidClientMetadata("clientName is required"))?
        .to_owned();
    if request.client_type.as_deref() != Some("public") {
        return Err(OidcError::InvalidClientMetadata("clientType must be public"));
    }
    let scopes = request.scopes.unwrap_or_default();
    if !scopes.iter().all(|scope| is_known_scope(scope)) {
        return Err(OidcError::InvalidScope("Invalid scope provided"));
    }
    let grant_types = request.grant_types.unwrap_or_default();
    let redirect_uris = request.redirect_uris.unwrap_or_default();
    check_grant_types(&grant_types, state.world.unsettled.double_grant)?;
    if grant_types.iter().any(|grant| grant == AUTHORIZATION_CODE) {
        check_code_client(
            state,
            &call.origin,
            &scopes,
            &redirect_uris,
            request.issuer_url.as_deref(),
        )?;
    }

    let expires = call.now + REGISTRATION_LIFE;
    let client_id = client_id(state);
    let client_secret = client_secret(state, &client_id, &name, &scopes, call.now);
    let mut answer = json!({
        "clientId": client_id,
        "clientSecret": client_secret,
        "clientIdIssuedAt": call.now.as_second(),
        "clientSecretExpiresAt": expires.as_second(),
        "authorizationEndpoint": null,
        "tokenEndpoint": null,
    });
    state.world.unsettled.absent_members.settle(&mut answer);
    call.trail.response_elements = audit::response_elements(&answer);
    state.registrations.retain(|_, known| call.now < known.expires);
    let registration = Registration {
        client_id,
        client_name: name,
        client_secret,
        scopes,
        grant_types,
        redirect_uris,
        bare_redirect: state.world.unsettled.bare_redirect,
        expires,
    };
    state
        .registrations
        .insert(registration.client_id.clone(), registration);
    Ok(call::json(StatusCode::OK, &answer))
}

fn check_grant_types(grant_types: &[String], double_grant: DoubleGrant) -> Result<(), OidcError> {
    if !grant_types
        .iter()
        .all(|grant| [DEVICE_CODE, AUTHORIZATION_CODE, REFRESH_TOKEN].contains(&grant.as_str()))
    {
        return Err(OidcError::UnsupportedGrantType);
    }
    let names = |wanted: &str| grant_types.iter().any(|grant| grant == wanted);
    match double_grant {
        _ if !(names(DEVICE_CODE) && names(AUTHORIZATION_CODE)) => Ok(()),
        DoubleGrant::InvalidScope => Err(OidcError::InvalidScope("Grant types cannot be combined")),
        DoubleGrant::ServerError => Err(OidcError::InternalServer),
    }
}

fn check_code_client(
    state: &State,
    origin: &str,
    scopes: &[String],
    redirect_uris: &[String],
    issuer_url: Option<&str>,
) -> Result<(), OidcError> {
    let bare = state.world.unsettled.bare_redirect;
    if redirect_uris.is_empty()
        || !redirect_uris
            .iter()
            .all(|uri| loopback_callback(uri, bare).is_some())
    {
        return Err(OidcError::InvalidRedirectUri);
    }
    if scopes.is_empty() {
        return Err(OidcError::InvalidScope("authorization_code needs a scope"));
    }
    if !issuer_url.is_some_and(|issuer| state.is_our_start_url(issuer, origin)) {
        return Err(OidcError::InvalidRequest(
            "issuerUrl is not an instance of this Region",
        ));
    }
    Ok(())
}

/// What AWS documents, and what its products and well-known programs register with success.
fn is_known_scope(scope: &str) -> bool {
    let is_of_a_product = ["sso:", "sso-portal:", "codewhisperer:", "q:"]
        .iter()
        .any(|product| scope.starts_with(product) && scope.len() > product.len());
    is_of_a_product || ["openid", "aws", "sts:identity_context"].contains(&scope)
}

/// Sixteen random bytes and the region, as AWS's look.
fn client_id(state: &mut State) -> String {
    let mut bytes = state.random.bytes(16);
    bytes.extend(state.world.region.bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Looks like AWS's JSON Web Token; nobody may rely on what is inside.
fn client_secret(
    state: &mut State,
    client_id: &str,
    name: &str,
    scopes: &[String],
    now: Timestamp,
) -> String {
    let serialized = json!({
        "clientId": { "value": client_id },
        "idempotentKey": null,
        "tenantId": null,
        "clientName": name,
        "backfillVersion": null,
        "clientType": "PUBLIC",
        "templateArn": null,
        "templateContext": state.random.base64url(SECRET_FILLING * 3 / 4),
        "expirationTimestamp": (now + REGISTRATION_LIFE).as_second(),
        "createdTimestamp": now.as_second(),
        "updatedTimestamp": now.as_second(),
        "createdBy": null,
        "updatedBy": null,
        "status": null,
        "initiateLoginUri": null,
        "scopes": scopes,
        "expired": false,
    });
    let header = json!({ "kid": format!("key-{}", now.as_second()), "alg": "HS384" });
    let payload = json!({ "serialized": serialized.to_string() });
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let secret = format!(
        "{}.{}.{}",
        part(header),
        part(payload),
        state.random.base64url(48)
    );
    state.secrets.note("client_secret", &secret);
    secret
}

impl State {
    /// Whether a start or issuer URL means this instance: AWS's form of it, or our own page.
    pub(crate) fn is_our_start_url(&self, url: &str, origin: &str) -> bool {
        let url = url
            .trim_end_matches('/')
            .trim_end_matches('#')
            .trim_end_matches('/');
        url == self.world.start_url || url == format!("{origin}/start")
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use crate::testing::Client;

    #[tokio::test]
    async fn a_registration_looks_like_the_one_of_aws() {
        let mut client = Client::new();
        let body =
            json!({ "clientName": "x", "clientType": "public", "scopes": ["sso:account:access"], "more": 1 });
        let reply = client.post("/client/register", &body).await;
        let answer = reply.json();
        let client_id = URL_SAFE_NO_PAD
            .decode(answer["clientId"].as_str().unwrap())
            .unwrap();
        assert_eq!(&client_id[16..], b"eu-west-1");
        let secret = answer["clientSecret"].as_str().unwrap();
        assert!(
            (1_600..2_000).contains(&secret.len()) && secret.split('.').count() == 3,
            "{}",
            secret.len()
        );
        let life =
            answer["clientSecretExpiresAt"].as_i64().unwrap() - answer["clientIdIssuedAt"].as_i64().unwrap();
        assert_eq!(life, 7_776_000);
        assert!(answer.get("authorizationEndpoint").is_none());
    }

    #[tokio::test]
    async fn a_registration_that_aws_refuses_is_refused() {
        let mut client = Client::new();
        let issuer = client.emulator.start_url();
        let code = json!({
            "clientName": "x", "clientType": "public", "scopes": ["sso:account:access"],
            "grantTypes": ["authorization_code", "refresh_token"],
            "redirectUris": ["http://127.0.0.1/oauth/callback"], "issuerUrl": issuer,
        });
        let cases = [
            ("clientName", json!(null), "InvalidClientMetadataException"),
            (
                "clientType",
                json!("confidential"),
                "InvalidClientMetadataException",
            ),
            ("grantTypes", json!(["implicit"]), "UnsupportedGrantTypeException"),
            (
                "grantTypes",
                json!(["authorization_code", crate::oidc::DEVICE_CODE]),
                "InvalidScopeException",
            ),
            ("redirectUris", json!([]), "InvalidRedirectUriException"),
            (
                "redirectUris",
                json!(["http://localhost/oauth/callback"]),
                "InvalidRedirectUriException",
            ),
            (
                "redirectUris",
                json!(["https://127.0.0.1/oauth/callback"]),
                "InvalidRedirectUriException",
            ),
            (
                "redirectUris",
                json!(["http://127.0.0.1/elsewhere"]),
                "InvalidRedirectUriException",
            ),
            ("scopes", json!([]), "InvalidScopeException"),
            ("scopes", json!(["nonsense"]), "InvalidScopeException"),
            ("scopes", json!(["sso-portal:"]), "InvalidScopeException"),
            (
                "issuerUrl",
                json!("https://other.awsapps.com/start"),
                "InvalidRequestException",
            ),
        ];
        for (member, value, exception) in cases {
            let mut body = code.clone();
            body[member] = value;
            let reply = client.post("/client/register", &body).await;
            assert_eq!(
                (reply.status.as_u16(), reply.exception()),
                (400, exception),
                "{body}"
            );
            assert!(!reply.member("error").is_empty() && !reply.member("error_description").is_empty());
        }
        for scope in [
            "sso-portal:*",
            "openid",
            "aws",
            "sts:identity_context",
            "codewhisperer:completions",
        ] {
            let mut body = code.clone();
            body["scopes"] = json!([scope]);
            let reply = client.post("/client/register", &body).await;
            assert_eq!(reply.status, 200, "{scope}: {}", reply.text);
        }
        assert_eq!(client.post("/client/register", &code).await.status, 200);
        assert_eq!(
            client
                .post("/client/register", &json!("no object"))
                .await
                .exception(),
            "InvalidRequestException"
        );
    }
}
