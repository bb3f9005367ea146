//! Several consoles in one browser: the refusals without it and beyond it, and the page that switches it on.

use axum::http::StatusCode;
use axum::response::Response;

use super::console::{address, log_out_address, named, query};
use super::layout::{card, escape, page};
use crate::federation::{ConsoleBrowser, ConsoleSession, MOST_SESSIONS};
use crate::world::World;

/// A browser has one console session: another one may come only after it. `wanted` is the path that was refused.
pub(crate) fn log_out_first_page(world: &World, browser: &ConsoleBrowser, wanted: &str) -> Response {
    let current = browser.session(None);
    let body = format!(
        "<p id=\"problem\">You must first log out before logging into a different AWS account.</p>\n\
         <p class=\"quiet\">This browser is signed in to {}.</p>\n\
         <p class=\"actions\"><a class=\"button\" id=\"log-out-and-continue\" href=\"/oauth?{}\">Log out and continue</a>\n\
         <a id=\"multi-session\" href=\"/sessions/v1/opt-in?{}\">Use several accounts at once</a></p>\n",
        current.map_or_else(String::new, |session| named(world, session)),
        escape(&query(&[("Action", "logout"), ("redirect_uri", wanted)])),
        escape(&query(&[("redirect_uri", wanted)])),
    );
    refusal(world, browser, "Already signed in", &body)
}

/// With multi-session there is an end too.
pub(crate) fn too_many_sessions_page(world: &World, browser: &ConsoleBrowser, wanted: &str) -> Response {
    let row = |session: &ConsoleSession| {
        format!(
            "<li class=\"row\"><span>{}</span>\
             <a class=\"log-out-and-continue\" href=\"{}\" aria-label=\"Sign out of {} and continue\">Sign out and continue</a></li>\n",
            named(world, session),
            escape(&log_out_address(session, wanted)),
            session.name(),
        )
    };
    let rows: String = browser.sessions().iter().map(row).collect();
    let body = format!(
        "<p id=\"problem\">This browser is signed in to {MOST_SESSIONS} console sessions, which is as many as \
         multi-session allows. Sign out of one to go on.</p>\n<ul class=\"plain\">\n{rows}</ul>\n"
    );
    refusal(world, browser, "Too many sessions", &body)
}

/// `back` is the path to go to after the decision.
pub(crate) fn multi_session_page(world: &World, browser: &ConsoleBrowser, back: Option<&str>) -> Response {
    let (state, decision, button, more) = if browser.multi_session {
        (
            "Multi-session is on in this browser.",
            "off",
            "Turn multi-session off",
            "Turning it off signs this browser out of all its consoles.",
        )
    } else {
        (
            "Multi-session is off in this browser: it can be signed in to one console at a time.",
            "on",
            "Turn multi-session on",
            "With it the browser can be signed in to five consoles at once, each with a host of its own that begins \
             with the account. On this machine, where one server stands for all, each has a path of its own.",
        )
    };
    let back = back.unwrap_or_default();
    let way_back = if back.is_empty() {
        "<a href=\"/start\">Go to the access portal</a>".to_owned()
    } else {
        format!("<a id=\"back\" href=\"{}\">Leave it as it is</a>", escape(back))
    };
    let body = format!(
        r#"<p id="state">{state}</p>
<p class="quiet">{more}</p>
<form method="post" action="/sessions/v1/opt-in" class="actions">
<input type="hidden" name="redirect_uri" value="{}">
<button id="turn-{decision}" name="decision" value="{decision}">{button}</button>
</form>
<p class="after">{way_back}</p>
"#,
        escape(back)
    );
    card(StatusCode::OK, world, "Several consoles at once", &body)
}

/// The address that was refused holds a sign-in token: the script puts another one in the address bar.
fn refusal(world: &World, browser: &ConsoleBrowser, title: &str, body: &str) -> Response {
    let stays = browser.session(None).map_or_else(
        || "/console".to_owned(),
        |session| address(browser, session, None),
    );
    let main = format!("<main class=\"card\" data-address=\"{stays}\">\n<h1>{title}</h1>\n{body}</main>");
    page(StatusCode::OK, world, title, &main)
}
