//! A whole day in a process of its own, where nothing else takes memory, files or threads.

use std::time::Duration;

use anyhow::{Context, Result};
use harness::Desktop;
use serde_json::Value;

/// Far more than a day takes.
const DEADLINE: Duration = Duration::from_secs(900);

#[tokio::test]
async fn s3_a_day_with_500_credentials_serves_nothing_expired_and_grows_neither_memory_nor_calls()
-> Result<()> {
    let desktop = Desktop::start_with(harness::DesktopOptions::bare()).await?;
    let mut soak = desktop.system_command(env!("CARGO_BIN_EXE_soak"));
    soak.arg("day");
    let lived = desktop.run("soak", soak, DEADLINE).await?.expect_code(0)?;
    let day: Value = lived.json()?;
    let number = |path: &str| {
        let found = day.pointer(path).and_then(Value::as_u64);
        found.with_context(|| format!("no {path} in {day:#}"))
    };
    assert!(number("/seen/served")? > 38_000, "{day:#}");
    for (path, most) in [
        ("/seen/expired", 0),
        ("/seen/short", 0),
        ("/seen/refused", 0),
        ("/reused_refresh_tokens", 0),
        // One in a hundred is refused on purpose.
        ("/refused_on_purpose", 500 * 22 * 2 / 100),
        ("/refused_by_quota", 0),
        ("/pages_opened", 0),
        ("/register_client", 1),
        ("/create_token", 40),
        // 500 roles: once in 35 of 770 waking minutes and a tenth for what fails; all anew after both long sleeps and the
        // sign-in.
        ("/get_role_credentials", 500 * 22 * 11 / 10 + 3 * 500),
        ("/peak", 18),
    ] {
        assert!(number(path)? <= most, "{path} is above {most}: {day:#}");
    }
    assert_eq!(number("/sign_ins")?, 2, "the session ended once: {day:#}");
    let notices = day["notices"].as_array().context("notices")?;
    // The last one: of 500 roles that have run out in a sleep one may be refused twice in a row.
    for (title, most) in [
        ("Your session at acme ends soon", 1),
        ("Sign in to acme again", 1),
        ("This machine's clock is 10 minutes fast.", 1),
        ("This machine's clock is 10 minutes slow.", 1),
        ("Credentials are not being renewed", 2),
    ] {
        let shown = notices.iter().filter(|one| *one == title).count();
        assert!(shown <= most, "{title}, {shown} times: {day:#}");
    }
    assert!(notices.len() <= 6, "{day:#}");
    for path in ["open_files", "threads"] {
        let (before, after) = (
            number(&format!("/settled/{path}"))?,
            number(&format!("/end/{path}"))?,
        );
        assert!(after <= before, "{path} grew: {day:#}");
    }
    let growth = day["memory_growth_per_cent"].as_f64().context("a growth")?;
    assert!(growth < 10.0, "memory grew by {growth:.1} %: {day:#}");
    Ok(())
}
