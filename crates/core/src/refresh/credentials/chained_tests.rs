//! Further roles against the emulator's STS, on a clock that the test moves.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use identity_center_emulator::{Assignment, Fault, Operation, Trouble, World};
use tokio::sync::mpsc;

use super::RoleCache;
use crate::clock::Clock;
use crate::identity_center::tests::{Stage, USER};
use crate::identity_center::{AccountId, Meaning, RoleCredentials, RoleKey};
use crate::refresh::session::Session;
use crate::refresh::unfinished::Unfinished;
use crate::refresh::{ChainFailure, RefreshFailure, retry};
use crate::role_chain::{Chains, chains};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::token_store::{SignIn, TokenStore};

const MINUTE: Duration = Duration::from_secs(60);
const SERIAL: &str = "arn:aws:iam::666677778888:mfa/release";
const RELEASE: &str = "external_id = \"acme-releases\"";

/// Somebody who is signed in, with the further role `release`.
struct Scene {
    stage: Stage,
    session: Arc<Session>,
    cache: RoleCache,
    key: RoleKey,
}

impl Scene {
    async fn with(world: World, more: &str) -> Self {
        let stage = Stage::of(world).await;
        let (registration, token) = stage.signed_in().await;
        let (changes, _) = mpsc::unbounded_channel();
        let session = Session::new(
            stage.center.clone(),
            TokenStore::memory(),
            Unfinished::default(),
            changes,
        );
        let sign_in = SignIn {
            token,
            registration,
            signed_in_at: stage.clock.now(),
        };
        session.adopt(sign_in).await.unwrap();
        let (changes, _) = mpsc::unbounded_channel();
        let cache = RoleCache::new(stage.center.clock.clone(), changes);
        let key = RoleKey {
            portal: session.portal().id.clone(),
            account: AccountId("444455556666".to_owned()),
            permission_set: "Deployer".to_owned(),
            chain: Some("release".to_owned()),
        };
        let scene = Self {
            stage,
            session: Arc::new(session),
            cache,
            key,
        };
        scene.set(more);
        scene
    }

    async fn acme(more: &str) -> Self {
        Self::with(World::acme(), more).await
    }

    /// What the settings say from now on.
    fn set(&self, more: &str) {
        self.cache.set_chains(self.chains(more));
    }

    fn chains(&self, more: &str) -> Chains {
        let mut text =
            "[[chain]]\nname = \"release\"\nfrom = \"acme-staging/Deployer\"\n".to_owned() + more + "\n";
        if !more.contains("role_arn") {
            text += "role_arn = \"arn:aws:iam::666677778888:role/ReleaseManager\"\n";
        }
        let settings = Settings::parse(text.as_bytes(), Path::new("settings.toml")).unwrap();
        let (chains, faults) = chains(&settings.chains, std::slice::from_ref(self.session.portal()));
        assert_eq!(faults, []);
        chains
    }

    async fn ask(&self) -> Result<RoleCredentials, RefreshFailure> {
        self.cache
            .credentials(&self.session, &self.key, Duration::ZERO)
            .await
    }

    async fn refused(&self) -> ChainFailure {
        match self.ask().await {
            Err(RefreshFailure::Chain(failure)) => failure,
            other => panic!("{other:?}"),
        }
    }

    /// Nothing is in memory, and the limiter lets calls through as at first.
    fn start_anew(&self) {
        self.cache.forget_portal(&self.key.portal);
        self.stage.clock.advance(MINUTE);
    }

    fn calls(&self, operation: Operation) -> u64 {
        self.stage.emulator.counters().calls(operation)
    }

    /// The name of the last session that was assumed, as the log has it.
    fn session_name(&self) -> String {
        let log = self.stage.emulator.audit();
        let last = log
            .iter()
            .rev()
            .find(|event| event.operation == Operation::AssumeRole);
        last.unwrap().request_parameters["roleSessionName"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

#[tokio::test]
async fn a2_a_further_role_is_assumed_once_however_many_ask_and_its_source_is_fetched_once() {
    let scene = Scene::acme(RELEASE).await;
    let all = futures_util::future::join_all((0..100).map(|_| scene.ask())).await;
    let first = all[0].clone().unwrap();
    assert!(all.iter().all(|one| one.as_ref() == Ok(&first)));
    let calls = [
        Operation::GetRoleCredentials,
        Operation::AssumeRole,
        Operation::GetCallerIdentity,
    ];
    assert_eq!(calls.map(|operation| scene.calls(operation)), [1, 1, 1]);
    let left = first.expires_at.duration_since(scene.stage.clock.now());
    assert_eq!(left.as_mins(), 60);
    assert_eq!(scene.session_name(), USER, "named as the portal's user");
    let source = scene.key.source();
    let source = scene
        .cache
        .credentials(&scene.session, &source, Duration::ZERO)
        .await;
    assert_ne!(source.unwrap().access_key_id, first.access_key_id);
    assert_eq!(
        scene.calls(Operation::GetRoleCredentials),
        1,
        "it is in the map, too"
    );
}

#[tokio::test]
async fn r1_a_further_role_is_renewed_with_20_to_25_minutes_left_and_its_source_when_that_is_due() {
    let scene = Scene::acme(RELEASE).await;
    let first = scene.ask().await.unwrap();
    scene.stage.clock.advance(30 * MINUTE);
    assert_eq!(scene.ask().await, Ok(first.clone()));
    scene.stage.clock.advance(10 * MINUTE);
    let due = crate::refresh::plan::plan(
        scene.cache.moment(),
        &[],
        &scene.cache.facts(Duration::MAX, |_| true),
    );
    assert!(due[0].at <= scene.stage.clock.now(), "{due:?}");
    scene.cache.renew(&scene.session, &scene.key).await;
    let second = scene.ask().await.unwrap();
    assert_ne!(second.access_key_id, first.access_key_id);
    assert_eq!(
        scene.calls(Operation::GetRoleCredentials),
        1,
        "two hours are good for more"
    );
    assert_eq!(scene.calls(Operation::GetCallerIdentity), 1);
    scene.stage.clock.advance(60 * MINUTE);
    scene.ask().await.unwrap();
    assert_eq!(scene.calls(Operation::GetRoleCredentials), 2);
    assert_eq!(scene.calls(Operation::AssumeRole), 3);
}

#[tokio::test]
async fn r5_what_the_trust_policy_refuses_says_so_and_is_asked_for_again_only_by_somebody() {
    let scene = Scene::acme("external_id = \"another\"").await;
    let ChainFailure::Denied(Some(said)) = scene.refused().await else {
        panic!("the policy wants another id");
    };
    assert!(
        said.contains("not authorized to perform: sts:AssumeRole"),
        "{said}"
    );
    scene.cache.set_kept(&scene.key, true);
    scene.refused().await;
    assert_eq!(
        scene.calls(Operation::AssumeRole),
        1,
        "it is remembered for a moment"
    );
    scene.stage.clock.advance(10 * MINUTE);
    let facts = scene.cache.facts(Duration::MAX, |_| true);
    let is_tried = |key: &RoleKey| facts.iter().any(|role| role.key == *key && role.obtainable);
    assert!(
        !is_tried(&scene.key),
        "the background does not knock at a closed door"
    );
    scene.refused().await;
    assert_eq!(scene.calls(Operation::AssumeRole), 2);
    scene.set(RELEASE);
    assert!(scene.ask().await.is_ok(), "mended settings need no pause");
}

#[tokio::test]
async fn r8_a_source_that_is_taken_away_takes_the_further_role_with_it() {
    let scene = Scene::acme(RELEASE).await;
    scene.ask().await.unwrap();
    scene
        .stage
        .emulator
        .unassign(&Assignment::group("developers", "Deployer", "444455556666"));
    scene.stage.clock.advance(100 * MINUTE);
    assert_eq!(scene.refused().await, ChainFailure::SourceNotAssigned);
    assert!(scene.cache.is_refused(&scene.key.source()) && !scene.cache.is_refused(&scene.key));
    scene.cache.set_chains(Chains::default());
    scene.stage.clock.advance(2 * retry::REMEMBERED);
    assert_eq!(scene.refused().await, ChainFailure::Gone);
}

#[tokio::test]
async fn r8_signing_out_and_other_terms_void_what_was_assumed() {
    let scene = Scene::acme(RELEASE).await;
    let first = scene.ask().await.unwrap();
    scene.set(&format!(
        "{RELEASE}\nsession_name = \"night\"\nduration = \"15m\""
    ));
    let second = scene.ask().await.unwrap();
    assert_ne!(second, first, "it would have another name");
    assert_eq!(scene.session_name(), "night");
    assert_eq!(
        second
            .expires_at
            .duration_since(scene.stage.clock.now())
            .as_mins(),
        15
    );
    scene.set(&format!(
        "{RELEASE}\nsession_name = \"night\"\nduration = \"15m\""
    ));
    assert_eq!(scene.ask().await, Ok(second), "the same terms change nothing");
    scene.cache.forget_portal(&scene.key.portal);
    scene.session.sign_out().await.unwrap();
    assert_eq!(scene.ask().await, Err(RefreshFailure::SignInNeeded));
}

#[tokio::test]
async fn a_refused_key_is_replaced_once_and_a_throttled_or_silent_sts_is_no_verdict() {
    let scene = Scene::acme(RELEASE).await;
    let refused = |trouble: &str| {
        let body = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>{trouble}</Code><Message>no</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        );
        Fault {
            body: Some(body),
            ..Fault::status(Operation::AssumeRole, 403)
        }
    };
    scene.stage.emulator.add_fault(refused("ExpiredToken").times(1));
    assert!(scene.ask().await.is_ok());
    assert_eq!(
        scene.calls(Operation::GetRoleCredentials),
        2,
        "the source is fetched anew"
    );

    scene.start_anew();
    scene.stage.emulator.add_fault(refused("ExpiredToken"));
    let Err(RefreshFailure::Aws(failure)) = scene.ask().await else {
        panic!("it cannot be had");
    };
    assert_eq!(failure.meaning, Meaning::Unreachable, "only a clock can be wrong");
    for (trouble, meaning) in [
        (Trouble::Throttled, Meaning::Throttled),
        (Trouble::Unavailable, Meaning::Unreachable),
        (Trouble::GarbageJson, Meaning::Unreachable),
    ] {
        scene.stage.emulator.clear_faults();
        scene.start_anew();
        scene
            .stage
            .emulator
            .add_fault(Fault::trouble(Operation::AssumeRole, trouble));
        scene.cache.renew(&scene.session, &scene.key).await;
        let failure = scene.cache.entries().by_role[&scene.key]
            .failed
            .clone()
            .unwrap()
            .failure;
        let RefreshFailure::Aws(failure) = failure else {
            panic!("{trouble:?}: {failure:?}");
        };
        assert_eq!(failure.meaning, meaning, "{trouble:?}");
    }
}

#[tokio::test]
async fn h5_a_code_is_asked_for_without_a_call_works_once_and_is_not_tried_again_by_itself() {
    let mut world = World::acme();
    let role = format!(
        "[[role]]\naccount = \"acme-prod\"\nname = \"Break\"\ntrust = [\"acme-staging\"]\n\
         mfa = {{ serial = \"{SERIAL}\", totp = \"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\" }}\n\
         [unsettled]\nmfa_of_role_sessions = true\n"
    );
    world.amend(&role).unwrap();
    let more = format!("role_arn = \"arn:aws:iam::666677778888:role/Break\"\nmfa_serial = \"{SERIAL}\"");
    let scene = Scene::with(world, &more).await;
    let code = || Secret::new(scene.stage.emulator.device_code(SERIAL).unwrap());
    assert!(scene.cache.wants_code(&scene.key) && !scene.cache.wants_code(&scene.key.source()));
    assert_eq!(scene.refused().await, ChainFailure::CodeNeeded);
    assert_eq!(
        scene.calls(Operation::GetRoleCredentials),
        0,
        "nobody bothers AWS for that"
    );
    assert!(
        scene.cache.views().iter().any(|view| view.key == scene.key),
        "a person sees it"
    );

    let give = async |code: Secret| scene.cache.give_code(&scene.session, &scene.key, code).await;
    let wrong = give("000000".into()).await.unwrap_err();
    assert!(
        matches!(wrong, RefreshFailure::Chain(ChainFailure::CodeRefused(_))),
        "{wrong:?}"
    );
    assert_eq!(
        scene.refused().await,
        ChainFailure::CodeNeeded,
        "the next one is asked at once"
    );
    let first = code();
    give(first.clone()).await.unwrap();
    let credentials = scene.ask().await.unwrap();
    assert_eq!(scene.calls(Operation::AssumeRole), 2);
    assert!(give(first).await.is_err(), "each works once");
    assert_eq!(
        scene.ask().await,
        Ok(credentials.clone()),
        "what was there goes on"
    );

    scene.cache.set_kept(&scene.key, true);
    scene.stage.clock.advance(40 * MINUTE);
    scene.cache.renew(&scene.session, &scene.key).await;
    assert_eq!(scene.ask().await, Ok(credentials), "for as long as it lasts");
    let views = scene.cache.views();
    let view = views.iter().find(|view| view.key == scene.key).unwrap();
    assert_eq!(
        view.failure,
        Some(RefreshFailure::Chain(ChainFailure::CodeNeeded))
    );
    scene.cache.forget_failures();
    let facts = scene.cache.facts(Duration::MAX, |_| true);
    assert!(!facts.iter().any(|role| role.key == scene.key && role.obtainable));
    give(code()).await.unwrap();
    let views = scene.cache.views();
    let view = views.iter().find(|view| view.key == scene.key).unwrap();
    assert_eq!(view.failure, None);
}

#[tokio::test]
async fn tags_and_the_region_reach_aws_and_a_chain_that_aws_cannot_take_is_told() {
    let scene = Scene::acme(&format!(
        "{RELEASE}\ntags = {{ Team = \"blue\" }}\ntransitive_tags = [\"Team\"]\nregion = \"us-east-1\""
    ))
    .await;
    scene.ask().await.unwrap();
    let log = scene.stage.emulator.audit();
    let last = log
        .iter()
        .rfind(|event| event.operation == Operation::AssumeRole)
        .unwrap();
    assert_eq!(last.request_parameters["tags"][0]["value"], "blue");
    assert_eq!(last.request_parameters["transitiveTagKeys"][0], "Team");
    assert_eq!(last.request_parameters["durationSeconds"], 3600);
    let body = "<ErrorResponse><Error><Code>RegionDisabledException</Code><Message>off</Message></Error></ErrorResponse>";
    scene.stage.emulator.add_fault(Fault {
        body: Some(body.to_owned()),
        ..Fault::status(Operation::AssumeRole, 403)
    });
    scene.cache.forget_portal(&scene.key.portal);
    assert!(matches!(scene.refused().await, ChainFailure::Refused(Some(said)) if said.contains("off")));
    let calls = scene.calls(Operation::AssumeRole);
    scene.stage.clock.advance(10 * MINUTE);
    scene.cache.forget_failures();
    scene.refused().await;
    assert_eq!(scene.calls(Operation::AssumeRole), calls + 1);
}
