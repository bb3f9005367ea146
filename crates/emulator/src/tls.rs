//! TLS for the second port: a certificate authority of our own, and the leaf that it signed.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
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

use crate::world::Partition;

const AUTHORITY: &str = "Identity Center emulator CA";

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("cannot make a certificate: {0}")]
    Made(#[from] rcgen::Error),
    #[error("cannot use the certificate: {0}")]
    Used(#[from] tokio_rustls::rustls::Error),
    #[error("cannot use {path}: {problem}")]
    File { path: String, problem: String },
}

impl CertificateError {
    fn file(path: &Path, problem: &dyn ToString) -> Self {
        Self::File {
            path: path.display().to_string(),
            problem: problem.to_string(),
        }
    }
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
    /// the name, for its owner alone. They are made if they are not there, or not of each other.
    pub fn kept_in(ca_file: &Path, region: &str) -> Result<Self, CertificateError> {
        let key_file = key_file(ca_file);
        let kept = Authority::read(ca_file, &key_file)?;
        let authority = match kept {
            Some(kept) => kept,
            None => {
                let new = Authority::new(AUTHORITY)?;
                let written = write_key(&key_file, &new.key.serialize_pem());
                written.map_err(|error| CertificateError::file(&key_file, &error))?;
                let written = std::fs::write(ca_file, &new.certificate_pem);
                written.map_err(|error| CertificateError::file(ca_file, &error))?;
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

    /// None if one of the files is not there, or if they do not belong together.
    fn read(ca_file: &Path, key_file: &Path) -> Result<Option<Self>, CertificateError> {
        let (Some(certificate_pem), Some(key_pem)) = (read(ca_file)?, read(key_file)?) else {
            return Ok(None);
        };
        let (Ok(certificate), Ok(key)) = (
            CertificateDer::from_pem_slice(certificate_pem.as_bytes()),
            KeyPair::from_pem(&key_pem),
        ) else {
            return Ok(None);
        };
        // The key's public half stands in the certificate as it is, and so does our name.
        let contains = |part: &[u8]| certificate.windows(part.len()).any(|window| window == part);
        let is_ours = contains(key.public_key_raw()) && contains(AUTHORITY.as_bytes());
        Ok(is_ours.then_some(Self {
            name: AUTHORITY,
            certificate_pem,
            key,
        }))
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

fn key_file(ca_file: &Path) -> PathBuf {
    let mut name = ca_file.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

fn read(path: &Path) -> Result<Option<String>, CertificateError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CertificateError::file(path, &error)),
    }
}

/// Whoever has this key can be any host to those who trust the authority: the file is its owner's alone from the start.
fn write_key(path: &Path, pem: &str) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) | Ok(()) => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(pem.as_bytes())
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
