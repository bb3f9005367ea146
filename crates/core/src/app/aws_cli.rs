//! Portals and sign-ins that the AWS CLI has: found, shown, taken over when a person asks for it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::app::command::{Command, Reply};
use crate::app::contract::{Answer, AwsCliPortal, ProblemView, Request};
use crate::app::controller::Controller;
use crate::app::portals::is_name;
use crate::aws_config::file::FileError;
use crate::aws_config::logins::{Login, LoginKey, logins};
use crate::aws_config::sso_cache::{CacheFault, CachedToken, SsoCache};
use crate::clock::SharedClock;
use crate::identity_center::portal::{PortalError, is_region};
use crate::identity_center::{Flow, PortalId, Registration, StartUrl, Token};
use crate::paths::{AwsFiles, Environment};
use crate::private_files;
use crate::refresh::{Change, Refresh};
use crate::secret::Secret;
use crate::settings::{PortalSettings, Settings};
use crate::token_store::SignIn;

/// Where the AWS CLI's files are.
#[derive(Debug, Clone)]
struct Place {
    config: PathBuf,
    cache: Option<SsoCache>,
}

/// One portal, and all that the AWS CLI has of it.
#[derive(Debug)]
struct Found {
    start_url: StartUrl,
    region: String,
    /// The keys of its sign-ins.
    keys: Vec<LoginKey>,
    profiles: usize,
}

impl Controller {
    /// Changes nothing.
    pub(super) fn find_aws_cli_portals(&self, config: Option<String>, reply: Option<Reply<Answer>>) {
        let (place, settings, clock) = self.at_aws_cli(config);
        self.spawn(reply, async move {
            let portals = off_the_loop(move || {
                let found = place?.portals()?;
                let portals = found.into_iter();
                Ok(portals
                    .map(|(cache, portal)| shown(portal, &cache, &settings, &clock))
                    .collect())
            });
            portals.await.map(|portals| Answer::AwsCliPortals { portals })
        });
    }

    /// Adds the portal unless it is there, and takes over a sign-in that lives, unless somebody is signed in.
    pub(super) fn import_aws_cli_portal(
        &self,
        start_url: String,
        region: String,
        config: Option<String>,
        reply: Option<Reply<Answer>>,
    ) {
        let (place, settings, clock) = self.at_aws_cli(config);
        let (commands, refresh) = (self.commands.clone(), self.refresh.clone());
        let work = async move {
            let now = clock.as_shown(clock.now());
            let (found, token) = off_the_loop(move || {
                let mut found = place?.portals()?.into_iter();
                let is_meant = |portal: &Found| portal.start_url.0 == start_url && portal.region == region;
                let (cache, found) = found
                    .find(|(_, portal)| is_meant(portal))
                    .ok_or_else(ProblemView::unknown_portal)?;
                let token = cache
                    .as_ref()
                    .and_then(|cache| living(&found, cache, now).ok().flatten());
                Ok((found, token))
            })
            .await?;
            let name = (!found.is_known(&settings)).then(|| found.name(&settings));
            let (answered, answer) = oneshot::channel();
            let request = Request::AddPortal {
                start_url: found.start_url.0,
                region: Some(found.region),
                name,
            };
            let reply = Some(answered);
            let _ = commands.send(Command::Ask { request, reply });
            let answer = answer.await.map_err(|_| ProblemView::stopping())??;
            if let (Answer::Portal { portal }, Some(token)) = (&answer, token) {
                take_over(&refresh, &PortalId(portal.clone()), &token, &clock).await?;
                let read = Change::SignInRead(PortalId(portal.clone()));
                let _ = commands.send(Command::Refreshed(read));
            }
            Ok(answer)
        };
        self.spawn(reply, work);
    }

    fn at_aws_cli(&self, config: Option<String>) -> (Result<Place, ProblemView>, Settings, SharedClock) {
        let place = Place::of(&self.environment, config);
        (place, self.settings.clone(), self.clock.clone())
    }
}

/// Files may be on a slow disk.
async fn off_the_loop<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProblemView> + Send + 'static,
) -> Result<T, ProblemView> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(ProblemView::own_mistake()))
}

/// The access token alone: what renews it stays the AWS CLI's, because a refresh token has one owner.
async fn take_over(
    refresh: &Refresh,
    portal: &PortalId,
    token: &CachedToken,
    clock: &SharedClock,
) -> Result<(), ProblemView> {
    let session = refresh.session(portal).ok_or_else(ProblemView::unknown_portal)?;
    session.load().await.map_err(ProblemView::store)?;
    if session.is_signed_in() {
        return Ok(());
    }
    let now = clock.now();
    // Their clock is the machine's, ours is AWS's.
    let left = token.expires_at.duration_since(clock.as_shown(now));
    let expires_at = now.checked_add(left).unwrap_or(now);
    let sign_in = SignIn {
        token: Token {
            access_token: token.access_token.clone(),
            refresh_token: None,
            issued_at: now,
            expires_at,
        },
        // Nothing is ever renewed with this one, so there is no client to name.
        registration: Registration {
            flow: Flow::Browser,
            client_id: String::new(),
            client_secret: Secret::from(""),
            expires_at,
        },
        signed_in_at: now,
    };
    session.adopt(sign_in).await.map_err(ProblemView::store)?;
    refresh.try_again();
    Ok(())
}

impl Place {
    fn of(environment: &Environment, config: Option<String>) -> Result<Self, ProblemView> {
        let config = match config {
            Some(config) => PathBuf::from(config),
            None => {
                AwsFiles::of(environment)
                    .map_err(|error| ProblemView::environment(&error))?
                    .config
            }
        };
        let cache = environment.home().map(|home| SsoCache::in_home(&home));
        Ok(Self { config, cache })
    }

    /// Every portal of the file, with the place of its sign-ins.
    fn portals(self) -> Result<Vec<(Option<SsoCache>, Found)>, ProblemView> {
        let found = portals_in(&self.config)?;
        Ok(found
            .into_iter()
            .map(|portal| (self.cache.clone(), portal))
            .collect())
    }
}

fn unreadable(config: &Path, error: std::io::Error) -> FileError {
    let path = config.to_owned();
    FileError::Unreadable { path, error }
}

/// No file has no portals.
fn portals_in(config: &Path) -> Result<Vec<Found>, ProblemView> {
    let content =
        private_files::read(config).map_err(|error| ProblemView::aws_config(&unreadable(config, error)))?;
    let mut found: Vec<Found> = Vec::new();
    for Login {
        key,
        start_url,
        region,
        profiles,
    } in logins(&content.unwrap_or_default())
    {
        let region = region.to_ascii_lowercase();
        // What is no portal is no portal of ours; the AWS CLI says so too.
        let Ok(start_url) = StartUrl::parse(&start_url) else {
            continue;
        };
        let same = |other: &&mut Found| other.start_url == start_url && other.region == region;
        match found.iter_mut().find(same) {
            Some(other) => {
                other.keys.push(key);
                other.profiles += profiles;
            }
            None => found.push(Found {
                start_url,
                region,
                keys: vec![key],
                profiles,
            }),
        }
    }
    Ok(found)
}

/// The keys under which the AWS CLI has this portal's sign-in.
pub(super) fn keys_of(
    config: &Path,
    start_url: &StartUrl,
    region: &str,
) -> Result<Vec<LoginKey>, ProblemView> {
    let found = portals_in(config)?.into_iter();
    let mut same = found.filter(|portal| portal.start_url == *start_url && portal.region == region);
    Ok(same.next().map(|portal| portal.keys).unwrap_or_default())
}

impl Found {
    fn is_known(&self, settings: &Settings) -> bool {
        self.known(settings).is_some()
    }

    fn known<'a>(&self, settings: &'a Settings) -> Option<&'a str> {
        let is_same = |portal: &&PortalSettings| {
            let start_url = StartUrl::parse(&portal.start_url).ok();
            start_url.as_ref() == Some(&self.start_url) && portal.region == self.region
        };
        let same = settings.portals.iter().find(is_same);
        same.map(|portal| portal.name.as_str())
    }

    /// As the AWS CLI calls its session, where that is a name for a portal here; else of the start URL.
    fn name(&self, settings: &Settings) -> String {
        if let Some(known) = self.known(settings) {
            return known.to_owned();
        }
        let sessions = self.keys.iter().filter_map(|key| match key {
            LoginKey::Session(name) => Some(name.clone()),
            LoginKey::StartUrl(_) => None,
        });
        let is_free = |name: &String| is_name(name) && settings.named(name).is_none();
        let suggested = self.start_url.suggested_name();
        let numbered = (2..).map(|number| format!("{suggested}-{number}"));
        let mut names = sessions.chain([suggested.clone()]).chain(numbered);
        names.find(is_free).unwrap_or(suggested)
    }
}

/// The sign-in that lives the longest. An error where one that is there cannot be used, and none lives.
fn living(
    found: &Found,
    cache: &SsoCache,
    now: Timestamp,
) -> Result<Option<CachedToken>, (PathBuf, CacheFault)> {
    let mut best: Option<CachedToken> = None;
    let mut fault = None;
    for key in &found.keys {
        match cache.read(key) {
            Ok(Some(token)) if token.expires_at > now && found.is_of(&token) => {
                let is_better = best
                    .as_ref()
                    .is_none_or(|best| token.expires_at > best.expires_at);
                best = if is_better { Some(token) } else { best };
            }
            Ok(_) => {}
            Err(error) => fault = Some((cache.file(key), error)),
        }
    }
    match (best, fault) {
        (None, Some(fault)) => Err(fault),
        (best, _) => Ok(best),
    }
}

impl Found {
    /// A session that was renamed, or led elsewhere since, has another portal's sign-in in its file.
    fn is_of(&self, token: &CachedToken) -> bool {
        let start_url = token.start_url.as_deref();
        let is_same_portal =
            start_url.is_none_or(|url| StartUrl::parse(url).ok().as_ref() == Some(&self.start_url));
        is_same_portal && token.region.as_ref().is_none_or(|region| *region == self.region)
    }
}

fn shown(found: Found, cache: &Option<SsoCache>, settings: &Settings, clock: &SharedClock) -> AwsCliPortal {
    let now = clock.as_shown(clock.now());
    let unusable = if is_region(&found.region) {
        found.start_url.check_region(&found.region).err()
    } else {
        Some(PortalError::NotARegion(found.region.clone()))
    };
    let living = match cache {
        Some(cache) => living(&found, cache, now),
        None => Ok(None),
    };
    let (signed_in_until, fault) = match living {
        Ok(token) => (token.map(|token| token.expires_at), None),
        Err((path, fault)) => (None, Some(ProblemView::aws_cli_sign_in(&path, &fault))),
    };
    AwsCliPortal {
        name: found.name(settings),
        known: found.is_known(settings),
        profiles: u32::try_from(found.profiles).unwrap_or(u32::MAX),
        signed_in_until,
        problem: unusable.map(|error| ProblemView::portal(&error)).or(fault),
        start_url: found.start_url.0,
        region: found.region,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;

    const CONFIG: &str = "\
[sso-session corp]
sso_start_url = https://acme.awsapps.com/start/
sso_region = EU-west-1
[profile dev]
sso_session = corp
[profile old]
sso_start_url = https://acme.awsapps.com/start#/
sso_region = eu-west-1
[profile elsewhere]
sso_start_url = https://d-1234567890.awsapps.com/start
sso_region = nowhere
[profile none]
sso_start_url = http://acme.example
sso_region = eu-west-1
";

    fn shown_of(config: &str, fill: impl FnOnce(&SsoCache)) -> Vec<AwsCliPortal> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".aws/config");
        private_files::replace(&path, config.as_bytes()).unwrap();
        let environment = Environment::of(&[("HOME", home.path().to_str().unwrap())]);
        let place = Place::of(&environment, None).unwrap();
        fill(place.cache.as_ref().unwrap());
        let clock: SharedClock = Arc::new(ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap()));
        let mut settings = Settings::default();
        settings.add_portal("corp", "https://third.awsapps.com/start", "eu-west-1");
        let found = place.portals().unwrap().into_iter();
        found
            .map(|(cache, portal)| shown(portal, &cache, &settings, &clock))
            .collect()
    }

    fn token(expires_at: &str, start_url: Option<&str>) -> CachedToken {
        CachedToken {
            access_token: Secret::from("aoa"),
            expires_at: expires_at.parse().unwrap(),
            start_url: start_url.map(str::to_owned),
            region: None,
        }
    }

    #[test]
    fn one_portal_in_two_spellings_is_one_with_the_sign_in_that_lasts_longest() {
        let portals = shown_of(CONFIG, |cache| {
            let session = LoginKey::Session("corp".to_owned());
            let older = LoginKey::StartUrl("https://acme.awsapps.com/start#/".to_owned());
            cache
                .write(&session, &token("2026-03-02T12:30:00Z", None))
                .unwrap();
            cache.write(&older, &token("2026-03-02T12:40:00Z", None)).unwrap();
        });
        let [acme, elsewhere] = portals.as_slice() else {
            panic!("{portals:?}");
        };
        assert_eq!(
            (acme.start_url.as_str(), acme.region.as_str()),
            ("https://acme.awsapps.com/start", "eu-west-1")
        );
        assert_eq!((acme.profiles, acme.known), (2, false));
        assert_eq!(acme.name, "acme", "corp is another portal's name here");
        assert_eq!(acme.signed_in_until.unwrap().to_string(), "2026-03-02T12:40:00Z");
        assert!(
            elsewhere
                .problem
                .as_ref()
                .unwrap()
                .what_happened
                .contains("nowhere"),
            "{elsewhere:?}"
        );
    }

    #[test]
    fn r2_a_sign_in_that_has_run_out_or_is_another_portals_is_none() {
        for (expires_at, start_url) in [
            ("2026-03-02T12:00:00Z", None),
            ("2026-03-02T13:00:00Z", Some("https://other.awsapps.com/start")),
        ] {
            let portals = shown_of(CONFIG, |cache| {
                let session = LoginKey::Session("corp".to_owned());
                cache.write(&session, &token(expires_at, start_url)).unwrap();
            });
            assert_eq!(
                (portals[0].signed_in_until, portals[0].problem.clone()),
                (None, None)
            );
        }
    }

    #[test]
    fn no_file_has_no_portals_and_one_that_cannot_be_read_is_an_error() {
        let scratch = tempfile::tempdir().unwrap();
        let place = |config: PathBuf| Place { config, cache: None };
        assert!(place(scratch.path().join("absent")).portals().unwrap().is_empty());
        assert!(place(scratch.path().to_owned()).portals().is_err());
    }
}
