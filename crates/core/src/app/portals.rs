//! Portals come, go, sign out; their settings and what is opened for them.

use std::sync::Arc;

use crate::app::ConsoleRequest;
use crate::app::command::{Command, Reply, SettingsChange};
use crate::app::console_session::browser_command;
use crate::app::contract::{Answer, ConsoleVia, ProblemView, Request};
use crate::app::controller::{Controller, answer};
use crate::app::new_portal::new_portal;
use crate::app::records::OpenedBy;
use crate::app::sign_out::{Leaving, said, unheard};
use crate::identity_center::vanity::resolve_vanity;
use crate::identity_center::{Flow, IdentityCenter, Portal, PortalId, StartUrl};
use crate::refresh::session::Session;
use crate::refresh::session::leaving::{Farewell, SignOutFailure};
use crate::secret::Secret;
use crate::settings::{About, Fault, Settings, Via};
use crate::token_store::{StoreFailure, TokenStore};
use crate::uses::Observed;

impl Controller {
    /// Makes sessions of the portals in the settings, but for those that have one.
    pub(super) fn take_in_portals(&mut self) {
        let endpoint = match self.environment.endpoint() {
            Ok(endpoint) => endpoint,
            Err(error) => {
                return self.problem = Some(ProblemView::environment(&error));
            }
        };
        let (mut usable, mut unusable) = (Vec::new(), Vec::new());
        for portal in self.settings.portals.clone() {
            match Portal::from_settings(&portal, endpoint.as_ref()) {
                Ok(portal) => {
                    usable.push(portal.clone());
                    self.take_in(portal);
                }
                Err(error) => unusable.push(Fault {
                    line: portal.line,
                    about: About::Portal {
                        name: Some(portal.name.clone()),
                        start_url: Some(portal.start_url.clone()),
                    },
                    what: format!("the portal “{}” cannot be used: {error}", portal.name),
                }),
            }
        }
        self.look_for_left_behind();
        unusable.extend(self.take_in_chains(&usable));
        self.tell_what_does_not_hold(unusable);
    }

    fn take_in(&mut self, portal: Portal) {
        let id = portal.id.clone();
        if let Some(session) = self.refresh.session(&id) {
            if *session.portal() == portal {
                return;
            }
            let listing = self.catalogue().listing(&id).cloned();
            self.let_go(&id);
            if !session.portal().is_same(&portal) {
                // It is the list of somewhere else, and what runs began there.
                self.drop_listing(&id);
                self.end_launches(&id);
            } else if let Some(listing) = listing {
                self.set_listing(id.clone(), listing);
            }
        }
        let center = IdentityCenter::new(portal, &self.http, self.clock.clone());
        let session = self.refresh.add_portal(center);
        tokio::spawn(async move { load(&session).await });
        for key in self.catalogue().kept.iter().filter(|key| key.portal == id) {
            self.refresh.roles.set_kept(key, true);
        }
    }

    /// A portal that the settings name no more, or name otherwise. What is kept of it stays, also its sign-in: it may
    /// come back.
    pub(super) fn let_go(&mut self, portal: &PortalId) {
        if let Some(session) = self.refresh.session(portal) {
            self.break_off_sign_in(portal, ProblemView::portal_changed(&session.portal().name));
        }
        self.syncs.stop(portal);
        self.sign_in_wanted.remove(&portal.0);
        for key in self.refresh.roles.in_use(portal) {
            self.refresh.roles.forget_role(&key);
        }
        self.refresh.remove_portal(portal);
        self.hide_listing(portal);
    }

    /// Reads again what the store could not give before. Whoever has turned down the keyring's question is not asked
    /// again by this.
    pub(super) fn load_sessions(&self) {
        for session in self.refresh.every_session() {
            if session.is_unread() {
                let store = self.store.clone();
                tokio::spawn(async move {
                    if store.is_open_to_the_clock().await {
                        load(&session).await;
                    }
                });
            }
        }
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
        match new_portal(start_url, region, name) {
            Ok(portal) => self.change_settings(reply, |settings| portal.add_to(settings)),
            Err(error) => answer(reply, Err(ProblemView::portal(&error))),
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
        let http = self.http.clone();
        let work = async move {
            let name = name.unwrap_or_else(|| address.suggested_name());
            let start_url = resolve_vanity(&http, &address)
                .await
                .map_err(|failure| ProblemView::own_address(&failure, &address.0))?;
            Ok(Request::AddPortal {
                region: region.or_else(|| start_url.region()),
                start_url: start_url.0,
                name: Some(name),
            })
        };
        self.spawn_then(reply, work, |request, reply| {
            Some(Command::Ask { request, reply })
        });
    }

    /// Signs out first: what the store does not let go of could not be deleted any more later.
    pub(super) fn remove_portal(&mut self, portal: &PortalId, reply: Option<Reply<Answer>>) {
        let request = Request::RemovePortal {
            portal: portal.0.clone(),
        };
        let begun = self.begin_leaving(portal, StoreFailure::leaves_nothing, request, reply);
        let Some(Leaving {
            session,
            begun,
            reply,
        }) = begun
        else {
            return;
        };
        let (portal, store) = (portal.clone(), self.store.clone());
        let (taking_back, commands) = (self.taking_back(&portal), self.commands.clone());
        let stays = self.stays.clone();
        let work = async move {
            let _begun = begun;
            stays.kept().await;
            let farewell = leave(session, store, Registrations::Go).await;
            if let Err(problem) = taking_back.done().await {
                // That holds up nothing: it is tried again.
                let _ = commands.send(Command::Failed(problem));
            }
            farewell
        };
        self.spawn_then(reply, work, |farewell, reply| {
            Some(Command::PortalLeft {
                portal,
                farewell,
                reply,
            })
        });
    }

    pub(super) fn portal_left(&self, portal: PortalId, farewell: Farewell, reply: Option<Reply<Answer>>) {
        self.http.forget_connections();
        let id = portal.0.clone();
        let name = self.settings.portal(&id).map(|portal| portal.name.clone());
        let name = name.unwrap_or_default();
        let said = said(farewell, &name, &self.clock, &self.zone);
        let change = move |settings: &mut Settings| {
            settings.remove_portal(&id);
            Ok(said)
        };
        self.change_settings_then(change, move |outcome| Command::PortalRemoved {
            portal,
            outcome,
            reply,
        });
    }

    /// What a person made of its roles goes only with the portal itself.
    pub(super) fn portal_removed(
        &mut self,
        portal: &PortalId,
        outcome: SettingsChange,
        reply: Option<Reply<Answer>>,
    ) {
        match &outcome {
            Ok(_) => {
                self.forget_listing(portal);
                if let Some(session) = self.refresh.session(portal) {
                    self.forget_known(session.portal());
                }
            }
            Err(_) => self.drop_listing(portal),
        }
        if let (Ok((_, Ok(said))), None) = (&outcome, &reply)
            && let Some(problem) = unheard(said)
        {
            self.problem = Some(problem);
        }
        self.settings_changed(outcome, reply);
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
        browser: Option<&str>,
        by: OpenedBy,
        reply: Option<Reply<Answer>>,
    ) {
        let Some(session) = self.refresh.session(&request.role.portal) else {
            return answer(reply, Err(ProblemView::unknown_portal()));
        };
        let (opener, commands, via) = (self.opener(), self.commands.clone(), self.via(&request));
        let name = super::view::account_name(&self.catalogue(), &request.role);
        let browser = browser_command(
            browser.or(self.settings.console.browser.as_deref()),
            &name,
            request
                .role
                .chain
                .as_ref()
                .unwrap_or(&request.role.permission_set),
        );
        let noted = (by == OpenedBy::Person).then(|| self.note_of_console(&request.role));
        let book = self.records.uses.clone();
        self.spawn(reply, async move {
            let opened = opener
                .open_console(&session, &request, via, browser.as_deref())
                .await;
            if let Some(noted) = noted {
                let refused = opened.as_ref().err();
                let refused = refused.map(|problem| problem.what_happened.clone());
                book.record(Observed { refused, ..noted });
            }
            opened?;
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

    /// The portal's link opens no further role: there the setting does not count.
    fn via(&self, request: &ConsoleRequest) -> ConsoleVia {
        request.via.unwrap_or(match self.settings.console.via {
            Via::Portal if request.role.chain.is_some() => ConsoleVia::Federation,
            Via::Federation => ConsoleVia::Federation,
            Via::Portal => ConsoleVia::Portal,
        })
    }
}

/// That a sign-in was read is told by the session.
pub(super) async fn load(session: &Session) {
    if let Err(failure) = session.load().await {
        tracing::warn!(%failure, "the store does not say who is signed in");
    }
}

/// What becomes of the registrations of a portal whose sign-in goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registrations {
    Go,
    /// Another portal in use has them too.
    Stay,
}

/// Leaves nothing of a portal in the store.
pub(super) async fn leave(
    session: Arc<Session>,
    store: TokenStore,
    registrations: Registrations,
) -> Result<Farewell, ProblemView> {
    let farewell = match session.sign_out().await {
        Ok(farewell) => farewell,
        // What nobody understood is deleted by now, and of nothing AWS can be told nothing.
        Err(SignOutFailure::Unread(failure)) if failure.leaves_nothing() => Farewell::Told,
        Err(failure) => return Err(ProblemView::sign_out(failure)),
    };
    let flows = match registrations {
        Registrations::Go => &[Flow::Browser, Flow::DeviceCode][..],
        Registrations::Stay => &[],
    };
    for flow in flows.iter().copied() {
        match store.forget_registration(session.portal(), flow).await {
            Ok(()) | Err(StoreFailure::Absent | StoreFailure::NoKeyring) => {}
            Err(failure) => return Err(ProblemView::store(failure)),
        }
    }
    Ok(farewell)
}
