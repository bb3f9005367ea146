//! The applications tab of the access portal.

use axum::response::Response;

use super::layout::{escape, label, name};
use super::sign_in::sign_in_page;
use super::start::{Tab, portal_page};
use crate::call::Call;
use crate::state::State;
use crate::world::Application;

/// `GET /start/applications`.
pub(crate) fn applications(state: &mut State, call: &mut Call) -> Response {
    let Some((_, user)) = state.browser_session(call) else {
        return sign_in_page(&state.world, &call.path_and_query(), None);
    };
    let rows: String = state.world.applications_of(&user).map(row).collect();
    let content = if rows.is_empty() {
        "<p id=\"no-applications\">No applications are assigned to you yet. Ask your administrator.</p>\n"
            .to_owned()
    } else {
        format!(
            "<section class=\"account\" id=\"applications\" aria-label=\"Applications\">\n\
             <ul class=\"plain\">\n{rows}</ul>\n</section>\n"
        )
    };
    portal_page(&state.world, &user, Tab::Applications, "Applications", &content)
}

fn row(application: &Application) -> String {
    format!(
        "<li class=\"row\"><span><strong>{}</strong> <span class=\"quiet small\">{}</span></span>\
         <a href=\"{}\" rel=\"noreferrer\" aria-label=\"Open {}\">Open</a></li>\n",
        name(&application.name),
        name(&application.description),
        escape(&application.url),
        label(&application.name),
    )
}
