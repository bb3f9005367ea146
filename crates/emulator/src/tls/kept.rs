//! The authority's two files: made once, never replaced.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Why the authority's files cannot be used. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    #[error("cannot read {path}: {problem}")]
    Unreadable { path: String, problem: io::Error },
    #[error("cannot make {path}: there is no folder {folder}")]
    NoFolder { path: String, folder: String },
    #[error("cannot make {path}: {problem}")]
    NotMade { path: String, problem: io::Error },
    #[error(
        "{there} is there already and {missing} is not: both belong to one authority, so nothing was written. \
         Name another file, or move {there} away"
    )]
    Half { there: String, missing: String },
    #[error(
        "{path} and {path}.key are not the certificate and the key of an authority that this program made, so they were \
         left alone. Name another file, or move both away"
    )]
    Foreign { path: String },
}

impl KeptError {
    pub(super) fn foreign(ca_file: &Path) -> Self {
        Self::Foreign {
            path: ca_file.display().to_string(),
        }
    }
}

/// Certificate and key in PEM; none if neither file is there.
pub(super) fn read(ca_file: &Path) -> Result<Option<(String, String)>, KeptError> {
    let key_file = key_file(ca_file);
    let half = |there: &Path, missing: &Path| KeptError::Half {
        there: there.display().to_string(),
        missing: missing.display().to_string(),
    };
    match (content(ca_file)?, content(&key_file)?) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(half(ca_file, &key_file)),
        (None, Some(_)) => Err(half(&key_file, ca_file)),
    }
}

/// Both files or none. Whoever has this key can be any host to those who trust the authority: it is its owner's alone from
/// the start.
pub(super) fn write(ca_file: &Path, certificate_pem: &str, key_pem: &str) -> Result<(), KeptError> {
    let folder = ca_file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(KeptError::NoFolder {
            path: ca_file.display().to_string(),
            folder: folder.display().to_string(),
        });
    }
    let key_file = key_file(ca_file);
    make(&key_file, key_pem, 0o600)?;
    make(ca_file, certificate_pem, 0o644).inspect_err(|_| {
        // A key without its certificate would be in the way of the next start; if it stays, that one says so.
        let _ = std::fs::remove_file(&key_file);
    })
}

fn make(path: &Path, pem: &str, mode: u32) -> Result<(), KeptError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(pem.as_bytes()));
    written.map_err(|problem| KeptError::NotMade {
        path: path.display().to_string(),
        problem,
    })
}

/// None if there is no such file. What is no text is no certificate either.
fn content(path: &Path) -> Result<Option<String>, KeptError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(problem) => Err(KeptError::Unreadable {
            path: path.display().to_string(),
            problem,
        }),
    }
}

fn key_file(ca_file: &Path) -> PathBuf {
    let mut name = ca_file.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::super::Certificates;
    use super::*;

    fn refused(ca_file: &Path) -> String {
        let error = Certificates::kept_in(ca_file, "eu-west-1").err().unwrap();
        error.to_string()
    }

    #[test]
    fn an_authority_is_made_once_and_nothing_else_is_ever_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let ca_file = path("ca.pem");
        let first = Certificates::kept_in(&ca_file, "eu-west-1").unwrap();
        let again = Certificates::kept_in(&ca_file, "us-east-1").unwrap();
        assert_eq!(first.ca_pem(), again.ca_pem());

        Certificates::kept_in(&path("other.pem"), "eu-west-1").unwrap();
        let letter = path("letter.txt");
        std::fs::write(&letter, "Dear Ada").unwrap();
        assert!(
            refused(&letter).contains("letter.txt is there already and"),
            "{}",
            refused(&letter)
        );
        std::fs::copy(path("other.pem.key"), path("letter.txt.key")).unwrap();
        assert!(refused(&letter).contains("left alone"), "{}", refused(&letter));
        assert_eq!(std::fs::read_to_string(&letter).unwrap(), "Dear Ada");

        std::fs::copy(path("other.pem"), &ca_file).unwrap();
        let key = std::fs::read(path("ca.pem.key")).unwrap();
        assert!(
            refused(&ca_file).contains("left alone"),
            "a certificate of another key"
        );
        assert_eq!(std::fs::read(path("ca.pem.key")).unwrap(), key);

        std::fs::remove_file(&ca_file).unwrap();
        assert!(refused(&ca_file).contains("ca.pem.key is there already and"));
        let nowhere = path("nowhere").join("ca.pem");
        let expected = format!("cannot make {}: there is no folder ", nowhere.display());
        assert!(refused(&nowhere).starts_with(&expected), "{}", refused(&nowhere));
        assert!(refused(folder.path()).starts_with("cannot read "));
    }
}
