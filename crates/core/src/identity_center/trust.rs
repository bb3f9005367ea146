//! The certificates of `AWS_CA_BUNDLE`, those that cannot be used left out with a warning.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::paths::Environment;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Each certificate of the bundle as PEM text. The HTTP client panics at one that it cannot parse, so each is
/// tried before.
pub(crate) fn certificates_of_bundle(environment: &Environment) -> Vec<String> {
    let Some(path) = environment.text("AWS_CA_BUNDLE") else {
        return Vec::new();
    };
    let bundle = match std::fs::read(path) {
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
}
