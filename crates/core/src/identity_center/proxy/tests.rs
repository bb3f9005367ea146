//! Which way a call goes, and what is said of a proxy that does not lead there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::identity_center::{Failure, HttpStack, Meaning};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// A proxy that gives everybody one answer, and what it was asked.
async fn proxy_that_says(answer: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            heard
                .lock()
                .unwrap()
                .push(String::from_utf8_lossy(&head[..length]).into_owned());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, asked)
}

async fn failure_of(variables: &[(&str, &str)], asked: &str) -> Failure {
    let environment = Environment::of(variables);
    let http = HttpStack::of(&environment, None, Box::new(|| None), SystemClock::shared());
    let failure = http.get("test", &url(asked)).await.unwrap_err();
    assert_eq!(failure.meaning, Meaning::Unreachable);
    failure
}

const REFUSES: &str = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn n2_https_goes_through_the_proxy_and_loopback_never() {
    let (proxy, asked) = proxy_that_says(REFUSES).await;
    failure_of(&[("HTTPS_PROXY", &proxy)], "https://portal.invalid/").await;
    let first = asked.lock().unwrap().pop().unwrap();
    assert!(first.starts_with("CONNECT portal.invalid:443 "), "{first}");
    for (asked_for, no_proxy) in [
        ("https://127.0.0.1:9/", ""),
        ("https://localhost:9/", ""),
        ("https://[::1]:9/", ""),
        ("http://127.0.0.1:9/", ""),
        ("https://portal.invalid/", ".invalid"),
        ("https://portal.invalid/", "*"),
    ] {
        failure_of(&[("HTTPS_PROXY", &proxy), ("NO_PROXY", no_proxy)], asked_for).await;
        assert_eq!(*asked.lock().unwrap(), Vec::<String>::new(), "{asked_for}");
    }
}

#[test]
fn n2_exceptions_are_domains_addresses_networks_and_ports() {
    let portal = "https://portal.sso.eu-west-1.amazonaws.com/";
    let rows = [
        (portal, "amazonaws.com", true),
        (portal, ".amazonaws.com", true),
        (portal, "*.amazonaws.com", true),
        (portal, "AMAZONAWS.COM", true),
        (portal, "portal.sso.eu-west-1.amazonaws.com", true),
        (portal, "amazonaws.com:443", true),
        (portal, "amazonaws.com:8443", false),
        (portal, "example.com, amazonaws.com", true),
        (portal, "example.com amazonaws.com", true),
        (portal, "naws.com", false),
        (portal, "eu-west-1.amazonaws", false),
        (portal, "*", true),
        (portal, "", false),
        (portal, ",,", false),
        ("https://10.1.2.3/", "10.0.0.0/8", true),
        ("https://11.1.2.3/", "10.0.0.0/8", false),
        ("https://10.1.2.3/", "10.1.2.3", true),
        ("https://10.1.2.3:8443/", "10.1.2.3:8443", true),
        ("https://10.1.2.3:8443/", "10.1.2.3:443", false),
        ("https://[2001:db8::7]/", "2001:db8::/32", true),
        ("https://[2001:db8::7]/", "2001:db8::7", true),
        ("https://[2001:db8::7]:8443/", "[2001:db8::7]:8443", true),
        ("https://[2001:db8::7]/", "[2001:db8::7]:8443", false),
    ];
    for (asked, exceptions, excepted) in rows {
        assert_eq!(
            is_excepted(exceptions, &url(asked)),
            excepted,
            "{asked} {exceptions}"
        );
    }
}

#[tokio::test]
async fn n2_a_proxy_that_does_not_lead_there_is_named_without_its_password() {
    let rows = [
        (REFUSES, "", "wants a user name and a password"),
        (
            REFUSES,
            "ann:s3cret@",
            "does not accept the user name and the password",
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<html><h1>502</h1></html>",
            "ann:s3cret@",
            "does not lead to portal.invalid",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\n\r\n",
            "",
            "does not lead to portal.invalid",
        ),
        (
            "<html>I am no proxy</html>\r\n\r\n",
            "",
            "does not lead to portal.invalid",
        ),
        ("", "ann:s3cret@", "gave no answer that can be used"),
    ];
    for (answer, user, words) in rows {
        let (address, _) = proxy_that_says(answer).await;
        let proxy = format!("http://{user}{address}");
        let failure = failure_of(&[("https_proxy", &proxy)], "https://portal.invalid/").await;
        assert_eq!(failure.trouble, Trouble::Proxy, "{failure}");
        let said = format!("{failure} {failure:?}");
        assert!(
            said.contains(words) && said.contains(&address) && !said.contains("s3cret"),
            "{words}: {said}"
        );
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let failure = failure_of(&[("ALL_PROXY", &address)], "https://portal.invalid/").await;
    assert_eq!(failure.trouble, Trouble::Proxy);
    let said = failure.detail.unwrap();
    assert!(
        said.contains(&format!("the proxy {address} cannot be reached")) && said.contains("refused"),
        "{said}"
    );
}

#[tokio::test]
async fn n2_nobody_goes_round_a_proxy_that_cannot_be_used() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (name, address) in [
        ("HTTPS_PROXY", "socks5://ann:s3cret@127.0.0.1:9"),
        ("all_proxy", "http://"),
        ("https_proxy", "://s3cret"),
    ] {
        let failure = failure_of(&[(name, address)], "https://portal.invalid/").await;
        assert_eq!(failure.trouble, Trouble::Proxy);
        let said = failure.to_string();
        assert!(said.contains(name) && !said.contains("s3cret"), "{said}");
    }
    drop(target);
}

/// What the system was asked, and its answers.
fn system(answers: &'static [&'static str]) -> (SystemProxy, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let system: SystemProxy = Arc::new(move |asked_for: Url| {
        counted.fetch_add(1, Ordering::SeqCst);
        assert_eq!(
            asked_for.as_str(),
            "https://portal.invalid/",
            "nothing but the host"
        );
        let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
        Box::pin(std::future::ready(answers))
    });
    (system, asked)
}

/// Where the way leads, in words.
async fn way(proxies: &Proxies, asked: &str) -> String {
    match proxies.to(&url(asked)).await {
        Ok(Some(proxy)) => proxy.shown,
        Ok(None) => "straight".to_owned(),
        Err(_) => "nowhere".to_owned(),
    }
}

const ASKED: &str = "https://portal.invalid/token?code=canary#x";

#[tokio::test]
async fn n2_the_systems_proxy_is_taken_where_no_variable_names_one() {
    let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
    type Row = (
        &'static [(&'static str, &'static str)],
        &'static [&'static str],
        &'static str,
    );
    let rows: [Row; 10] = [
        (&[], &["http://corp.example:3128"], "corp.example:3128"),
        (&[], &["http://ann:secret@corp.example:3128"], "corp.example:3128"),
        (
            &[],
            &["socks://corp.example:1080", "http://corp.example:3128"],
            "corp.example:3128",
        ),
        (&[], &["direct://"], "straight"),
        (&[], &[], "straight"),
        (&[], &["socks5://corp.example:1080"], "nowhere"),
        (
            &[("HTTPS_PROXY", "http://own.example")],
            &["http://corp.example:3128"],
            "own.example:80",
        ),
        (&[("HTTPS_PROXY", "")], &["http://corp.example:3128"], "straight"),
        (
            &[("HTTP_PROXY", "http://own.example")],
            &["http://corp.example:3128"],
            "corp.example:3128",
        ),
        (
            &[("no_proxy", "portal.invalid")],
            &["http://corp.example:3128"],
            "straight",
        ),
    ];
    for (variables, answers, expected) in rows {
        let (system, _) = system(answers);
        let environment = Environment::of(variables);
        let proxies = Proxies::of(&environment, Some(system), Arc::new(clock.clone()));
        assert_eq!(way(&proxies, ASKED).await, expected, "{variables:?} {answers:?}");
        assert_eq!(way(&proxies, "https://127.0.0.1:9/").await, "straight");
    }
}

#[tokio::test]
async fn n2_the_system_is_asked_once_a_minute_and_after_a_change_and_not_waited_for() {
    let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
    let (answering, asked) = system(&["http://corp.example:3128"]);
    let proxies = Proxies::of(&Environment::of(&[]), Some(answering), Arc::new(clock.clone()));
    let asked_after = async |change: &dyn Fn()| {
        change();
        assert_eq!(way(&proxies, ASKED).await, "corp.example:3128");
        asked.load(Ordering::SeqCst)
    };
    assert_eq!(asked_after(&|| {}).await, 1);
    assert_eq!(asked_after(&|| clock.advance(Duration::from_secs(59))).await, 1);
    assert_eq!(asked_after(&|| clock.advance(Duration::from_secs(1))).await, 2);
    assert_eq!(asked_after(&|| proxies.forget()).await, 3);

    let silent: SystemProxy = Arc::new(|_| Box::pin(std::future::pending()));
    let proxies = Proxies::of(&Environment::of(&[]), Some(silent), Arc::new(clock.clone()));
    let waiting = tokio::spawn(async move { way(&proxies, ASKED).await });
    tokio::task::yield_now().await;
    clock.advance(PATIENCE);
    assert_eq!(waiting.await.unwrap(), "straight");
}
