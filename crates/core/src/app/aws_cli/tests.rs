//! What the AWS CLI is told of, and what of its own sign-ins is taken over.

use std::sync::Arc;

use super::*;
use crate::clock::ManualClock;

const CONFIG: &str = "\
[sso-session corp]
sso_start_url = https://acme.awsapps.com/start/
sso_region = EU-west-1
[profile dev]
sso_session = corp
[profile old]
sso_start_url = https://acme.awsapps.com/start#/
sso_region = eu-west-1
[profile elsewhere]
sso_start_url = https://d-1234567890.awsapps.com/start
sso_region = nowhere
[profile none]
sso_start_url = http://acme.example
sso_region = eu-west-1
";

fn shown_of(config: &str, fill: impl FnOnce(&SsoCache)) -> Vec<AwsCliPortal> {
    shown_at(None, config, fill)
}

/// The same with an endpoint in place of AWS.
fn shown_at(endpoint: Option<&str>, config: &str, fill: impl FnOnce(&SsoCache)) -> Vec<AwsCliPortal> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(".aws/config");
    private_files::replace(&path, config.as_bytes()).unwrap();
    let mut variables = vec![("HOME", home.path().to_str().unwrap())];
    variables.extend(endpoint.map(|endpoint| ("PORTRAY_ENDPOINT_URL", endpoint)));
    let environment = Environment::of(&variables);
    let place = Place::of(&environment, None).unwrap();
    fill(place.cache.as_ref().unwrap());
    let clock: SharedClock = Arc::new(ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap()));
    let mut settings = Settings::default();
    settings.add_portal("corp", "https://third.awsapps.com/start", "eu-west-1");
    let found = place.portals().unwrap().into_iter();
    found
        .map(|(cache, portal)| {
            let endpoints = portal.endpoints(&settings, &environment);
            shown(portal, &cache, &settings, endpoints.as_ref(), &clock)
        })
        .collect()
}

fn token(expires_at: &str, start_url: Option<&str>) -> CachedToken {
    CachedToken {
        access_token: Secret::from("aoa"),
        expires_at: expires_at.parse().unwrap(),
        start_url: start_url.map(str::to_owned),
        region: None,
    }
}

#[test]
fn one_portal_in_two_spellings_is_one_with_the_sign_in_that_lasts_longest() {
    let portals = shown_of(CONFIG, |cache| {
        let session = LoginKey::Session("corp".to_owned());
        let older = LoginKey::StartUrl("https://acme.awsapps.com/start#/".to_owned());
        cache
            .write(&session, &token("2026-03-02T12:30:00Z", None))
            .unwrap();
        cache.write(&older, &token("2026-03-02T12:40:00Z", None)).unwrap();
    });
    let [acme, elsewhere] = portals.as_slice() else {
        panic!("{portals:?}");
    };
    assert_eq!(
        (acme.start_url.as_str(), acme.region.as_str()),
        ("https://acme.awsapps.com/start", "eu-west-1")
    );
    assert_eq!((acme.profiles, acme.known), (2, false));
    assert_eq!(acme.name, "acme", "corp is another portal's name here");
    assert_eq!(acme.signed_in_until.unwrap().to_string(), "2026-03-02T12:40:00Z");
    assert!(
        elsewhere
            .problem
            .as_ref()
            .unwrap()
            .what_happened
            .contains("nowhere"),
        "{elsewhere:?}"
    );
}

#[test]
fn r2_a_sign_in_that_has_run_out_or_is_another_portals_is_none_and_told() {
    let run_out = ("2026-03-02T12:00:00Z", None, "has run out");
    let others = (
        "2026-03-02T13:00:00Z",
        Some("https://other.awsapps.com/start"),
        "is another portal's",
    );
    for (expires_at, start_url, said) in [run_out, others] {
        let portals = shown_of(CONFIG, |cache| {
            let session = LoginKey::Session("corp".to_owned());
            cache.write(&session, &token(expires_at, start_url)).unwrap();
        });
        assert_eq!(portals[0].signed_in_until, None);
        let problem = portals[0].problem.as_ref().unwrap();
        assert!(problem.what_happened.contains(said), "{problem:?}");
        assert_eq!(portals[1].signed_in_until, None);
        // One that lives beside it is taken over, and nothing is wrong.
        let portals = shown_of(CONFIG, |cache| {
            let session = LoginKey::Session("corp".to_owned());
            let older = LoginKey::StartUrl("https://acme.awsapps.com/start#/".to_owned());
            let living = token("2026-03-02T12:40:00Z", None);
            cache.write(&session, &token(expires_at, start_url)).unwrap();
            cache.write(&older, &living).unwrap();
        });
        assert!(portals[0].signed_in_until.is_some() && portals[0].problem.is_none());
    }
}

#[test]
fn a_sign_in_of_awss_is_not_taken_to_an_endpoint_in_its_place() {
    const HERE: &str = "http://127.0.0.1:8080";
    let session = "[sso-session corp]\nsso_start_url = https://acme.awsapps.com/start\n\
                   sso_region = eu-west-1\n[profile dev]\nsso_session = corp\n";
    let fill = |cache: &SsoCache| {
        let corp = LoginKey::Session("corp".to_owned());
        cache.write(&corp, &token("2026-03-02T12:30:00Z", None)).unwrap();
    };
    let taken = |config: &str, endpoint| {
        let portals = shown_at(endpoint, config, fill);
        assert_eq!(portals.len(), 1, "the portal itself can be taken over");
        let problem = portals[0].problem.as_ref();
        assert_eq!(problem.is_none(), portals[0].signed_in_until.is_some());
        if let Some(problem) = problem {
            assert!(
                problem.what_happened.contains("http://127.0.0.1:8080/"),
                "{problem:?}"
            );
        }
        problem.is_none()
    };
    assert!(taken(session, None));
    assert!(!taken(session, Some(HERE)));
    assert!(taken(&format!("{session}endpoint_url = {HERE}/\n"), Some(HERE)));
    for elsewhere in [
        "endpoint_url = http://127.0.0.1:8081",
        "endpoint_url = no url",
        "services = half\n[services half]\nsso_oidc =\n  endpoint_url = http://127.0.0.1:8080",
        "endpoint_url = http://127.0.0.1:8080\nignore_configured_endpoint_urls = true",
        "endpoint_url = http://127.0.0.1:8080\n[profile other]\nsso_session = corp",
    ] {
        assert!(
            !taken(&format!("{session}{elsewhere}\n"), Some(HERE)),
            "{elsewhere}"
        );
    }
}

#[test]
fn no_file_has_no_portals_and_one_that_cannot_be_read_is_an_error() {
    let scratch = tempfile::tempdir().unwrap();
    let place = |config: PathBuf| Place { config, cache: None };
    assert!(place(scratch.path().join("absent")).portals().unwrap().is_empty());
    assert!(place(scratch.path().to_owned()).portals().is_err());
}
