//! A script of an SDK that signs in both ways, lists, gets role credentials, says who it is and signs out.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::surroundings::{DEADLINE, PERMISSION_SET, Surroundings, assert_is_read_only_in_dev};

/// Runs the script, which is made anew each time, once with absent members left out of answers and once with null.
pub async fn assert_every_operation(
    surroundings: &Surroundings,
    script: impl Fn() -> Result<Command>,
) -> Result<()> {
    for form in ["omit", "null"] {
        let world = format!("[unsettled]\nabsent_members = \"{form}\"\n");
        surroundings.emulator.amend_world(&world).await?;
        assert_answers_are_understood(surroundings, script()?).await?;
    }
    Ok(())
}

/// Approves the code that the script prints, and looks at what it made of the answers.
async fn assert_answers_are_understood(surroundings: &Surroundings, mut script: Command) -> Result<()> {
    surroundings.emulator.approve_automatically(Some("amara")).await?;
    let addresses = surroundings.addresses();
    script.args([addresses.start_url.as_str(), &addresses.region]);
    let script = surroundings.desktop.start_process("client", script)?;
    let code = script.first_line(DEADLINE).await?;
    surroundings.emulator.approve(&code, "amara").await?;
    let finished = script.finished(DEADLINE).await?.expect_code(0)?;

    let told: Value = serde_json::from_str(finished.stdout.lines().last().context("a last line")?)?;
    assert_is_read_only_in_dev(&told)?;
    assert_eq!(told["expiresIn"], 3_600);
    // Lists came one row a page.
    assert!(told["accounts"].as_u64() > Some(1), "{told}");
    let roles = told["roles"].as_array().context("a list")?;
    assert!(roles.contains(&json!(PERMISSION_SET)), "{told}");
    let seconds = told["secondsOfCredentials"].as_i64().context("a number")?;
    assert!((3_500..=43_200).contains(&seconds), "in milliseconds: {told}");
    // Signing out ends the session, and with it every token of it.
    assert_eq!(told["afterLogout"], "UnauthorizedException");
    Ok(())
}
