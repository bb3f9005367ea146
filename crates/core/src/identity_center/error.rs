//! What AWS said, by meaning: who has to act, and whether trying again helps.

use std::error::Error;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::Deserialize;

/// A call that did not give what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {meaning:?}{}", detail.as_deref().map(|detail| format!(" ({detail})")).unwrap_or_default())]
pub struct Failure {
    /// The operation's name as AWS spells it, or a short name of ours ("console federation").
    pub operation: &'static str,
    pub meaning: Meaning,
    /// What AWS or the network said, without any input of the call; fit to be shown and logged.
    pub detail: Option<String>,
    /// How long AWS asked us to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// What [`Meaning::Unreachable`] comes from; decides what a person is told to look at.
    pub trouble: Trouble,
}

/// Why AWS is as good as unreachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trouble {
    /// No answer came.
    #[default]
    Network,
    /// There was an answer, but none that can be used: AWS's own trouble, or something between AWS and us.
    Answer,
    /// A network answered in AWS's place, mostly to have somebody sign in to it.
    Captive,
    /// The proxy does not lead there.
    Proxy,
    /// Whoever answered could not prove to be who was asked for.
    Certificate,
    /// The same, and `AWS_CA_BUNDLE`, which may have vouched for it, names nothing that can be used.
    Bundle,
    /// The answer makes no sense by this machine's clock.
    Clock,
}

/// What a sign-in begins with: no person has a say in it.
const BEFORE_A_PERSON: [&str; 2] = ["RegisterClient", "StartDeviceAuthorization"];

/// What a failure means for the person and for the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meaning {
    /// Portal 401: the access token is not accepted. Refresh once; if that fails, a person signs in.
    TokenRefused,
    /// CreateToken: the refresh token or the code is dead. A person signs in.
    GrantRefused,
    /// CreateToken: the registration is unknown or has expired. Register again, then a person signs in.
    RegistrationRefused,
    /// Portal 403 or 404: this one permission set is not assigned (any more). Nothing else changes.
    NotAssigned,
    /// The person pressed deny.
    DeniedByPerson,
    /// Nobody answered within the life of the code.
    TimedOut,
    /// An administrator must act (for instance a disabled KMS key); trying again is useless.
    AdministratorNeeded,
    /// 429 or SlowDown: later.
    Throttled,
    /// 5xx, DNS, TLS, time-outs, garbage, and answers without AWS's name of an error (proxies, captive portals): later,
    /// nothing changes.
    Unreachable,
    /// STS: whoever asks may not have the role. Its trust policy, an external id, MFA: AWS does not say which.
    RoleDenied,
    /// STS: the credentials that ask have expired, or are nobody's.
    KeysRefused,
    /// AWS refuses the request as it is: wrong region, wrong start URL, or a mistake of ours.
    Invalid,
}

/// A failure of the connection, in words of ours.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub(crate) struct Explained {
    words: String,
    trouble: Trouble,
    /// A sentence about a file of this machine, whose path may be long.
    about_file: Option<String>,
}

impl Explained {
    pub fn connector_error(words: String, trouble: Trouble) -> ConnectorError {
        Self::about(words, trouble, None)
    }

    /// The same, with what is to be said of a file.
    pub fn about(words: String, trouble: Trouble, about_file: Option<String>) -> ConnectorError {
        let explained = Self {
            words,
            trouble,
            about_file,
        };
        ConnectorError::io(explained.into())
    }
}

/// Which of the services answered: each has names of errors of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Oidc,
    Portal,
    Sts,
}

/// The members of an error's body that we look at.
#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    #[serde(alias = "Message")]
    message: Option<String>,
    error_description: Option<String>,
    reason: Option<String>,
}

impl Failure {
    pub(crate) fn new(operation: &'static str, meaning: Meaning, detail: &str) -> Self {
        Self {
            operation,
            meaning,
            detail: presentable(detail),
            retry_after: None,
            trouble: Trouble::default(),
        }
    }

    pub(crate) fn with_trouble(self, trouble: Trouble) -> Self {
        Self { trouble, ..self }
    }

    /// An answer that lacks what it must have.
    pub(crate) fn garbage(operation: &'static str, missing: &str) -> Self {
        Self::new(
            operation,
            Meaning::Unreachable,
            &format!("the answer had no usable {missing}"),
        )
        .with_trouble(Trouble::Answer)
    }

    pub(crate) fn of<E>(operation: &'static str, api: Api, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        let Some(response) = error.raw_response() else {
            return Self::without_answer(operation, error);
        };
        if matches!(error, SdkError::ResponseError(_)) && response.body().bytes().is_none() {
            return Self::new(
                operation,
                Meaning::Unreachable,
                "the answer broke off or was too large",
            )
            .with_trouble(Trouble::Answer);
        }
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
        let status = response.status().as_u16();
        let bytes = response.body().bytes().unwrap_or_default();
        let captive =
            code.is_none() && is_of_the_network(status, response.headers().get("content-type"), bytes);
        let body = serde_json::from_slice::<ErrorBody>(bytes).ok();
        let mut meaning = meaning(api, status, code, body.as_ref());
        if meaning == Meaning::DeniedByPerson && BEFORE_A_PERSON.contains(&operation) {
            meaning = Meaning::Invalid;
        }
        let body = body.unwrap_or_default();
        let said = body.error_description.or(body.message);
        let service = error.as_service_error().and_then(ProvideErrorMetadata::message);
        let said = said
            .as_deref()
            .or(service.filter(|_| api == Api::Sts))
            .or(code)
            .unwrap_or("an answer that is not AWS's");
        Self {
            retry_after: retry_after(response),
            trouble: if captive {
                Trouble::Captive
            } else if code == Some("SignatureDoesNotMatch") {
                // What we sign with is what AWS gave: only the time can be wrong.
                Trouble::Clock
            } else {
                Trouble::Answer
            },
            ..Self::new(operation, meaning, &format!("HTTP {status}: {said}"))
        }
    }

    fn without_answer<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self {
        let no_answer = |detail| Self::new(operation, Meaning::Unreachable, detail);
        match error {
            SdkError::ConstructionFailure(_) => {
                Self::new(operation, Meaning::Invalid, "the request could not be made")
            }
            SdkError::TimeoutError(_) => no_answer("no answer in time"),
            SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                Some(error) => Self::of_connection(operation, error),
                None => no_answer("no connection"),
            },
            SdkError::ResponseError(_) | SdkError::ServiceError(_) | _ => no_answer("no connection"),
        }
    }

    /// A request that came back without an answer.
    pub(crate) fn of_connection(operation: &'static str, error: &ConnectorError) -> Self {
        let explained = chain(error).find_map(|error| error.downcast_ref::<Explained>());
        let detail = match (explained, error.source()) {
            (Some(explained), _) => explained.words.clone(),
            (None, _) if error.is_timeout() => "no answer in time".to_owned(),
            (None, Some(source)) => causes(source),
            (None, None) => "no connection".to_owned(),
        };
        let trouble = explained.map_or_else(Trouble::default, |explained| explained.trouble);
        let mut failure = Self::new(operation, Meaning::Unreachable, &detail).with_trouble(trouble);
        if let Some(file) = explained.and_then(|explained| explained.about_file.as_deref()) {
            let said = failure.detail.get_or_insert_default();
            said.push_str("; ");
            said.push_str(file);
        }
        failure
    }
}

/// Whether an answer is the network's own: what AWS offers to programs neither leads elsewhere nor speaks HTML when all
/// is well.
pub(crate) fn is_of_the_network(status: u16, content_type: Option<&str>, body: &[u8]) -> bool {
    const SIGN_IN_TO_THE_NETWORK: u16 = 511;
    let is_html = content_type.is_some_and(|kind| kind.trim_start().starts_with("text/html"))
        || body.trim_ascii_start().starts_with(b"<");
    match status {
        300..=399 | SIGN_IN_TO_THE_NETWORK => true,
        200..=299 => is_html,
        _ => false,
    }
}

/// An error and what lies behind it. What an input or output error was made of is not its source.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<std::io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

/// The innermost causes, which name what went wrong (name resolution, a certificate, a refused connection).
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    texts.dedup();
    texts.split_off(texts.len().saturating_sub(2)).join(": ")
}

/// By AWS's name of the error alone: what has none, or one that AWS does not use there, is a proxy's answer, a captive
/// portal's or garbage. It changes nothing, whatever its status and however much it looks like JSON.
fn meaning(api: Api, status: u16, code: Option<&str>, body: Option<&ErrorBody>) -> Meaning {
    let reason = body.and_then(|body| body.reason.as_deref());
    let for_administrator = reason.is_some_and(|reason| reason.starts_with("KMS_"));
    match (status, api, code) {
        (429, _, _) => Meaning::Throttled,
        (_, _, Some("TooManyRequestsException" | "SlowDownException" | "ThrottlingException")) => {
            Meaning::Throttled
        }
        (_, Api::Sts, Some("Throttling" | "RequestLimitExceeded")) => Meaning::Throttled,
        (..=399 | 500.., _, _) => Meaning::Unreachable,
        (_, _, Some(_)) if for_administrator => Meaning::AdministratorNeeded,
        (_, Api::Portal, Some("UnauthorizedException")) => Meaning::TokenRefused,
        (_, Api::Portal, Some("ForbiddenException" | "ResourceNotFoundException")) => Meaning::NotAssigned,
        (_, Api::Oidc, Some("InvalidGrantException" | "ExpiredTokenException")) => Meaning::GrantRefused,
        (_, Api::Oidc, Some("AccessDeniedException")) => Meaning::DeniedByPerson,
        (_, Api::Oidc, Some("InvalidClientException" | "UnauthorizedClientException")) => {
            Meaning::RegistrationRefused
        }
        (_, Api::Sts, Some("AccessDenied" | "AccessDeniedException")) => Meaning::RoleDenied,
        (_, Api::Sts, Some("ExpiredToken" | "ExpiredTokenException" | "InvalidClientTokenId")) => {
            Meaning::KeysRefused
        }
        (_, Api::Sts, Some("SignatureDoesNotMatch" | "RequestExpired")) => Meaning::Unreachable,
        // The query protocol's names of errors have no common ending.
        (_, Api::Sts, Some(_)) => Meaning::Invalid,
        (_, _, Some(name)) if name.ends_with("Exception") => Meaning::Invalid,
        _ => Meaning::Unreachable,
    }
}

fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let seconds: u64 = response.headers().get("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// One line of at most 200 characters. Long words go: no cause needs one, and a token is one.
fn presentable(text: &str) -> Option<String> {
    let words = text
        .split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if may_be_a_secret(word) { "…" } else { word });
    let line: String = words.collect::<Vec<_>>().join(" ").chars().take(200).collect();
    (!line.is_empty()).then_some(line)
}

/// Codes, verifiers and tokens have nothing but letters, digits and a few signs for longer than any name.
fn may_be_a_secret(word: &str) -> bool {
    let is_of_one = |letter: char| letter.is_ascii_alphanumeric() || "-_+/=".contains(letter);
    word.len() > 80 || word.split(|letter| !is_of_one(letter)).any(|run| run.len() >= 32)
}

#[cfg(test)]
mod tests;
