//! Sign-in in the browser: what each attempt has of its own, and how it ends.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::*;

fn parameter(url: &Secret, name: &str) -> String {
    let url = Url::parse(url.expose()).unwrap();
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.unwrap().1.into_owned()
}

#[tokio::test]
async fn l3_state_and_verifier_are_drawn_anew_and_the_verifier_stays_here() {
    let stage = Stage::acme().await;
    let registration = stage.center.register(Flow::Browser).await.unwrap();
    let mut drawn = BTreeSet::new();
    for _ in 0..500 {
        let sign_in = stage.center.begin_browser_sign_in(&registration).await.unwrap();
        let url = &sign_in.authorize_url;
        let (state, verifier) = (parameter(url, "state"), sign_in.verifier().expose().clone());
        for secret in [&state, &verifier] {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(secret).unwrap();
            assert!(bytes.len() >= 32, "256 bits at least");
            assert!(drawn.insert(bytes), "never the same twice");
        }
        assert!(!url.expose().contains(&verifier));
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        assert_eq!(parameter(url, "code_challenge"), challenge);
        assert_eq!(parameter(url, "code_challenge_method"), "S256");
    }
    // No bit is always the same: a generator that gives 0 or the time would show here.
    for bit in 0..256 {
        let set = drawn
            .iter()
            .filter(|bytes| bytes[bit / 8] & (1 << (bit % 8)) != 0);
        let set = set.count();
        assert!((300..=700).contains(&set), "bit {bit} is set in {set} of 1,000");
    }
}

#[tokio::test]
async fn l3_a_code_is_exchanged_once_whatever_becomes_of_the_answer() {
    let stage = Stage::acme().await;
    stage.emulator.auto_approve(Some(USER)).unwrap();
    let registration = stage.center.register(Flow::Browser).await.unwrap();
    for lost in [
        Fault::drop(Operation::CreateToken).after_processing(),
        Fault::drop(Operation::CreateToken),
        Fault::status(Operation::CreateToken, 503),
    ] {
        stage.clock.advance(Duration::from_secs(30));
        stage.emulator.add_fault(lost.times(1));
        let before = stage.calls(Operation::CreateToken);
        let mut sign_in = stage.center.begin_browser_sign_in(&registration).await.unwrap();
        // The person loads the page again while the code is exchanged.
        let came_back = [
            stage.browser_comes_back(&sign_in).await,
            stage.browser_comes_back(&sign_in).await,
        ];
        let failure = stage.center.finish_browser_sign_in(&mut sign_in, &registration);
        assert_eq!(failure.await.unwrap_err().meaning, Meaning::Unreachable);
        drop(came_back);
        assert_eq!(stage.calls(Operation::CreateToken) - before, 1);
    }
}

#[tokio::test]
async fn l3_two_portals_at_once_get_no_crossed_codes() {
    let (first, second) = (Stage::acme().await, Stage::acme().await);
    let mut waiting = Vec::new();
    for stage in [&first, &second] {
        stage.emulator.auto_approve(Some(USER)).unwrap();
        let registration = stage.center.register(Flow::Browser).await.unwrap();
        let sign_in = stage.center.begin_browser_sign_in(&registration).await.unwrap();
        waiting.push((sign_in, registration));
    }
    let mut redirects = Vec::new();
    for (stage, (sign_in, _)) in [&first, &second].into_iter().zip(&waiting) {
        redirects.push(stage.redirect(&sign_in.authorize_url).await);
    }
    // Each code comes to the other's listener first, as a confused or hostile page would send it.
    for (own, other) in [(0, 1), (1, 0)] {
        let (port, request) = (redirects[own].0, &redirects[other].1);
        let other_port = redirects[other].0.to_string();
        let request = request.replace(&other_port, &port.to_string());
        let page = send(port, &request).await;
        assert!(page.starts_with("HTTP/1.1 404"), "{page}");
    }
    for (stage, (mut sign_in, registration)) in [&first, &second].into_iter().zip(waiting) {
        let _came_back = stage.browser_comes_back(&sign_in).await;
        let token = stage.center.finish_browser_sign_in(&mut sign_in, &registration);
        let token = token.await.unwrap();
        stage.clock.advance(Duration::from_secs(1));
        let accounts = stage.center.accounts(&token, None, Priority::Interactive).await;
        assert!(accounts.is_ok(), "each has a token of its own portal");
        assert_eq!(stage.calls(Operation::CreateToken), 1);
    }
}

#[tokio::test]
async fn l3_two_sign_ins_at_once_get_no_crossed_codes() {
    let stage = Stage::acme().await;
    stage.emulator.auto_approve(Some(USER)).unwrap();
    let registration = stage.center.register(Flow::Browser).await.unwrap();
    let first = stage.center.begin_browser_sign_in(&registration).await.unwrap();
    let second = stage.center.begin_browser_sign_in(&registration).await.unwrap();
    assert_ne!(first.authorize_url, second.authorize_url);
    for name in ["state", "code_challenge", "redirect_uri"] {
        let [first, second] = [&first, &second].map(|sign_in| parameter(&sign_in.authorize_url, name));
        assert_ne!(first, second);
    }
    let _came_back = [
        stage.browser_comes_back(&second).await,
        stage.browser_comes_back(&first).await,
    ];
    for mut sign_in in [first, second] {
        let token = stage.center.finish_browser_sign_in(&mut sign_in, &registration);
        token.await.unwrap();
    }
}

#[tokio::test]
async fn l3_a_sign_in_is_dead_after_ten_minutes() {
    let stage = Stage::acme().await;
    let registration = stage.center.register(Flow::Browser).await.unwrap();
    let mut sign_in = stage.center.begin_browser_sign_in(&registration).await.unwrap();
    assert_eq!(
        sign_in.expires_at.duration_since(stage.emulator.now()),
        SignedDuration::from_mins(10)
    );
    stage.clock.suspend(Duration::from_secs(590));
    let center = stage.center.clone();
    let waiting =
        tokio::spawn(async move { center.finish_browser_sign_in(&mut sign_in, &registration).await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    stage.clock.advance(Duration::from_secs(30));
    assert_eq!(waiting.await.unwrap().unwrap_err().meaning, Meaning::TimedOut);
}
