//! One process owns the sign-in, however many programs want something of it.

use anyhow::Result;
use futures_util::future::try_join_all;
use harness::{Desktop, EmulatorProcess, NotificationServer, Opener, TrayHost};

use crate::killed::world;
use crate::stage::{SOON, Stage};

const ROLES: [&str; 4] = [
    "111122223333/ReadOnly",
    "111122223333/Developer",
    "222233334444/ReadOnly",
    "acme-prod/ReadOnly",
];

/// How many programs ask at the same time.
const HELPERS: usize = 6;

/// So many come within half a minute.
const REFRESHES: u64 = 6;

#[tokio::test]
async fn r2_application_commands_and_helpers_use_no_refresh_token_twice() -> Result<()> {
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
    ask_for_everything(&stage).await?;

    let counters = stage.emulator.read("counters").await?;
    assert_eq!(counters["reused_refresh_tokens"], 0, "{counters:#}");
    assert_eq!(stage.opener.lines(), Vec::<String>::new());
    Ok(())
}

/// Many tools at once, each for a role and for the state.
async fn ask_for_everything(stage: &Stage) -> Result<()> {
    let portray = stage.portray();
    let tools = (0..HELPERS).map(|number| {
        let (portray, role) = (&portray, ROLES[number % ROLES.len()]);
        async move {
            portray.run(&["credentials", role]).await?.expect_code(0)?;
            portray.status().await
        }
    });
    try_join_all(tools).await?;
    portray.wait_for_portal("signed_in", SOON).await?;
    Ok(())
}
