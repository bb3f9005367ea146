//! TLS for the second port: a certificate authority of our own, and the leaf that it signed.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("cannot make a certificate: {0}")]
    Made(#[from] rcgen::Error),
    #[error("cannot use the certificate: {0}")]
    Used(#[from] tokio_rustls::rustls::Error),
}

/// What the TLS port shows to its callers. Made anew for each start; the keys are written nowhere.
#[derive(Clone)]
pub struct Certificates {
    ca_pem: String,
    known: TlsAcceptor,
    stranger: TlsAcceptor,
}

impl Certificates {
    /// For loopback and for the host names of AWS in `region`.
    pub fn new(region: &str) -> Result<Self, CertificateError> {
        let (ca_pem, known) = chain("Identity Center emulator CA", region)?;
        let (_, stranger) = chain("A CA that nobody trusts", region)?;
        Ok(Self {
            ca_pem,
            known,
            stranger,
        })
    }

    /// The authority's certificate, for `AWS_CA_BUNDLE`, `SSL_CERT_FILE` or `NODE_EXTRA_CA_CERTS`.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Whose chain the next caller gets: ours, or that of an authority which nobody knows.
    pub(crate) fn acceptor(&self, is_unknown_ca: bool) -> &TlsAcceptor {
        if is_unknown_ca {
            &self.stranger
        } else {
            &self.known
        }
    }
}

/// The names that the leaf is good for.
fn names(region: &str) -> Vec<String> {
    let mut names = vec![
        "127.0.0.1".to_owned(),
        "localhost".to_owned(),
        "signin.aws.amazon.com".to_owned(),
    ];
    let hosts = ["oidc", "portal.sso", "sts"].map(|service| format!("{service}.{region}.amazonaws.com"));
    names.extend(hosts);
    names.push(format!("{region}.signin.aws.amazon.com"));
    names
}

/// rustls takes no leaf that signed itself, so there are two certificates.
fn chain(name: &str, region: &str) -> Result<(String, TlsAcceptor), CertificateError> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let mut leaf = CertificateParams::new(names(region))?;
    leaf.distinguished_name
        .push(DnType::CommonName, "Identity Center emulator");
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf_key = KeyPair::generate()?;
    let leaf_certificate = leaf.signed_by(&leaf_key, &issuer)?;

    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf_certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((authority_certificate.pem(), TlsAcceptor::from(Arc::new(config))))
}
