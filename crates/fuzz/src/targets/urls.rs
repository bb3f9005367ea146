//! Start URLs that people paste, and URLs that AWS's answers name.

use portray_core::console::browsers::{BrowserCommand, permitted};
use portray_core::identity_center::StartUrl;
use portray_core::paths::is_loopback;
use url::Url;

use crate::bounds::bounded;
use crate::scene;

pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    bounded(input, || {
        start_url(&text);
        page(&text);
        browser(&text);
    });
}

fn start_url(text: &str) {
    match StartUrl::parse(text) {
        Ok(url) => {
            let host = Url::parse(&url.0).expect("a start URL is one");
            assert_eq!(host.scheme(), "https");
            assert_eq!(
                StartUrl::parse(&url.0),
                Ok(url.clone()),
                "what was understood stays so"
            );
            assert!(!url.suggested_name().is_empty(), "{url:?} has a name");
            let _ = url.check_region("eu-west-1");
            let mut settings = scene::portal_settings();
            settings.start_url = url.0;
            settings.region = String::new();
            let _ = portray_core::identity_center::Portal::from_settings(&settings, None);
        }
        Err(error) => {
            let said = error.to_string();
            assert!(said.chars().count() < 200, "{said}");
        }
    }
}

/// What a portal's answer names as the page to open, and what is handed to a browser.
fn page(text: &str) {
    let portal = scene::portal();
    if let Ok(url) = Url::parse(text)
        && portal.allows(&url)
    {
        assert_eq!(url.scheme(), "https");
        assert!(url.username().is_empty() && url.password().is_none());
    }
    if let Ok(url) = permitted(text) {
        assert!(url.scheme() == "https" || is_loopback(&url));
        assert!(url.username().is_empty() && url.password().is_none());
    }
}

fn browser(text: &str) {
    let url = Url::parse("https://acme.awsapps.com/start").expect("a URL");
    let lines = BrowserCommand::of_variable(text).unwrap_or_default();
    for line in lines.into_iter().chain(BrowserCommand::parse(text)) {
        let arguments = line.arguments_for(&url);
        assert!(
            arguments.iter().any(|argument| argument.contains(url.as_str())),
            "{line:?}"
        );
    }
}
