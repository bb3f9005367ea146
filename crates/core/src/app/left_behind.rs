//! Sign-ins at portals that the settings have no more: looked for, told, and ended when a person wants that.

use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::app::command::{Command, Reply};
use crate::app::command_problem::for_a_shell;
use crate::app::contract::{Answer, ProblemCode, ProblemView};
use crate::app::controller::{Controller, answer};
use crate::app::known_portals::KnownPortal;
use crate::app::portals::{Registrations, leave, load};
use crate::app::sign_out::{said, unheard};
use crate::identity_center::deadline::within;
use crate::identity_center::{IdentityCenter, Portal};
use crate::private_files;
use crate::refresh::standing::Standing;

/// How long whoever wants to know of them waits for a store that has not said yet who is signed in.
const READING: Duration = Duration::from_secs(1);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftBehind {
    pub name: String,
    pub start_url: String,
    pub region: String,
    pub problem: ProblemView,
}

impl LeftBehind {
    pub fn is_called(&self, name: &str) -> bool {
        self.name.to_lowercase() == name.to_lowercase()
    }
}

impl App {
    /// All of them, as far as the store says it in time.
    pub async fn left_behind(&self) -> Vec<LeftBehind> {
        let sessions = self.refresh.left_behind();
        let unread: Vec<_> = sessions.iter().filter(|session| session.is_unread()).collect();
        if !unread.is_empty() {
            let reading = join_all(unread.into_iter().map(|session| session.load()));
            within(&self.clock, READING, reading).await;
        }
        self.left_behind_now()
    }

    /// Those that are known now.
    pub fn left_behind_now(&self) -> Vec<LeftBehind> {
        let names: Vec<_> = self.portals().into_iter().map(|portal| portal.name).collect();
        let sessions = self.refresh.left_behind().into_iter();
        let signed_in = sessions.filter(|session| session.is_signed_in());
        let left = signed_in.map(|session| {
            let portal = session.portal();
            LeftBehind {
                name: portal.name.clone(),
                start_url: portal.start_url.0.clone(),
                region: portal.region.clone(),
                problem: ProblemView::left_behind(portal, names.contains(&portal.name)),
            }
        });
        left.collect()
    }
}

impl Controller {
    /// Keeps in mind which portals there are, and looks for sign-ins at those that are gone.
    pub(super) fn look_for_left_behind(&mut self) {
        if self.known.note(&self.settings.portals) {
            self.write_known();
        }
        let endpoint = self.environment.endpoint().ok().flatten();
        let in_use = self.refresh.sessions();
        let known = self.known.iter().map(KnownPortal::settings);
        let portals = known.filter_map(|known| Portal::from_settings(&known, endpoint.as_ref()).ok());
        let gone = portals.filter(|portal| in_use.iter().all(|session| !session.portal().is_same(portal)));
        let centers = gone.map(|portal| IdentityCenter::new(portal, &self.http, self.clock.clone()));
        for session in self.refresh.set_left_behind(centers.collect()) {
            let store = self.store.clone();
            tokio::spawn(async move {
                if store.is_open_to_the_clock().await {
                    load(&session).await;
                }
            });
        }
    }

    /// A person has removed it: there is nothing to go back to.
    pub(super) fn forget_known(&mut self, portal: &Portal) {
        self.known.forget(portal);
        self.write_known();
    }

    fn write_known(&self) {
        if let Some((path, content)) = self.known.file() {
            self.write(move || private_files::replace(&path, &content));
        }
    }

    /// Ends the sessions of this name, or all, at AWS too.
    pub(super) fn sign_out_left_behind(&self, name: Option<&str>, reply: Option<Reply<Answer>>) {
        let name = name.map(str::to_lowercase);
        let mut sessions = self.refresh.left_behind();
        sessions.retain(|session| {
            let is_meant = |name: &String| session.portal().name.to_lowercase() == *name;
            session.view().standing != Standing::SignedOut && name.as_ref().is_none_or(is_meant)
        });
        let in_use = self.refresh.sessions();
        let (begun, store, http) = (self.refresh.begin(), self.store.clone(), self.http.clone());
        let (clock, zone) = (self.clock.clone(), self.zone.clone());
        let work = async move {
            let _begun = begun;
            let (mut failed, mut words) = (None, Vec::new());
            for session in sessions {
                let portal = session.portal().clone();
                let shares = |other: &Portal| other.id == portal.id && other.region == portal.region;
                let registrations = match in_use.iter().any(|session| shares(session.portal())) {
                    true => Registrations::Stay,
                    false => Registrations::Go,
                };
                match leave(session, store.clone(), registrations).await {
                    Ok(farewell) => words.push(said(farewell, &portal.name, &clock, &zone)),
                    Err(problem) => failed = Some(problem),
                }
            }
            http.forget_connections();
            failed.map_or(Ok(words), Err)
        };
        self.spawn_then(reply, work, |all, reply| {
            let words = all.into_iter().filter_map(|said| {
                let Answer::Said { words } = said else {
                    return None;
                };
                Some(words)
            });
            let words = words.collect::<Vec<_>>().join("\n");
            let said = match words.is_empty() {
                true => Answer::Done,
                false => Answer::Said { words },
            };
            if reply.is_none() {
                return unheard(&said).map(Command::Failed);
            }
            answer(reply, Ok(said));
            None
        });
    }
}

impl ProblemView {
    /// `name_is_taken`: a portal of the settings has its name.
    fn left_behind(portal: &Portal, name_is_taken: bool) -> Self {
        let (name, start_url, region) = (&portal.name, &portal.start_url.0, &portal.region);
        let command = match name_is_taken {
            true => "--all".to_owned(),
            false => for_a_shell(name),
        };
        Self::new(
            ProblemCode::Failed,
            format!(
                "You are still signed in to {name} ({start_url}, {region}), which settings.toml does not have any more."
            ),
            format!(
                "To end that session: portray logout {command}. To go on with it, write the portal into settings.toml \
                 again."
            ),
        )
    }

    /// settings.toml has changed under a sign-in that waited for its person.
    pub fn portal_changed(portal: &str) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "The sign-in to {portal} has ended: settings.toml was changed meanwhile, and this portal is gone from it, or stands there otherwise."
            ),
            "Nothing is signed in. See the portals with “portray portal list”, then sign in again: portray login",
        )
    }

    /// The same where the person was done, so that the session lives.
    pub fn signed_in_to_what_is_gone(portal: &str) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "You have signed in to {portal}, but settings.toml was changed meanwhile, and this portal is gone from it, or stands there otherwise."
            ),
            "To end that session: portray logout --all. To go on with it, write the portal into settings.toml again as it was.",
        )
    }
}
