//! A small browser and a small AWS client for the tests beside the endpoints: in process, without a socket.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;
use url::form_urlencoded;

use crate::{Clock, Emulator, Options, World};

pub(crate) const REDIRECT: &str = "http://127.0.0.1:49152/oauth/callback";
pub(crate) const VERIFIER: &str = "0123456789-abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// One client, with the cookies of one browser.
pub(crate) struct Client {
    pub(crate) emulator: Emulator,
    cookies: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// A registration and its secret.
pub(crate) struct Registered {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn member(&self, name: &str) -> String {
        let body = self.json();
        body[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {body}"))
            .to_owned()
    }

    /// The exception as every AWS SDK reads it.
    pub(crate) fn exception(&self) -> &str {
        let header = self
            .headers
            .get("x-amzn-errortype")
            .map_or("", |value| value.to_str().unwrap());
        header.split(':').next().unwrap()
    }

    pub(crate) fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }

    /// The text of the page's first element with that id, which has no elements but `bdi` in it.
    pub(crate) fn element(&self, id: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("id=\"{id}\"")).unwrap();
        let (_, rest) = rest.split_once('>').unwrap();
        let text = rest.replace("<bdi>", "").replace("</bdi>", "");
        readable(text.trim_start_matches('\n').split('<').next().unwrap())
    }

    /// An attribute of the page's first element with that id, where it stands behind the id.
    pub(crate) fn attribute(&self, id: &str, name: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("id=\"{id}\"")).unwrap();
        let element = rest.split('>').next().unwrap();
        let (_, rest) = element.split_once(&format!("{name}=\"")).unwrap();
        readable(rest.split('"').next().unwrap())
    }

    /// The value of a hidden field of the page's form.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let (_, rest) = self
            .text
            .split_once(&format!("name=\"{name}\" value=\""))
            .unwrap();
        readable(rest.split('"').next().unwrap())
    }

    /// A parameter of the address that the page redirects to.
    pub(crate) fn redirected_with(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(self.location()).unwrap();
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::of(World::acme())
    }

    pub(crate) fn of(world: World) -> Self {
        let clock = Clock::fixed("2030-01-01T08:00:00Z".parse().unwrap());
        let base_url = Some("http://127.0.0.1:8417".to_owned());
        Self::with(Emulator::new(
            world,
            Options {
                clock,
                seed: Some(1),
                control: true,
                base_url,
            },
        ))
    }

    /// Another browser at the same emulator.
    pub(crate) fn with(emulator: Emulator) -> Self {
        Self {
            emulator,
            cookies: BTreeMap::new(),
        }
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.emulator.advance(SignedDuration::from_secs(seconds));
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Reply {
        self.send(Request::post(path).body(body.to_string().into()).unwrap())
            .await
    }

    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send(Request::post(path).body(encode(fields).into()).unwrap())
            .await
    }

    pub(crate) async fn get_as(&mut self, path: &str, access_token: &str) -> Reply {
        let request = Request::get(path).header("X-Amz-SSO_Bearer_Token", access_token);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Reply {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        request
            .headers_mut()
            .insert(header::COOKIE, cookies.join("; ").parse().unwrap());
        let (head, body) = self
            .emulator
            .router()
            .oneshot(request)
            .await
            .unwrap()
            .into_parts();
        for cookie in head.headers.get_all(header::SET_COOKIE) {
            let (name, value) = cookie
                .to_str()
                .unwrap()
                .split(';')
                .next()
                .unwrap()
                .split_once('=')
                .unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Reply {
            status: head.status,
            headers: head.headers,
            text,
        }
    }

    pub(crate) async fn sign_in(&mut self, user: &str) -> Reply {
        let fields = [
            ("username", user),
            ("password", &format!("demo-{user}")),
            ("next", "/start"),
        ];
        self.submit("/sign-in", &fields).await
    }

    pub(crate) async fn register_for_device(&mut self) -> Registered {
        self.register(&json!({ "scopes": ["sso:account:access"] })).await
    }

    pub(crate) async fn register_for_code(&mut self) -> Registered {
        let issuer = self.emulator.start_url();
        self.register(&json!({
            "scopes": ["sso:account:access"],
            "grantTypes": ["authorization_code", "refresh_token"],
            "redirectUris": ["http://127.0.0.1/oauth/callback"],
            "issuerUrl": issuer,
        }))
        .await
    }

    pub(crate) async fn register(&mut self, members: &Value) -> Registered {
        let mut body = json!({ "clientName": "Some program", "clientType": "public" });
        body.as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        let reply = self.post("/client/register", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        Registered {
            id: reply.member("clientId"),
            secret: reply.member("clientSecret"),
        }
    }

    pub(crate) async fn start_device(&mut self, client: &Registered) -> Reply {
        let start_url = self.emulator.start_url();
        let body = json!({ "clientId": client.id, "clientSecret": client.secret, "startUrl": start_url });
        self.post("/device_authorization", &body).await
    }

    pub(crate) async fn token(
        &mut self,
        client: &Registered,
        grant_type: &str,
        member: (&str, &str),
    ) -> Reply {
        let mut body =
            json!({ "clientId": client.id, "clientSecret": client.secret, "grantType": grant_type });
        body[member.0] = member.1.into();
        self.post("/token", &body).await
    }

    pub(crate) async fn poll(&mut self, client: &Registered, device_code: &str) -> Reply {
        self.token(client, crate::oidc::DEVICE_CODE, ("deviceCode", device_code))
            .await
    }

    pub(crate) async fn refresh(&mut self, client: &Registered, refresh_token: &str) -> Reply {
        self.token(client, "refresh_token", ("refreshToken", refresh_token))
            .await
    }

    pub(crate) async fn exchange(&mut self, client: &Registered, code: &str, verifier: &str) -> Reply {
        let body = json!({
            "clientId": client.id, "clientSecret": client.secret, "grantType": "authorization_code",
            "code": code, "redirectUri": REDIRECT, "codeVerifier": verifier,
        });
        self.post("/token", &body).await
    }

    /// Approved by `user` without a browser: registration and first tokens.
    pub(crate) async fn signed_in(&mut self, user: &str) -> (Registered, Value) {
        let client = self.register_for_device().await;
        let started = self.start_device(&client).await;
        self.emulator
            .approve_device(&started.member("userCode"), user)
            .unwrap();
        let reply = self.poll(&client, &started.member("deviceCode")).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        (client, reply.json())
    }

    /// The same in the browser of that name.
    pub(crate) async fn signed_in_with(&mut self, browser: &str, user: &str) -> (Registered, Value) {
        let client = self.register_for_device().await;
        let started = self.start_device(&client).await;
        let approval = json!({ "user_code": started.member("userCode"), "user": user, "browser": browser });
        let approved = self.post("/_control/approve", &approval).await;
        assert_eq!(approved.status, 200, "{}", approved.text);
        let reply = self.poll(&client, &started.member("deviceCode")).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        (client, reply.json())
    }

    pub(crate) async fn access_token(&mut self, user: &str) -> String {
        self.signed_in(user).await.1["accessToken"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

pub(crate) fn authorize_path(client_id: &str, changes: &[(&str, &str)]) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut pairs = BTreeMap::from([
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", REDIRECT),
        ("state", "some-state"),
        ("code_challenge_method", "S256"),
        ("scopes", "sso:account:access"),
        ("code_challenge", challenge.as_str()),
    ]);
    pairs.extend(changes.iter().copied());
    format!("/authorize?{}", encode(&pairs.into_iter().collect::<Vec<_>>()))
}

fn readable(html: &str) -> String {
    html.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

pub(crate) fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}
