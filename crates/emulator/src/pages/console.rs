//! The page that stands for the AWS Management Console: it says who is signed in to what.

use axum::http::StatusCode;
use axum::response::Response;
use url::Url;
use url::form_urlencoded;

use super::layout::{card, escape, page};
use crate::federation::ConsoleSession;
use crate::world::World;

/// Shown instead of the destination. Its script puts an address without the sign-in token in the address bar.
pub(crate) fn console_page(world: &World, session: &ConsoleSession, destination: &Url) -> Response {
    let role = &session.role;
    let account_name = world
        .account(&role.account)
        .map_or("unknown account", |account| &account.name);
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("destination", destination.as_str())
        .finish();
    let rows = [
        ("Account", "account", format!("{account_name} ({})", role.account)),
        ("Role", "role", role.permission_set.clone()),
        ("User", "user", role.user.clone()),
        (
            "Region",
            "region",
            region(destination).unwrap_or_else(|| world.region.clone()),
        ),
        ("Destination", "destination", destination.to_string()),
        (
            "Session ends",
            "session-ends",
            session.ends.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        ),
    ];
    let rows: String = rows
        .iter()
        .map(|(label, id, value)| format!("<dt>{label}</dt><dd id=\"{id}\">{}</dd>\n", escape(value)))
        .collect();
    let main = format!(
        "<main class=\"card wide\" data-address=\"/console?{}\">\n<h1>Console of {}</h1>\n\
         <p class=\"quiet\">This page stands for the AWS Management Console.</p>\n<dl>\n{rows}</dl>\n\
         <p class=\"actions\"><a href=\"/oauth?Action=logout\" id=\"sign-out\">Sign out of the console</a></p>\n</main>",
        escape(&query),
        escape(account_name),
    );
    page(
        StatusCode::OK,
        world,
        &format!("Console of {account_name}"),
        &main,
    )
}

/// A browser has one console session: another one may come only after it.
pub(crate) fn log_out_first_page(world: &World, current: &ConsoleSession, wanted: &str) -> Response {
    let account_name = world
        .account(&current.role.account)
        .map_or("an account", |account| &account.name);
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "logout")
        .append_pair("redirect_uri", wanted)
        .finish();
    let body = format!(
        "<p id=\"problem\">You must first log out before logging into a different AWS account.</p>\n\
         <p class=\"quiet\">This browser is signed in to {} as {}.</p>\n\
         <p class=\"actions\"><a class=\"button\" id=\"log-out-and-continue\" href=\"/oauth?{}\">Log out and continue</a></p>\n",
        escape(account_name),
        escape(&current.role.permission_set),
        escape(&query),
    );
    card(StatusCode::OK, world, "Already signed in", &body)
}

pub(crate) fn signed_out_of_console_page(world: &World) -> Response {
    let body = "<p id=\"done\">You are signed out of the console.</p>\n\
                <p><a href=\"/start\">Go to the access portal</a></p>\n";
    card(StatusCode::OK, world, "Signed out", body)
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
