//! The certificates of `AWS_CA_BUNDLE`, those that cannot be used left out with a warning.

use std::io;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::paths::Environment;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// All certificates that systems trust are a quarter of a megabyte.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Each certificate of the bundle as PEM text. The HTTP client panics at one that it cannot parse, so each is
/// tried before.
pub(crate) fn certificates_of_bundle(environment: &Environment) -> Vec<String> {
    let Some(path) = environment.text("AWS_CA_BUNDLE") else {
        return Vec::new();
    };
    let bundle = match read(Path::new(path)) {
        Ok(bundle) => bundle,
        Err(error) => {
            tracing::warn!("AWS_CA_BUNDLE ({path}) cannot be read: {error}");
            return Vec::new();
        }
    };
    let (usable, unusable) = usable_certificates(&String::from_utf8_lossy(&bundle));
    if unusable > 0 || usable.is_empty() {
        let found = usable.len();
        tracing::warn!("AWS_CA_BUNDLE ({path}): {found} certificates are used, {unusable} cannot be");
    }
    usable
}

/// A bundle's file: a pipe may never end, and nobody waits for one here.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let found = std::fs::metadata(path)?;
    if !found.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    if found.len() > LONGEST {
        return Err(io::Error::other(format!("it has {} bytes", found.len())));
    }
    std::fs::read(path)
}

fn usable_certificates(bundle: &str) -> (Vec<String>, usize) {
    let blocks = bundle.split(BEGIN).skip(1).map(|block| {
        let body = block.split(END).next().unwrap_or_default();
        format!("{BEGIN}{body}{END}\n")
    });
    let (usable, unusable): (Vec<_>, Vec<_>) = blocks.partition(|block| is_usable(block));
    (usable, unusable.len())
}

fn is_usable(certificate: &str) -> bool {
    CertificateDer::from_pem_slice(certificate.as_bytes())
        .is_ok_and(|parsed| RootCertStore::empty().add(parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n2_a_damaged_bundle_is_left_out_instead_of_ending_the_process() {
        let damaged = format!("# ours\n{BEGIN}\nMIIBnonsense\n{END}\n{BEGIN}\n");
        assert_eq!(usable_certificates(&damaged), (vec![], 2));
        assert!(certificates_of_bundle(&Environment::of(&[("AWS_CA_BUNDLE", "/nonexistent")])).is_empty());
    }

    #[test]
    #[cfg(unix)]
    fn n1_a_bundle_that_never_ends_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        for path in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
            assert!(read(path).is_err(), "{}", path.display());
        }
    }
}
