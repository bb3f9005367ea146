//! What AWS's answers, and missing ones, are taken to mean.

use super::*;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;

fn answer(status: u16, body: &str) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))
}

#[test]
fn r5_who_denies_a_registration_is_no_person_in_a_browser() {
    let denied = |operation| {
        let metadata = ErrorMetadata::builder().code("AccessDeniedException").build();
        let error = SdkError::service_error(metadata, answer(403, "{}"));
        Failure::of::<ErrorMetadata>(operation, Api::Oidc, &error).meaning
    };
    assert_eq!(denied("RegisterClient"), Meaning::Invalid);
    assert_eq!(denied("StartDeviceAuthorization"), Meaning::Invalid);
    assert_eq!(denied("CreateToken"), Meaning::DeniedByPerson);
}

fn failure(api: Api, status: u16, code: Option<&str>, body: &str) -> Failure {
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = code {
        metadata = metadata.code(code);
    }
    let error = SdkError::service_error(metadata.build(), answer(status, body));
    Failure::of("Test", api, &error)
}

#[test]
fn r5_an_answer_that_cannot_be_used_is_no_missing_network() {
    let answers = [
        failure(Api::Portal, 500, None, ""),
        failure(Api::Portal, 502, None, "<html>Bad gateway</html>"),
        failure(Api::Oidc, 200, None, "{\"accessToken\":"),
        Failure::garbage("Test", "expiry"),
    ];
    for answer in answers {
        assert_eq!(
            (answer.meaning, answer.trouble),
            (Meaning::Unreachable, Trouble::Answer)
        );
    }
    let hotel = "<html>Log in to the hotel's network</html>";
    for (status, body) in [(200, hotel), (302, ""), (307, hotel), (511, hotel)] {
        let answer = failure(Api::Oidc, status, None, body);
        assert_eq!(
            (answer.meaning, answer.trouble),
            (Meaning::Unreachable, Trouble::Captive),
            "{status}"
        );
    }
    let silence = Failure::new("Test", Meaning::Unreachable, "no answer in time");
    assert_eq!(silence.trouble, Trouble::Network);
}

#[test]
fn r5_every_answer_has_the_meaning_of_table_t() {
    use Api::{Oidc, Portal};
    use Meaning::*;
    let kms = r#"{"error":"access_denied","reason":"KMS_AccessDeniedException"}"#;
    let rows = [
        (Portal, 429, Some("TooManyRequestsException"), "{}", Throttled),
        (Portal, 429, None, "slow", Throttled),
        (Oidc, 400, Some("SlowDownException"), "{}", Throttled),
        (Portal, 500, None, "", Unreachable),
        (Oidc, 500, Some("InternalServerException"), "{}", Unreachable),
        (Portal, 502, None, "<html>Bad gateway</html>", Unreachable),
        (Portal, 503, Some("UnauthorizedException"), "{}", Unreachable),
        (
            Portal,
            200,
            None,
            "<html>Log in to the hotel's network</html>",
            Unreachable,
        ),
        (Portal, 302, None, "", Unreachable),
        (Portal, 401, Some("UnauthorizedException"), "{}", TokenRefused),
        (Portal, 401, None, "<html>proxy</html>", Unreachable),
        (
            Portal,
            403,
            Some("ForbiddenException"),
            r#"{"message":"No access"}"#,
            NotAssigned,
        ),
        (Portal, 403, None, "<html>blocked by policy</html>", Unreachable),
        (Portal, 404, Some("ResourceNotFoundException"), "{}", NotAssigned),
        (Portal, 407, None, "<html>proxy</html>", Unreachable),
        (Portal, 400, Some("InvalidRequestException"), "{}", Invalid),
        (Oidc, 400, Some("InvalidGrantException"), "{}", GrantRefused),
        (Oidc, 400, Some("ExpiredTokenException"), "{}", GrantRefused),
        (Oidc, 400, Some("AccessDeniedException"), "{}", DeniedByPerson),
        (Oidc, 400, Some("AccessDeniedException"), kms, AdministratorNeeded),
        (
            Oidc,
            400,
            Some("InvalidRequestException"),
            r#"{"reason":"KMS_DisabledException"}"#,
            AdministratorNeeded,
        ),
        (
            Oidc,
            401,
            Some("InvalidClientException"),
            "{}",
            RegistrationRefused,
        ),
        (
            Oidc,
            400,
            Some("UnauthorizedClientException"),
            "{}",
            RegistrationRefused,
        ),
        (Oidc, 400, Some("InvalidRequestException"), "{}", Invalid),
        (Oidc, 400, Some("InvalidScopeException"), "{}", Invalid),
        (Oidc, 400, Some("InvalidRedirectUriException"), "{}", Invalid),
        (Oidc, 400, Some("UnsupportedGrantTypeException"), "{}", Invalid),
        (Oidc, 400, Some("InvalidClientMetadataException"), "{}", Invalid),
        (Oidc, 400, None, "garbage", Unreachable),
    ];
    for (api, status, code, body, expected) in rows {
        let failure = failure(api, status, code, body);
        assert_eq!(failure.meaning, expected, "{api:?} {status} {code:?} {body}");
    }
}

#[test]
fn r5_what_aws_does_not_name_ends_nothing_though_it_be_json() {
    let bodies = [
        r#"{"message":"Session token not found or invalid"}"#,
        r#"{"error":"invalid_client","error_description":"Log in to the network"}"#,
        r#"{"error":"invalid_grant"}"#,
        "{}",
    ];
    let names = [None, Some("unauthorized"), Some("401")];
    for (api, status, code, body) in [Api::Oidc, Api::Portal].into_iter().flat_map(|api| {
        let statuses = [400, 401, 403, 404, 407, 410, 511].into_iter();
        statuses.flat_map(move |status| {
            names
                .into_iter()
                .flat_map(move |code| bodies.map(|body| (api, status, code, body)))
        })
    }) {
        let failure = failure(api, status, code, body);
        assert_eq!(
            failure.meaning,
            Meaning::Unreachable,
            "{api:?} {status} {code:?} {body}"
        );
    }
}

#[test]
fn r5_a_name_of_the_other_service_ends_nothing() {
    let names = [
        (Api::Oidc, "UnauthorizedException"),
        (Api::Oidc, "ForbiddenException"),
        (Api::Portal, "InvalidGrantException"),
        (Api::Portal, "InvalidClientException"),
    ];
    for (api, name) in names {
        assert_eq!(
            failure(api, 401, Some(name), "{}").meaning,
            Meaning::Invalid,
            "{api:?} {name}"
        );
    }
}

#[test]
fn r5_no_answer_at_all_never_signs_anybody_out() {
    let errors: [SdkError<ErrorMetadata, HttpResponse>; 4] = [
        SdkError::timeout_error("slow"),
        SdkError::dispatch_failure(ConnectorError::io("connection refused".into())),
        SdkError::dispatch_failure(ConnectorError::other("dns error".into(), None)),
        SdkError::response_error("truncated", answer(200, "{")),
    ];
    for error in errors {
        let failure = Failure::of("Test", Api::Portal, &error);
        assert_eq!(failure.meaning, Meaning::Unreachable, "{error:?}");
    }
}

#[test]
fn what_aws_says_is_shown_in_one_line_without_tokens() {
    let token = "x".repeat(100);
    let body = format!(r#"{{"error_description":"Invalid\n token \u001b {token} provided"}}"#);
    let failure = failure(Api::Oidc, 400, Some("InvalidGrantException"), &body);
    assert_eq!(failure.detail.unwrap(), "HTTP 400: Invalid token … provided");
}

#[test]
fn a_wait_that_aws_asks_for_is_kept() {
    let mut response = answer(429, "{}");
    response.headers_mut().insert("retry-after", "7");
    let error = SdkError::service_error(ErrorMetadata::builder().build(), response);
    assert_eq!(
        Failure::of("Test", Api::Portal, &error).retry_after,
        Some(Duration::from_secs(7))
    );
}
