//! Portray over TLS, with a certificate authority of one's own.

use anyhow::{Context, Result};
use harness::{Desktop, EmulatorProcess, Portray, Program, TrayHost};

use crate::stage::{PORTAL, SOON, USER};

#[tokio::test]
async fn n2_with_a_bundle_everything_works_over_tls_and_without_it_nobody_is_signed_out() -> Result<()> {
    let desktop = Desktop::start().await?;
    let tray = TrayHost::start(&desktop).await?;
    let bundle = desktop.folder().join("ca.pem").to_string_lossy().into_owned();
    let mut command = desktop.command(Program::Emulator)?;
    command.args(["--world", "acme", "--tls-port", "0", "--ca-out", &bundle]);
    let emulator = EmulatorProcess::start_command(&desktop, command).await?;
    let endpoint = emulator.addresses().tls_url.clone().context("a TLS port")?;
    let endpoint = endpoint.as_str().trim_end_matches('/');
    let strange = || {
        Portray::with_emulator(&desktop, emulator.addresses()).with_variable("PORTRAY_ENDPOINT_URL", endpoint)
    };
    let trusting = || strange().with_variable("AWS_CA_BUNDLE", &bundle);

    let damaged = desktop.folder().join("company-authorities.pem");
    std::fs::write(&damaged, "no certificate\n")?;
    let damaged = damaged.to_string_lossy().into_owned();
    let portray = strange().with_variable("AWS_CA_BUNDLE", &damaged);
    portray.add_portal(PORTAL, emulator.addresses()).await?;
    let refused = portray.run(&["login", "--device-code"]).await?.expect_code(5)?;
    for part in ["AWS_CA_BUNDLE", &damaged, "holds no certificate"] {
        assert!(refused.stderr.contains(part), "{part}: {refused:?}");
    }
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;

    // Where the agent works, no such file stands.
    std::fs::copy(&bundle, desktop.home().join("company.pem"))?;
    let portray = strange().with_variable("AWS_CA_BUNDLE", "company.pem");
    let login = portray.start(&["login", "--device-code", "--no-browser", "--json"])?;
    let told: serde_json::Value = serde_json::from_str(&login.first_line(SOON).await?)?;
    let code = told["user_code"].as_str().context("a code")?;
    emulator.approve(code, USER).await?;
    login.finished(SOON).await?.expect_code(0)?;
    portray.run(&["accounts"]).await?.expect_code(0)?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;

    let portray = strange();
    portray.wait_for_portal("signed_in", SOON).await?;
    for arguments in [
        &["credentials", "111122223333/ReadOnly"][..],
        &["console", "111122223333/ReadOnly", "--print"],
    ] {
        let refused = portray.run(arguments).await?.expect_code(5)?;
        for part in ["127.0.0.1", "Identity Center emulator CA", "AWS_CA_BUNDLE"] {
            assert!(refused.stderr.contains(part), "{part}: {refused:?}");
        }
    }
    let status = portray.status().await?;
    assert_ne!(status["portals"][0]["state"], "sign_in_needed", "{status:#}");
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;

    let portray = trusting();
    let application = portray.start_application()?;
    let icon = tray.wait_for_item().await?;
    portray.wait_for_portal("signed_in", SOON).await?;
    let role = ["Accounts", "acme-dev", "ReadOnly"];
    tray.wait_for_menu(&icon, "a role in the tray menu", SOON, |menu| menu.has(&role))
        .await?;
    portray
        .run(&["credentials", "acme-dev/ReadOnly"])
        .await?
        .expect_code(0)?;
    let console = portray.run(&["console", "acme-dev/ReadOnly", "--print"]).await?;
    assert!(console.expect_code(0)?.stdout.starts_with(endpoint));
    application.terminate();
    application.finished(SOON).await?.expect_code(0)?;
    Ok(())
}
