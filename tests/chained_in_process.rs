//! A working day with a role that is assumed from a permission set: the real application on a moved clock.

use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Simulation, wait_until};
use identity_center_emulator::{Fault, Operation, World};
use jiff::SignedDuration;
use portray_core::agent::protocol::{AgentKind, Target};
use portray_core::agent::{Handler, Host};
use portray_core::app::contract::{CredentialsState, MfaCode, ProblemCode, Request};
use portray_core::identity_center::RoleKey;
use portray_core::paths::SecretStore;

use crate::stage::RELEASE;

const STAGING: &str = "444455556666";
const MINUTE: Duration = Duration::from_secs(60);
const SERIAL: &str = "arn:aws:iam::666677778888:mfa/release";

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

/// The role that a command names while time passes; files are read in real time.
async fn named(day: &Simulation, target: Target) -> Result<Result<RoleKey, ProblemCode>> {
    let host = Host {
        kind: AgentKind::Headless,
        secret_store: SecretStore::Memory,
    };
    let handler = Handler::new(day.app.clone(), host);
    let asked = tokio::spawn(async move { handler.role(&target).await });
    wait_until("an answer", Duration::from_secs(20), async || {
        day.advance(Duration::from_millis(500)).await;
        Ok(asked.is_finished().then_some(()))
    })
    .await?;
    Ok(asked.await?.map_err(|refusal| refusal.problem.code))
}

#[tokio::test]
async fn s2_what_was_saved_a_moment_ago_is_known_before_a_name_is_refused() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    // Nothing looks at the settings by itself so soon.
    day.advance(Duration::from_secs(31)).await;
    let save = |more: &str| -> Result<()> {
        let written = std::fs::read_to_string(day.settings_file())?;
        Ok(std::fs::write(day.settings_file(), written + more)?)
    };
    let words = |words: &str| Target::Words {
        words: words.to_owned(),
    };
    let unknown = named(&day, words("release")).await?;
    assert_eq!(unknown, Err(ProblemCode::WrongUse));
    let before = day.elapsed();
    save(RELEASE)?;
    let release = RoleKey {
        chain: Some("release".to_owned()),
        ..day.role(STAGING, "Deployer")
    };
    assert_eq!(named(&day, words("release")).await?, Ok(release));
    save(&RELEASE.replace("\"release\"", "\"second\""))?;
    let second = Target::Chain {
        portal: None,
        chain: "second".to_owned(),
    };
    assert!(named(&day, second).await?.is_ok());

    let settings = std::fs::read_to_string(day.settings_file())?;
    let renamed = settings.replacen("name = \"acme\"", "name = \"company\"", 1);
    anyhow::ensure!(renamed != settings, "{settings}");
    std::fs::write(day.settings_file(), renamed)?;
    let role = named(&day, words("company:acme-dev/ReadOnly")).await?;
    assert!(role.is_ok(), "{role:?}");
    assert!(
        day.elapsed() - before < Duration::from_secs(25),
        "before the next look"
    );
    Ok(())
}

#[tokio::test]
async fn h5_a_role_whose_account_has_another_name_now_is_kept_no_longer_where_that_is_wished() -> Result<()> {
    let chain = RELEASE.replace("Deployer", "ReadOnly");
    let day = Simulation::begin(World::acme())?.with_settings(&chain).await?;
    day.sign_in("amara").await?;
    let release = |account: &str| RoleKey {
        chain: Some("release".to_owned()),
        ..day.role(account, "ReadOnly")
    };
    let keep = |key: &RoleKey, on| Request::Keep {
        role: key.clone().into(),
        on,
    };
    let (before, now) = (release(STAGING), release("111122223333"));
    let begun = day.app.definition(&before);
    day.ask(keep(&before, true)).await?;
    let kept = async || -> Result<Vec<String>> {
        let snapshot = day.snapshot().await?;
        let kept = snapshot.credentials.iter().filter(|view| view.kept);
        Ok(kept.map(|view| view.role.account.clone()).collect())
    };
    assert_eq!(kept().await?, [STAGING]);

    // An administrator gives the one's name to the other.
    let renamed = r#"{"accountList":[
        {"accountId":"444455556666","accountName":"acme-old","emailAddress":"a@acme.example"},
        {"accountId":"111122223333","accountName":"acme-staging","emailAddress":"b@acme.example"}]}"#;
    let fault = Fault::status(Operation::ListAccounts, 200).with_body(renamed);
    day.emulator.add_fault(fault);
    day.ask(Request::Sync {
        portal: day.portal.0.clone(),
    })
    .await?;
    day.advance(MINUTE).await;
    let words = Target::Words {
        words: "release".to_owned(),
    };
    assert_eq!(named(&day, words).await?, Ok(now.clone()));
    assert_eq!(kept().await?, ["111122223333"]);
    let refused = day.app.is_as_begun(&now, begun.as_deref()).unwrap_err();
    assert_eq!(
        refused.what_happened,
        "“release” is another role by now: at AWS, “acme-staging/ReadOnly” is in another account since this command \
         was started."
    );
    day.ask(keep(&now, false)).await?;
    assert_eq!(kept().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_further_role_is_no_reason_for_a_portal_that_is_not_there() -> Result<()> {
    let day = Simulation::begin(World::acme())?;
    std::fs::write(day.settings_file(), RELEASE)?;
    let release = named(
        &day,
        Target::Words {
            words: "release".to_owned(),
        },
    )
    .await?;
    assert_eq!(release, Err(ProblemCode::WrongUse));
    let problems = day.app.settings_problems();
    assert!(
        problems.faults().is_empty() && problems.missing_portals().is_empty(),
        "{problems:?}"
    );
    Ok(())
}
