//! The browser's side of PKCE: `GET /authorize` asks the person, `POST /authorize` takes the decision.

use axum::http::StatusCode;
use axum::response::Response;
use url::Url;

use super::code_grant::ConsentRequest;
use super::{AUTHORIZATION_CODE, Registration};
use crate::call::{self, Call};
use crate::pages::{self, PageError};
use crate::state::{AutoApproval, State};

pub(crate) fn authorize(state: &mut State, call: &mut Call) -> Result<Response, PageError> {
    let client = client(state, call)?;
    let redirect_uri = call
        .query("redirect_uri")
        .filter(|uri| client.allows_redirect_to(uri));
    let redirect_uri = redirect_uri.ok_or(PageError::BadRedirect)?;
    let request_state = call.query("state").unwrap_or_default();
    if let Err((error, description)) = check(client, call) {
        return Ok(refuse(&redirect_uri, &request_state, error, description));
    }
    let client_id = client.client_id.clone();
    let challenge = call.query("code_challenge").unwrap_or_default();

    if let Some(AutoApproval { user, browser }) = state.auto_approve.clone() {
        let session = state.unattended_session(&user, browser.as_deref(), call.now);
        call.user = Some(user);
        let request = ConsentRequest::new(client_id, redirect_uri, request_state, challenge, session, call);
        return Ok(allow(state, request, call));
    }
    let Some((session, user)) = state.browser_session(call) else {
        return Ok(pages::sign_in_page(&state.world, &call.path_and_query(), None));
    };
    let request = ConsentRequest::new(client_id, redirect_uri, request_state, challenge, session, call);
    let id = state.random.base64url(32);
    let page = pages::consent_page(state, &request, &id, &user);
    state.consents.retain(|_, waiting| call.now < waiting.expires);
    state.consents.insert(id, request);
    Ok(page)
}

const ENDED: &str = "Your session has ended, and nothing was decided. Sign in again to go on.";

/// The id in the form belongs to the browser session that was shown the page, and works once.
pub(crate) fn decide(state: &mut State, call: &mut Call) -> Result<Response, PageError> {
    let id = call.form("request").unwrap_or_default();
    let Some((session, _)) = state.browser_session(call) else {
        let request = state.consents.remove(&id).ok_or(PageError::SessionEnded)?;
        return Ok(pages::sign_in_page(&state.world, &request.page, Some(ENDED)));
    };
    let is_ours = |request: &&ConsentRequest| request.session == session && call.now < request.expires;
    if state.consents.get(&id).filter(is_ours).is_none() {
        return Err(PageError::Outdated);
    }
    let allowed = pages::decision(call)?;
    let request = state.consents.remove(&id).ok_or(PageError::Outdated)?;
    if allowed {
        return Ok(allow(state, request, call));
    }
    Ok(refuse(
        &request.redirect_uri,
        &request.state,
        "access_denied",
        "The person denied the request",
    ))
}

/// Nothing is redirected before client and redirect address are known to be good.
fn client<'a>(state: &'a State, call: &Call) -> Result<&'a Registration, PageError> {
    let id = call.query("client_id").unwrap_or_default();
    let client = state
        .registrations
        .get(&id)
        .filter(|client| call.now < client.expires);
    client
        .filter(|client| client.allows(AUTHORIZATION_CODE))
        .ok_or(PageError::UnknownClient)
}

fn check(client: &Registration, call: &Call) -> Result<(), (&'static str, &'static str)> {
    if call.query("response_type").as_deref() != Some("code") {
        return Err(("unsupported_response_type", "response_type must be code"));
    }
    if call.query("code_challenge_method").as_deref() != Some("S256") {
        return Err(("invalid_request", "code_challenge_method must be S256"));
    }
    // 32 bytes of SHA-256 in unpadded base64url.
    if call
        .query("code_challenge")
        .is_none_or(|challenge| challenge.len() != 43)
    {
        return Err(("invalid_request", "code_challenge is missing or malformed"));
    }
    // AWS takes both spellings; its own command line sends the plural.
    let scopes = call
        .query("scopes")
        .or_else(|| call.query("scope"))
        .unwrap_or_default();
    if !scopes
        .split_whitespace()
        .all(|scope| client.scopes.iter().any(|registered| registered == scope))
    {
        return Err(("invalid_scope", "a scope was not registered"));
    }
    Ok(())
}

fn allow(state: &mut State, request: ConsentRequest, call: &Call) -> Response {
    let code = state.random.base64url(96);
    state.secrets.note("code", &code);
    state.secrets.note("state", &request.state);
    let target = with_query(
        &request.redirect_uri,
        &[("code", &code), ("state", &request.state)],
    );
    state.codes.retain(|_, waiting| call.now < waiting.expires);
    let life = state.world.unsettled.authorization_code_duration;
    state.codes.insert(code, request.allow(call.now, life));
    call::redirect(StatusCode::FOUND, &target)
}

fn refuse(redirect_uri: &str, state: &str, error: &str, description: &str) -> Response {
    let pairs = [
        ("error", error),
        ("error_description", description),
        ("state", state),
    ];
    call::redirect(StatusCode::FOUND, &with_query(redirect_uri, &pairs))
}

fn with_query(redirect_uri: &str, pairs: &[(&str, &str)]) -> String {
    let mut url = Url::parse(redirect_uri).expect("the redirect address was checked before");
    url.query_pairs_mut()
        .extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    url.into()
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, REDIRECT, VERIFIER, authorize_path};

    #[tokio::test]
    async fn a_browser_brings_the_code_and_the_verifier_opens_it_once() {
        let mut client = Client::new();
        let registered = client.register_for_code().await;
        client.sign_in("amara").await;
        let consent = client.get(&authorize_path(&registered.id, &[])).await;
        let fields = [
            ("request", consent.hidden("request")),
            ("decision", "allow".to_owned()),
        ];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let allowed = client.submit("/authorize", &fields).await;
        assert_eq!(allowed.status, 302);
        assert!(allowed.location().starts_with(REDIRECT));
        assert_eq!(allowed.redirected_with("state").as_deref(), Some("some-state"));
        assert_eq!(
            client.submit("/authorize", &fields).await.status,
            400,
            "a consent is given once"
        );

        let code = allowed.redirected_with("code").unwrap();
        let tokens = client.exchange(&registered, &code, VERIFIER).await;
        assert_eq!(tokens.status, 200, "{}", tokens.text);
        assert!(tokens.json()["refreshToken"].is_string());
        assert_eq!(
            client.exchange(&registered, &code, VERIFIER).await.exception(),
            "InvalidGrantException"
        );
    }

    #[tokio::test]
    async fn a_denial_is_told_to_the_program() {
        let mut client = Client::new();
        let registered = client.register_for_code().await;
        client.sign_in("amara").await;
        let consent = client.get(&authorize_path(&registered.id, &[])).await;
        let id = consent.hidden("request");
        let denied = client
            .submit("/authorize", &[("request", &id), ("decision", "deny")])
            .await;
        assert_eq!(denied.redirected_with("error").as_deref(), Some("access_denied"));
        assert_eq!(denied.redirected_with("state").as_deref(), Some("some-state"));
        assert_eq!(denied.redirected_with("code"), None);
    }

    #[tokio::test]
    async fn authorize_checks_before_it_redirects() {
        let mut client = Client::new();
        let registered = client.register_for_code().await;
        client.emulator.auto_approve(Some("amara")).unwrap();
        for (id, redirect_uri) in [
            ("unknown", REDIRECT),
            (registered.id.as_str(), "http://127.0.0.1:1/elsewhere"),
            (registered.id.as_str(), "https://evil.example/oauth/callback"),
            (registered.id.as_str(), "http://localhost:1/oauth/callback"),
        ] {
            let reply = client
                .get(&authorize_path(id, &[("redirect_uri", redirect_uri)]))
                .await;
            assert_eq!(
                reply.status, 400,
                "{redirect_uri} must get a page, not a redirect"
            );
        }
        for (changed, error) in [
            (("response_type", "token"), "unsupported_response_type"),
            (("code_challenge_method", "plain"), "invalid_request"),
            (("code_challenge", "short"), "invalid_request"),
            (("scopes", "sso:other"), "invalid_scope"),
        ] {
            let reply = client.get(&authorize_path(&registered.id, &[changed])).await;
            assert_eq!(reply.redirected_with("error").as_deref(), Some(error));
            assert_eq!(reply.redirected_with("state").as_deref(), Some("some-state"));
        }
        let singular = authorize_path(&registered.id, &[("scopes", ""), ("scope", "sso:account:access")]);
        assert!(client.get(&singular).await.redirected_with("code").is_some());
    }
}
