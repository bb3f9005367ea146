//! What all pages share: the frame, escaping, stylesheet and script.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

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

/// A page with one card in the middle; `body` is HTML.
pub(super) fn card(status: StatusCode, world: &World, title: &str, body: &str) -> Response {
    page(
        status,
        world,
        title,
        &format!("<main class=\"card\">\n<h1>{}</h1>\n{body}</main>", escape(title)),
    )
}

/// A page over the whole width; `main` is HTML.
pub(super) fn page(status: StatusCode, world: &World, title: &str, main: &str) -> Response {
    let (title, company) = (escape(title), escape(&world.company));
    let document = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · {company}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/emulator.css">
<script src="/emulator.js" defer></script>
</head>
<body>
<header class="bar"><span class="company">{company}</span><span class="badge">Identity Center emulator</span></header>
{main}
<footer>A local stand-in for AWS IAM Identity Center. Nothing here reaches AWS.</footer>
</body>
</html>
"#
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

/// JSON, because whoever comes here is a program with a wrong path.
pub(crate) fn nothing_here(_: &mut State, call: &mut Call) -> Response {
    let message = format!("there is nothing at {}", call.uri.path());
    let mut response = call::json(StatusCode::NOT_FOUND, &json!({ "message": message }));
    response
        .extensions_mut()
        .insert(ErrorName("UnknownOperationException".to_owned()));
    response
}
