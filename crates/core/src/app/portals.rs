//! Portals come, go, sign out; their settings and what is opened for them.

use std::sync::Arc;

use crate::app::ConsoleRequest;
use crate::app::command::{Command, Reply};
use crate::app::console_session::browser_command;
use crate::app::contract::{Answer, ConsoleVia, ProblemCode, ProblemView, Request, StartUrlView};
use crate::app::controller::{Controller, answer};
use crate::identity_center::portal::{PortalError, is_region, regions};
use crate::identity_center::vanity::resolve_vanity;
use crate::identity_center::{IdentityCenter, Portal, PortalId, StartUrl};
use crate::refresh::session::Session;
use crate::secret::Secret;
use crate::settings::Via;

/// What a start URL that is being typed turns out to be.
pub fn inspect(text: &str) -> Answer {
    let view = match StartUrl::parse(text) {
        Ok(start_url) => StartUrlView {
            region: start_url.region(),
            start_url: Some(start_url.0),
            regions: region_names(),
            problem: None,
        },
        Err(error) => StartUrlView {
            start_url: None,
            region: None,
            regions: region_names(),
            problem: Some(ProblemView::portal(&error)),
        },
    };
    Answer::StartUrl { view }
}

fn region_names() -> Vec<String> {
    regions().iter().map(|name| (*name).to_owned()).collect()
}

impl Controller {
    /// Makes a session of a portal in the settings.
    pub(super) fn take_in_portal(&mut self, index: usize) {
        let settings = &self.settings.portals[index];
        let endpoint = match self.environment.endpoint() {
            Ok(endpoint) => endpoint,
            Err(error) => {
                let what_to_do = "Change it or unset it, then start Portray again.";
                let problem = ProblemView::new(ProblemCode::WrongUse, format!("{error}."), what_to_do);
                return self.problem = Some(problem);
            }
        };
        match Portal::from_settings(settings, endpoint.as_ref()) {
            Ok(portal) => {
                let center = IdentityCenter::new(portal, &self.http, self.clock.clone());
                self.load(self.refresh.add_portal(center));
            }
            Err(error) => self.problem = Some(ProblemView::portal(&error)),
        }
    }

    /// Reads again what the store could not give before.
    pub(super) fn load_sessions(&self) {
        for session in self.refresh.sessions() {
            if session.is_unread() {
                self.load(session);
            }
        }
    }

    fn load(&self, session: Arc<Session>) {
        let commands = self.commands.clone();
        tokio::spawn(async move {
            if let Err(failure) = session.load().await {
                tracing::warn!(%failure, "the store does not say who is signed in");
            } else if session.is_signed_in() {
                let request = Request::Sync {
                    portal: session.portal().id.0.clone(),
                };
                let _ = commands.send(Command::Ask {
                    request,
                    reply: Some(tokio::sync::oneshot::channel().0),
                });
            }
        });
    }

    pub(super) fn settings_problem(&self) -> Option<ProblemView> {
        let aside = self.settings.set_aside.as_ref()?;
        Some(ProblemView::new(
            ProblemCode::Failed,
            "The settings could not be understood.",
            format!(
                "They were moved to {}; mend them there and move them back, or begin anew.",
                aside.display()
            ),
        ))
    }

    pub(super) fn add_portal(
        &mut self,
        start_url: &str,
        region: Option<&str>,
        name: Option<String>,
        reply: Option<Reply<Answer>>,
    ) {
        let own_address = StartUrl::parse(start_url)
            .ok()
            .filter(|start_url| !start_url.is_of_aws());
        if let Some(address) = own_address
            && self.environment.endpoint() == Ok(None)
        {
            return self.follow_own_address(address, region.map(str::to_owned), name, reply);
        }
        let outcome = self.added_portal(start_url, region, name);
        let Ok((portal, is_new)) = outcome else {
            return answer(reply, outcome.map(|_| Answer::Done));
        };
        let answer_with = Answer::Portal { portal: portal.0 };
        if is_new {
            self.save_settings(reply, answer_with);
        } else {
            answer(reply, Ok(answer_with));
        }
    }

    /// A company's own address leads to its access portal by one redirect; what it leads to is kept.
    fn follow_own_address(
        &self,
        address: StartUrl,
        region: Option<String>,
        name: Option<String>,
        reply: Option<Reply<Answer>>,
    ) {
        let (http, commands) = (self.http.clone(), self.commands.clone());
        tokio::spawn(async move {
            let name = name.unwrap_or_else(|| address.suggested_name());
            match resolve_vanity(&http, &address).await {
                Ok(start_url) => {
                    let region = start_url.region().or(region);
                    let request = Request::AddPortal {
                        start_url: start_url.0,
                        region,
                        name: Some(name),
                    };
                    let _ = commands.send(Command::Ask { request, reply });
                }
                Err(failure) => {
                    let problem = ProblemView::own_address(&failure, &address.0);
                    match reply {
                        Some(reply) => drop(reply.send(Err(problem))),
                        None => drop(commands.send(Command::Failed(problem))),
                    }
                }
            }
        });
    }

    fn added_portal(
        &mut self,
        start_url: &str,
        region: Option<&str>,
        name: Option<String>,
    ) -> Result<(PortalId, bool), ProblemView> {
        let refused = |error| ProblemView::portal(&error);
        let start_url = StartUrl::parse(start_url).map_err(refused)?;
        let region = region.map(str::to_owned).or_else(|| start_url.region());
        let region = region.ok_or_else(|| refused(PortalError::RegionNeeded))?;
        if !is_region(&region) {
            return Err(refused(PortalError::NotARegion(region)));
        }
        let same = |portal: &&crate::settings::PortalSettings| {
            portal.start_url == start_url.0
                && portal.region == region
                && name.as_ref().is_none_or(|name| *name == portal.name)
        };
        if let Some(known) = self.settings.portals.iter().find(same) {
            return Ok((PortalId(known.id.clone()), false));
        }
        let name = name.unwrap_or_else(|| start_url.suggested_name());
        let id = self.settings.add_portal(&name, &start_url.0, &region).id.clone();
        self.take_in_portal(self.settings.portals.len() - 1);
        Ok((PortalId(id), true))
    }

    pub(super) fn remove_portal(&mut self, portal: &PortalId, reply: Option<Reply<Answer>>) {
        let Some(session) = self.refresh.session(portal) else {
            return answer(reply, Err(ProblemView::unknown_portal()));
        };
        self.cancel_sign_in(portal);
        self.refresh.remove_portal(portal);
        self.settings.remove_portal(&portal.0);
        self.forget_listing(portal);
        self.sign_in_wanted.remove(&portal.0);
        self.spawn(None, async move {
            session.sign_out().await.map_err(ProblemView::store)?;
            Ok(Answer::Done)
        });
        self.save_settings(reply, Answer::Done);
    }

    pub(super) fn sign_out(&mut self, portal: &PortalId, reply: Option<Reply<Answer>>) {
        let Some(session) = self.refresh.session(portal) else {
            return answer(reply, Err(ProblemView::unknown_portal()));
        };
        self.cancel_sign_in(portal);
        self.drop_listing(portal);
        self.refresh.roles.forget_portal(portal);
        let (refresh, portal) = (self.refresh.clone(), portal.clone());
        self.spawn(reply, async move {
            let outcome = session.sign_out().await.map_err(ProblemView::store);
            // Whatever was fetched while AWS was told goes too.
            refresh.roles.forget_portal(&portal);
            outcome.map(|()| Answer::Done)
        });
    }

    pub(super) fn open_portal(&self, portal: &PortalId, reply: Option<Reply<Answer>>) {
        let Some(session) = self.refresh.session(portal) else {
            return answer(reply, Err(ProblemView::unknown_portal()));
        };
        let browser = self
            .settings
            .portal(&portal.0)
            .and_then(|portal| portal.sign_in_browser.clone());
        let (opener, url) = (self.opener(), session.portal().endpoints.portal.to_string());
        self.spawn(reply, async move {
            opener.open(&Secret::new(url), browser.as_deref()).await?;
            Ok(Answer::Done)
        });
    }

    pub(super) fn open_console(
        &self,
        request: ConsoleRequest,
        open_browser: bool,
        reply: Option<Reply<Answer>>,
    ) {
        let Some(session) = self.refresh.session(&request.role.portal) else {
            return answer(reply, Err(ProblemView::unknown_portal()));
        };
        if !open_browser {
            let what_to_do = "Ask for the console's URL instead.";
            let refused = ProblemView::new(ProblemCode::WrongUse, "Nothing was to be opened.", what_to_do);
            return answer(reply, Err(refused));
        }
        let (opener, commands, via) = (self.opener(), self.commands.clone(), self.via(&request));
        let name = super::view::account_name(&self.catalogue(), &request.role);
        let browser = browser_command(
            self.settings.console.browser.as_deref(),
            &name,
            &request.role.permission_set,
        );
        self.spawn(reply, async move {
            let url = opener.console_url(&session, &request, via).await?;
            match via {
                ConsoleVia::Federation => opener.open_hidden(url, browser.as_deref()).await?,
                ConsoleVia::Portal => opener.open(&url, browser.as_deref()).await?,
            }
            let _ = commands.send(Command::ConsoleOpened(request.role));
            Ok(Answer::Done)
        });
    }

    pub(super) fn console_url(&self, request: ConsoleRequest, reply: Reply<Secret>) {
        let Some(session) = self.refresh.session(&request.role.portal) else {
            return answer(Some(reply), Err(ProblemView::unknown_portal()));
        };
        let (opener, commands, via) = (self.opener(), self.commands.clone(), self.via(&request));
        tokio::spawn(async move {
            let outcome = opener.console_url(&session, &request, via).await;
            if outcome.is_ok() {
                let _ = commands.send(Command::ConsoleOpened(request.role));
            }
            answer(Some(reply), outcome);
        });
    }

    fn via(&self, request: &ConsoleRequest) -> ConsoleVia {
        request.via.unwrap_or(match self.settings.console.via {
            Via::Federation => ConsoleVia::Federation,
            Via::Portal => ConsoleVia::Portal,
        })
    }

    fn save_settings(&self, reply: Option<Reply<Answer>>, done: Answer) {
        let (settings, path) = (self.settings.clone(), self.paths.settings());
        self.spawn(reply, async move {
            let saved = tokio::task::spawn_blocking(move || settings.save(&path)).await;
            match saved {
                Ok(Ok(())) => Ok(done),
                Ok(Err(error)) => Err(ProblemView::settings(&error)),
                Err(_) => Err(ProblemView::stopping()),
            }
        });
    }
}
