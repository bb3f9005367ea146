//! Whether a scripted fault can be what was meant.

use axum::http::{HeaderName, HeaderValue, header};

use super::{Fault, Trouble};
use crate::audit::Operation;

/// Below are answers that announce another one, above is no HTTP.
const STATUSES: std::ops::RangeInclusive<u16> = 200..=599;
const BODILESS: [u16; 3] = [204, 205, 304];
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];
/// Longer silence is what `hang` is for.
const LONGEST_DELAY_MS: u64 = 3_600_000;
const LONGEST_DRIP_MS: u64 = 60_000;

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
        self.check_when()?;
        self.check_trouble()?;
        self.check_answer()?;
        self.check_headers()
    }

    /// Which calls are hit, and how late.
    fn check_when(&self) -> Result<(), String> {
        if self.times == Some(0) {
            return Err("times is 0: the fault would hit nothing".to_owned());
        }
        if self.probability == Some(0.0) {
            return Err("probability is 0: the fault would hit nothing".to_owned());
        }
        if let Some(probability) = self.probability
            && !(0.0..=1.0).contains(&probability)
        {
            return Err(format!("probability {probability} is outside 0 to 1"));
        }
        if self.delay_ms > LONGEST_DELAY_MS {
            return Err(format!(
                "delay_ms is more than an hour ({LONGEST_DELAY_MS}): hang is for answers that never come"
            ));
        }
        let Some(role) = &self.role else {
            return Ok(());
        };
        if !names_role(self.operation) {
            return Err(format!(
                "role belongs to GetRoleCredentials, AssumeRole and AccessPortal: no call of {:?} names one",
                self.operation
            ));
        }
        let is_role = role
            .split_once('/')
            .is_some_and(|(account, set)| !account.is_empty() && !set.is_empty());
        if is_role {
            Ok(())
        } else {
            Err(format!(
                "role {role:?} is not ACCOUNT/PERMISSION_SET, such as 111122223333/ReadOnly"
            ))
        }
    }

    fn check_trouble(&self) -> Result<(), String> {
        let cuts = matches!(self.trouble, Some(Trouble::Reset | Trouble::TruncatedBody));
        if self.bytes.is_some() && !cuts {
            return Err("bytes belongs to the troubles reset and truncated_body".to_owned());
        }
        if self.drip_ms.is_some() && self.trouble != Some(Trouble::SlowDrip) {
            return Err("drip_ms belongs to the trouble slow_drip".to_owned());
        }
        if self.drip_ms.is_some_and(|pause| pause > LONGEST_DRIP_MS) {
            return Err(format!("drip_ms is more than a minute ({LONGEST_DRIP_MS})"));
        }
        let Some(trouble) = self.trouble else {
            return Ok(());
        };
        if self.replaces_answer() {
            return Err("trouble says itself what happens: leave out status, body, hang and drop".to_owned());
        }
        match trouble.home() {
            Some((operations, words)) if !operations.contains(&self.operation) => Err(format!(
                "this trouble belongs to {words}: it does nothing to answers of {:?}",
                self.operation
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// The answer that is made up.
    fn check_answer(&self) -> Result<(), String> {
        if self.hang && self.drop {
            return Err("hang keeps the connection and drop closes it: choose one".to_owned());
        }
        if (self.hang || self.drop) && (self.status.is_some() || self.body.is_some()) {
            return Err("with hang or drop no answer comes: leave out status and body".to_owned());
        }
        let Some(status) = self.status else {
            return Ok(());
        };
        if !STATUSES.contains(&status) {
            return Err(format!("status {status} is outside 200 to 599"));
        }
        if BODILESS.contains(&status) && self.body.as_ref().is_some_and(|body| !body.is_empty()) {
            return Err(format!("an answer with status {status} has no body"));
        }
        let has_location = self
            .headers
            .keys()
            .any(|name| name.eq_ignore_ascii_case("location"));
        if REDIRECTS.contains(&status) && !has_location {
            return Err(format!("status {status} needs a header Location to lead to"));
        }
        Ok(())
    }

    fn check_headers(&self) -> Result<(), String> {
        let mut names = Vec::new();
        for (name, value) in &self.headers {
            let (Ok(known), Ok(_)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) else {
                return Err(format!("{name:?}: {value:?} is no header"));
            };
            if known == header::CONTENT_LENGTH || known == header::TRANSFER_ENCODING {
                return Err(format!(
                    "{name} follows from the body: for a wrong length there are the troubles \
                     wrong_content_length and truncated_body"
                ));
            }
            if names.contains(&known) {
                return Err(format!("the header {known} is there twice"));
            }
            names.push(known);
        }
        let makes_up = match self.trouble {
            Some(trouble) => trouble.makes_up(),
            None => self.status.is_some() || self.body.is_some(),
        };
        if !self.headers.is_empty() && !makes_up {
            return Err("headers belong to an answer that is made up: give status or body too".to_owned());
        }
        Ok(())
    }
}

/// Whether a call of it can be about one role.
fn names_role(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::GetRoleCredentials | Operation::AssumeRole | Operation::AccessPortal
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fault(more: &Value) -> Fault {
        let mut fault = json!({ "operation": "ListAccounts" });
        let members = fault.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        serde_json::from_value(fault).unwrap()
    }

    fn assert_refused(fault: &Value, reason: &str) {
        let refused = self::fault(fault).check();
        let is_refused = refused.as_ref().is_err_and(|error| error.contains(reason));
        assert!(is_refused, "{fault}: {refused:?}");
    }

    #[test]
    fn a_fault_that_cannot_be_meant_is_refused_with_the_reason() {
        for (fault, reason) in [
            (json!({}), "does nothing"),
            (json!({ "times": 3, "processed": true }), "does nothing"),
            (json!({ "status": 500, "times": 0 }), "times is 0"),
            (json!({ "status": 500, "probability": 0 }), "probability is 0"),
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
                json!({ "trouble": "slow_drip", "drip_ms": 60_001 }),
                "more than a minute",
            ),
            (json!({ "delay_ms": 3_600_001 }), "more than an hour"),
        ] {
            assert_refused(&fault, reason);
        }
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_refused() {
        for (fault, reason) in [
            (
                json!({ "status": 500, "headers": { "a b": "c" } }),
                "is no header",
            ),
            (
                json!({ "status": 500, "headers": { "content-LENGTH": "3" } }),
                "follows from the body",
            ),
            (
                json!({ "status": 500, "headers": { "Transfer-Encoding": "chunked" } }),
                "follows from the body",
            ),
            (
                json!({ "status": 500, "headers": { "X-A": "1", "x-a": "2" } }),
                "there twice",
            ),
            (
                json!({ "delay_ms": 1, "headers": { "x": "1" } }),
                "headers belong",
            ),
            (
                json!({ "trouble": "reset", "headers": { "x": "1" } }),
                "headers belong",
            ),
            (json!({ "drop": true, "headers": { "x": "1" } }), "headers belong"),
        ] {
            assert_refused(&fault, reason);
        }
    }

    #[test]
    fn a_fault_that_contradicts_itself_or_its_operation_is_refused() {
        let (roles, sts) = ("GetRoleCredentials", "GetCallerIdentity");
        for (fault, reason) in [
            (
                json!({ "trouble": "reset", "status": 500 }),
                "trouble says itself",
            ),
            (
                json!({ "trouble": "throttled", "hang": true }),
                "trouble says itself",
            ),
            (
                json!({ "trouble": "garbage_json", "body": "x" }),
                "trouble says itself",
            ),
            (json!({ "hang": true, "drop": true }), "choose one"),
            (json!({ "drop": true, "status": 500 }), "no answer comes"),
            (json!({ "status": 204, "body": "x" }), "has no body"),
            (json!({ "status": 304, "body": "x" }), "has no body"),
            (json!({ "status": 302 }), "needs a header Location"),
            (
                json!({ "status": 500, "role": "111122223333/ReadOnly" }),
                "no call of ListAccounts",
            ),
            (
                json!({ "operation": roles, "status": 500, "role": "ReadOnly" }),
                "is not ACCOUNT/PERMISSION_SET",
            ),
            (
                json!({ "operation": roles, "status": 500, "role": "/ReadOnly" }),
                "is not ACCOUNT",
            ),
            (
                json!({ "operation": roles, "status": 500, "role": "111122223333/" }),
                "is not ACCOUNT",
            ),
            (
                json!({ "operation": sts, "trouble": "expiration_past" }),
                "belongs to GetRoleCredentials",
            ),
            (
                json!({ "operation": sts, "trouble": "looping_next_token" }),
                "belongs to the lists",
            ),
            (
                json!({ "operation": "SignIn", "trouble": "wrong_types" }),
                "belongs to operations of programs",
            ),
            (
                json!({ "operation": "Logout", "trouble": "wrong_types" }),
                "which Logout's has not",
            ),
        ] {
            assert_refused(&fault, reason);
        }
    }

    #[test]
    fn a_fault_that_makes_sense_is_taken() {
        for fault in [
            json!({ "status": 200 }),
            json!({ "status": 204, "body": "" }),
            json!({ "status": 302, "headers": { "LOCATION": "https://proxy.example/" } }),
            json!({ "status": 599, "probability": 1 }),
            json!({ "delay_ms": 1 }),
            json!({ "body": "" }),
            json!({ "drop": true, "processed": true }),
            json!({ "trouble": "reset", "bytes": 3 }),
            json!({ "trouble": "slow_drip", "drip_ms": 3 }),
            json!({ "trouble": "throttled", "headers": { "Retry-After": "9" } }),
            json!({ "trouble": "throttled", "delay_ms": 5, "processed": true }),
            json!({ "operation": "GetRoleCredentials", "trouble": "expiration_past", "role": "111122223333/A/b" }),
            json!({ "operation": "AssumeRole", "trouble": "expiration_seconds", "role": "111122223333/A" }),
            json!({ "operation": "GetCallerIdentity", "trouble": "wrong_types" }),
            json!({ "operation": "SignIn", "trouble": "captive_portal" }),
        ] {
            assert_eq!(self::fault(&fault).check(), Ok(()), "{fault}");
        }
    }
}
