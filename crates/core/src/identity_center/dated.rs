//! Reads the clock off AWS's answers: every one has a `Date`.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

use crate::clock::SharedClock;
use crate::clock::skew::{Reading, Skew};

/// An answer that took longer says too little about the time at which it was written.
const SLOWEST: Duration = Duration::from_secs(10);

/// Passes calls on and looks at the dates of the answers.
#[derive(Debug)]
pub(super) struct Dated {
    pub connector: SharedHttpConnector,
    pub clock: SharedClock,
    pub skew: Skew,
}

impl HttpConnector for Dated {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (clock, skew) = (self.clock.clone(), self.skew.clone());
        let asked_at = (clock.now(), clock.elapsed());
        let answer = self.connector.call(request);
        HttpConnectorFuture::new(async move {
            let response = answer.await?;
            // What is read off the clock as it is now must not be moved by a step that happened before.
            skew.look(&*clock);
            let now = clock.now();
            // By both clocks: the machine may have slept meanwhile.
            let by_wall = Duration::try_from(now.duration_since(asked_at.0)).unwrap_or_default();
            let took = clock.elapsed().saturating_sub(asked_at.1).max(by_wall);
            if let Some(reading) = reading(&response, took, now) {
                skew.heard(reading);
            }
            Ok(response)
        })
    }
}

/// What an answer that came at `now` and took so long tells of the clock. None: it is not AWS's own, or not of now.
fn reading(response: &HttpResponse, took: Duration, now: Timestamp) -> Option<Reading> {
    let headers = response.headers();
    // Captive portals and proxies that answer themselves number no requests; caches say how old an answer is.
    let answer = headers.get("x-amzn-requestid")?.to_owned();
    if !has_a_form_of_aws(response) || took > SLOWEST || headers.get("age").is_some() {
        return None;
    }
    let date = DateTimeParser::new().parse_timestamp(headers.get("date")?).ok()?;
    // It was written between request and answer, and the rest of its second is cut off.
    let uncertain = took / 2 + Duration::from_millis(500);
    let ahead = date
        .duration_since(now)
        .saturating_add(SignedDuration::try_from(uncertain).ok()?);
    Some(Reading { ahead, answer })
}

/// Whether an answer looks as AWS's do: of a kind that its services speak, and an error with its name. Whoever answers in
/// AWS's place may keep the number of the request, and has a clock of its own; so may what stands before a service that
/// is in trouble.
fn has_a_form_of_aws(response: &HttpResponse) -> bool {
    let headers = response.headers();
    let kind = headers
        .get("content-type")
        .map(|kind| kind.trim().to_ascii_lowercase());
    let is = |start: &str| kind.as_ref().is_some_and(|kind| kind.starts_with(start));
    let is_json = is("application/json") || is("application/x-amz-json-");
    // STS's, which names its errors in the body.
    let is_xml = is("text/xml") || is("application/xml");
    match response.status().as_u16() {
        200..=299 => is_json || is_xml || kind.is_none(),
        400..=499 => is_xml || headers.get("x-amzn-errortype").is_some() && (is_json || kind.is_none()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ahead(headers: &[(&'static str, &'static str)], took: Duration) -> Option<i64> {
        ahead_in(200, headers, took)
    }

    fn ahead_in(status: u16, headers: &[(&'static str, &'static str)], took: Duration) -> Option<i64> {
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        for (name, value) in headers {
            response.headers_mut().insert(*name, *value);
        }
        let now = "2026-03-02T12:00:00Z".parse().unwrap();
        reading(&response, took, now).map(|reading| reading.ahead.as_secs())
    }

    #[test]
    fn t4_a_date_tells_how_far_the_clock_is_off() {
        let id = ("x-amzn-requestid", "1");
        let at = |date| ahead(&[id, ("date", date)], SECOND);
        assert_eq!(at("Mon, 02 Mar 2026 12:00:00 GMT"), Some(1));
        assert_eq!(at("Mon, 02 Mar 2026 15:00:00 GMT"), Some(3 * 3600 + 1));
        assert_eq!(at("Thu, 01 Jan 1970 00:00:00 GMT"), Some(-1_772_452_799));
    }

    #[test]
    fn t4_only_fresh_answers_of_aws_tell() {
        let (id, date) = (
            ("x-amzn-requestid", "1"),
            ("date", "Mon, 02 Mar 2026 15:00:00 GMT"),
        );
        assert!(ahead(&[id, date], SECOND).is_some());
        assert_eq!(ahead(&[date], SECOND), None, "a captive portal's");
        assert_eq!(ahead(&[id, date, ("age", "7200")], SECOND), None, "a cached one");
        assert_eq!(ahead(&[id, date], 11 * SECOND), None, "written who knows when");
        assert_eq!(ahead(&[id], SECOND), None);
        for garbage in [
            "",
            "0",
            "yesterday",
            "Mon, 99 Mar 2026 15:00:00 GMT",
            "1772460000",
        ] {
            assert_eq!(ahead(&[id, ("date", garbage)], SECOND), None, "{garbage}");
        }
    }
    #[test]
    fn t4_who_answers_in_the_place_of_aws_tells_no_time_whatever_it_keeps_of_the_request() {
        let heard = |status, more: &[(&'static str, &'static str)]| {
            let id = ("x-amzn-requestid", "1");
            let date = ("date", "Mon, 02 Mar 2026 15:00:00 GMT");
            ahead_in(status, &[&[id, date], more].concat(), SECOND).is_some()
        };
        let of = |kind| ("content-type", kind);
        let (html, json) = (of("text/html; charset=utf-8"), of("application/json"));
        let named = ("x-amzn-errortype", "UnauthorizedException");
        for status in [200, 403, 407, 502, 503, 511] {
            assert!(!heard(status, &[html]), "a page with {status}");
            assert!(!heard(status, &[html, named]), "a page with {status} and a name");
        }
        for status in [302, 500, 502, 503, 504, 511] {
            assert!(!heard(status, &[json]), "{status}");
            assert!(!heard(status, &[json, named]), "{status} with a name");
        }
        for status in [400, 401, 403, 407, 429] {
            assert!(!heard(status, &[json]), "{status} without the name of an error");
            assert!(heard(status, &[json, named]), "AWS's own {status}");
        }
        assert!(heard(200, &[json]) && heard(200, &[of("application/x-amz-json-1.1")]));
        assert!(
            heard(200, &[of("text/xml")]) && heard(403, &[of("text/xml")]),
            "of STS"
        );
        assert!(heard(200, &[]), "of Logout, which answers with nothing");
    }
}
