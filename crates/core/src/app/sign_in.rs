//! One sign-in from the registration to the stored token; runs in a task of its own and reports Commands.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::app::command::{Began, Command};
use crate::app::contract::{ProblemView, SignInMethod};
use crate::clock::SharedClock;
use crate::identity_center::browser_flow::Verdict;
use crate::identity_center::{Failure, Flow, Meaning, Registration, Token, Trouble};
use crate::refresh::session::Session;
use crate::supervised::{Panicked, survive_async};
use crate::token_store::{SignIn, StoreFailure, TokenStore};

/// What a sign-in needs.
pub struct Attempt {
    pub number: u64,
    pub method: SignInMethod,
    /// Ends the session that lives before the page is opened: else the new one would inherit its end.
    pub end_session_first: bool,
    pub session: Arc<Session>,
    pub store: TokenStore,
    pub clock: SharedClock,
    pub commands: mpsc::UnboundedSender<Command>,
}

impl Attempt {
    pub async fn run(self) {
        let outcome = survive_async(Box::pin(self.sign_in())).await;
        let outcome = outcome.unwrap_or_else(|Panicked| Err(ProblemView::own_mistake()));
        let portal = self.session.portal().id.clone();
        let _ = self.commands.send(Command::SignInEnded {
            portal,
            attempt: self.number,
            outcome,
        });
    }

    async fn sign_in(&self) -> Result<(), ProblemView> {
        // Whatever cannot be stored later is better learned before a browser opens.
        let registration = self.registration().await?;
        match self.method {
            SignInMethod::Browser => self.in_a_browser(registration).await,
            SignInMethod::DeviceCode => self.with_a_code(registration).await,
        }
    }

    async fn in_a_browser(&self, registration: Registration) -> Result<(), ProblemView> {
        let center = &self.session.center;
        let mut waiting = center
            .begin_browser_sign_in(&registration)
            .await
            .map_err(|failure| self.problem(&failure))?;
        // One request more than a browser makes: a session that is ended for a page that does not come would leave its
        // person without either.
        if self.end_session_first {
            let answers = center.look_at_sign_in_page(&waiting).await;
            answers.map_err(|failure| self.problem(&failure))?;
        }
        self.make_room().await?;
        self.began(Began {
            url: waiting.authorize_url.clone(),
            user_code: None,
            verification_url: None,
            expires_at: self.clock.as_shown(waiting.expires_at),
        });
        match center.finish_browser_sign_in(&mut waiting, &registration).await {
            Ok(token) => {
                let kept = self.keep(registration, token).await;
                waiting.tell(match kept {
                    Ok(()) => Verdict::SignedIn,
                    Err(_) => Verdict::NotKept,
                });
                kept
            }
            Err(failure) => {
                waiting.tell(verdict(&failure));
                self.forget_if_refused(&failure).await;
                Err(self.problem(&failure))
            }
        }
    }

    async fn with_a_code(&self, registration: Registration) -> Result<(), ProblemView> {
        let center = &self.session.center;
        let (registration, waiting) = match center.begin_device_sign_in(&registration).await {
            Ok(waiting) => (registration, waiting),
            Err(failure) if failure.meaning == Meaning::RegistrationRefused => {
                self.forget_if_refused(&failure).await;
                let registration = self.registration().await?;
                let waiting = center.begin_device_sign_in(&registration).await;
                (registration, waiting.map_err(|failure| self.problem(&failure))?)
            }
            Err(failure) => return Err(self.problem(&failure)),
        };
        self.make_room().await?;
        self.began(Began {
            url: waiting.verification_url_complete.clone(),
            user_code: Some(waiting.user_code.clone()),
            verification_url: Some(waiting.verification_url.clone()),
            expires_at: self.clock.as_shown(waiting.expires_at),
        });
        let token = center.finish_device_sign_in(waiting, &registration).await;
        let token = token.map_err(|failure| self.problem(&failure))?;
        self.keep(registration, token).await
    }

    /// AWS answers, and only now the session that lives is given up. Where it cannot be ended, it stays until the new
    /// sign-in takes its place.
    async fn make_room(&self) -> Result<(), ProblemView> {
        if self.end_session_first {
            let left = self.session.make_room().await;
            left.map_err(ProblemView::sign_out)?;
        }
        Ok(())
    }

    /// Stores what AWS gave; from then on the person is signed in.
    async fn keep(&self, registration: Registration, token: Token) -> Result<(), ProblemView> {
        let sign_in = SignIn {
            token: token.clone(),
            registration,
            signed_in_at: self.clock.now(),
        };
        if let Err(failure) = self.session.adopt(sign_in).await {
            // A token that cannot be kept is not left alive either.
            if let Err(failure) = self.session.center.sign_out(&token).await {
                tracing::warn!(%failure, "a token that could not be stored lives on at AWS");
            }
            return Err(ProblemView::store(failure));
        }
        Ok(())
    }

    /// The stored registration while it is good, else a new one, stored for the sign-ins to come.
    async fn registration(&self) -> Result<Registration, ProblemView> {
        let portal = self.session.portal();
        let stored = match self.store.registration(portal, self.flow()).await {
            // Nothing is lost with a registration that nobody understands: a new one takes its place.
            Err(StoreFailure::Corrupt) => None,
            stored => stored.map_err(ProblemView::store)?,
        };
        if let Some(registration) = stored.filter(|registration| registration.usable(self.clock.now())) {
            return Ok(registration);
        }
        let registration = self.session.center.register(self.flow()).await;
        let registration = registration.map_err(|failure| self.problem(&failure))?;
        self.store
            .save_registration(portal, &registration)
            .await
            .map_err(ProblemView::store)?;
        Ok(registration)
    }

    async fn forget_if_refused(&self, failure: &Failure) {
        if failure.meaning != Meaning::RegistrationRefused {
            return;
        }
        if let Err(failure) = self
            .store
            .forget_registration(self.session.portal(), self.flow())
            .await
        {
            tracing::warn!(%failure, "a refused registration stays in the store");
        }
    }

    fn flow(&self) -> Flow {
        match self.method {
            SignInMethod::Browser => Flow::Browser,
            SignInMethod::DeviceCode => Flow::DeviceCode,
        }
    }

    fn began(&self, began: Began) {
        let portal = self.session.portal().id.clone();
        let _ = self.commands.send(Command::SignInBegan {
            portal,
            attempt: self.number,
            began,
        });
    }

    fn problem(&self, failure: &Failure) -> ProblemView {
        ProblemView::sign_in_failed(failure, &self.session.portal().name)
    }
}

/// What the browser's page says of a failure.
fn verdict(failure: &Failure) -> Verdict {
    match failure.meaning {
        Meaning::Unreachable if failure.trouble == Trouble::Answer => Verdict::Failed,
        Meaning::DeniedByPerson => Verdict::Denied,
        Meaning::Unreachable | Meaning::Throttled => Verdict::Unreachable,
        Meaning::TokenRefused
        | Meaning::GrantRefused
        | Meaning::RegistrationRefused
        | Meaning::NotAssigned
        | Meaning::TimedOut
        | Meaning::AdministratorNeeded
        | Meaning::RoleDenied
        | Meaning::KeysRefused
        | Meaning::Invalid => Verdict::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use identity_center_emulator::{Fault, Operation};

    use super::*;
    use crate::clock::Clock;
    use crate::identity_center::Priority;
    use crate::identity_center::tests::Stage;
    use crate::token_store::strict_store::StrictStore;

    #[tokio::test]
    async fn r6_a_registration_that_nobody_understands_is_replaced_by_a_new_one() {
        let stage = Stage::acme().await;
        let keyring = StrictStore::with_limit(64 * 1024);
        let store = || TokenStore::over_strict(&keyring, Arc::new(stage.clock.clone()));
        let attempt = |store: TokenStore| {
            let (changes, _) = mpsc::unbounded_channel();
            let (commands, _) = mpsc::unbounded_channel();
            let unfinished = crate::refresh::unfinished::Unfinished::default();
            let session = Session::new(stage.center.clone(), store.clone(), unfinished, changes);
            Attempt {
                number: 1,
                method: SignInMethod::Browser,
                end_session_first: false,
                session: Arc::new(session),
                store,
                clock: Arc::new(stage.clock.clone()),
                commands,
            }
        };
        let first = attempt(store()).registration().await.unwrap();
        for name in keyring.names() {
            keyring.put(&name, b"not ours".to_vec());
        }
        let second = attempt(store()).registration().await.unwrap();
        assert_ne!(second.client_id, first.client_id);
        let third = attempt(store()).registration().await.unwrap();
        assert_eq!(third, second, "it is stored in the damaged one's place");
    }

    /// Somebody is signed in, and somebody wants a new session.
    struct Scene {
        stage: Stage,
        session: Arc<Session>,
        store: TokenStore,
        token: Token,
    }

    impl Scene {
        async fn signed_in() -> Self {
            let stage = Stage::acme().await;
            let (registration, token) = stage.signed_in().await;
            let (changes, _) = mpsc::unbounded_channel();
            let store = TokenStore::memory();
            let unfinished = crate::refresh::unfinished::Unfinished::default();
            let session = Session::new(stage.center.clone(), store.clone(), unfinished, changes);
            let sign_in = SignIn {
                token: token.clone(),
                registration,
                signed_in_at: stage.clock.now(),
            };
            session.adopt(sign_in).await.unwrap();
            Self {
                stage,
                session: Arc::new(session),
                store,
                token,
            }
        }

        fn attempt(&self, method: SignInMethod) -> (Attempt, mpsc::UnboundedReceiver<Command>) {
            let (commands, heard) = mpsc::unbounded_channel();
            let attempt = Attempt {
                number: 1,
                method,
                end_session_first: true,
                session: self.session.clone(),
                store: self.store.clone(),
                clock: Arc::new(self.stage.clock.clone()),
                commands,
            };
            (attempt, heard)
        }

        async fn is_alive(&self) -> bool {
            let listed = self
                .stage
                .center
                .accounts(&self.token, None, Priority::Interactive);
            self.session.is_signed_in() && listed.await.is_ok()
        }

        fn logouts(&self) -> u64 {
            self.stage.emulator.counters().calls(Operation::Logout)
        }
    }

    #[tokio::test]
    async fn r5_a_new_session_that_cannot_begin_leaves_the_one_that_lives() {
        for (method, operation) in [
            (SignInMethod::DeviceCode, Operation::RegisterClient),
            (SignInMethod::DeviceCode, Operation::StartDeviceAuthorization),
            (SignInMethod::Browser, Operation::RegisterClient),
            (SignInMethod::Browser, Operation::Authorize),
        ] {
            let scene = Scene::signed_in().await;
            scene.stage.emulator.add_fault(Fault::status(operation, 503));
            let (attempt, mut heard) = scene.attempt(method);
            let beginning = tokio::spawn(async move { attempt.sign_in().await });
            while !beginning.is_finished() {
                // Between the tries.
                if scene.stage.clock.next_wake().is_some() {
                    scene.stage.clock.advance(Duration::from_millis(10));
                }
                tokio::task::yield_now().await;
            }
            let problem = beginning.await.unwrap().unwrap_err();
            assert!(heard.try_recv().is_err(), "{method:?} {operation:?}: no page");
            assert_eq!(scene.logouts(), 0, "{method:?} {operation:?}: {problem:?}");
            assert!(scene.is_alive().await, "{method:?} {operation:?}: {problem:?}");
        }
    }

    #[tokio::test]
    async fn r5_the_session_that_lives_is_ended_when_aws_answers_for_a_new_one_and_stays_where_it_cannot_be()
    {
        for (method, is_told) in [
            (SignInMethod::DeviceCode, true),
            (SignInMethod::Browser, true),
            (SignInMethod::DeviceCode, false),
            (SignInMethod::Browser, false),
        ] {
            let scene = Scene::signed_in().await;
            if !is_told {
                scene
                    .stage
                    .emulator
                    .add_fault(Fault::status(Operation::Logout, 503));
            }
            let (attempt, mut heard) = scene.attempt(method);
            let waiting = tokio::spawn(async move { attempt.sign_in().await });
            let began = heard.recv().await;
            assert!(matches!(began, Some(Command::SignInBegan { .. })), "{began:?}");
            waiting.abort();
            assert_eq!(scene.logouts(), 1, "{method:?}");
            assert_eq!(scene.is_alive().await, !is_told, "{method:?}");
        }
    }
}
