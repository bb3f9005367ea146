//! A launch whose person has signed out is refused before anything is looked up or asked, and what is written down is that.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{Simulation, wait_until};
use identity_center_emulator::{Fault, Operation, World};
use portray_core::agent::protocol::{Asker, Operation as Ask, Reply, Target, Terms};
use portray_core::agent::{Client, ClientError};
use portray_core::app::contract::{ProblemCode, ProblemView, Request};
use portray_core::paths::Paths;
use portray_core::programs::Program;
use portray_core::settings::Confirm;
use portray_core::uses::{Door, Use, UseOutcome};

use crate::stage::RELEASE;

const REAL_TIME: Duration = Duration::from_secs(20);

/// The application and its socket.
struct Scene {
    day: Simulation,
    paths: Paths,
}

impl Scene {
    fn of(day: Simulation) -> Result<Self> {
        let paths = day.serve()?;
        Ok(Self { day, paths })
    }

    /// What a client is answered while time passes; its socket lives in real time.
    async fn ask(&self, operation: Ask) -> Result<Result<Reply, ProblemView>> {
        let paths = self.paths.clone();
        let asked = tokio::task::spawn_blocking(move || Client::connect(&paths)?.ask(&operation));
        wait_until("an answer", REAL_TIME, async || {
            self.day.advance(Duration::from_millis(100)).await;
            Ok(asked.is_finished().then_some(()))
        })
        .await?;
        match asked.await? {
            Ok(reply) => Ok(Ok(reply)),
            Err(ClientError::Problem { problem, .. }) => Ok(Err(problem)),
            Err(error) => bail!("{error}"),
        }
    }

    async fn begin(&self, words: &str) -> Result<(Target, Asker)> {
        let role = Target::Words {
            words: words.to_owned(),
        };
        let door = Door::Exec;
        let Ok(Reply::Prepared(prepared)) = self.ask(Ask::Prepare { role, door }).await? else {
            bail!("{words} cannot be had");
        };
        let asker = Asker {
            launch: Some("1f2e3d4c".to_owned()),
            program: Some(Program {
                pid: 7,
                name: "terraform".to_owned(),
                executable: Some("/usr/bin/terraform".to_owned()),
                below: Vec::new(),
            }),
            definition: prepared.definition,
            terms: Some(Terms {
                portal: prepared.role.portal.clone(),
                stay: prepared.stay,
            }),
            ..Asker::through(door)
        };
        Ok((prepared.role.into(), asker))
    }

    async fn credentials(&self, role: &Target, asker: &Asker) -> Result<Result<Reply, ProblemView>> {
        let (role, asker) = (role.clone(), asker.clone());
        let min_ttl_seconds = 0;
        self.ask(Ask::Credentials {
            role,
            min_ttl_seconds,
            asker,
        })
        .await
    }

    /// Asserts that the launch is told that it is over.
    async fn is_over(&self, role: &Target, asker: &Asker) -> Result<()> {
        match self.credentials(role, asker).await? {
            Ok(Reply::Revoked { problem }) => {
                assert_eq!(problem.code, ProblemCode::SignInNeeded);
                ensure!(problem.what_happened.contains("signed out since"), "{problem:?}");
                Ok(())
            }
            other => bail!("it is over: {other:?}"),
        }
    }

    /// The uses, once there are as many as that: they are written down after the answer.
    async fn uses(&self, times: u32) -> Result<Vec<Use>> {
        wait_until("uses", REAL_TIME, async || {
            let uses = self.day.app.uses_view(0, 100).uses;
            let count: u32 = uses.iter().map(|used| used.times).sum();
            Ok((count >= times).then_some(uses))
        })
        .await
    }

    async fn sign_out(&self) -> Result<()> {
        let portal = self.day.portal.0.clone();
        self.day.ask(Request::SignOut { portal }).await
    }
}

#[tokio::test]
async fn r8_a_launch_that_its_person_has_left_is_refused_before_anything_and_written_down_as_that()
-> Result<()> {
    let scene = Scene::of(Simulation::signed_in(World::acme(), "amara").await?)?;
    let (role, asker) = scene.begin("acme-dev/ReadOnly").await?;
    let given = scene.credentials(&role, &asker).await?;
    ensure!(matches!(given, Ok(Reply::Credentials(_))), "{given:?}");
    scene.sign_out().await?;
    let calls = || scene.day.emulator.counters().calls(Operation::GetRoleCredentials);
    let before = calls();
    // Nobody is asked about it either.
    scene.day.app.consumers().set_confirm(Confirm::Always);
    for _ in 0..10 {
        scene.is_over(&role, &asker).await?;
    }
    scene.day.sign_in("ben").await?;
    scene.is_over(&role, &asker).await?;
    assert_eq!(scene.day.app.consumers().questions(), []);
    assert_eq!(calls(), before);
    let uses = scene.uses(12).await?;
    let outcomes: Vec<_> = uses.iter().map(|used| used.outcome).collect();
    assert_eq!(outcomes[0], UseOutcome::HandedOut);
    ensure!(
        outcomes[1..]
            .iter()
            .all(|outcome| *outcome == UseOutcome::Refused),
        "{uses:#?}"
    );
    // Who asks ten times a second floods nothing.
    ensure!(uses.len() <= 4, "{uses:#?}");
    for refused in &uses[1..] {
        assert_eq!(refused.launch.as_deref(), Some("1f2e3d4c"));
        assert_eq!(
            (refused.portal.as_str(), refused.account.as_str()),
            ("acme", "111122223333")
        );
        let reason = refused.reason.as_deref().context("a reason")?;
        ensure!(reason.contains("signed out since"), "{reason}");
    }
    // Whoever begins now goes on with the one who is signed in.
    scene.day.app.consumers().set_confirm(Confirm::Never);
    let (role, asker) = scene.begin("acme-dev/ReadOnly").await?;
    let given = scene.credentials(&role, &asker).await?;
    ensure!(matches!(given, Ok(Reply::Credentials(_))), "{given:?}");
    Ok(())
}

#[tokio::test]
async fn a6_what_was_allowed_to_a_program_does_not_outlive_the_stay_of_who_allowed_it() -> Result<()> {
    let scene = Scene::of(Simulation::signed_in(World::acme(), "amara").await?)?;
    let consumers = scene.day.app.consumers();
    consumers.set_confirm(Confirm::Always);
    for person in ["amara", "ben"] {
        let (role, asker) = scene.begin("acme-dev/ReadOnly").await?;
        let waits = scene.credentials(&role, &asker).await?;
        ensure!(waits.is_err(), "nobody has asked {person}: {waits:?}");
        let questions = consumers.questions();
        consumers.answer(questions.first().context("a question")?.id, true);
        let given = scene.credentials(&role, &asker).await?;
        ensure!(matches!(given, Ok(Reply::Credentials(_))), "{person}: {given:?}");
        scene.sign_out().await?;
        scene.day.sign_in("ben").await?;
    }
    Ok(())
}

#[tokio::test]
async fn r8_the_end_of_a_session_and_another_agent_leave_a_launch_as_it_is() -> Result<()> {
    let mut day = Simulation::signed_in(World::acme(), "amara").await?;
    let stay = |day: &Simulation| day.app.stays().of(&day.portal);
    let began = stay(&day);
    day.emulator.end_sessions("amara")?;
    day.sign_in_again("ben").await?;
    assert_eq!(stay(&day), began, "nobody has ordered that");
    day.restart().await?;
    assert_eq!(stay(&day), began);
    let portal = day.portal.0.clone();
    day.ask(Request::SignOut { portal }).await?;
    let left = stay(&day);
    assert_ne!(left, began);
    day.sign_in("ben").await?;
    day.restart().await?;
    assert_eq!(stay(&day), left);
    Ok(())
}

#[tokio::test]
async fn r8_a_sign_out_while_a_launch_waits_for_aws_is_not_answered_with_what_comes() -> Result<()> {
    let scene = Scene::of(Simulation::signed_in(World::acme(), "amara").await?)?;
    let (_, asker) = scene.begin("acme-dev/ReadOnly").await?;
    // One that is not in memory yet; the emulator's delay is real time.
    let other = Target::Role {
        portal: Some(scene.day.portal.0.clone()),
        portal_region: None,
        account: "111122223333".to_owned(),
        permission_set: "Developer".to_owned(),
    };
    let delay = Fault::delay(Operation::GetRoleCredentials, Duration::from_millis(500));
    scene.day.emulator.add_fault(delay);
    let before = scene.day.network.stirrings();
    let leaving = async {
        let begun = async || Ok((scene.day.network.stirrings() > before).then_some(()));
        wait_until("a call", REAL_TIME, begun).await?;
        scene.day.app.stays().end(&scene.day.portal);
        anyhow::Ok(())
    };
    let (given, left) = tokio::join!(scene.credentials(&other, &asker), leaving);
    left?;
    let given = given?;
    ensure!(matches!(given, Ok(Reply::Revoked { .. })), "{given:?}");
    let calls = scene.day.emulator.counters().calls(Operation::GetRoleCredentials);
    assert_eq!(calls, 2, "it was asked for");
    let uses = scene.uses(1).await?;
    ensure!(
        uses.iter().all(|used| used.outcome == UseOutcome::Refused),
        "{uses:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn a6_what_a_further_role_is_refused_is_written_down_also_where_nobody_is_signed_in() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    let scene = Scene::of(day.with_settings(RELEASE).await?)?;
    let (release, of_launch) = scene.begin("release").await?;
    scene.sign_out().await?;
    scene.is_over(&release, &of_launch).await?;
    // As a profile asks.
    let of_profile = Asker::through(Door::CredentialProcess);
    let named = Target::Chain {
        portal: Some("acme".to_owned()),
        chain: "release".to_owned(),
    };
    let problem = scene
        .credentials(&named, &of_profile)
        .await?
        .err()
        .context("nobody is signed in")?;
    assert_eq!(problem.code, ProblemCode::SignInNeeded);
    let unknown = Target::Chain {
        portal: Some("acme".to_owned()),
        chain: "nothing".to_owned(),
    };
    let unknown = scene.credentials(&unknown, &of_profile).await?;
    ensure!(unknown.is_err(), "{unknown:?}");
    let uses = scene.uses(3).await?;
    let told: Vec<_> = uses
        .iter()
        .map(|used| {
            (
                used.chain.as_deref().unwrap_or_default(),
                used.permission_set.as_str(),
                used.portal.as_str(),
                used.outcome,
            )
        })
        .collect();
    let refused = UseOutcome::Refused;
    let expected = [
        ("release", "Deployer", "acme", refused),
        ("release", "Deployer", "acme", refused),
        ("nothing", "", "acme", refused),
    ];
    assert_eq!(told, expected);
    let assumed = uses[0].assumed.as_ref().context("the role itself")?;
    assert_eq!(assumed.account, "666677778888");
    Ok(())
}
