//! A person signs out: everything here ends, and whoever asked hears what AWS knows of it.

use jiff::tz::TimeZone;

use crate::app::command::Reply;
use crate::app::contract::{Answer, ProblemView, Request};
use crate::app::controller::{Controller, answer};
use crate::app::portals::is_to_be_read;
use crate::app::sign_in_problem::signed_out_here;
use crate::clock::SharedClock;
use crate::identity_center::PortalId;
use crate::refresh::session::leaving::Farewell;
use crate::token_store::StoreFailure;

impl Controller {
    pub(super) fn sign_out(&mut self, portal: &PortalId, reply: Option<Reply<Answer>>) {
        let Some(session) = self.refresh.session(portal) else {
            return answer(reply, Err(ProblemView::unknown_portal()));
        };
        if is_to_be_read(&session, StoreFailure::is_mended_by_deleting) {
            let portal = portal.0.clone();
            return self.once_leavable(
                session,
                StoreFailure::is_mended_by_deleting,
                reply,
                Request::SignOut { portal },
            );
        }
        self.cancel_sign_in(portal);
        self.leave_sign_in(portal);
        self.drop_listing(portal);
        let (refresh, http, portal) = (self.refresh.clone(), self.http.clone(), portal.clone());
        let (clock, zone, is_awaited) = (self.clock.clone(), self.zone.clone(), reply.is_some());
        self.spawn(reply, async move {
            let outcome = session.sign_out().await;
            // Whatever was fetched while AWS was told goes too, and the buffers in which tokens were sent.
            refresh.roles.forget_portal(&portal);
            http.forget_connections();
            let name = &session.portal().name;
            let farewell = outcome.map_err(ProblemView::sign_out)?;
            said(untold(farewell, name, &clock, &zone), is_awaited)
        });
    }
}

/// What is to be said where AWS could not be told.
pub(super) fn untold(
    farewell: Farewell,
    portal: &str,
    clock: &SharedClock,
    zone: &TimeZone,
) -> Option<String> {
    match farewell {
        Farewell::Told => None,
        Farewell::Untold { session_ends_at } => {
            let ends_at = session_ends_at.map(|end| clock.as_shown(end).to_zoned(zone.clone()));
            Some(signed_out_here(portal, ends_at.as_ref()))
        }
    }
}

/// To whoever waits for it; else it is shown as what has failed.
pub(super) fn said(untold: Option<String>, is_awaited: bool) -> Result<Answer, ProblemView> {
    match (untold, is_awaited) {
        (None, _) => Ok(Answer::Done),
        (Some(words), true) => Ok(Answer::Said { words }),
        (Some(words), false) => Err(ProblemView::aws_not_told(words)),
    }
}
