//! The certificates of `AWS_CA_BUNDLE`, those that cannot be used left out with a warning; and what is wrong with it.

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
    match certificates_in(path) {
        Ok((usable, 0)) => usable,
        Ok((usable, unusable)) => {
            let found = usable.len();
            tracing::warn!("AWS_CA_BUNDLE ({path}): {found} certificates are used, {unusable} cannot be");
            usable
        }
        Err(fault) => {
            tracing::warn!("AWS_CA_BUNDLE ({path}) {fault}");
            Vec::new()
        }
    }
}

/// Why `AWS_CA_BUNDLE` adds nothing to what the system trusts, as a sentence without its end. None where it is not set,
/// or adds something.
pub(crate) fn fault_of_bundle(environment: &Environment) -> Option<String> {
    let path = environment.text("AWS_CA_BUNDLE")?;
    let fault = certificates_in(path).err()?;
    let shown: String = path.chars().filter(|letter| !letter.is_control()).collect();
    Some(format!("AWS_CA_BUNDLE names {shown}, which {fault}"))
}

/// The certificates that can be used, at least one, and how many cannot be; else what is wrong with the file.
fn certificates_in(path: &str) -> Result<(Vec<String>, usize), String> {
    let bundle = read(Path::new(path)).map_err(|error| format!("cannot be read: {error}"))?;
    let (usable, unusable) = usable_certificates(&String::from_utf8_lossy(&bundle));
    match (usable.is_empty(), unusable) {
        (false, _) => Ok((usable, unusable)),
        (true, _) if bundle.is_empty() => Err("is empty".to_owned()),
        (true, 0) => Err("holds no certificate in PEM form".to_owned()),
        (true, _) => Err("holds no certificate that can be used".to_owned()),
    }
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
    fn n2_what_is_wrong_with_a_bundle_is_said_with_variable_and_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder
            .path()
            .join("a-long-name-of-the-company-s-certificates.pem");
        let path = path.to_str().unwrap();
        let fault = || fault_of_bundle(&Environment::of(&[("AWS_CA_BUNDLE", path)]));
        let missing = fault().unwrap();
        assert!(
            missing.starts_with(&format!("AWS_CA_BUNDLE names {path}, which cannot be read: ")),
            "{missing}"
        );
        let damaged = format!("{BEGIN}\nMIIBnonsense\n{END}\n");
        for (content, wrong) in [
            ("", "is empty"),
            ("# nothing yet\n", "holds no certificate in PEM form"),
            (&damaged, "holds no certificate that can be used"),
        ] {
            std::fs::write(path, content).unwrap();
            assert_eq!(
                fault().unwrap(),
                format!("AWS_CA_BUNDLE names {path}, which {wrong}")
            );
        }
        for unset in [&[][..], &[("AWS_CA_BUNDLE", "")]] {
            assert_eq!(fault_of_bundle(&Environment::of(unset)), None);
        }
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
