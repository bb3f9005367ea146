//! The AWS CLI's own cache of sign-ins, `~/.aws/sso/cache`: read, and written where a person has asked for that.
//!
//! Every file there is one sign-in's, named after the SHA-1 of its key. What other programs put beside them is left
//! alone.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use sha1::Digest;
use zeroize::Zeroizing;

use crate::aws_config::logins::LoginKey;
use crate::private_files;
use crate::secret::Secret;

/// No sign-in is longer.
const LARGEST: u64 = 64 * 1024;

/// The folder of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsoCache {
    folder: PathBuf,
}

/// What a file of the cache says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedToken {
    pub access_token: Secret,
    pub expires_at: Timestamp,
    pub start_url: Option<String>,
    pub region: Option<String>,
}

/// Why a file of the cache says nothing.
#[derive(Debug, thiserror::Error)]
pub enum CacheFault {
    #[error("cannot be read ({0})")]
    Unreadable(io::Error),
    #[error("is not a file of yours alone")]
    Open,
    #[error("cannot be understood")]
    Damaged,
}

impl SsoCache {
    /// Below this home folder: the AWS CLI knows no variable for it.
    pub fn in_home(home: &Path) -> Self {
        Self {
            folder: home.join(".aws").join("sso").join("cache"),
        }
    }

    /// The file of one sign-in.
    pub fn file(&self, key: &LoginKey) -> PathBuf {
        let digest = sha1::Sha1::digest(key.text().as_bytes());
        let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}.json"))
    }

    /// What the AWS CLI has of this sign-in; none where there is no file. Changes nothing.
    pub fn read(&self, key: &LoginKey) -> Result<Option<CachedToken>, CacheFault> {
        let path = self.file(key);
        let found = match std::fs::metadata(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CacheFault::Unreadable(error)),
        };
        if !found.is_file() || found.len() > LARGEST {
            return Err(CacheFault::Damaged);
        }
        if !is_private(&found) {
            return Err(CacheFault::Open);
        }
        let content = private_files::read(&path).map_err(CacheFault::Unreadable)?;
        content.map(|content| parse(&Zeroizing::new(content))).transpose()
    }

    /// Puts a sign-in there, in the AWS CLI's own form, as a whole and for its owner alone. What would renew it is not
    /// in it: nobody else may.
    pub fn write(&self, key: &LoginKey, token: &CachedToken) -> io::Result<()> {
        let document = json!({
            "startUrl": token.start_url,
            "region": token.region,
            "accessToken": token.access_token.expose(),
            "expiresAt": token.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        });
        let content = Zeroizing::new(document.to_string());
        private_files::replace(&self.file(key), content.as_bytes())
    }

    /// Removes what processes of ours that were killed left half-written.
    pub fn remove_leftovers(&self) {
        private_files::remove_leftovers(&self.folder);
    }

    /// Takes a sign-in away, and what a killed process may have left of one.
    pub fn remove(&self, key: &LoginKey) -> io::Result<()> {
        self.remove_leftovers();
        match std::fs::remove_file(self.file(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// What the bytes of a file say.
pub fn parse(content: &[u8]) -> Result<CachedToken, CacheFault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        access_token: String,
        expires_at: String,
        start_url: Option<String>,
        region: Option<String>,
    }
    // The parser's message may quote the text, so it is dropped.
    let document: Document = serde_json::from_slice(content).map_err(|_| CacheFault::Damaged)?;
    let access_token = Secret::new(document.access_token);
    let expires_at = time(&document.expires_at).ok_or(CacheFault::Damaged)?;
    if access_token.expose().is_empty() {
        return Err(CacheFault::Damaged);
    }
    Ok(CachedToken {
        access_token,
        expires_at,
        start_url: document.start_url,
        region: document.region,
    })
}

/// As all clients write it: with a zone, with or without a fraction; very old ones end in `UTC`.
fn time(text: &str) -> Option<Timestamp> {
    let text = text
        .strip_suffix("UTC")
        .map_or_else(|| text.to_owned(), |time| format!("{time}Z"));
    text.parse().ok()
}

#[cfg(unix)]
fn is_private(found: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o077 == 0
}

/// On Windows a file in a profile is its user's.
#[cfg(not(unix))]
fn is_private(_found: &std::fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, SsoCache) {
        let home = tempfile::tempdir().unwrap();
        let cache = SsoCache::in_home(home.path());
        (home, cache)
    }

    fn corp() -> LoginKey {
        LoginKey::Session("corp".to_owned())
    }

    fn put(cache: &SsoCache, content: &str) {
        private_files::replace(&cache.file(&corp()), content.as_bytes()).unwrap();
    }

    #[test]
    fn a_file_is_named_as_the_aws_cli_names_it() {
        let (home, cache) = cache();
        let expected = home
            .path()
            .join(".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json");
        let name = cache.file(&corp());
        assert_eq!(name, expected);
    }

    #[test]
    fn every_clients_way_to_write_a_time_is_read() {
        let (_home, cache) = cache();
        for text in [
            "2026-03-02T13:00:00Z",
            "2026-03-02T13:00:00UTC",
            "2026-03-02T13:00:00.646619Z",
            "2026-03-02T13:00:00.107Z",
        ] {
            put(
                &cache,
                &format!("{{\"accessToken\":\"a\",\"expiresAt\":\"{text}\",\"refreshToken\":\"r\"}}"),
            );
            let read = cache.read(&corp()).unwrap().unwrap();
            assert_eq!(read.expires_at.as_second(), 1_772_456_400, "{text}");
        }
    }

    #[test]
    fn x2_what_is_no_sign_in_is_told_without_its_words_and_stays() {
        let (_home, cache) = cache();
        assert_eq!(cache.read(&corp()).unwrap(), None);
        for content in [
            "",
            "{",
            "[]",
            "{\"accessToken\":\"aoa-canary\",\"expiresAt\":\"soon\"}",
            "{\"accessToken\":\"\",\"expiresAt\":\"2026-03-02T13:00:00Z\"}",
            "{\"clientId\":\"x\",\"clientSecret\":\"aoa-canary\",\"expiresAt\":\"2026-03-02T13:00:00Z\"}",
            "{\"accessToken\":{\"aoa-canary\":1},\"expiresAt\":\"2026-03-02T13:00:00Z\"}",
        ] {
            put(&cache, content);
            let fault = cache.read(&corp()).unwrap_err();
            assert!(!format!("{fault} {fault:?}").contains("canary"), "{fault:?}");
            assert_eq!(std::fs::read_to_string(cache.file(&corp())).unwrap(), content);
        }
        put(&cache, &" ".repeat(70_000));
        assert!(matches!(cache.read(&corp()), Err(CacheFault::Damaged)));
    }

    #[test]
    #[cfg(unix)]
    fn x4_a_file_that_others_can_read_is_told_and_one_of_ours_is_0600() {
        use std::os::unix::fs::PermissionsExt;
        let (home, cache) = cache();
        let token = CachedToken {
            access_token: Secret::from("aoa"),
            expires_at: "2026-03-02T13:00:00.9Z".parse().unwrap(),
            start_url: Some("https://acme.awsapps.com/start".to_owned()),
            region: Some("eu-west-1".to_owned()),
        };
        cache.write(&corp(), &token).unwrap();
        let path = cache.file(&corp());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let text = std::fs::read_to_string(&path).unwrap();
        let written: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut keys: Vec<_> = written.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        assert_eq!(
            keys,
            ["accessToken", "expiresAt", "region", "startUrl"],
            "nothing that renews it"
        );
        assert_eq!(written["expiresAt"], "2026-03-02T13:00:00Z");
        assert_eq!(
            cache.read(&corp()).unwrap().unwrap().access_token,
            token.access_token
        );

        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(cache.read(&corp()), Err(CacheFault::Open)));
        cache.remove(&corp()).unwrap();
        cache.remove(&corp()).unwrap();
        assert!(
            home.path()
                .join(".aws/sso/cache")
                .read_dir()
                .unwrap()
                .next()
                .is_none()
        );
    }
}
