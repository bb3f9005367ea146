//! Certificates that this machine does not trust: whose they are and who issued them, in words.

use std::error::Error;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::result::ConnectorError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use url::Url;

/// How long each step of asking for the issuer may take; the call itself has its own limit.
const PATIENCE: Duration = Duration::from_secs(3);

/// An issuer's name may be anything.
const LONGEST_NAME: usize = 60;

/// What identifies a common name and an organization, as DER has them behind the tag and the length.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
const ORGANIZATION: [u8; 3] = [0x55, 0x04, 0x0a];

/// The same error; where it is about a certificate, in words that name host and issuer.
pub(crate) async fn explained(error: ConnectorError, asked: Option<Url>) -> ConnectorError {
    let (Some(fault), Some(asked)) = (certificate_fault(&error), asked) else {
        return error;
    };
    let host = asked.host_str().unwrap_or_default().to_owned();
    let words = if is_unknown_issuer(&fault) {
        let address = (host.clone(), asked.port_or_known_default().unwrap_or(443));
        let issuer = tokio::task::spawn_blocking(move || issuer_of(&address)).await;
        let by = issuer.ok().flatten().map_or_else(
            || "by somebody whom".to_owned(),
            |issuer| format!("by “{issuer}”, whom"),
        );
        format!("the certificate of {host} is issued {by} this machine does not trust (see AWS_CA_BUNDLE)")
    } else {
        format!("the certificate of {host} is not good: {fault}")
    };
    ConnectorError::io(io::Error::other(words).into())
}

fn certificate_fault(error: &(dyn Error + 'static)) -> Option<CertificateError> {
    if let Some(rustls::Error::InvalidCertificate(fault)) = error.downcast_ref() {
        return Some(fault.clone());
    }
    // What an input or output error was made of is not its source.
    let inner = error.downcast_ref().and_then(io::Error::get_ref);
    match inner {
        Some(inner) => certificate_fault(inner),
        None => certificate_fault(error.source()?),
    }
}

fn is_unknown_issuer(fault: &CertificateError) -> bool {
    // A leaf that signed itself is refused for being an authority.
    matches!(
        fault,
        CertificateError::UnknownIssuer | CertificateError::Other(_)
    )
}

/// Begins to speak TLS and leaves when the certificate has come. Nothing is sent, whatever the certificate says.
fn issuer_of(address: &(String, u16)) -> Option<String> {
    let seen = Arc::new(Seen::default());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(seen.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(address.0.clone()).ok()?;
    let mut connection = ClientConnection::new(Arc::new(config), name).ok()?;
    let mut stream = TcpStream::connect_timeout(&address.to_socket_addrs().ok()?.next()?, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    // It fails, because we refuse every certificate.
    let _ = connection.complete_io(&mut stream);
    seen.0.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Takes down the issuer's name and refuses.
#[derive(Debug, Default)]
struct Seen(Mutex<Option<String>>);

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = issuer(certificate);
        Err(refusal())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(refusal())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(refusal())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider: CryptoProvider = ring::default_provider();
        provider.signature_verification_algorithms.supported_schemes()
    }
}

fn refusal() -> rustls::Error {
    rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)
}

/// The common name of who issued a certificate, else the organization.
fn issuer(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    let names = names(certificate.issuer());
    let of = |kind: [u8; 3]| names.iter().find(|(oid, _)| *oid == kind);
    let (_, name) = of(COMMON_NAME).or_else(|| of(ORGANIZATION))?;
    let plain = name.chars().filter(|letter| !letter.is_control());
    Some(plain.take(LONGEST_NAME).collect())
}

/// The parts of a distinguished name: what each is, and its text.
fn names(mut distinguished: &[u8]) -> Vec<(&[u8], String)> {
    let mut found = Vec::new();
    while let Some((set, rest)) = element(distinguished) {
        distinguished = rest;
        let part = element(set).and_then(|(pair, _)| {
            let (kind, value) = element(pair)?;
            let (text, _) = element(value)?;
            Some((kind, String::from_utf8_lossy(text).into_owned()))
        });
        found.extend(part);
    }
    found
}

/// The content of the first element of DER, and what follows it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, content) = match der.get(1)? {
        short @ 0..=0x7f => (usize::from(*short), der.get(2..)?),
        0x81 => (usize::from(*der.get(2)?), der.get(3..)?),
        0x82 => (
            usize::from(u16::from_be_bytes([*der.get(2)?, *der.get(3)?])),
            der.get(4..)?,
        ),
        _ => return None,
    };
    content.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use identity_center_emulator::{Certificates, Emulator, Options, World};
    use tokio::net::TcpListener;

    use super::*;
    use crate::identity_center::{HttpStack, Meaning};
    use crate::paths::Environment;

    #[tokio::test]
    async fn n2_an_untrusted_certificate_is_told_with_host_and_issuer_and_a_bundle_mends_it() {
        let emulator = Emulator::new(World::acme(), Options::default());
        let certificates = Certificates::new("eu-west-1").unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let bundle = scratch.path().join("ca.pem");
        std::fs::write(&bundle, certificates.ca_pem()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/start", listener.local_addr().unwrap());
        let url = Url::parse(&url).unwrap();
        let server = tokio::spawn(async move { emulator.serve_tls(listener, certificates).await });

        let failure = HttpStack::system(&Environment::of(&[])).get("test", &url).await;
        let failure = failure.unwrap_err();
        assert_eq!(failure.meaning, Meaning::Unreachable);
        let said = failure.detail.unwrap();
        for part in [
            "certificate of 127.0.0.1",
            "“Identity Center emulator CA”",
            "AWS_CA_BUNDLE",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let bundle = bundle.to_str().unwrap();
        let trusting = HttpStack::system(&Environment::of(&[("AWS_CA_BUNDLE", bundle)]));
        assert!(trusting.get("test", &url).await.is_ok());
        server.abort();
    }

    #[test]
    fn f1_der_that_is_cut_off_or_says_too_much_names_nobody() {
        let name = [0x31, 0x09, 0x30, 0x07, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x00];
        for length in 0..name.len() {
            names(&name[..length]);
        }
        for byte in 0..=255 {
            names(&[0x31, byte, 0x30, byte, 0x06, byte]);
        }
        assert_eq!(names(&name), vec![(&COMMON_NAME[..], String::new())]);
    }
}
