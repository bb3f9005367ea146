//! What all pages share: the frame, escaping, forms, stylesheet and script.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::PageError;
use crate::call::{self, Call, ErrorName};
use crate::state::State;
use crate::world::World;

const STYLESHEET: &str = include_str!("emulator.css");
const SCRIPT: &str = include_str!("emulator.js");

/// Text as it may stand in an element or in a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// A name inside a sentence: its own direction of writing ends with it.
pub(super) fn name(text: &str) -> String {
    format!("<bdi>{}</bdi>", escape(text))
}

/// A name where no element can be, in a title or a label: without what changes the direction of the rest.
pub(super) fn label(text: &str) -> String {
    let turns = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
    };
    escape(&text.replace(turns, " "))
}

/// A page with one card in the middle; `body` is HTML.
pub(super) fn card(status: StatusCode, world: &World, title: &str, body: &str) -> Response {
    page(
        status,
        world,
        title,
        &format!("<main class=\"card\">\n<h1>{}</h1>\n{body}</main>", escape(title)),
    )
}

/// A card with a form that is shown again when it failed, with the `problem`. The form gets the problem's paragraph, and
/// the attribute that ties its field to that.
pub(super) fn form_card(
    world: &World,
    title: &str,
    problem: Option<&str>,
    form: impl FnOnce(&str, &str) -> String,
) -> Response {
    let Some(problem) = problem else {
        return card(StatusCode::OK, world, title, &form("", ""));
    };
    let notice = format!(
        "<p class=\"problem\" id=\"problem\" role=\"alert\">{}</p>\n",
        escape(problem)
    );
    let form = form(&notice, " aria-describedby=\"problem\" aria-invalid=\"true\"");
    card(StatusCode::UNAUTHORIZED, world, title, &form)
}

/// Allow or deny, sent to `action`; the hidden field says what is decided on.
pub(super) fn decision_form(action: &str, field: &str, value: &str) -> String {
    format!(
        r#"<form method="post" action="{action}" class="actions">
<input type="hidden" name="{field}" value="{}">
<button id="allow" name="decision" value="allow">Allow access</button>
<button id="deny" name="decision" value="deny" class="plain">Deny</button>
</form>
"#,
        escape(value)
    )
}

/// What the person chose there: whether access is allowed.
pub(crate) fn decision(call: &Call) -> Result<bool, PageError> {
    match call.form("decision").as_deref() {
        Some("allow") => Ok(true),
        Some("deny") => Ok(false),
        Some(_) | None => Err(PageError::NoDecision),
    }
}

/// A page over the whole width; `main` is HTML.
pub(super) fn page(status: StatusCode, world: &World, title: &str, main: &str) -> Response {
    let title = if title.contains(&world.company) {
        label(title)
    } else {
        format!("{} · {}", label(title), label(&world.company))
    };
    let document = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/emulator.css">
<script src="/emulator.js" defer></script>
</head>
<body>
<header class="bar"><span class="company">{}</span> <span class="badge">Identity Center emulator</span></header>
{main}
<footer>A local stand-in for AWS IAM Identity Center. Nothing here reaches AWS.</footer>
</body>
</html>
"#,
        escape(&world.company),
    );
    call::html(status, document)
}

pub(crate) async fn stylesheet() -> impl IntoResponse {
    (
        [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/css; charset=utf-8"),
        )],
        STYLESHEET,
    )
}

pub(crate) async fn script() -> impl IntoResponse {
    (
        [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/javascript; charset=utf-8"),
        )],
        SCRIPT,
    )
}

/// JSON for programs with a wrong path, a page for a person.
pub(crate) fn nothing_here(state: &mut State, call: &mut Call) -> Response {
    let message = format!("there is nothing at {}", call.uri.path());
    let mut response = if call.accepts_html() {
        super::status_page(StatusCode::NOT_FOUND, &state.world)
    } else {
        call::json(StatusCode::NOT_FOUND, &json!({ "message": message }))
    };
    response
        .extensions_mut()
        .insert(ErrorName::new("UnknownOperationException", message));
    response
}
