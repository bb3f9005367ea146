//! AWS as the random schedules see it: a clock of its own, short answers, and a log of what was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};

use crate::clock::{Clock, ManualClock, saturating_add};
use crate::identity_center::{Flow, Registration, Token};
use crate::refresh::life::after;
use crate::token_store::SignIn;

/// What AWS does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Answers,
    Silent,
    /// 503, at times with so many seconds to wait.
    Unavailable(Option<u64>),
    /// 429, likewise.
    Throttles(Option<u64>),
}

impl Mood {
    /// How long AWS asks to wait.
    pub fn wish(self) -> Option<Duration> {
        match self {
            Self::Unavailable(wish) | Self::Throttles(wish) => wish.map(Duration::from_secs),
            Self::Answers | Self::Silent => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    CreateToken,
    GetRoleCredentials,
    Logout,
}

#[derive(Debug, Clone)]
pub struct Call {
    pub operation: Operation,
    /// The refresh token that was shown: each sign-in has one, for as long as it lives.
    pub refresh_token: Option<String>,
    /// The role that was asked for, by its address.
    pub role: Option<String>,
    /// The monotonic time.
    pub at: Duration,
    pub failed: bool,
    /// Whether there was an answer, with its date.
    pub answered: bool,
    /// How long AWS asked to wait.
    pub wish: Option<Duration>,
}

/// One company's Identity Center. Clones are the same.
#[derive(Debug, Clone)]
pub struct Company {
    machine: ManualClock,
    books: Arc<Mutex<Books>>,
}

#[derive(Debug)]
struct Books {
    mood: Mood,
    /// How far AWS's clock is ahead of the machine's.
    ahead: SignedDuration,
    token_life: Duration,
    role_life: Duration,
    /// Access tokens and access key ids, and when they end by AWS's clock.
    ends: BTreeMap<String, Timestamp>,
    sign_ins: usize,
    calls: Vec<Call>,
    /// The monotonic times at which an access token was refused.
    refusals: Vec<Duration>,
}

impl Company {
    pub fn new(machine: &ManualClock, token_life: Duration, role_life: Duration) -> Self {
        let books = Books {
            mood: Mood::Answers,
            ahead: SignedDuration::ZERO,
            token_life,
            role_life,
            ends: BTreeMap::new(),
            sign_ins: 0,
            calls: Vec::new(),
            refusals: Vec::new(),
        };
        Self {
            machine: machine.clone(),
            books: Arc::new(Mutex::new(books)),
        }
    }

    pub fn set_mood(&self, mood: Mood) {
        self.books().mood = mood;
    }

    pub fn mood(&self) -> Mood {
        self.books().mood
    }

    /// Somebody sets the machine's clock; AWS's does not care.
    pub fn set_machine(&self, by: SignedDuration) {
        self.machine.jump(by);
        self.books().ahead -= by;
    }

    pub fn refusals(&self) -> Vec<Duration> {
        self.books().refusals.clone()
    }

    pub fn calls(&self) -> Vec<Call> {
        self.books().calls.clone()
    }

    /// What is really left of credentials; negative where they have expired.
    pub fn left(&self, access_key_id: &str) -> SignedDuration {
        let books = self.books();
        books.ends[access_key_id].duration_since(self.now(&books))
    }

    /// What a person gets who signs in, at the machine's idea of the time.
    pub fn sign_in(&self, now: Timestamp) -> SignIn {
        let mut books = self.books();
        let life = books.token_life;
        books.sign_ins += 1;
        let refresh_token = format!("refresh-{}", books.sign_ins);
        let token = Token {
            access_token: self.issue(&mut books, "token", life).into(),
            refresh_token: Some(refresh_token.into()),
            issued_at: now,
            expires_at: after(now, life),
        };
        let registration = Registration {
            flow: Flow::Browser,
            client_id: "client".to_owned(),
            client_secret: "secret".into(),
            expires_at: after(now, 90 * 24 * Duration::from_secs(3600)),
        };
        SignIn {
            token,
            registration,
            signed_in_at: now,
        }
    }

    fn now(&self, books: &Books) -> Timestamp {
        saturating_add(self.machine.now(), books.ahead)
    }

    fn issue(&self, books: &mut Books, kind: &str, life: Duration) -> String {
        let name = format!("{kind}-{}", books.ends.len());
        let end = after(self.now(books), life);
        books.ends.insert(name.clone(), end);
        name
    }

    fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let mut books = self.books();
        let operation = match request.uri() {
            uri if uri.contains("/token") => Operation::CreateToken,
            uri if uri.contains("/federation/credentials") => Operation::GetRoleCredentials,
            _ => Operation::Logout,
        };
        let mood = books.mood;
        let refresh_token = shown_refresh_token(request);
        books.calls.push(Call {
            operation,
            refresh_token: refresh_token.clone(),
            role: (operation == Operation::GetRoleCredentials).then(|| request.uri().to_owned()),
            at: self.machine.elapsed(),
            failed: mood != Mood::Answers,
            answered: mood != Mood::Silent,
            wish: mood.wish(),
        });
        let (status, error, body) = match (mood, operation) {
            (Mood::Silent, _) => return Err(ConnectorError::io("no route to host".into())),
            (Mood::Unavailable(_), _) => (503, "", "{}".to_owned()),
            (Mood::Throttles(_), _) => (429, "TooManyRequestsException", "{}".to_owned()),
            (Mood::Answers, Operation::Logout) => (200, "", "{}".to_owned()),
            (Mood::Answers, Operation::CreateToken) => {
                let life = books.token_life;
                let token = self.issue(&mut books, "token", life);
                let (seconds, same) = (life.as_secs(), refresh_token.unwrap_or_default());
                let body = format!(
                    r#"{{"accessToken":"{token}","refreshToken":"{same}","expiresIn":{seconds},"tokenType":"Bearer"}}"#
                );
                (200, "", body)
            }
            (Mood::Answers, Operation::GetRoleCredentials) => {
                let token = request
                    .headers()
                    .get("x-amz-sso_bearer_token")
                    .unwrap_or_default();
                if books.ends.get(token).is_none_or(|end| *end <= self.now(&books)) {
                    books.refusals.push(self.machine.elapsed());
                    (401, "UnauthorizedException", "{}".to_owned())
                } else {
                    let life = books.role_life;
                    let key = self.issue(&mut books, "key", life);
                    let end = books.ends[&key].as_millisecond();
                    let body = format!(
                        r#"{{"roleCredentials":{{"accessKeyId":"{key}","secretAccessKey":"secret","sessionToken":"session","expiration":{end}}}}}"#
                    );
                    (200, "", body)
                }
            }
        };
        let odd = || ConnectorError::other("an answer that cannot be made".into(), None);
        let mut response = HttpResponse::new(status.try_into().map_err(|_| odd())?, SdkBody::from(body));
        let headers = response.headers_mut();
        headers.insert("x-amzn-requestid", books.calls.len().to_string());
        if !error.is_empty() {
            headers.insert("x-amzn-errortype", error);
        }
        if let Some(wish) = mood.wish() {
            headers.insert("retry-after", wish.as_secs().to_string());
        }
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&self.now(&books));
        headers.insert("date", date.map_err(|_| odd())?);
        Ok(response)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }
}

impl HttpConnector for Company {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(self.answer(&request))
    }
}

fn shown_refresh_token(request: &HttpRequest) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(request.body().bytes()?).ok()?;
    Some(body.get("refreshToken")?.as_str()?.to_owned())
}
