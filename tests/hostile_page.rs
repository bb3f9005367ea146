//! A page of somebody else's, open in the browser of a person who works with `portray exec`.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};
use harness::{Answer, Canaries, Exec, Person, get_with_authorization};
use serde_json::{Value, json};
use url::Url;

use crate::headless::Headless;

#[path = "hostile_page/network.rs"]
mod network;

use network::{Network, OWN};

const ROLE: &str = "acme-dev/ReadOnly";

/// Nobody listens there, and the system gives it to nobody who asks for any port.
const WRONG_PORT: u16 = 1025;

/// Everything that may change when a role is asked for.
#[derive(Debug, PartialEq)]
struct State {
    status: Value,
    calls: u64,
    opened: usize,
}

/// A command with credentials, and a page that wants them.
struct Scene {
    story: Headless,
    exec: Exec,
    victim: SocketAddr,
    network: Network,
}

impl Scene {
    async fn set() -> Result<Scene> {
        let story = Headless::signed_in().await?;
        // Whole, so that it does not grow while the page is at work.
        let listed = story.portray().run(&["accounts", "--sync"]).await?;
        listed.expect_code(0)?;
        let exec = story.portray().start_exec(ROLE, &["sleep", "600"]).await?;
        let port = exec.endpoint.port().context("an endpoint with a port")?;
        let victim = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Scene {
            network: Network::begin().await?,
            story,
            exec,
            victim,
        })
    }

    /// The endpoint under other names.
    fn under(&self, host: &str, port: u16) -> String {
        format!("http://{host}:{port}{}", self.exec.endpoint.path())
    }

    /// The page at `origin`, which knows these addresses, and even the token.
    fn page(&self, origin: &str, targets: &[String]) -> Result<Url> {
        let mut page = Url::parse(origin)?;
        let knows = json!({ "targets": targets, "token": self.exec.token });
        page.set_fragment(Some(&knows.to_string()));
        Ok(page)
    }

    /// What a tool gets that does as it should.
    async fn ask_properly(&self) -> Result<Answer> {
        get_with_authorization(&self.exec.endpoint, &self.exec.token).await
    }

    async fn state(&self) -> Result<State> {
        Ok(State {
            status: self.story.portray().status().await?,
            calls: self.story.emulator.calls("GetRoleCredentials").await?,
            opened: self.story.opener.count(),
        })
    }

    /// Fails where anything of the role's credentials is in the report, with proof that it would be found.
    async fn ensure_no_credentials(&self, report: &str) -> Result<()> {
        let canaries = Canaries::of(&self.story.emulator).await?;
        let answer = self.ask_properly().await?;
        let found = canaries.found_in(answer.body.as_bytes());
        ensure!(
            answer.status == 200 && found.contains("secret_access_key") && found.contains("session_token"),
            "{answer:?}"
        );
        let key = answer.json()?["AccessKeyId"]
            .as_str()
            .context("a key's id")?
            .to_owned();
        let found = canaries.found_in(report.as_bytes());
        ensure!(
            found.is_empty() && !report.contains(&key),
            "{found:?} in {report}"
        );
        Ok(())
    }
}

/// Lets the open page do what it can, and gives all that it has learned.
async fn report(person: &Person) -> Result<(String, Value)> {
    person.click("#begin").await?;
    let text = person.wait_for_text("body#done #report", "learned").await?;
    let report = serde_json::from_str(&text)?;
    Ok((text, report))
}

#[tokio::test]
async fn h3_a_page_of_another_origin_learns_nothing_even_with_port_and_token() -> Result<()> {
    let scene = Scene::set().await?;
    let before = scene.state().await?;
    let person = Person::at(&scene.story.desktop).await?;
    let right = scene.victim.port();
    let [endpoint, wrong] = [right, WRONG_PORT].map(|port| scene.under("127.0.0.1", port));
    let names = ["localhost", "rebound.localhost"].map(|host| scene.under(host, right));
    let targets = [&[endpoint.clone(), wrong.clone()], &names[..]].concat();
    let origin = format!("http://{}/", scene.network.server);
    person.open(&scene.page(&origin, &targets)?).await?;
    let (text, report) = report(&person).await?;

    scene.ensure_no_credentials(&text).await?;
    assert_eq!(
        report["own"],
        format!("basic 200 {OWN}"),
        "the page can read its own server"
    );
    let learned = &report["learned"];
    assert_eq!(
        learned.as_object().map(serde_json::Map::len),
        Some(targets.len()),
        "{learned:#}"
    );
    for target in &targets {
        let said = |attempt: &str| learned[target][attempt].as_str().unwrap_or_default();
        for attempt in [
            "fetch",
            "fetch_with_the_token",
            "script",
            "image",
            "web_socket",
            "events",
        ] {
            assert!(
                said(attempt).starts_with("failed: "),
                "{attempt} of {target}: {learned:#}"
            );
        }
        let is_there = said("fetch_without_cors") == "opaque 0 ";
        assert_eq!(
            is_there,
            *target != wrong,
            "whether somebody answered: {learned:#}"
        );
    }
    assert_eq!(scene.state().await?, before, "the agent is as it was");
    person.leave().await
}

#[tokio::test]
async fn h3_a_page_whose_name_is_bound_to_this_machine_again_reads_a_refusal() -> Result<()> {
    let scene = Scene::set().await?;
    let before = scene.state().await?;
    let proxy = format!("--proxy-server=socks5://{}", scene.network.proxy);
    let person = Person::with_arguments(&scene.story.desktop, &[&proxy]).await?;
    let origin = format!("http://rebound.test:{}/", scene.victim.port());
    let endpoint = scene.under("rebound.test", scene.victim.port());
    person
        .open(&scene.page(&origin, std::slice::from_ref(&endpoint))?)
        .await?;
    scene.network.rebind(scene.victim);
    let (text, report) = report(&person).await?;

    scene.ensure_no_credentials(&text).await?;
    assert!(
        !text.contains(OWN),
        "the page's own server is out of reach now: {text}"
    );
    let learned = &report["learned"][&endpoint];
    for attempt in ["fetch", "fetch_with_the_token", "form_get", "form_post", "frame"] {
        let said = learned[attempt].as_str().unwrap_or_default();
        assert!(
            said.contains("This address is not served here"),
            "{attempt}: {learned:#}"
        );
    }
    assert_eq!(scene.state().await?, before, "the agent is as it was");
    person.leave().await
}
