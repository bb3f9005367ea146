//! What is printed of credentials: JSON documents, and the variables that AWS tools look at.

use jiff::Timestamp;
use portray_core::agent::protocol::CredentialsReply;
use portray_core::app::contract::ChainView;
use serde::Serialize;

/// Where AWS tools would find other credentials, or a part of them, before or beside those given: every command that
/// gives some clears all of these. botocore takes `AWS_SECURITY_TOKEN` before the session token, the keys in
/// `AWS_CREDENTIAL_FILE` before any endpoint, an endpoint's relative URI before the full one, and a file with a token
/// before the token.
pub const COMPETING: [&str; 14] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_CREDENTIAL_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
];

/// The variables that credentials stand in.
pub const KEYS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
];

/// All that `env` and `serve` give a shell. That loopback is never proxied may stay: it gives nobody anything.
pub const GIVEN: [&str; 9] = [
    KEYS[0],
    KEYS[1],
    KEYS[2],
    KEYS[3],
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// What `credential_process` prints.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProcessDocument<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: String,
    account_id: &'a str,
}

impl<'a> From<&'a CredentialsReply> for ProcessDocument<'a> {
    fn from(credentials: &'a CredentialsReply) -> Self {
        Self {
            version: 1,
            access_key_id: &credentials.access_key_id,
            secret_access_key: credentials.secret_access_key.expose(),
            session_token: credentials.session_token.expose(),
            expiration: whole_seconds(credentials.expires_at),
            account_id: credentials.account_id(),
        }
    }
}

/// Everything that is known about the credentials.
#[derive(Serialize)]
pub struct CredentialsDocument<'a> {
    portal: &'a str,
    account: &'a str,
    account_name: &'a str,
    permission_set: &'a str,
    /// Of a further role; then account and permission set are those that it is assumed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<ChainDocument<'a>>,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expires_at: String,
}

/// A further role as scripts read it.
#[derive(Serialize)]
pub struct ChainDocument<'a> {
    name: &'a str,
    from: &'a str,
    role_arn: &'a str,
}

impl<'a> From<&'a ChainView> for ChainDocument<'a> {
    fn from(chain: &'a ChainView) -> Self {
        Self {
            name: &chain.name,
            from: &chain.from,
            role_arn: &chain.role_arn,
        }
    }
}

impl<'a> From<&'a CredentialsReply> for CredentialsDocument<'a> {
    fn from(credentials: &'a CredentialsReply) -> Self {
        Self {
            portal: &credentials.portal_name,
            account: &credentials.role.account,
            account_name: &credentials.account_name,
            permission_set: &credentials.role.permission_set,
            chain: credentials.chain.as_deref().map(ChainDocument::from),
            access_key_id: &credentials.access_key_id,
            secret_access_key: credentials.secret_access_key.expose(),
            session_token: credentials.session_token.expose(),
            expires_at: whole_seconds(credentials.expires_at),
        }
    }
}

/// The variables that AWS tools look at.
pub fn variables(credentials: &CredentialsReply, region: Option<&str>) -> Vec<(&'static str, String)> {
    let values = [
        credentials.access_key_id.clone(),
        credentials.secret_access_key.expose().to_owned(),
        credentials.session_token.expose().to_owned(),
        whole_seconds(credentials.expires_at),
    ];
    let mut variables: Vec<_> = KEYS.into_iter().zip(values).collect();
    variables.extend(regions(region));
    variables
}

/// Some SDKs read one of them, some the other.
pub const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// Both of them.
pub fn regions(region: Option<&str>) -> impl Iterator<Item = (&'static str, String)> {
    let pair = region.map(|region| REGIONS.map(|name| (name, region.to_owned())));
    pair.into_iter().flatten()
}

/// RFC 3339 in UTC without a fraction: what every SDK understands.
pub fn whole_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expiry_has_a_zone_and_no_fraction() {
        let time: Timestamp = "2026-03-02T12:00:00.123Z".parse().unwrap();
        assert_eq!(whole_seconds(time), "2026-03-02T12:00:00Z");
    }
}
