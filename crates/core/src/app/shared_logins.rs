//! The AWS CLI gets the sign-ins of portals that share theirs: its own file is kept warm, and taken away at the end.
//!
//! The access token alone goes there, never what renews it: a tool that found that would use it up. A sign-in of the AWS
//! CLI's own stays while it lives.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sha2::Digest;
use tokio::sync::oneshot;

use crate::app::aws_cli::keys_of;
use crate::app::contract::ProblemView;
use crate::app::controller::Controller;
use crate::app::files::Writer;
use crate::aws_config::logins::LoginKey;
use crate::aws_config::sso_cache::{CacheFault, CachedToken, SsoCache};
use crate::clock::SharedClock;
use crate::identity_center::{Portal, PortalId, Token};
use crate::paths::AwsFiles;
use crate::secret::Secret;

/// What the AWS CLI was given, as far as this process knows.
#[derive(Debug, Default)]
pub struct SharedLogins {
    /// The token that was last given, of each portal by its id; none where the files are to be looked at again.
    seen: BTreeMap<String, Option<Fingerprint>>,
    /// What stands in the files. Shared with the thread that writes them.
    given: Arc<Mutex<BTreeMap<LoginKey, Given>>>,
}

/// A token that is recognised and cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint([u8; 32]);

/// A token in one file of the AWS CLI's.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    portal: String,
    token: Fingerprint,
}

impl Fingerprint {
    fn of(token: &Secret) -> Self {
        Self(sha2::Sha256::digest(token.expose().as_bytes()).into())
    }
}

impl SharedLogins {
    /// Other programs may have changed the files, and people the configuration.
    pub(super) fn look_again(&mut self) {
        self.seen.values_mut().for_each(|seen| *seen = None);
    }
}

impl Controller {
    /// Sees to the files of portals whose sign-in is another one than before, or is shared no more.
    pub(super) fn share_logins(&mut self) {
        let sharing = self.settings.portals.iter();
        let sharing = sharing.filter(|portal| self.settings.shares_login(portal));
        let ids = sharing.clone().map(|portal| PortalId(portal.id.clone()));
        self.refresh.share(ids.collect());
        let mut wanted = BTreeMap::new();
        for portal in sharing {
            let session = self.refresh.session(&PortalId(portal.id.clone()));
            if let Some(session) = session
                && let Ok(token) = session.current()
                && token.expires_at > self.clock.now()
            {
                wanted.insert(portal.id.clone(), (session.center.portal.clone(), token));
            }
        }
        let seen = self.shared_logins.seen.len();
        let seen_before = std::mem::take(&mut self.shared_logins.seen);
        let still = seen_before
            .into_iter()
            .filter(|(portal, _)| wanted.contains_key(portal));
        self.shared_logins.seen = still.collect();
        if self.shared_logins.seen.len() < seen {
            self.take_back_all_but(wanted.keys().cloned().collect());
        }
        for (id, (portal, token)) in wanted {
            let fingerprint = Some(Fingerprint::of(&token.access_token));
            if self.shared_logins.seen.insert(id.clone(), fingerprint) != Some(fingerprint) {
                self.give(id, portal, token);
            }
        }
    }

    fn give(&self, id: String, portal: Arc<Portal>, token: Token) {
        let (Ok(files), Some(home)) = (AwsFiles::of(&self.environment), self.environment.home()) else {
            return;
        };
        let (given, clock) = (self.shared_logins.given.clone(), self.clock.clone());
        self.write(move || {
            let cache = SsoCache::in_home(&home);
            let shown = as_tools_see_it(&portal, &token, &clock);
            let mut given = given.lock().expect("no panic under this lock");
            for key in keys(&files.config, &portal) {
                if may_write(&cache, &key, &given, &token, &clock) {
                    let wanted = written_for(&key, &shown);
                    if !stands(&cache, &key, &wanted) {
                        cache.write(&key, &wanted)?;
                    }
                    let token = Fingerprint::of(&token.access_token);
                    given.insert(
                        key,
                        Given {
                            portal: id.clone(),
                            token,
                        },
                    );
                }
            }
            Ok(())
        });
    }

    /// What could not be taken away before is, as soon as that works.
    pub(super) fn take_back_again(&self) {
        self.take_back_all_but(self.shared_logins.seen.keys().cloned().collect());
    }

    fn take_back_all_but(&self, sharing: BTreeSet<String>) {
        let Some(home) = self.environment.home() else {
            return;
        };
        let given = self.shared_logins.given.clone();
        self.write(move || {
            let mut given = given.lock().expect("no panic under this lock");
            take_back(&SsoCache::in_home(&home), &mut given, |portal| {
                !sharing.contains(portal)
            })
        });
    }

    /// For whoever ends a sign-in: takes its token out of the AWS CLI's files.
    pub(super) fn taking_back(&self, portal: &PortalId) -> TakingBack {
        TakingBack {
            portal: portal.0.clone(),
            home: self.environment.home(),
            given: self.shared_logins.given.clone(),
            writer: self.writer.clone(),
        }
    }
}

/// Takes the token of a sign-in that has ended out of the AWS CLI's files.
pub(super) struct TakingBack {
    portal: String,
    home: Option<PathBuf>,
    given: Arc<Mutex<BTreeMap<LoginKey, Given>>>,
    writer: Writer,
}

impl TakingBack {
    /// Ends when it is gone, or says why it is not.
    pub(super) async fn done(self) -> Result<(), ProblemView> {
        let Self {
            portal,
            home,
            given,
            writer,
        } = self;
        let Some(home) = home else { return Ok(()) };
        let (tell, told) = oneshot::channel();
        writer.write(move || {
            let cache = SsoCache::in_home(&home);
            let mut given = given.lock().expect("no panic under this lock");
            let outcome = take_back(&cache, &mut given, |of| of == portal);
            let left = given.iter().find(|(_, it)| it.portal == portal);
            let problem = outcome.err().zip(left);
            let problem =
                problem.map(|(error, (key, _))| ProblemView::aws_cli_keeps_sign_in(&cache.file(key), &error));
            let _ = tell.send(problem.map_or(Ok(()), Err));
            Ok(())
        });
        // Without an answer the thread has ended, and the application with it.
        told.await.unwrap_or(Ok(()))
    }
}

/// Takes away what stands in the files of these portals and is ours. What cannot be is known still.
fn take_back(
    cache: &SsoCache,
    given: &mut BTreeMap<LoginKey, Given>,
    is_meant: impl Fn(&str) -> bool,
) -> io::Result<()> {
    let meant = given.iter().filter(|(_, it)| is_meant(&it.portal));
    let keys: Vec<_> = meant.map(|(key, _)| key.clone()).collect();
    let mut outcome = Ok(());
    for key in keys {
        match is_ours(cache, &key, given) {
            true => match cache.remove(&key) {
                Ok(()) => drop(given.remove(&key)),
                Err(error) => outcome = Err(error),
            },
            false => drop(given.remove(&key)),
        }
    }
    outcome
}

/// The token as a file of the AWS CLI's says it: by the machine's clock, because the tools look at that one.
fn as_tools_see_it(portal: &Portal, token: &Token, clock: &SharedClock) -> CachedToken {
    CachedToken {
        access_token: token.access_token.clone(),
        expires_at: clock.as_shown(token.expires_at),
        start_url: Some(portal.start_url.0.clone()),
        region: Some(portal.region.clone()),
    }
}

/// Profiles in the older form compare the start URL with theirs, letter by letter.
fn written_for(key: &LoginKey, token: &CachedToken) -> CachedToken {
    let start_url = match key {
        LoginKey::StartUrl(written) => Some(written.clone()),
        LoginKey::Session(_) => token.start_url.clone(),
    };
    CachedToken {
        start_url,
        ..token.clone()
    }
}

fn keys(config: &Path, portal: &Portal) -> Vec<LoginKey> {
    keys_of(config, portal).unwrap_or_else(|problem| {
        tracing::warn!("the AWS CLI gets no sign-in: {}", problem.what_happened);
        Vec::new()
    })
}

/// Whether a file says this already, to the second.
fn stands(cache: &SsoCache, key: &LoginKey, wanted: &CachedToken) -> bool {
    let there = cache.read(key).ok().flatten();
    there.is_some_and(|there| {
        there.access_token == wanted.access_token
            && there.expires_at.as_second() == wanted.expires_at.as_second()
    })
}

/// Where nothing stands, where ours stands, and where one stands that has run out.
fn may_write(
    cache: &SsoCache,
    key: &LoginKey,
    given: &BTreeMap<LoginKey, Given>,
    token: &Token,
    clock: &SharedClock,
) -> bool {
    match cache.read(key) {
        Ok(None) => true,
        Ok(Some(there)) => {
            let is_same = Fingerprint::of(&there.access_token) == Fingerprint::of(&token.access_token);
            let has_run_out = there.expires_at <= clock.as_shown(clock.now());
            is_same || has_run_out || is_given(&there, given.get(key))
        }
        Err(fault) => {
            tell(cache, key, &fault);
            false
        }
    }
}

fn is_ours(cache: &SsoCache, key: &LoginKey, given: &BTreeMap<LoginKey, Given>) -> bool {
    match cache.read(key) {
        Ok(there) => there.is_some_and(|there| is_given(&there, given.get(key))),
        Err(fault) => {
            tell(cache, key, &fault);
            false
        }
    }
}

fn is_given(there: &CachedToken, given: Option<&Given>) -> bool {
    given.is_some_and(|given| given.token == Fingerprint::of(&there.access_token))
}

fn tell(cache: &SsoCache, key: &LoginKey, fault: &CacheFault) {
    let file = cache.file(key);
    tracing::warn!(
        "the AWS CLI's sign-in in {} {fault}, and stays as it is",
        file.display()
    );
}

#[cfg(test)]
mod ending_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    struct Scene {
        _home: tempfile::TempDir,
        cache: SsoCache,
        key: LoginKey,
        clock: ManualClock,
        given: BTreeMap<LoginKey, Given>,
    }

    fn token(access_token: &str) -> Token {
        Token {
            access_token: Secret::from(access_token),
            refresh_token: Some(Secret::from("aor")),
            issued_at: "2026-03-02T12:00:00Z".parse().unwrap(),
            expires_at: "2026-03-02T13:00:00Z".parse().unwrap(),
        }
    }

    impl Scene {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            Self {
                cache: SsoCache::in_home(home.path()),
                _home: home,
                key: LoginKey::Session("corp".to_owned()),
                clock: ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap()),
                given: BTreeMap::new(),
            }
        }

        /// Somebody puts a token there that lives until then.
        fn put(&self, access_token: &str, expires_at: &str) {
            let token = CachedToken {
                access_token: Secret::from(access_token),
                expires_at: expires_at.parse().unwrap(),
                start_url: None,
                region: None,
            };
            self.cache.write(&self.key, &token).unwrap();
        }

        fn may_write(&self, access_token: &str) -> bool {
            let clock: SharedClock = Arc::new(self.clock.clone());
            may_write(&self.cache, &self.key, &self.given, &token(access_token), &clock)
        }

        fn is_ours(&self) -> bool {
            is_ours(&self.cache, &self.key, &self.given)
        }
    }

    #[test]
    fn r2_a_sign_in_of_the_aws_clis_own_stays_while_it_lives() {
        let mut scene = Scene::new();
        assert!(scene.may_write("ours-1"), "nothing is there");
        scene.put("theirs", "2026-03-02T12:10:00Z");
        assert!(!scene.may_write("ours-1") && !scene.is_ours());
        scene.clock.advance(std::time::Duration::from_secs(600));
        assert!(scene.may_write("ours-1"), "it has run out");

        scene.put("ours-1", "2026-03-02T13:00:00Z");
        assert!(scene.may_write("ours-1"), "after a restart it is recognised");
        assert!(!scene.may_write("ours-2"), "and nobody's whom we do not know");
        let given = Given {
            portal: "p".to_owned(),
            token: Fingerprint::of(&Secret::from("ours-1")),
        };
        scene.given.insert(scene.key.clone(), given);
        assert!(scene.may_write("ours-2") && scene.is_ours());
        scene.put("theirs-again", "2026-03-02T13:00:00Z");
        assert!(
            !scene.may_write("ours-2") && !scene.is_ours(),
            "somebody signed in with the AWS CLI"
        );
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_nobodys_to_replace() {
        let scene = Scene::new();
        crate::private_files::replace(&scene.cache.file(&scene.key), b"{\"accessToken\":").unwrap();
        assert!(!scene.may_write("ours-1") && !scene.is_ours());
    }

    #[test]
    fn x2_a_fingerprint_is_no_token() {
        let shown = format!("{:?}", Fingerprint::of(&Secret::from("aoa-canary")));
        assert!(!shown.contains("canary"));
    }
}
