//! A person signs out: everything here ends, and whoever asked hears what AWS knows of it.

use crate::app::command::Reply;
use crate::app::contract::{Answer, ProblemView, Request};
use crate::app::controller::{Controller, answer};
use crate::app::portals::is_to_be_read;
use crate::app::sign_in_problem::signed_out_here;
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
            match outcome.map_err(ProblemView::sign_out)? {
                Farewell::Told => Ok(Answer::Done),
                Farewell::Untold { session_ends_at } => {
                    let ends_at = session_ends_at.map(|end| clock.as_shown(end).to_zoned(zone));
                    let words = signed_out_here(name, ends_at.as_ref());
                    match is_awaited {
                        true => Ok(Answer::Said { words }),
                        false => Err(ProblemView::aws_not_told(words)),
                    }
                }
            }
        });
    }
}
