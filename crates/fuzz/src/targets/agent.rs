//! Lines that any program of the user may send to the agent, answered by the whole application.

use std::sync::Arc;
use std::time::Duration;

use portray_core::agent::protocol::{AgentKind, Reply, ResponseLine};
use portray_core::agent::{Host, claim};
use portray_core::app::contract::{ProblemView, Request};
use portray_core::app::shell::{Notice, Opening, Shell};
use portray_core::app::tray_menu::Tray;
use portray_core::app::{App, Parts};
use portray_core::clock::ManualClock;
use portray_core::identity_center::HttpStack;
use portray_core::paths::Paths;
use portray_core::role_catalog::{CatalogueFiles, StoredListing};
use portray_core::secret::Secret;
use portray_core::settings::Settings;
use portray_core::token_store::TokenStore;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::bounds::bounded_async;
use crate::scene;
use crate::targets::answers::Scripted;

const STEP: Duration = Duration::from_millis(500);

const SETTINGS: &str = "[[portal]]\nid = \"p-acme\"\nname = \"acme\"\n\
                        start_url = \"https://acme.awsapps.com/start\"\nregion = \"eu-west-1\"\n";

pub fn run(input: &[u8]) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let (environment, paths) = scene::paths_in(home.path());
    std::fs::write(paths.settings(), SETTINGS).expect("the disk is not full");
    let listed = StoredListing {
        listing: Arc::new(scene::listing()),
        unfinished: None,
    };
    let files = CatalogueFiles::of(&paths);
    files
        .save_listing(&scene::portal_id(), listed)
        .expect("the disk is not full");
    let clock = scene::clock();
    bounded_async(input, async {
        let shared = Arc::new(clock.clone());
        let app = App::start(Parts {
            environment,
            settings: Settings::load(&paths.settings(), scene::noon()).expect("good settings"),
            http: HttpStack::with_connector(Scripted::silent(), shared.clone()),
            paths: paths.clone(),
            clock: shared.clone(),
            store: TokenStore::memory(),
            stays: portray_core::stays::Stays::in_memory(),
            shell: Arc::new(NoDesktop),
        });
        let host = Host {
            kind: AgentKind::Headless,
            secret_store: portray_core::paths::SecretStore::Memory,
        };
        let agent = claim(&paths).expect("nobody else is the agent here");
        let agent = tokio::spawn(agent.serve(app.clone(), host, shared));
        ask(&paths, &clock, input).await;
        app.click(Request::Quit);
        scene::while_time_passes(&clock, STEP, app.stopped()).await;
        agent.abort();
    });
}

/// All that is answered before time is up. What waits for a disk or a person for longer is left alone.
async fn ask(paths: &Paths, clock: &ManualClock, input: &[u8]) {
    let stream = UnixStream::connect(paths.socket()).await;
    let (reading, mut writing) = stream.expect("it listens").into_split();
    let mut lines = BufReader::new(reading).lines();
    let exchange = async {
        let send = async {
            // The agent may have had enough.
            let _ = writing.write_all(input).await;
            let _ = writing.shutdown().await;
        };
        let receive = async {
            while let Ok(Some(line)) = lines.next_line().await {
                check(&line);
            }
        };
        tokio::join!(send, receive);
    };
    scene::while_time_passes(clock, STEP, exchange).await;
}

fn check(line: &str) {
    let answer: ResponseLine = serde_json::from_str(line).expect("an answer is one");
    if let Reply::Problem { problem, .. } = answer.reply {
        assert_ne!(problem, ProblemView::own_mistake(), "something panicked");
        assert!(!problem.what_happened.is_empty() && !problem.what_to_do.is_empty());
    }
}

struct NoDesktop;

impl Shell for NoDesktop {
    fn open_url(&self, _url: &Secret, _browser: Option<&str>) -> Opening {
        Box::pin(async { Ok(()) })
    }

    fn show_tray(&self, _tray: &Tray) {}

    fn notify(&self, _notice: &Notice) {}

    fn withdraw(&self, _key: &str) {}

    fn show_window(&self) {}

    fn window_is_shown(&self) -> bool {
        false
    }

    fn quit(&self) {}
}
