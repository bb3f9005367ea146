//! Whether a scripted fault can be what was meant.

use axum::http::{HeaderName, HeaderValue};

use super::{Fault, Trouble};

/// Below are answers that announce another one, above is no HTTP.
const STATUSES: std::ops::RangeInclusive<u16> = 200..=599;

impl Fault {
    /// One sentence if this fault could never do anything, or nothing that makes sense.
    pub fn check(&self) -> Result<(), String> {
        let does_something = self.trouble.is_some() || self.replaces_answer() || self.delay_ms > 0;
        if !does_something {
            return Err(
                "the fault does nothing: it needs one of trouble, status, body, delay_ms, hang and drop"
                    .to_owned(),
            );
        }
        if self.times == Some(0) {
            return Err("times is 0: the fault would hit nothing".to_owned());
        }
        if let Some(status) = self.status.filter(|status| !STATUSES.contains(status)) {
            return Err(format!("status {status} is outside 200 to 599"));
        }
        if let Some(probability) = self.probability
            && !(0.0..=1.0).contains(&probability)
        {
            return Err(format!("probability {probability} is outside 0 to 1"));
        }
        let cuts = matches!(self.trouble, Some(Trouble::Reset | Trouble::TruncatedBody));
        if self.bytes.is_some() && !cuts {
            return Err("bytes belongs to the troubles reset and truncated_body".to_owned());
        }
        if self.drip_ms.is_some() && self.trouble != Some(Trouble::SlowDrip) {
            return Err("drip_ms belongs to the trouble slow_drip".to_owned());
        }
        for (name, value) in &self.headers {
            if name.parse::<HeaderName>().is_err() || HeaderValue::from_str(value).is_err() {
                return Err(format!("{name:?}: {value:?} is no header"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_fault_that_cannot_be_meant_is_refused_with_the_reason() {
        let check = |more: Value| {
            let mut fault = json!({ "operation": "ListAccounts" });
            let members = fault.as_object_mut().unwrap();
            members.extend(more.as_object().unwrap().clone());
            serde_json::from_value::<Fault>(fault).unwrap().check()
        };
        for (fault, reason) in [
            (json!({}), "does nothing"),
            (json!({ "times": 3, "processed": true }), "does nothing"),
            (json!({ "status": 500, "times": 0 }), "times is 0"),
            (json!({ "status": 99 }), "status 99 is outside"),
            (json!({ "status": 100 }), "status 100 is outside"),
            (json!({ "status": 1000 }), "status 1000 is outside"),
            (
                json!({ "hang": true, "probability": 2 }),
                "probability 2 is outside",
            ),
            (
                json!({ "hang": true, "probability": -0.1 }),
                "probability -0.1 is outside",
            ),
            (json!({ "status": 500, "bytes": 3 }), "bytes belongs"),
            (json!({ "trouble": "reset", "drip_ms": 3 }), "drip_ms belongs"),
            (
                json!({ "status": 500, "headers": { "a b": "c" } }),
                "is no header",
            ),
        ] {
            let error = check(fault.clone()).unwrap_err();
            assert!(error.contains(reason), "{fault}: {error}");
        }
        for fault in [
            json!({ "status": 200 }),
            json!({ "status": 599, "probability": 1 }),
            json!({ "delay_ms": 1 }),
            json!({ "body": "" }),
            json!({ "drop": true, "processed": true }),
            json!({ "trouble": "reset", "bytes": 3 }),
            json!({ "trouble": "slow_drip", "drip_ms": 3 }),
        ] {
            assert_eq!(check(fault.clone()), Ok(()), "{fault}");
        }
    }
}
