//! A person signs out, or removes a portal: everything here ends, and whoever asked hears what AWS knows of it.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::app::App;
use crate::app::command::{Command, Reply};
use crate::app::contract::{Answer, ProblemView, Request};
use crate::app::controller::{Controller, answer};
use crate::app::sign_in_problem::signed_out_here;
use crate::clock::SharedClock;
use crate::identity_center::PortalId;
use crate::refresh::session::Session;
use crate::refresh::session::leaving::Farewell;
use crate::refresh::unfinished::Begun;
use crate::stays::Stays;
use crate::token_store::StoreFailure;

/// A sign-in that is about to end.
pub(super) struct Leaving {
    pub session: Arc<Session>,
    /// From the order on, not from when it is first looked at: an application that is told to quit right after it waits.
    pub begun: Option<Begun>,
    pub reply: Option<Reply<Answer>>,
}

impl App {
    /// Until when launches get something.
    pub fn stays(&self) -> &Stays {
        &self.stays
    }
}

impl Controller {
    /// A portal has gone from the settings, or another one has its place. Launches that began with it get nothing any more.
    pub(super) fn end_launches(&self, portal: &PortalId) {
        self.end_stay(portal);
        self.note_stays();
    }

    /// What launches may get, and what was allowed and denied, ends with it.
    pub(super) fn end_stay(&self, portal: &PortalId) {
        self.stays.end(portal);
        self.records.consumers.forget_answers(portal);
    }

    pub(super) fn sign_out(&mut self, portal: &PortalId, reply: Option<Reply<Answer>>) {
        let request = Request::SignOut {
            portal: portal.0.clone(),
        };
        let begun = self.begin_leaving(portal, StoreFailure::is_mended_by_deleting, request, reply);
        let Some(Leaving {
            session,
            begun,
            reply,
        }) = begun
        else {
            return;
        };
        self.drop_listing(portal);
        let (refresh, http, portal) = (self.refresh.clone(), self.http.clone(), portal.clone());
        let (clock, zone) = (self.clock.clone(), self.zone.clone());
        let (taking_back, stays) = (self.taking_back(&portal), self.stays.clone());
        let work = async move {
            let _begun = begun;
            // Before anything of it is done: whatever becomes of this process, its launches are over.
            stays.kept().await;
            let outcome = session.sign_out().await;
            let taken_back = taking_back.done().await;
            // Whatever was fetched while AWS was told goes too, and the buffers in which tokens were sent.
            refresh.roles.forget_portal(&portal);
            // So does what was begun with it, unless it is of somebody who has signed in since.
            if !session.is_signed_in() {
                stays.end(&portal);
                stays.kept().await;
            }
            http.forget_connections();
            let farewell = outcome.map_err(ProblemView::sign_out)?;
            taken_back?;
            Ok(said(farewell, &session.portal().name, &clock, &zone))
        };
        self.spawn_then(reply, work, |said, reply| match reply {
            Some(_) => {
                answer(reply, Ok(said));
                None
            }
            None => unheard(&said).map(Command::Failed),
        });
    }

    /// Ends what runs with a sign-in that is about to end, and gives its session. None where there is none, or where
    /// the store has not said yet who is signed in: until then nothing changes, and `request` comes again. `is_harmless`:
    /// the failures of the store that hold up nothing.
    pub(super) fn begin_leaving(
        &mut self,
        portal: &PortalId,
        is_harmless: fn(StoreFailure) -> bool,
        request: Request,
        reply: Option<Reply<Answer>>,
    ) -> Option<Leaving> {
        let Some(session) = self.refresh.session(portal) else {
            answer(reply, Err(ProblemView::unknown_portal()));
            return None;
        };
        let failure = session.view().store_failure;
        if session.is_unread() && failure.is_none_or(|failure| !is_harmless(failure)) {
            self.once_leavable(session, is_harmless, reply, request);
            return None;
        }
        self.cancel_sign_in(portal);
        self.leave_sign_in(portal);
        // What a process before this one gave to the AWS CLI is known for ours only while somebody is signed in.
        self.share_logins();
        let begun = self.refresh.begin();
        Some(Leaving {
            session,
            begun,
            reply,
        })
    }

    fn once_leavable(
        &self,
        session: Arc<Session>,
        is_harmless: fn(StoreFailure) -> bool,
        reply: Option<Reply<Answer>>,
        request: Request,
    ) {
        let read = async move {
            match session.load().await {
                Err(failure) if !is_harmless(failure) => Err(ProblemView::store(failure)),
                Ok(()) | Err(_) => Ok(()),
            }
        };
        self.spawn_then(reply, read, |(), reply| Some(Command::Ask { request, reply }));
    }
}

/// What is to be said of a sign-out: something only where AWS could not be told.
pub(super) fn said(farewell: Farewell, portal: &str, clock: &SharedClock, zone: &TimeZone) -> Answer {
    match farewell {
        Farewell::Told => Answer::Done,
        Farewell::Untold { session_ends_at } => {
            let ends_at = session_ends_at.map(|end| clock.as_shown(end).to_zoned(zone.clone()));
            let words = signed_out_here(portal, ends_at.as_ref());
            Answer::Said { words }
        }
    }
}

/// The same where nobody waits for it: it is shown as what has failed.
pub(super) fn unheard(said: &Answer) -> Option<ProblemView> {
    let Answer::Said { words } = said else {
        return None;
    };
    Some(ProblemView::aws_not_told(words.clone()))
}
