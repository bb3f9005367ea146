//! TLS for the second port: a certificate authority of our own, and the leaf that it signed.

use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

pub use self::kept::KeptError;

use crate::world::Partition;

mod kept;

const AUTHORITY: &str = "Identity Center emulator CA";

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("cannot make a certificate: {0}")]
    Made(#[from] rcgen::Error),
    #[error("cannot use the certificate: {0}")]
    Used(#[from] tokio_rustls::rustls::Error),
    #[error(transparent)]
    Kept(#[from] KeptError),
}

/// What the TLS port shows to its callers.
#[derive(Clone)]
pub struct Certificates {
    ca_pem: String,
    known: TlsAcceptor,
    stranger: TlsAcceptor,
}

impl Certificates {
    /// For loopback and for the host names of AWS in `region`. The authority's key is written nowhere.
    pub fn new(region: &str) -> Result<Self, CertificateError> {
        Self::of(&Authority::new(AUTHORITY)?, region)
    }

    /// The same with an authority that stays: its certificate is in `ca_file`, its key beside that, with `.key` after
    /// the name, for its owner alone. They are made if neither is there; nothing that is there is ever replaced.
    pub fn kept_in(ca_file: &Path, region: &str) -> Result<Self, CertificateError> {
        let authority = match kept::read(ca_file)? {
            Some(pair) => Authority::of(pair).ok_or_else(|| KeptError::foreign(ca_file))?,
            None => {
                let new = Authority::new(AUTHORITY)?;
                kept::write(ca_file, &new.certificate_pem, &new.key.serialize_pem())?;
                new
            }
        };
        Self::of(&authority, region)
    }

    fn of(authority: &Authority, region: &str) -> Result<Self, CertificateError> {
        let ca_pem = authority.certificate_pem.clone();
        let known = authority.acceptor(region)?;
        let stranger = Authority::new("A CA that nobody trusts")?.acceptor(region)?;
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
    let mut names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let partition = Partition::of(region);
    for domain in partition.service_domains() {
        let hosts = ["oidc", "portal.sso", "sts"].map(|service| format!("{service}.{region}.{domain}"));
        names.extend(hosts);
    }
    let host = partition.sign_in_host();
    names.extend([host.to_owned(), format!("{region}.{host}")]);
    // The only one that follows a redirect after signing out.
    if partition == Partition::Commercial && region != "us-east-1" {
        names.push(format!("us-east-1.{host}"));
    }
    names
}

/// rustls takes no leaf that signed itself, so there are two certificates.
struct Authority {
    name: &'static str,
    certificate_pem: String,
    key: KeyPair,
}

impl Authority {
    fn new(name: &'static str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        Ok(Self {
            name,
            certificate_pem: parameters(name)?.self_signed(&key)?.pem(),
            key,
        })
    }

    /// None if certificate and key are not of each other, or not made here.
    fn of((certificate_pem, key_pem): (String, String)) -> Option<Self> {
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes()).ok()?;
        let key = KeyPair::from_pem(&key_pem).ok()?;
        // The key's public half stands in the certificate as it is, and so does our name.
        let contains = |part: &[u8]| certificate.windows(part.len()).any(|window| window == part);
        let is_ours = contains(key.public_key_raw()) && contains(AUTHORITY.as_bytes());
        is_ours.then_some(Self {
            name: AUTHORITY,
            certificate_pem,
            key,
        })
    }

    fn acceptor(&self, region: &str) -> Result<TlsAcceptor, CertificateError> {
        let issuer = Issuer::new(parameters(self.name)?, &self.key);
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
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn parameters(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_for_the_hosts_of_the_partition() {
        for (region, expected, foreign) in [
            (
                "eu-west-1",
                &[
                    "oidc.eu-west-1.amazonaws.com",
                    "portal.sso.eu-west-1.api.aws",
                    "sts.eu-west-1.amazonaws.com",
                    "signin.aws.amazon.com",
                    "eu-west-1.signin.aws.amazon.com",
                    "us-east-1.signin.aws.amazon.com",
                ][..],
                "signin.amazonaws.cn",
            ),
            (
                "cn-north-1",
                &[
                    "oidc.cn-north-1.amazonaws.com.cn",
                    "portal.sso.cn-north-1.amazonaws.com.cn",
                    "sts.cn-north-1.amazonaws.com.cn",
                    "signin.amazonaws.cn",
                    "cn-north-1.signin.amazonaws.cn",
                ],
                "oidc.cn-north-1.amazonaws.com",
            ),
            (
                "us-gov-east-1",
                &[
                    "oidc.us-gov-east-1.amazonaws.com",
                    "signin.amazonaws-us-gov.com",
                    "us-gov-east-1.signin.amazonaws-us-gov.com",
                ],
                "signin.aws.amazon.com",
            ),
            (
                "eusc-de-east-1",
                &[
                    "portal.sso.eusc-de-east-1.amazonaws.eu",
                    "signin.amazonaws-eusc.eu",
                ],
                "oidc.eusc-de-east-1.amazonaws.com",
            ),
        ] {
            let names = names(region);
            let has = |wanted: &str| names.iter().any(|name| name == wanted);
            for wanted in expected {
                assert!(has(wanted), "{wanted} is not in {names:?}");
            }
            assert!(!has(foreign), "{foreign} is in {names:?}");
        }
    }
}
