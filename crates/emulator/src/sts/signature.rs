//! Signature Version 4, in the head or in the query: was this request signed with that secret?

use axum::http::HeaderMap;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::StsError;
use crate::call::Call;
use crate::random::hex;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const BLOCK_LENGTH: usize = 64;
const DATE_FORM: &str = "%Y%m%dT%H%M%SZ";
/// How far AWS lets a caller's clock be away.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// A presigned request is good for so long, whatever its `X-Amz-Expires` says: STS does not look at that.
const PRESIGNED_LIFE: SignedDuration = SignedDuration::from_mins(15);
const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";
/// What a presigned request has in its query, in the order in which AWS misses them.
const PARAMETERS: [&str; 5] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    SIGNATURE_PARAMETER,
    "X-Amz-SignedHeaders",
    "X-Amz-Date",
];

/// A signature, taken apart.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) access_key_id: String,
    pub(super) session_token: Option<String>,
    /// Date, region, service, `aws4_request`.
    scope: String,
    signed_headers: String,
    signature: String,
    /// As it was written.
    time: String,
    /// In the query, and not in the head.
    is_presigned: bool,
}

impl Signature {
    pub(super) fn of(call: &Call) -> Result<Self, StsError> {
        let authorization = call.header("authorization");
        let is_presigned = PARAMETERS.iter().any(|name| call.query(name).is_some());
        match (authorization, is_presigned) {
            (Some(_), true) => {
                let problem =
                    "Found both query-string parameters of a signature and an Authorization header.";
                Err(StsError::IncompleteSignature(problem.to_owned()))
            }
            (Some(authorization), false) => Self::of_head(authorization, call),
            (None, true) => Self::of_query(call),
            (None, false) => Err(StsError::MissingAuthenticationToken),
        }
    }

    fn of_head(authorization: &str, call: &Call) -> Result<Self, StsError> {
        let fields = authorization
            .strip_prefix(ALGORITHM)
            .ok_or(StsError::MissingAuthenticationToken)?;
        let mut missing = String::new();
        let mut field = |name: &str| {
            let mut fields = fields.split(',');
            let field = fields.find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
            if field.is_none() {
                missing.push_str(&format!("Authorization header requires '{name}' parameter. "));
            }
            field.unwrap_or_default().to_owned()
        };
        let (credential, signature) = (field("Credential"), field("Signature"));
        let signed_headers = field("SignedHeaders");
        let time = call.header("x-amz-date");
        if time.is_none() {
            missing.push_str("Authorization header requires existence of a 'X-Amz-Date' header. ");
        }
        if !missing.is_empty() {
            return Err(StsError::IncompleteSignature(missing.trim_end().to_owned()));
        }
        let (access_key_id, scope) = credential_and_scope(&credential)?;
        Ok(Self {
            access_key_id,
            session_token: call.header("x-amz-security-token").map(str::to_owned),
            scope,
            signed_headers,
            signature,
            time: time.unwrap_or_default().to_owned(),
            is_presigned: false,
        })
    }

    fn of_query(call: &Call) -> Result<Self, StsError> {
        let value = |name: &str| call.query(name).filter(|value| !value.is_empty());
        let missing = PARAMETERS.into_iter().filter(|name| value(name).is_none());
        let missing: String = missing
            .map(|name| format!("AWS query-string parameters must include '{name}'. "))
            .collect();
        if !missing.is_empty() {
            let problem = format!("{missing}Re-examine the query-string parameters.");
            return Err(StsError::IncompleteSignature(problem));
        }
        let [algorithm, credential, signature, signed_headers, time] =
            PARAMETERS.map(|name| value(name).unwrap_or_default());
        if algorithm != ALGORITHM {
            let problem = format!("Unsupported AWS 'algorithm': '{algorithm}'.");
            return Err(StsError::IncompleteSignature(problem));
        }
        let (access_key_id, scope) = credential_and_scope(&credential)?;
        Ok(Self {
            access_key_id,
            session_token: value("X-Amz-Security-Token"),
            scope,
            signed_headers,
            signature,
            time,
            is_presigned: true,
        })
    }

    /// What was signed is a call of STS on that day, and no other service's.
    pub(super) fn check_scope(&self) -> Result<(), StsError> {
        let mut parts = self.scope.split('/');
        let (date, _region) = (parts.next().unwrap_or_default(), parts.next());
        let (service, terminator) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let day = self.time.get(..8).unwrap_or_default();
        let problem = if service != "sts" {
            "Credential should be scoped to correct service: 'sts'.".to_owned()
        } else if terminator != "aws4_request" {
            format!(
                "Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'."
            )
        } else if date != day {
            format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{date}' != '{day}', from '{}'.",
                self.time
            )
        } else if !self.signed_headers.split(';').any(|name| name == "host") {
            "'Host' must be a 'SignedHeader' in the AWS Authorization.".to_owned()
        } else {
            return Ok(());
        };
        Err(StsError::CredentialScope(problem))
    }

    /// The signature's time has to be that of the emulator's clock, give or take five minutes; presigned requests wait
    /// longer for their use.
    pub(super) fn check_date(&self, now: Timestamp) -> Result<(), StsError> {
        let time =
            civil::DateTime::strptime(DATE_FORM, &self.time).and_then(|time| time.to_zoned(TimeZone::UTC));
        let time = time.map_err(|_| {
            let problem = format!(
                "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601",
                self.time
            );
            StsError::IncompleteSignature(problem)
        })?;
        let time = time.timestamp();
        let life = if self.is_presigned {
            PRESIGNED_LIFE
        } else {
            CLOCK_SKEW
        };
        let written = |time: Timestamp| time.strftime(DATE_FORM).to_string();
        let (earliest, latest) = (now - life, now + CLOCK_SKEW);
        let (signed, now) = (self.time.clone(), written(now));
        if time < earliest {
            let (limit, minutes) = (written(earliest), life.as_mins());
            return Err(StsError::SignatureExpired {
                signed,
                limit,
                now,
                minutes,
            });
        }
        if time > latest {
            let limit = written(latest);
            return Err(StsError::SignatureNotYetCurrent { signed, limit, now });
        }
        Ok(())
    }

    pub(super) fn is_of(&self, secret_access_key: &str, call: &Call) -> bool {
        self.expected(secret_access_key, call) == self.signature
    }

    fn expected(&self, secret_access_key: &str, call: &Call) -> String {
        let request = hex(&Sha256::digest(self.canonical_request(call)));
        let to_sign = format!("{ALGORITHM}\n{}\n{}\n{request}", self.time, self.scope);
        let first_key = format!("AWS4{secret_access_key}").into_bytes();
        let key = self
            .scope
            .split('/')
            .fold(first_key, |key, part| hmac(&key, part.as_bytes()));
        hex(&hmac(&key, to_sign.as_bytes()))
    }

    /// The query is rebuilt in the canonical order and spelling, without the signature itself; STS is called at `/`.
    fn canonical_request(&self, call: &Call) -> String {
        let names = self.signed_headers.split(';');
        let headers: String = names
            .map(|name| format!("{name}:{}\n", header_values(&call.headers, name)))
            .collect();
        let query = call.uri.query().unwrap_or_default();
        let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| !(self.is_presigned && name == SIGNATURE_PARAMETER))
            .map(|(name, value)| (percent_encode(&name), percent_encode(&value)))
            .collect();
        pairs.sort();
        let query: Vec<String> = pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!(
            "{}\n{}\n{}\n{headers}\n{}\n{}",
            call.method,
            call.uri.path(),
            query.join("&"),
            self.signed_headers,
            hex(&Sha256::digest(&call.body)),
        )
    }
}

fn credential_and_scope(credential: &str) -> Result<(String, String), StsError> {
    match credential.split_once('/') {
        Some((id, scope)) if scope.split('/').count() == 4 => Ok((id.to_owned(), scope.to_owned())),
        Some(_) | None => {
            let problem = format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, \
                 got '{credential}'."
            );
            Err(StsError::IncompleteSignature(problem))
        }
    }
}

fn header_values(headers: &HeaderMap, name: &str) -> String {
    let values = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values
        .map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join(",")
}

fn percent_encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; BLOCK_LENGTH];
    if key.len() > BLOCK_LENGTH {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

/// Signs a request as an SDK does, for tests.
#[cfg(test)]
pub(crate) async fn signed(
    request: axum::extract::Request,
    access_key_id: &str,
    secret_access_key: &str,
) -> axum::extract::Request {
    let (mut head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let call = Call {
        method: head.method.clone(),
        headers: head.headers.clone(),
        body: body.clone(),
        ..Call::to(head.uri.clone())
    };
    let signature = Signature {
        access_key_id: access_key_id.to_owned(),
        session_token: None,
        scope: "20300101/eu-west-1/sts/aws4_request".to_owned(),
        signed_headers: "host;x-amz-date;x-amz-security-token".to_owned(),
        signature: String::new(),
        time: call.header("x-amz-date").unwrap().to_owned(),
        is_presigned: false,
    };
    let expected = signature.expected(secret_access_key, &call);
    let Signature {
        scope,
        signed_headers,
        ..
    } = signature;
    let authorization = format!(
        "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={signed_headers}, Signature={expected}"
    );
    head.headers
        .insert("authorization", authorization.parse().unwrap());
    axum::extract::Request::from_parts(head, body.into())
}

/// Path and query of a presigned GET as an SDK makes it, for tests; `headers` are signed besides `host`.
#[cfg(test)]
pub(crate) fn presigned(keys: &serde_json::Value, host: &str, headers: &[(&str, &str)]) -> String {
    let key = |name: &str| keys[name].as_str().unwrap();
    let (time, scope) = ("20300101T080000Z", "20300101/eu-west-1/sts/aws4_request");
    let mut names = vec!["host"];
    names.extend(headers.iter().map(|(name, _)| *name));
    let (credential, signed_headers) = (format!("{}/{scope}", key("accessKeyId")), names.join(";"));
    let query = crate::testing::encode(&[
        ("Action", "GetCallerIdentity"),
        ("Version", "2011-06-15"),
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", time),
        ("X-Amz-Expires", "60"),
        ("X-Amz-SignedHeaders", &signed_headers),
        ("X-Amz-Security-Token", key("sessionToken")),
    ]);
    let mut call = Call::to(format!("/?{query}").parse().unwrap());
    call.headers.insert("host", host.parse().unwrap());
    for (name, value) in headers {
        let name: axum::http::HeaderName = name.parse().unwrap();
        call.headers.insert(name, value.parse().unwrap());
    }
    let signature = Signature {
        access_key_id: key("accessKeyId").to_owned(),
        session_token: None,
        scope: scope.to_owned(),
        signed_headers,
        signature: String::new(),
        time: time.to_owned(),
        is_presigned: true,
    };
    let expected = signature.expected(key("secretAccessKey"), &call);
    format!("/?{query}&{SIGNATURE_PARAMETER}={expected}")
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use axum::http::Method;

    use super::*;

    #[test]
    fn hmac_agrees_with_rfc_4231() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&hmac(b"Jefe", b"what do ya want for nothing?")), expected);
        let expected = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(hex(&hmac(&[0xaa; 131], message)), expected);
    }

    /// `post-x-www-form-urlencoded` of AWS's published test suite for Signature Version 4.
    #[test]
    fn a_request_of_the_test_suite_of_aws_is_accepted_with_its_secret_only() {
        let authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
        let mut call = Call::to("/".parse().unwrap());
        call.method = Method::POST;
        call.body = Bytes::from_static(b"Param1=value1");
        for (name, value) in [
            ("content-type", "application/x-www-form-urlencoded"),
            ("host", "example.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
            ("authorization", authorization),
        ] {
            call.headers.insert(name, value.parse().unwrap());
        }
        let signature = Signature::of(&call).unwrap();
        assert_eq!(signature.access_key_id, "AKIDEXAMPLE");
        assert!(signature.is_of("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &call));
        assert!(!signature.is_of("another secret", &call));
        assert!(signature.check_scope().is_err(), "it is no request to STS");
    }
}
