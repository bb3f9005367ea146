//! The page that stands for the AWS Management Console: it says who is signed in to what.

use axum::http::StatusCode;
use axum::response::Response;
use url::Url;
use url::form_urlencoded;

use super::layout::{card, escape, name, page};
use crate::federation::{ConsoleBrowser, ConsoleSession, MOST_SESSIONS};
use crate::world::World;

/// Shown instead of the destination. Its script puts an address without the sign-in token in the address bar.
pub(crate) fn console_page(
    world: &World,
    browser: &ConsoleBrowser,
    session: &ConsoleSession,
    destination: &Url,
) -> Response {
    let role = &session.role;
    let account_name = account_name(world, session);
    let region = region(destination).unwrap_or_else(|| world.region.clone());
    let address = address(browser, session, Some(destination));
    let mut rows = vec![
        ("Account", "account", format!("{account_name} ({})", role.account)),
        ("Role", "role", role.shown_role().to_owned()),
        ("User", "user", role.user.clone()),
        ("Region", "region", region.clone()),
        ("Destination", "destination", destination.to_string()),
        (
            "Session ends",
            "session-ends",
            session.ends.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        ),
    ];
    if browser.multi_session {
        let host = format!("{}.{region}.{}", session.name(), world.console_host());
        rows.push(("Console host", "console-host", host));
    }
    let rows: String = rows
        .iter()
        .map(|(label, id, value)| format!("<dt>{label}</dt><dd id=\"{id}\">{}</dd>\n", escape(value)))
        .collect();
    let rest = if browser.multi_session {
        sessions_section(world, browser, session)
    } else {
        format!(
            "<p class=\"actions\"><a href=\"/oauth?Action=logout\" id=\"sign-out\">Sign out of the console</a>\n\
             <a href=\"{}\" id=\"multi-session\">Use several accounts at once</a></p>\n",
            escape(&opt_in_address(&address))
        )
    };
    let main = format!(
        "<main class=\"card wide\" data-address=\"{}\">\n<h1>Console of {}</h1>\n\
         <p class=\"quiet\">This page stands for the AWS Management Console.</p>\n<dl>\n{rows}</dl>\n{rest}</main>",
        escape(&address),
        name(account_name),
    );
    let title = format!("Console of {account_name}");
    page(StatusCode::OK, world, &title, &main)
}

pub(crate) fn signed_out_of_console_page(world: &World, browser: &ConsoleBrowser) -> Response {
    let body = format!(
        "<p id=\"done\">You are signed out of the console.</p>\n{}{}",
        other_sessions(world, browser),
        way_back(browser)
    );
    card(StatusCode::OK, world, "Signed out", &body)
}

/// For an address of a console session that has ended, or never was in this browser.
pub(crate) fn no_console_session_page(world: &World, browser: &ConsoleBrowser) -> Response {
    let body = format!(
        "<p id=\"done\">This browser is not signed in here: the console session has ended. \
         Open the console again where you came from.</p>\n{}{}",
        way_back(browser),
        other_sessions(world, browser)
    );
    card(StatusCode::OK, world, "Console session ended", &body)
}

/// Where the ended session came from, as its program said; else our portal.
fn way_back(browser: &ConsoleBrowser) -> String {
    let issuer = browser.issuer().unwrap_or("/start");
    let host = Url::parse(issuer)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    let words = match host {
        Some(host) => format!("Go back to {}", name(&host)),
        None => "Go to the access portal".to_owned(),
    };
    format!(
        "<p><a id=\"issuer\" href=\"{}\" rel=\"noreferrer\">{words}</a></p>\n",
        escape(issuer)
    )
}

/// The address of the page for a session. At AWS a host of its own; one server on this machine has paths instead.
pub(super) fn address(
    browser: &ConsoleBrowser,
    session: &ConsoleSession,
    destination: Option<&Url>,
) -> String {
    let path = if browser.multi_session {
        format!("/console/{}", session.name())
    } else {
        "/console".to_owned()
    };
    match destination {
        None => path,
        Some(url) => format!("{path}?{}", query(&[("destination", url.as_str())])),
    }
}

/// As sentences name it: account and permission set. HTML.
pub(super) fn named(world: &World, session: &ConsoleSession) -> String {
    format!(
        "{} as {}",
        name(account_name(world, session)),
        name(session.role.shown_role())
    )
}

pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// Ends one session and goes on to `then`.
pub(super) fn log_out_address(session: &ConsoleSession, then: &str) -> String {
    let name = session.name();
    let pairs = [
        ("Action", "logout"),
        ("session", name.as_str()),
        ("redirect_uri", then),
    ];
    format!("/oauth?{}", query(&pairs))
}

fn opt_in_address(back: &str) -> String {
    format!("/sessions/v1/opt-in?{}", query(&[("redirect_uri", back)]))
}

fn account_name<'a>(world: &'a World, session: &ConsoleSession) -> &'a str {
    let account = world.account(&session.role.account);
    account.map_or("unknown account", |account| &account.name)
}

fn sessions_section(world: &World, browser: &ConsoleBrowser, current: &ConsoleSession) -> String {
    let row = |session: &ConsoleSession| {
        let here = address(browser, session, None);
        let (text, out) = (named(world, session), log_out_address(session, &here));
        let link = if session.name() == current.name() {
            format!("<a href=\"{here}\" aria-current=\"page\">{text}</a>")
        } else {
            format!("<a href=\"{here}\">{text}</a>")
        };
        format!(
            "<li class=\"row\"><span>{link} <span class=\"quiet small\">{name}</span></span>\
             <a href=\"{}\" class=\"log-out-one\" aria-label=\"Sign out of {name}\">Sign out</a></li>\n",
            escape(&out),
            name = session.name(),
        )
    };
    let rows: String = browser.sessions().iter().map(row).collect();
    format!(
        "<h2 id=\"sessions\">Sessions in this browser: {} of {MOST_SESSIONS}</h2>\n\
         <p class=\"quiet small\">At AWS each has the host shown above; here it has a path.</p>\n\
         <ul class=\"plain\" aria-labelledby=\"sessions\">\n{rows}</ul>\n\
         <p class=\"actions\"><a href=\"/oauth?Action=logout\" id=\"sign-out\">Sign out of all</a>\n\
         <a href=\"{}\" id=\"multi-session\">Multi-session</a></p>\n",
        browser.sessions().len(),
        escape(&opt_in_address(&address(browser, current, None))),
    )
}

/// Nothing if there are none.
fn other_sessions(world: &World, browser: &ConsoleBrowser) -> String {
    let row = |session: &ConsoleSession| {
        let (here, text) = (address(browser, session, None), named(world, session));
        format!("<li><a href=\"{here}\">{text}</a></li>\n")
    };
    let rows: String = browser.sessions().iter().map(row).collect();
    if rows.is_empty() {
        return rows;
    }
    format!("<p>Still signed in:</p>\n<ul id=\"other-sessions\">\n{rows}</ul>\n")
}

/// The region that a console address names in its query, else in its host.
fn region(destination: &Url) -> Option<String> {
    let named = destination
        .query_pairs()
        .find(|(key, _)| key == "region")
        .map(|(_, value)| value.into_owned());
    named.or_else(|| {
        let (region, _) = destination.host_str()?.split_once(".console.")?;
        Some(region.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_comes_from_the_query_or_the_host() {
        let region_of = |url| region(&Url::parse(url).unwrap());
        assert_eq!(
            region_of("https://console.aws.amazon.com/s3/home?region=eu-west-1").as_deref(),
            Some("eu-west-1")
        );
        assert_eq!(
            region_of("https://us-east-2.console.aws.amazon.com/s3").as_deref(),
            Some("us-east-2")
        );
        assert_eq!(region_of("https://console.aws.amazon.com/iam/home"), None);
    }
}
