//! Portals and sign-ins that the AWS CLI has: found, shown, taken over when a person asks for it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tokio::sync::oneshot;
use url::Url;

use crate::app::command::{Command, Reply};
use crate::app::contract::{Answer, AwsCliPortal, ProblemView, Request};
use crate::app::controller::Controller;
use crate::app::new_portal::is_name;
use crate::aws_config::file::FileError;
use crate::aws_config::logins::{Login, LoginKey, Place as Led, logins};
use crate::aws_config::sso_cache::{CacheFault, CachedToken, SsoCache};
use crate::clock::SharedClock;
use crate::identity_center::portal::{Endpoints, PortalError, is_region};
use crate::identity_center::{Flow, Portal, PortalId, Registration, StartUrl, Token};
use crate::paths::{AwsFiles, Environment};
use crate::private_files;
use crate::refresh::session::Session;
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
    sign_ins: Vec<Login>,
    profiles: usize,
}

/// Why a sign-in of the AWS CLI's is not taken over.
enum Unusable {
    /// What is in the file is none.
    File(PathBuf, CacheFault),
    /// The session in it was renamed, or led elsewhere since.
    OfAnotherPortal(PathBuf),
    RunOut(PathBuf),
    /// It was made at AWS, as far as its configuration says, and this portal is elsewhere.
    MadeElsewhere(Box<Endpoints>),
}

impl Controller {
    /// Changes nothing.
    pub(super) fn find_aws_cli_portals(&self, config: Option<String>, reply: Option<Reply<Answer>>) {
        let (place, settings, clock) = self.at_aws_cli(config);
        let environment = self.environment.clone();
        self.spawn(reply, async move {
            let portals = off_the_loop(move || {
                let found = place?.portals()?;
                let portals = found.into_iter();
                Ok(portals
                    .map(|(cache, portal)| {
                        let endpoints = portal.endpoints(&settings, &environment);
                        shown(portal, &cache, &settings, endpoints.as_ref(), &clock)
                    })
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
            let (cache, found) = off_the_loop(move || {
                let mut found = place?.portals()?.into_iter();
                let is_meant = |portal: &Found| portal.start_url.0 == start_url && portal.region == region;
                found
                    .find(|(_, portal)| is_meant(portal))
                    .ok_or_else(ProblemView::unknown_portal)
            })
            .await?;
            let name = (!found.is_known(&settings)).then(|| found.name(&settings));
            let (answered, answer) = oneshot::channel();
            let request = Request::AddPortal {
                start_url: found.start_url.0.clone(),
                region: Some(found.region.clone()),
                name,
            };
            let reply = Some(answered);
            let _ = commands.send(Command::Ask { request, reply });
            let answer = answer.await.map_err(|_| ProblemView::stopping())??;
            let Answer::Portal { portal } = &answer else {
                return Ok(answer);
            };
            let portal = PortalId(portal.clone());
            let session = refresh.session(&portal).ok_or_else(ProblemView::unknown_portal)?;
            let endpoints = session.center.portal.endpoints.clone();
            let living = off_the_loop(move || {
                let living = cache.map(|cache| living(&found, &cache, Some(&endpoints), now));
                Ok(living.and_then(Result::ok).flatten())
            });
            if let Some(token) = living.await? {
                take_over(&refresh, &session, &token, &clock).await?;
                let _ = commands.send(Command::Refreshed(Change::SignInRead(portal)));
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
pub(super) async fn off_the_loop<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProblemView> + Send + 'static,
) -> Result<T, ProblemView> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(ProblemView::own_mistake()))
}

/// The access token alone: what renews it stays the AWS CLI's, because a refresh token has one owner.
async fn take_over(
    refresh: &Refresh,
    session: &Session,
    token: &CachedToken,
    clock: &SharedClock,
) -> Result<(), ProblemView> {
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
    for login in logins(&content.unwrap_or_default()) {
        let region = login.region.to_ascii_lowercase();
        // What is no portal is no portal of ours; the AWS CLI says so too.
        let Ok(start_url) = StartUrl::parse(&login.start_url) else {
            continue;
        };
        let same = |other: &&mut Found| other.start_url == start_url && other.region == region;
        match found.iter_mut().find(same) {
            Some(other) => {
                other.profiles += login.profiles;
                other.sign_ins.push(login);
            }
            None => found.push(Found {
                start_url,
                region,
                profiles: login.profiles,
                sign_ins: vec![login],
            }),
        }
    }
    Ok(found)
}

/// The keys under which the AWS CLI has this portal's sign-in, and uses it where Portray does.
pub(super) fn keys_of(config: &Path, portal: &Portal) -> Result<Vec<LoginKey>, ProblemView> {
    let found = portals_in(config)?.into_iter();
    let mut same = found.filter(|other| other.start_url == portal.start_url && other.region == portal.region);
    let sign_ins = same.next().map(|portal| portal.sign_ins).unwrap_or_default();
    let led = sign_ins
        .into_iter()
        .filter(|login| is_led_to(login, &portal.endpoints));
    Ok(led.map(|login| login.key).collect())
}

/// Whether a sign-in is made, and used, where this portal's services are. A token of AWS's must not go to an endpoint
/// that stands in AWS's place, and the file of it does not say whose it is: only the profiles do that use it.
fn is_led_to(login: &Login, endpoints: &Endpoints) -> bool {
    let is = |written: &Option<String>, endpoint: &Url| {
        let written = written.as_deref().and_then(|written| Url::parse(written).ok());
        let plain = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        written.is_some_and(|written| plain(&written) == plain(endpoint))
    };
    let is_there = |led: &Led| is(&led.sso_oidc, &endpoints.sso_oidc) && is(&led.sso, &endpoints.sso);
    !endpoints.custom || (!login.places.is_empty() && login.places.iter().all(is_there))
}

impl Found {
    fn is_known(&self, settings: &Settings) -> bool {
        self.known(settings).is_some()
    }

    fn known<'a>(&self, settings: &'a Settings) -> Option<&'a PortalSettings> {
        let is_same = |portal: &&PortalSettings| {
            let start_url = StartUrl::parse(&portal.start_url).ok();
            start_url.as_ref() == Some(&self.start_url) && portal.region == self.region
        };
        settings.portals.iter().find(is_same)
    }

    /// Where its services are, or would be; none where it can be no portal here.
    fn endpoints(&self, settings: &Settings, environment: &Environment) -> Option<Endpoints> {
        let base = environment.endpoint().ok()?;
        let mut new = Settings::default();
        let portal = match self.known(settings) {
            Some(known) => known,
            None => new.add_portal("new", &self.start_url.0, &self.region),
        };
        let portal = Portal::from_settings(portal, base.as_ref()).ok()?;
        Some(portal.endpoints)
    }

    /// As the AWS CLI calls its session, where that is a name for a portal here; else of the start URL.
    fn name(&self, settings: &Settings) -> String {
        if let Some(known) = self.known(settings) {
            return known.name.clone();
        }
        let sessions = self.sign_ins.iter().filter_map(|login| match &login.key {
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
    endpoints: Option<&Endpoints>,
    now: Timestamp,
) -> Result<Option<CachedToken>, Unusable> {
    let Some(endpoints) = endpoints else {
        return Ok(None);
    };
    let mut best: Option<CachedToken> = None;
    let mut fault = None;
    for login in &found.sign_ins {
        match cache.read(&login.key) {
            Ok(Some(token)) if !found.is_of(&token) => {
                fault = Some(Unusable::OfAnotherPortal(cache.file(&login.key)));
            }
            Ok(Some(token)) if token.expires_at <= now => {
                fault = Some(Unusable::RunOut(cache.file(&login.key)));
            }
            Ok(Some(token)) => {
                if !is_led_to(login, endpoints) {
                    fault = Some(Unusable::MadeElsewhere(Box::new(endpoints.clone())));
                    continue;
                }
                let is_better = best
                    .as_ref()
                    .is_none_or(|best| token.expires_at > best.expires_at);
                best = if is_better { Some(token) } else { best };
            }
            Ok(None) => {}
            Err(error) => fault = Some(Unusable::File(cache.file(&login.key), error)),
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

fn shown(
    found: Found,
    cache: &Option<SsoCache>,
    settings: &Settings,
    endpoints: Option<&Endpoints>,
    clock: &SharedClock,
) -> AwsCliPortal {
    let now = clock.as_shown(clock.now());
    let unusable = if is_region(&found.region) {
        found.start_url.check_region(&found.region).err()
    } else {
        Some(PortalError::NotARegion(found.region.clone()))
    };
    let living = match cache {
        Some(cache) => living(&found, cache, endpoints, now),
        None => Ok(None),
    };
    let (signed_in_until, fault) = match living {
        Ok(token) => (token.map(|token| token.expires_at), None),
        Err(Unusable::File(path, fault)) => (None, Some(ProblemView::aws_cli_sign_in(&path, &fault))),
        Err(Unusable::OfAnotherPortal(path)) => (None, Some(ProblemView::aws_cli_sign_in_of_another(&path))),
        Err(Unusable::RunOut(path)) => (None, Some(ProblemView::aws_cli_sign_in_run_out(&path))),
        Err(Unusable::MadeElsewhere(endpoints)) => {
            let problem = ProblemView::aws_cli_sign_in_elsewhere(&found.name(settings), &endpoints.sso);
            (None, Some(problem))
        }
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
mod tests;
