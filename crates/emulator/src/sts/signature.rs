//! Signature Version 4, as far as a caller's identity needs it: was this request signed with that secret?

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

/// The `Authorization` header, taken apart.
pub(super) struct Signature<'a> {
    pub(super) access_key_id: &'a str,
    /// Date, region, service, `aws4_request`.
    scope: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Signature<'a> {
    pub(super) fn parse(authorization: &'a str) -> Option<Self> {
        let fields = authorization.strip_prefix(ALGORITHM)?;
        let field = |name: &str| {
            let field = fields
                .split(',')
                .find_map(|field| field.trim().strip_prefix(name));
            field.and_then(|value| value.strip_prefix('='))
        };
        let (access_key_id, scope) = field("Credential")?.split_once('/')?;
        let signed_headers = field("SignedHeaders")?;
        Some(Self {
            access_key_id,
            scope,
            signed_headers,
            signature: field("Signature")?,
        })
    }

    /// The signature's time has to be that of the emulator's clock, give or take five minutes.
    pub(super) fn check_date(&self, call: &Call) -> Result<(), StsError> {
        let signed = call.header("x-amz-date").unwrap_or_default();
        let time = civil::DateTime::strptime(DATE_FORM, signed)
            .and_then(|time| time.to_zoned(TimeZone::UTC))
            .map_err(|_| StsError::MissingAuthenticationToken)?;
        let time = time.timestamp();
        let written = |time: Timestamp| time.strftime(DATE_FORM).to_string();
        let (earliest, latest) = (call.now - CLOCK_SKEW, call.now + CLOCK_SKEW);
        let (signed, now) = (signed.to_owned(), written(call.now));
        if time < earliest {
            let limit = written(earliest);
            return Err(StsError::SignatureExpired { signed, limit, now });
        }
        if time > latest {
            let limit = written(latest);
            return Err(StsError::SignatureNotYetCurrent { signed, limit, now });
        }
        Ok(())
    }

    pub(super) fn is_of(&self, secret_access_key: &str, call: &Call) -> bool {
        self.expected(secret_access_key, call)
            .is_some_and(|expected| expected == self.signature)
    }

    fn expected(&self, secret_access_key: &str, call: &Call) -> Option<String> {
        let time = call.header("x-amz-date")?;
        let request = hex(&Sha256::digest(self.canonical_request(call)));
        let to_sign = format!("{ALGORITHM}\n{time}\n{}\n{request}", self.scope);
        let first_key = format!("AWS4{secret_access_key}").into_bytes();
        let key = self
            .scope
            .split('/')
            .fold(first_key, |key, part| hmac(&key, part.as_bytes()));
        Some(hex(&hmac(&key, to_sign.as_bytes())))
    }

    /// The query is rebuilt in the canonical order and spelling; STS is called at `/`.
    fn canonical_request(&self, call: &Call) -> String {
        let names = self.signed_headers.split(';');
        let headers: String = names
            .map(|name| format!("{name}:{}\n", header_values(&call.headers, name)))
            .collect();
        let query = call.uri.query().unwrap_or_default();
        let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (percent_encode(&name), percent_encode(&value)))
            .collect();
        pairs.sort();
        let query: Vec<String> = pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!(
            "POST\n{}\n{}\n{headers}\n{}\n{}",
            call.uri.path(),
            query.join("&"),
            self.signed_headers,
            hex(&Sha256::digest(&call.body)),
        )
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
    let signature = Signature {
        access_key_id,
        scope: "20300101/eu-west-1/sts/aws4_request",
        signed_headers: "host;x-amz-date;x-amz-security-token",
        signature: "",
    };
    let call = Call {
        now: Timestamp::UNIX_EPOCH,
        request_id: String::new(),
        origin: String::new(),
        uri: head.uri.clone(),
        headers: head.headers.clone(),
        body: body.clone(),
        user: None,
        session: None,
        trail: crate::call::Trail::default(),
        principal_tags: std::collections::BTreeMap::new(),
        source_ip_address: None,
        list: None,
    };
    let expected = signature.expected(secret_access_key, &call).unwrap();
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

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

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
        let mut headers = HeaderMap::new();
        headers.insert(
            "content-type",
            "application/x-www-form-urlencoded".parse().unwrap(),
        );
        headers.insert("host", "example.amazonaws.com".parse().unwrap());
        headers.insert("x-amz-date", "20150830T123600Z".parse().unwrap());
        let call = Call {
            now: Timestamp::UNIX_EPOCH,
            request_id: String::new(),
            origin: String::new(),
            uri: "/".parse().unwrap(),
            headers,
            body: Bytes::from_static(b"Param1=value1"),
            user: None,
            session: None,
            trail: crate::call::Trail::default(),
            principal_tags: std::collections::BTreeMap::new(),
            source_ip_address: None,
            list: None,
        };
        let signature = Signature::parse(authorization).unwrap();
        assert_eq!(signature.access_key_id, "AKIDEXAMPLE");
        assert!(signature.is_of("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &call));
        assert!(!signature.is_of("another secret", &call));
    }
}
