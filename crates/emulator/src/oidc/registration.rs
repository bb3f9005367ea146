//! A client that registered: what it may do, and for how long.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use url::{Host, Url};

use super::OidcError;
use crate::state::State;

pub(crate) struct Registration {
    pub(crate) client_id: String,
    pub(crate) client_name: String,
    pub(crate) client_secret: String,
    pub(crate) scopes: Vec<String>,
    /// Empty if the client named none: then it may use the device code.
    pub(crate) grant_types: Vec<String>,
    pub(crate) redirect_uris: Vec<String>,
    /// Whether `http://127.0.0.1` without a path may be one of them.
    pub(crate) bare_redirect: bool,
    pub(crate) expires: Timestamp,
}

impl Registration {
    pub(crate) fn allows(&self, grant_type: &str) -> bool {
        let unnamed = self.grant_types.is_empty() && grant_type != super::AUTHORIZATION_CODE;
        unnamed || self.grant_types.iter().any(|allowed| allowed == grant_type)
    }

    /// The port of a loopback redirect is chosen at sign-in, so it does not count.
    pub(crate) fn allows_redirect_to(&self, redirect_uri: &str) -> bool {
        let Some(wanted) = loopback_callback(redirect_uri, self.bare_redirect) else {
            return false;
        };
        self.redirect_uris
            .iter()
            .filter_map(|uri| loopback_callback(uri, self.bare_redirect))
            .any(|known| known.path() == wanted.path())
    }

    /// Whether its tokens reach accounts, roles and credentials. The form before `sso-session` has no scopes and does;
    /// `sso-portal:*` is an older spelling that programs still register. With other scopes only, assumed not.
    pub(crate) fn reaches_accounts(&self) -> bool {
        let reaches =
            |scope: &String| ["sso:account:access", "sso:*", "sso-portal:*"].contains(&scope.as_str());
        self.scopes.is_empty() || self.scopes.iter().any(reaches)
    }

    /// What the person is asked to allow.
    pub(crate) fn purposes(&self) -> Vec<&str> {
        if self.scopes.is_empty() {
            return vec!["sso:account:access"];
        }
        self.scopes.iter().map(String::as_str).collect()
    }
}

impl State {
    /// The registration that a request proves to be of, by id and secret.
    pub(crate) fn registration(
        &self,
        client_id: Option<&str>,
        client_secret: Option<&str>,
        now: Timestamp,
    ) -> Result<&Registration, OidcError> {
        let (Some(id), Some(secret)) = (client_id, client_secret) else {
            return Err(OidcError::InvalidRequest(
                "clientId and clientSecret are required",
            ));
        };
        let known = self
            .registrations
            .get(id)
            .filter(|known| known.client_secret == secret && now < known.expires);
        known.ok_or(OidcError::InvalidClient)
    }
}

/// `http://127.0.0.1[:port]/oauth/callback`, the only redirect that AWS documents; if `bare` without a path too.
pub(crate) fn loopback_callback(uri: &str, bare: bool) -> Option<Url> {
    let url = Url::parse(uri).ok()?;
    let is_loopback = url.host() == Some(Host::Ipv4(Ipv4Addr::LOCALHOST));
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let is_path = url.path() == "/oauth/callback" || bare && url.path() == "/";
    (url.scheme() == "http" && is_loopback && is_plain && is_path).then_some(url)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, VERIFIER, authorize_path};

    #[tokio::test]
    async fn a_wrong_secret_and_an_expired_registration_are_an_invalid_client() {
        let mut client = Client::new();
        let mut registered = client.register_for_device().await;
        let secret = std::mem::replace(&mut registered.secret, "wrong".into());
        let reply = client.start_device(&registered).await;
        assert_eq!(
            (reply.status.as_u16(), reply.exception()),
            (401, "InvalidClientException")
        );

        registered.secret = secret;
        assert_eq!(client.start_device(&registered).await.status, 200);
        client.advance(7_776_000);
        assert_eq!(
            client.start_device(&registered).await.exception(),
            "InvalidClientException"
        );
    }

    #[tokio::test]
    async fn a_client_may_use_only_the_grants_it_registered() {
        let mut client = Client::new();
        let for_code = client.register_for_code().await;
        assert_eq!(
            client.start_device(&for_code).await.exception(),
            "UnauthorizedClientException"
        );
        let for_device = client.register_for_device().await;
        let reply = client.exchange(&for_device, "code", VERIFIER).await;
        assert_eq!(reply.exception(), "UnauthorizedClientException");
        let reply = client.token(&for_device, "password", ("x", "y")).await;
        assert_eq!(reply.exception(), "UnsupportedGrantTypeException");
        assert_eq!(client.get(&authorize_path(&for_device.id, &[])).await.status, 400);
    }
}
