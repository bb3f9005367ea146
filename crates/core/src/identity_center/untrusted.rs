//! Connections that failed, in words: the proxy, and certificates that this machine does not trust.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::result::ConnectorError;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower::Service;
use url::Url;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::clock::SharedClock;
use crate::identity_center::Trouble;
use crate::identity_center::deadline::within;
use crate::identity_center::error::{Explained, chain};
use crate::identity_center::proxy::Proxy;

/// How long asking for the issuer may take; the call itself has its own limit.
const PATIENCE: Duration = Duration::from_secs(3);

/// An issuer's name may be anything.
const LONGEST_NAME: usize = 60;

/// Why `AWS_CA_BUNDLE` adds nothing to what the system trusts, if it is to.
pub(super) type FaultOfBundle = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// The same error; where it is about a certificate or the proxy, in words that name who it is about.
pub(super) async fn explained(
    error: ConnectorError,
    asked: &Url,
    proxy: Option<&Proxy>,
    bundle: &FaultOfBundle,
    clock: &SharedClock,
) -> ConnectorError {
    let host = asked.host_str().unwrap_or_default();
    let of_proxy = proxy.and_then(|proxy| Some((proxy, proxy.refusal(&error, host)?)));
    if let Some(fault) = certificate_fault(&error) {
        let (whose, way) = match of_proxy {
            // It was the proxy that could not prove who it is.
            Some((proxy, _)) => (proxy.url().unwrap_or_else(|| asked.clone()), None),
            None => (asked.clone(), proxy),
        };
        let words = words_about(&fault, &whose, way, clock).await;
        if is_of_time(&fault) {
            return Explained::connector_error(words, Trouble::Clock);
        }
        let wrong = if is_unknown_issuer(&fault) { bundle() } else { None };
        let trouble = match wrong {
            Some(_) => Trouble::Bundle,
            None => Trouble::Certificate,
        };
        return Explained::about(words, trouble, wrong);
    }
    if let Some((_, words)) = of_proxy {
        return Explained::connector_error(words, Trouble::Proxy);
    }
    if let Some((words, trouble)) = stranger(&error, asked, proxy) {
        return Explained::connector_error(words, trouble);
    }
    match proxy {
        Some(proxy) if error.is_timeout() => {
            let words = format!("no answer in time through the proxy {}", proxy.shown);
            Explained::connector_error(words, Trouble::Network)
        }
        Some(_) | None => error,
    }
}

/// What is said of somebody who does not speak TLS where AWS does: a network's sign-in page, mostly.
fn stranger(error: &(dyn Error + 'static), asked: &Url, proxy: Option<&Proxy>) -> Option<(String, Trouble)> {
    let has_spoken =
        chain(error).any(|error| matches!(error.downcast_ref(), Some(rustls::Error::InvalidMessage(_))));
    // Words of the TLS library, which has no type for this; a test holds them.
    let has_left = chain(error).any(|error| error.to_string() == "tls handshake eof");
    if !has_spoken && !has_left {
        return None;
    }
    let (host, port) = (asked.host_str()?, asked.port_or_known_default()?);
    Some(match proxy {
        Some(Proxy { shown, .. }) => (
            format!(
                "what the proxy {shown} leads to in place of {host}:{port} does not speak TLS; a network's sign-in page may do that"
            ),
            Trouble::Proxy,
        ),
        None if has_spoken => (
            format!(
                "what answers at {host}:{port} does not speak TLS; a proxy or a network's sign-in page may stand in between"
            ),
            Trouble::Answer,
        ),
        // Whoever is about to end does that too.
        None => (
            format!(
                "{host}:{port} ended the connection before TLS had begun; a proxy or a network's sign-in page may stand in between"
            ),
            Trouble::Network,
        ),
    })
}

async fn words_about(
    fault: &CertificateError,
    whose: &Url,
    way: Option<&Proxy>,
    clock: &SharedClock,
) -> String {
    let host = whose.host_str().unwrap_or_default();
    if is_of_time(fault) {
        let now = clock.now().strftime("%Y-%m-%d %H:%M UTC");
        return format!("by its clock it is {now}, when the certificate of {host} is not valid");
    }
    if !is_unknown_issuer(fault) {
        return format!("the certificate of {host} is not good: {fault}");
    }
    let issuer = within(clock, PATIENCE, issuer_of(whose, way)).await.flatten();
    let by = issuer.map_or_else(
        || "by somebody whom".to_owned(),
        |issuer| format!("by “{issuer}”, whom"),
    );
    format!("the certificate of {host} is issued {by} this machine does not trust (see AWS_CA_BUNDLE)")
}

fn certificate_fault(error: &(dyn Error + 'static)) -> Option<CertificateError> {
    chain(error).find_map(|error| match error.downcast_ref() {
        Some(rustls::Error::InvalidCertificate(fault)) => Some(fault.clone()),
        Some(_) | None => None,
    })
}

/// Whether a certificate was refused because nobody vouches for it.
pub(super) fn is_about_trust(error: &ConnectorError) -> bool {
    certificate_fault(error).is_some_and(|fault| is_unknown_issuer(&fault))
}

/// Certificates of AWS are never out of their time: it is the clock, or a proxy that is not kept well.
fn is_of_time(fault: &CertificateError) -> bool {
    matches!(
        fault,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}

fn is_unknown_issuer(fault: &CertificateError) -> bool {
    // A leaf that signed itself is refused for being an authority.
    matches!(
        fault,
        CertificateError::UnknownIssuer | CertificateError::Other(_)
    )
}

/// Begins to speak TLS and leaves when the certificate has come. Nothing is sent, whatever the certificate says.
async fn issuer_of(whose: &Url, way: Option<&Proxy>) -> Option<String> {
    let seen = Arc::new(Seen::default());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(seen.clone())
        .with_no_client_auth();
    let host = whose.host_str()?.trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let stream = match way {
        None => TcpStream::connect((host, whose.port_or_known_default()?))
            .await
            .ok()?,
        Some(proxy) => through(proxy, whose).await?,
    };
    // It fails, because we refuse every certificate.
    let _ = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    seen.0.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// The way through an http proxy; an https one would have to prove itself first.
async fn through(proxy: &Proxy, to: &Url) -> Option<TcpStream> {
    let to = to.as_str().parse().ok()?;
    let found = Matcher::builder().all(proxy.address()).build().intercept(&to)?;
    if found.uri().scheme_str() != Some("http") {
        return None;
    }
    let mut tunnel = Tunnel::new(found.uri().clone(), HttpConnector::new());
    if let Some(authorization) = found.basic_auth() {
        tunnel = tunnel.with_auth(authorization.clone());
    }
    let stream: TokioIo<TcpStream> = tunnel.call(to).await.ok()?;
    Some(stream.into_inner())
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

/// The common name of who issued a certificate, else the organization, else the whole name.
fn issuer(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let issuer = certificate.issuer();
    let named = issuer
        .iter_common_name()
        .chain(issuer.iter_organization())
        .find_map(|name| name.as_str().ok());
    let name = named.map_or_else(|| issuer.to_string(), str::to_owned);
    let plain = name.chars().filter(|letter| !letter.is_control());
    let name: String = plain.take(LONGEST_NAME).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use identity_center_emulator::{Certificates, Emulator, Options, World};
    use rustls::pki_types::pem::PemObject;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::clock::{ManualClock, SystemClock};
    use crate::identity_center::{Failure, HttpStack, Meaning};
    use crate::paths::Environment;

    /// Serves TLS with a certificate that nobody knows, and says where, and what makes it known.
    async fn unknown_server(scratch: &tempfile::TempDir) -> (Url, String, JoinHandle<()>) {
        let emulator = Emulator::new(World::acme(), Options::default());
        let certificates = Certificates::new("eu-west-1").unwrap();
        let bundle = scratch.path().join("ca.pem");
        std::fs::write(&bundle, certificates.ca_pem()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/start", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let _ = emulator.serve_tls(listener, certificates).await;
        });
        (
            Url::parse(&url).unwrap(),
            bundle.to_str().unwrap().to_owned(),
            server,
        )
    }

    fn with(variables: &[(&str, &str)]) -> HttpStack {
        let environment = Environment::of(variables);
        HttpStack::of(&environment, None, Box::new(|| None), SystemClock::shared())
    }

    #[tokio::test]
    async fn n2_an_untrusted_certificate_is_told_with_host_and_issuer_and_a_bundle_mends_it() {
        let scratch = tempfile::tempdir().unwrap();
        let (url, bundle, server) = unknown_server(&scratch).await;
        let failure = with(&[]).get("test", &url).await.unwrap_err();
        assert_eq!(
            (failure.meaning, failure.trouble),
            (Meaning::Unreachable, Trouble::Certificate)
        );
        let said = failure.detail.unwrap();
        for part in [
            "certificate of 127.0.0.1",
            "“Identity Center emulator CA”",
            "AWS_CA_BUNDLE",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let trusting = with(&[("AWS_CA_BUNDLE", &bundle)]);
        assert!(trusting.get("test", &url).await.is_ok());
        server.abort();
    }

    #[tokio::test]
    async fn n2_a_bundle_that_adds_nothing_is_named_and_good_as_soon_as_it_is_mended() {
        let scratch = tempfile::tempdir().unwrap();
        let (url, good, server) = unknown_server(&scratch).await;
        let named = scratch
            .path()
            .join("a-long-name-of-the-company-s-certificates.pem");
        let named = named.to_str().unwrap();
        let http = with(&[("AWS_CA_BUNDLE", named)]);
        for wrong in [None, Some(""), Some("no certificate")] {
            if let Some(content) = wrong {
                std::fs::write(named, content).unwrap();
            }
            let failure = http.get("test", &url).await.unwrap_err();
            assert_eq!(failure.trouble, Trouble::Bundle, "{failure:?}");
            let said = failure.detail.unwrap();
            for part in [
                "certificate of 127.0.0.1",
                "AWS_CA_BUNDLE names ",
                named,
                ", which ",
            ] {
                assert!(said.contains(part), "{part}: {said}");
            }
        }
        std::fs::copy(good, named).unwrap();
        let answer = http.get("test", &url).await;
        assert!(answer.is_ok(), "{answer:?}");
        server.abort();
    }

    #[tokio::test]
    async fn t4_a_certificate_out_of_its_time_is_told_with_the_time_of_this_machine() {
        let clock: SharedClock = Arc::new(ManualClock::at("2021-06-07T08:29:01Z".parse().unwrap()));
        // No authority's certificate would mend this.
        let bundle: FaultOfBundle = Box::new(|| Some("AWS_CA_BUNDLE is wrong".to_owned()));
        let url = Url::parse("https://oidc.eu-west-1.amazonaws.com/token").unwrap();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(1));
        let context = || CertificateError::ExpiredContext {
            time,
            not_after: time,
        };
        for fault in [
            CertificateError::NotValidYet,
            CertificateError::Expired,
            context(),
        ] {
            let error = ConnectorError::io(rustls::Error::InvalidCertificate(fault.clone()).into());
            let explained = explained(error, &url, None, &bundle, &clock).await;
            let failure = Failure::of_connection("CreateToken", &explained);
            assert_eq!(failure.trouble, Trouble::Clock, "{fault:?}");
            assert_eq!(
                failure.detail.as_deref(),
                Some(
                    "by its clock it is 2021-06-07 08:29 UTC, when the certificate of \
                     oidc.eu-west-1.amazonaws.com is not valid"
                ),
                "{fault:?}"
            );
        }
    }

    /// A proxy that leads every tunnel to one place; it says what it was asked.
    async fn proxy_to(port: u16) -> (String, mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (tell, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                let tell = tell.clone();
                tokio::spawn(async move {
                    let mut head = vec![0; 4096];
                    let length = caller.read(&mut head).await.unwrap();
                    let _ = tell.send(String::from_utf8_lossy(&head[..length]).into_owned());
                    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    caller.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut caller, &mut server).await;
                });
            }
        });
        (address, asked)
    }

    #[tokio::test]
    async fn n2_a_proxy_that_looks_into_connections_is_named_by_its_certificate() {
        let scratch = tempfile::tempdir().unwrap();
        let (url, bundle, server) = unknown_server(&scratch).await;
        let (proxy, mut asked) = proxy_to(url.port().unwrap()).await;
        let proxy = format!("http://ann:p%40ss@{proxy}");
        let aws = Url::parse("https://oidc.eu-west-1.amazonaws.com/start").unwrap();
        let failure = with(&[("HTTPS_PROXY", &proxy)]).get("test", &aws).await;
        let failure = failure.unwrap_err();
        assert_eq!(failure.trouble, Trouble::Certificate);
        let said = failure.detail.unwrap();
        assert!(
            said.contains(
                "certificate of oidc.eu-west-1.amazonaws.com is issued by “Identity Center emulator CA”"
            ),
            "{said}"
        );
        for _ in ["the call", "who issued it"] {
            let asked = asked.try_recv().unwrap();
            assert!(
                asked.starts_with("CONNECT oidc.eu-west-1.amazonaws.com:443 "),
                "{asked}"
            );
            // ann:p@ss
            assert!(
                asked.contains("Proxy-Authorization: Basic YW5uOnBAc3M="),
                "{asked}"
            );
        }
        let trusting = with(&[("HTTPS_PROXY", &proxy), ("AWS_CA_BUNDLE", &bundle)]);
        assert!(trusting.get("test", &aws).await.is_ok());
        server.abort();
    }

    /// Answers what comes with these bytes, one after the other; what comes then ends the connection.
    async fn says(answers: &'static [&'static [u8]]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                let mut asked = vec![0; 4096];
                for answer in answers {
                    assert_ne!(caller.read(&mut asked).await.unwrap(), 0);
                    caller.write_all(answer).await.unwrap();
                }
                let _ = caller.read(&mut asked).await;
            }
        });
        address
    }

    #[tokio::test]
    async fn n2_a_page_in_the_place_of_aws_is_told_as_that() {
        const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n<html>Welcome to the hotel</html>";
        const WAY: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
        let aws = Url::parse("https://oidc.eu-west-1.amazonaws.com/start").unwrap();
        const THROUGH: [&[&[u8]]; 3] = [&[PAGE], &[WAY, PAGE], &[WAY]];
        for answers in THROUGH {
            let proxy = says(answers).await;
            let failure = with(&[("HTTPS_PROXY", &format!("http://{proxy}"))])
                .get("test", &aws)
                .await;
            let failure = failure.unwrap_err();
            assert_eq!(failure.trouble, Trouble::Proxy, "{answers:?}: {failure:?}");
            let said = failure.detail.unwrap();
            for part in [&proxy, "oidc.eu-west-1.amazonaws.com:443", "does not speak TLS"] {
                assert!(said.contains(part), "{part}: {said}");
            }
        }
        const STRAIGHT: [(&[&[u8]], Trouble); 2] = [(&[PAGE], Trouble::Answer), (&[], Trouble::Network)];
        for (answers, trouble) in STRAIGHT {
            let port = says(answers).await;
            let straight = Url::parse(&format!("https://{port}/start")).unwrap();
            let failure = with(&[]).get("test", &straight).await.unwrap_err();
            assert_eq!(failure.trouble, trouble, "{failure:?}");
            let said = failure.detail.unwrap();
            assert!(said.contains(&port) && said.contains("sign-in page"), "{said}");
        }
    }

    #[tokio::test]
    async fn n2_a_proxy_that_cannot_prove_who_it_is_gets_no_password() {
        let scratch = tempfile::tempdir().unwrap();
        let (url, _, server) = unknown_server(&scratch).await;
        let proxy = format!("https://ann:secret@127.0.0.1:{}", url.port().unwrap());
        let aws = Url::parse("https://oidc.eu-west-1.amazonaws.com/start").unwrap();
        let failure = with(&[("HTTPS_PROXY", &proxy)]).get("test", &aws).await;
        let failure = failure.unwrap_err();
        assert_eq!(failure.trouble, Trouble::Certificate);
        let said = failure.detail.unwrap();
        assert!(
            said.contains("certificate of 127.0.0.1 is issued by “Identity Center emulator CA”"),
            "{said}"
        );
        assert!(!said.contains("secret"), "{said}");
        server.abort();
    }

    #[test]
    fn f1_der_that_is_cut_off_or_says_too_much_names_nobody() {
        let certificates = Certificates::new("eu-west-1").unwrap();
        let authority = CertificateDer::from_pem_slice(certificates.ca_pem().as_bytes()).unwrap();
        assert_eq!(issuer(&authority).unwrap(), "Identity Center emulator CA");
        for length in 0..authority.len() {
            assert_eq!(issuer(&authority[..length]), None, "{length}");
        }
        for at in 0..authority.len() {
            for wrong in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut damaged = authority.to_vec();
                damaged[at] = wrong;
                let named = issuer(&damaged);
                assert!(named.is_none_or(|name| name.chars().count() <= LONGEST_NAME));
            }
        }
    }
}
