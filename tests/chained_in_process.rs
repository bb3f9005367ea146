//! A working day with a role that is assumed from a permission set: the real application on a moved clock.

use std::time::Duration;

use anyhow::{Context, Result};
use harness::Simulation;
use identity_center_emulator::{Fault, Operation, World};
use jiff::SignedDuration;
use portray_core::app::contract::{CredentialsState, MfaCode, ProblemCode, Request};
use portray_core::identity_center::RoleKey;

const STAGING: &str = "444455556666";
const MINUTE: Duration = Duration::from_secs(60);
const SERIAL: &str = "arn:aws:iam::666677778888:mfa/release";

const RELEASE: &str = "
[[chain]]
name = \"release\"
from = \"acme-staging/Deployer\"
role_arn = \"arn:aws:iam::666677778888:role/ReleaseManager\"
external_id = \"acme-releases\"
";

async fn begun(world: World, chain: &str) -> Result<(Simulation, RoleKey)> {
    let day = Simulation::begin(world)?.with_settings(chain).await?;
    day.sign_in("amara").await?;
    let release = RoleKey {
        chain: Some("release".to_owned()),
        ..day.role(STAGING, "Deployer")
    };
    Ok((day, release))
}

#[tokio::test]
async fn r1_for_four_hours_a_further_role_is_fresh_though_aws_ends_it_every_hour() -> Result<()> {
    let (day, release) = begun(World::acme(), RELEASE).await?;
    let ask = async || {
        let asked = day.app.credentials(&release, Duration::ZERO);
        day.while_time_passes(asked).await
    };
    for _ in 0..4 * 12 {
        let credentials = ask().await?;
        let left = day.left(&credentials);
        assert!(left >= SignedDuration::from_mins(15), "{left}");
        day.advance(5 * MINUTE).await;
    }
    let calls = day.emulator.counters();
    assert!(
        calls.calls(Operation::AssumeRole) <= 8,
        "{}",
        calls.calls(Operation::AssumeRole)
    );
    assert!(
        calls.calls(Operation::GetRoleCredentials) <= 4,
        "its source lives for two hours"
    );
    assert_eq!(calls.calls(Operation::GetCallerIdentity), 1);
    day.suspend(Duration::from_secs(2 * 3600)).await;
    assert!(day.left(&ask().await?) >= SignedDuration::from_mins(55));

    day.emulator.add_fault(Fault::status(Operation::AssumeRole, 503));
    day.advance(40 * MINUTE).await;
    assert!(
        day.left(&ask().await?) > SignedDuration::ZERO,
        "what is left is served"
    );
    day.advance(30 * MINUTE).await;
    assert!(ask().await.is_err(), "and nothing that has expired");
    day.emulator.clear_faults();
    day.advance(2 * MINUTE).await;
    assert!(day.left(&ask().await?) >= SignedDuration::from_mins(55));
    assert_eq!(day.shell.opened(), 0);
    Ok(())
}

#[tokio::test]
async fn h5_a_kept_role_that_wants_a_code_is_one_notice_until_somebody_gives_it() -> Result<()> {
    let mut world = World::acme();
    world.amend(&format!(
        "[unsettled]\nmfa_of_role_sessions = true\n[[role]]\naccount = \"acme-prod\"\nname = \"Break\"\n\
         trust = [\"acme-staging\"]\nmfa = {{ serial = \"{SERIAL}\", totp = \"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\" }}\n"
    ))?;
    let chain = RELEASE.replace("ReleaseManager", "Break") + &format!("mfa_serial = \"{SERIAL}\"\n");
    let (day, release) = begun(world, &chain).await?;
    let keep = |on| Request::Keep {
        role: release.clone().into(),
        on,
    };
    day.ask(keep(true)).await?;
    day.advance(3 * 60 * MINUTE).await;
    let notices = || {
        let notices = day.shell.notices.lock().expect("no panic under this lock");
        notices.iter().filter(|notice| notice.key == "mfa-code").count()
    };
    assert_eq!(notices(), 1);
    assert_eq!(day.emulator.counters().calls(Operation::AssumeRole), 0);
    let state = async || -> Result<_> {
        let snapshot = day.snapshot().await?;
        let mut views = snapshot.credentials.iter();
        let view = views.find(|view| view.role.chain.is_some()).context("the role")?;
        Ok((view.state, view.problem.as_ref().map(|problem| problem.code)))
    };
    assert_eq!(
        state().await?,
        (CredentialsState::Failing, Some(ProblemCode::MfaCodeNeeded))
    );
    let code = day.emulator.device_code(SERIAL).context("a device")?;
    day.ask(Request::GiveMfaCode {
        role: release.clone().into(),
        code: MfaCode::new(code),
    })
    .await?;
    assert_eq!(state().await?, (CredentialsState::Fresh, None));
    day.advance(Duration::from_secs(1)).await;
    day.advance(45 * MINUTE).await;
    assert_eq!(notices(), 2, "it cannot be renewed without another code");
    assert_eq!(day.emulator.counters().calls(Operation::AssumeRole), 1);
    Ok(())
}
