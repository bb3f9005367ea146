//! The one place that writes tokens as text: the JSON inside the keyring's records.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Record, SignIn, StoreFailure};
use crate::identity_center::{Flow, Registration, Token};
use crate::secret::Secret;

const VERSION: u32 = 1;

/// Room for names, times and punctuation beside the secrets.
const FRAME: usize = 1024;

#[derive(Serialize, Deserialize)]
struct StoredSignIn {
    version: u32,
    signed_in_at: Timestamp,
    token: StoredToken,
    registration: StoredRegistration,
}

#[derive(Serialize, Deserialize)]
struct StoredToken {
    #[serde(with = "exposed")]
    access_token: Secret,
    #[serde(with = "exposed_if_any", default)]
    refresh_token: Option<Secret>,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct StoredRegistration {
    flow: Flow,
    client_id: String,
    #[serde(with = "exposed")]
    client_secret: Secret,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct RegistrationRecord {
    version: u32,
    registration: StoredRegistration,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

pub(super) fn encode_sign_in(sign_in: &SignIn) -> Result<Record, StoreFailure> {
    let SignIn {
        token,
        registration,
        signed_in_at,
    } = sign_in.clone();
    let refresh_length = token.refresh_token.as_ref().map_or(0, |it| it.expose().len());
    let length = token.access_token.expose().len() + refresh_length + length_of(&registration);
    let stored = StoredSignIn {
        version: VERSION,
        signed_in_at,
        token: StoredToken {
            access_token: token.access_token,
            refresh_token: token.refresh_token,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
        },
        registration: store_registration(registration),
    };
    encode(&stored, length)
}

pub(super) fn decode_sign_in(record: &Record) -> Result<SignIn, StoreFailure> {
    let stored: StoredSignIn = decode(record)?;
    Ok(SignIn {
        token: Token {
            access_token: stored.token.access_token,
            refresh_token: stored.token.refresh_token,
            issued_at: stored.token.issued_at,
            expires_at: stored.token.expires_at,
        },
        registration: load_registration(stored.registration),
        signed_in_at: stored.signed_in_at,
    })
}

pub(super) fn encode_registration(registration: &Registration) -> Result<Record, StoreFailure> {
    let stored = RegistrationRecord {
        version: VERSION,
        registration: store_registration(registration.clone()),
    };
    encode(&stored, length_of(registration))
}

pub(super) fn decode_registration(record: &Record) -> Result<Registration, StoreFailure> {
    let stored: RegistrationRecord = decode(record)?;
    Ok(load_registration(stored.registration))
}

fn store_registration(registration: Registration) -> StoredRegistration {
    StoredRegistration {
        flow: registration.flow,
        client_id: registration.client_id,
        client_secret: registration.client_secret,
        expires_at: registration.expires_at,
    }
}

fn load_registration(stored: StoredRegistration) -> Registration {
    Registration {
        flow: stored.flow,
        client_id: stored.client_id,
        client_secret: stored.client_secret,
        expires_at: stored.expires_at,
    }
}

fn length_of(registration: &Registration) -> usize {
    registration.client_id.len() + registration.client_secret.expose().len()
}

/// The buffer is made large enough at once: one that grows leaves copies behind that nobody wipes.
fn encode(stored: &impl Serialize, length: usize) -> Result<Record, StoreFailure> {
    let mut text = Vec::with_capacity(length.saturating_mul(2) + FRAME);
    let written = serde_json::to_writer(&mut text, stored);
    let record = Secret::new(text);
    written.map(|()| record).map_err(|_| StoreFailure::Failed)
}

/// A version that we do not know is as good as damaged: it is reported and left as it is.
fn decode<T: for<'a> Deserialize<'a>>(record: &Record) -> Result<T, StoreFailure> {
    let bytes = record.expose();
    let known = serde_json::from_slice::<Versioned>(bytes).is_ok_and(|it| it.version == VERSION);
    if !known {
        return Err(StoreFailure::Corrupt);
    }
    // The parser's message may quote the text, so it is dropped.
    serde_json::from_slice(bytes).map_err(|_| StoreFailure::Corrupt)
}

mod exposed {
    use super::{Deserialize, Deserializer, Secret, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

mod exposed_if_any {
    use super::{Deserialize, Deserializer, Secret, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{registration, sign_in};
    use super::*;

    #[test]
    fn a_sign_in_survives_the_way_into_text_and_back() {
        let mut sign_in = sign_in("aoa-1");
        assert_eq!(
            decode_sign_in(&encode_sign_in(&sign_in).unwrap()).unwrap(),
            sign_in
        );
        sign_in.token.refresh_token = None;
        assert_eq!(
            decode_sign_in(&encode_sign_in(&sign_in).unwrap()).unwrap(),
            sign_in
        );
    }

    #[test]
    fn a_registration_survives_the_way_into_text_and_back() {
        let registration = registration(Flow::DeviceCode);
        let record = encode_registration(&registration).unwrap();
        assert_eq!(decode_registration(&record).unwrap(), registration);
    }

    #[test]
    fn x2_the_buffer_never_grows_while_it_is_written() {
        let sign_in = sign_in(&"\"".repeat(3000));
        let record = encode_sign_in(&sign_in).unwrap();
        let refresh_length = sign_in.token.refresh_token.unwrap().expose().len();
        let length = 3000 + refresh_length + length_of(&sign_in.registration);
        assert!(record.expose().len() > length + 3000, "every quote is escaped");
        assert!(
            record.expose().len() <= length * 2 + FRAME,
            "and there was room for it"
        );
        assert_eq!(format!("{record:?}"), "[redacted]");
    }

    #[test]
    fn k3_every_damaged_text_is_corrupt_and_never_a_sign_in() {
        let record = encode_sign_in(&sign_in("aoa-1")).unwrap();
        let whole = record.expose();
        for length in 0..whole.len() {
            let torn = Secret::new(whole.get(..length).unwrap().to_vec());
            assert_eq!(
                decode_sign_in(&torn),
                Err(StoreFailure::Corrupt),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn r9_the_first_versions_records_stay_readable() {
        let sign_in = br#"{"version":1,"signed_in_at":"2026-03-02T12:00:00Z",
            "token":{"access_token":"a","refresh_token":"r","issued_at":"2026-03-02T12:00:00Z",
                "expires_at":"2026-03-02T13:00:00Z"},
            "registration":{"flow":"browser","client_id":"c","client_secret":"s","expires_at":"2026-06-01T12:00:00Z"}}"#;
        let read = decode_sign_in(&Record::new(sign_in.to_vec())).unwrap();
        assert_eq!(read.token.access_token, Secret::from("a"));
        assert_eq!(read.token.refresh_token, Some(Secret::from("r")));
        assert_eq!(
            (read.registration.flow, &*read.registration.client_id),
            (Flow::Browser, "c")
        );
        let registration = br#"{"version":1,"registration":{"flow":"device_code","client_id":"c",
            "client_secret":"s","expires_at":"2026-06-01T12:00:00Z"}}"#;
        let read = decode_registration(&Record::new(registration.to_vec())).unwrap();
        assert_eq!(read.flow, Flow::DeviceCode);
    }

    #[test]
    fn k3_a_later_version_is_not_guessed_at() {
        let record = encode_sign_in(&sign_in("aoa-1")).unwrap();
        let text = String::from_utf8(record.expose().clone()).unwrap();
        let later = text.replacen("\"version\":1", "\"version\":2", 1);
        assert_ne!(text, later);
        let later = Secret::new(later.into_bytes());
        assert_eq!(decode_sign_in(&later), Err(StoreFailure::Corrupt));
    }
}
