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
    if took > SLOWEST || headers.get("age").is_some() {
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

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ahead(headers: &[(&'static str, &'static str)], took: Duration) -> Option<i64> {
        let mut response = HttpResponse::new(200_u16.try_into().unwrap(), SdkBody::empty());
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
}
