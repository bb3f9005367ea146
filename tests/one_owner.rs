//! One process owns the sign-in, however many programs want something of it.

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use harness::{Desktop, EmulatorProcess, NotificationServer, Opener, TrayHost};
use portray_core::agent::protocol::{Asker, Operation, Reply, Target};

use crate::killed::world;
use crate::stage::{SOON, Stage};

const ROLES: [&str; 4] = [
    "111122223333/ReadOnly",
    "111122223333/Developer",
    "222233334444/ReadOnly",
    "acme-prod/ReadOnly",
];

/// What profiles of AWS's tools name.
const HELPED: [(&str, &str); 2] = [("111122223333", "ReadOnly"), ("222233334444", "ReadOnly")];

/// Helpers of SDKs that are started at the same time, and clients that keep a connection to the agent.
const HELPERS: usize = 4;
const CLIENTS: usize = 64;

/// So many come within half a minute.
const REFRESHES: u64 = 6;

#[tokio::test]
async fn r2_application_commands_helpers_and_64_clients_use_no_refresh_token_twice() -> Result<()> {
    let desktop = Desktop::start().await?;
    // Access tokens live for seconds, and a refresh token that is used twice ends the session.
    let world = world(
        &desktop,
        &[
            ("rotation = \"grace\"", "rotation = \"strict\""),
            (
                "access_token_duration = \"1h\"",
                "short_lifetimes = true\naccess_token_duration = \"4s\"",
            ),
        ],
    )?;
    let stage = Stage {
        tray: TrayHost::start(&desktop).await?,
        notifications: NotificationServer::start(&desktop).await?,
        opener: Opener::install(&desktop)?,
        emulator: EmulatorProcess::start(&desktop, &world).await?,
        desktop,
    };
    // A command starts an agent, and the application takes its place while tokens come and go.
    let portray = stage.portray();
    portray.add_portal("acme", stage.emulator.addresses()).await?;
    portray.sign_in(&stage.emulator, "amara").await?;
    ask_for_everything(&stage).await?;
    let application = stage.start().await?;
    ask_for_everything(&stage).await?;
    portray.run(&["agent", "--foreground"]).await?.expect_code(1)?;
    while stage.emulator.calls("CreateToken").await? < REFRESHES {
        ask_for_everything(&stage).await?;
    }
    stage.quit(application).await?;
    // The next command starts an agent.
    portray.run(&["credentials", ROLES[0]]).await?.expect_code(0)?;
    ask_for_everything(&stage).await?;

    let counters = stage.emulator.read("counters").await?;
    assert_eq!(counters["reused_refresh_tokens"], 0, "{counters:#}");
    assert_eq!(stage.opener.lines(), Vec::<String>::new());
    Ok(())
}

/// Many tools at once: helpers as SDKs start them, a person's commands, and clients of the socket.
async fn ask_for_everything(stage: &Stage) -> Result<()> {
    let portray = stage.portray();
    let helpers = (0..HELPERS).map(|number| {
        let (portray, (account, permission_set)) = (&portray, HELPED[number % HELPED.len()]);
        async move {
            let role = ["--account", account, "--permission-set", permission_set];
            let helper = [&["credential-process", "--portal", "acme"][..], &role].concat();
            portray.run(&helper).await?.expect_code(0)
        }
    });
    let clients = (0..CLIENTS).map(|number| {
        let words = ROLES[number % ROLES.len()].to_owned();
        let mut answers = portray.tell(Operation::Credentials {
            role: Target::Words { words },
            min_ttl_seconds: 0,
            asker: Asker::default(),
        });
        async move {
            let answer = answers.next().await?;
            ensure!(
                matches!(answer, Reply::Credentials(_)),
                "no credentials: {answer:?}"
            );
            Ok(())
        }
    });
    let command = async {
        let words = ["credentials", ROLES[0]];
        portray.run(&words).await?.expect_code(0)?;
        portray.status().await
    };
    tokio::try_join!(try_join_all(helpers), try_join_all(clients), command)?;
    portray.wait_for_portal("signed_in", SOON).await?;
    Ok(())
}
