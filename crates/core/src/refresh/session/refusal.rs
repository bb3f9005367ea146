//! What it means that AWS refuses a token: it has run out on the way, or the session is over.

use std::sync::Arc;

use super::Session;
use crate::identity_center::{Failure, Priority, Token};
use crate::refresh::RefreshFailure;
use crate::refresh::life::Life;
use crate::refresh::plan::serve_floor;
use crate::refresh::standing::{Ended, SignedIn, Status, WhyEnded};
use crate::token_store::SignIn;

/// With how many tokens one call is tried.
const MOST_TOKENS: u32 = 3;

impl Session {
    /// The token to try with after AWS refused `refused`, the `attempt`th one (from 1) of this call.
    ///
    /// Only a token that was renewed for this call, is the session's own and should be good tells that AWS has ended
    /// the session. One that ran out on the way (in a long listing, in a suspend) tells nothing.
    pub async fn instead_of(
        self: &Arc<Self>,
        refused: &Token,
        attempt: u32,
        failure: Failure,
        waiting: Priority,
    ) -> Result<Token, RefreshFailure> {
        let epoch = self.epoch();
        if attempt > 1 && self.should_be_good(refused) {
            self.ended_by_aws(epoch, WhyEnded::TokenRefused).await;
            return Err(RefreshFailure::SignInNeeded);
        }
        if attempt >= MOST_TOKENS {
            return Err(RefreshFailure::Aws(failure));
        }
        self.refresh(Some(refused), waiting).await
    }

    /// What another process has stored since `refused` was: it has spent that one's refresh token, and nothing is over.
    pub(super) async fn stored_by_another(&self, epoch: u64, refused: &SignIn) -> Option<SignIn> {
        let stored = match self.store.sign_in_anew(self.portal()).await {
            Ok(stored) => stored?,
            Err(failure) => {
                tracing::warn!(%failure, "whether another process has a newer token is not known");
                return None;
            }
        };
        let is_newer = stored.token.issued_at > refused.token.issued_at
            && stored.token.refresh_token != refused.token.refresh_token;
        let life = Life::continues(self.moment(), stored.token.issued_at, stored.token.expires_at);
        let mut status = self.status();
        if !is_newer || self.epoch() != epoch || self.is_retired() {
            return None;
        }
        *status = Status::SignedIn(Box::new(SignedIn::new(stored.clone(), life)));
        Some(stored)
    }

    /// The session of that epoch is over, and not because a person on this machine wanted it.
    pub(super) async fn ended_by_aws(&self, epoch: u64, why: WhyEnded) {
        let epoch = {
            let mut status = self.status();
            if self.epoch() != epoch || self.is_retired() {
                return;
            }
            let at = self.clock.now();
            let was_to_end = match &*status {
                Status::SignedIn(signed_in) => signed_in.session_ends_at,
                Status::NotRead | Status::Unreadable(_) | Status::SignedOut { .. } => None,
            };
            let ended = match was_to_end {
                Some(end) if end <= at => Ended {
                    at: end,
                    why: WhyEnded::ItsTime,
                },
                Some(_) | None => Ended { at, why },
            };
            *status = Status::SignedOut { ended: Some(ended) };
            self.next_epoch()
        };
        self.changed();
        if let Err(failure) = self.forget(epoch).await {
            tracing::warn!(%failure, "a dead token stays in the store");
        }
    }

    /// Whether the token of a sign-in has not run out.
    pub(super) fn is_usable(&self, signed_in: &SignedIn) -> bool {
        signed_in.life.left(self.moment()) > serve_floor(&signed_in.life)
    }

    pub(super) fn should_be_good(&self, token: &Token) -> bool {
        let status = self.status();
        let Status::SignedIn(signed_in) = &*status else {
            return false;
        };
        signed_in.sign_in.token.access_token == token.access_token && self.is_usable(signed_in)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use identity_center_emulator::{Fault, Operation, Trouble};
    use tokio::sync::mpsc;

    use super::*;
    use crate::clock::Clock;
    use crate::identity_center::Meaning;
    use crate::identity_center::tests::{Stage, USER};
    use crate::refresh::scripted::{LIFE, Says, Scripted};
    use crate::refresh::session::leaving::Farewell;
    use crate::refresh::unfinished::Unfinished;
    use crate::token_store::TokenStore;
    use crate::token_store::strict_store::StrictStore;

    const TWO_HOURS: Duration = Duration::from_secs(2 * 3600);

    async fn signed_in(stage: &Stage) -> (Arc<Session>, Token) {
        let (registration, token) = stage.signed_in().await;
        let (changes, _) = mpsc::unbounded_channel();
        let unfinished = Unfinished::default();
        let session = Session::new(stage.center.clone(), TokenStore::memory(), unfinished, changes);
        let sign_in = SignIn {
            token: token.clone(),
            registration,
            signed_in_at: stage.clock.now(),
        };
        session.adopt(sign_in).await.unwrap();
        (Arc::new(session), token)
    }

    fn why_ended(session: &Session) -> Option<WhyEnded> {
        session.view().ended.map(|ended| ended.why)
    }

    fn refusal() -> Failure {
        Failure::new(
            "ListAccounts",
            Meaning::TokenRefused,
            "Session token not found or invalid",
        )
    }

    #[tokio::test]
    async fn r5_tokens_that_run_out_on_the_way_are_replaced_and_end_nothing() {
        let stage = Stage::acme().await;
        let (session, first) = signed_in(&stage).await;
        stage.clock.suspend(TWO_HOURS);
        let second = session.token(Priority::Background).await.unwrap();
        stage.clock.suspend(TWO_HOURS);

        let third = session
            .instead_of(&first, 1, refusal(), Priority::Background)
            .await
            .unwrap();
        assert_ne!(
            third.access_token, second.access_token,
            "that one has run out as well"
        );
        stage.clock.suspend(TWO_HOURS);
        let fourth = session
            .instead_of(&third, 2, refusal(), Priority::Background)
            .await
            .unwrap();

        assert_ne!(fourth.access_token, third.access_token);
        assert!(session.is_signed_in());
        let tokens = stage.emulator.counters().calls(Operation::CreateToken);
        assert_eq!(tokens, 4, "the sign-in, and one for each that had run out");
    }

    #[tokio::test]
    async fn r5_a_good_token_refused_after_a_renewal_is_the_end_of_the_session() {
        let stage = Stage::acme().await;
        let (session, first) = signed_in(&stage).await;
        let second = session
            .instead_of(&first, 1, refusal(), Priority::Background)
            .await
            .unwrap();
        assert!(
            session.is_signed_in(),
            "the first refusal may be about that token alone"
        );

        let ended = session
            .instead_of(&second, 2, refusal(), Priority::Background)
            .await;
        assert_eq!(ended.unwrap_err(), RefreshFailure::SignInNeeded);
        assert!(!session.is_signed_in());
        assert_eq!(why_ended(&session), Some(WhyEnded::TokenRefused));
    }

    #[tokio::test]
    async fn r5_an_ended_session_is_seen_when_its_token_is_to_be_renewed() {
        let stage = Stage::acme().await;
        let (session, first) = signed_in(&stage).await;
        stage.emulator.end_sessions(USER).unwrap();
        let ended = session
            .instead_of(&first, 1, refusal(), Priority::Background)
            .await;
        assert_eq!(ended.unwrap_err(), RefreshFailure::SignInNeeded);
        let ended = session.view().ended.unwrap();
        assert_eq!((ended.at, ended.why), (stage.clock.now(), WhyEnded::NotRenewed));
        // Until somebody signs in, or out.
        session.sign_out().await.unwrap();
        assert_eq!(session.view().ended, None);
    }

    #[tokio::test]
    async fn r5_a_session_whose_time_is_over_or_whose_registration_is_says_so() {
        let stage = Stage::acme().await;
        let (session, _) = signed_in(&stage).await;
        stage.emulator.expire_registrations();
        assert!(session.refresh(None, Priority::Background).await.is_err());
        assert_eq!(why_ended(&session), Some(WhyEnded::Registration));

        let (session, _) = signed_in(&stage).await;
        let end = stage.clock.now() + TWO_HOURS;
        if let Status::SignedIn(signed_in) = &mut *session.status() {
            signed_in.session_ends_at = Some(end);
        }
        stage.clock.suspend(TWO_HOURS * 2);
        stage.emulator.end_sessions(USER).unwrap();
        assert!(session.refresh(None, Priority::Background).await.is_err());
        let ended = Ended {
            at: end,
            why: WhyEnded::ItsTime,
        };
        assert_eq!(session.view().ended, Some(ended));
    }

    #[tokio::test]
    async fn r8_a_new_token_that_logout_does_not_know_is_no_end_of_the_session() {
        let stage = Stage::acme().await;
        let (session, _) = signed_in(&stage).await;
        let unknown = Fault::trouble(Operation::Logout, Trouble::Unauthorized);
        stage.emulator.add_fault(unknown);
        let farewell = session.sign_out().await.unwrap();
        assert!(matches!(farewell, Farewell::Untold { .. }), "{farewell:?}");
        assert_eq!(stage.emulator.counters().calls(Operation::Logout), 2);
    }

    #[tokio::test]
    async fn r3_a_refresh_that_another_one_has_made_needless_spends_no_token() {
        let stage = Stage::acme().await;
        let (session, first) = signed_in(&stage).await;
        let second = session.refresh(Some(&first), Priority::Background).await.unwrap();
        // Somebody found the first one to be old before that, and had no turn until now.
        let late = session.take_off(first, Priority::Background).await.unwrap();
        assert_eq!(late.access_token, second.access_token);
        let tokens = stage.emulator.counters().calls(Operation::CreateToken);
        assert_eq!(tokens, 2, "the sign-in, and one refresh");
    }

    #[tokio::test]
    async fn r5_a_refused_grant_ends_nothing_where_another_process_has_stored_a_newer_one() {
        let stage = Stage::acme().await;
        let keyring = StrictStore::with_limit(64 * 1024);
        let (registration, token) = stage.signed_in().await;
        let process = || {
            let (changes, _) = mpsc::unbounded_channel();
            let store = TokenStore::over_strict(&keyring, Arc::new(stage.clock.clone()));
            Arc::new(Session::new(
                stage.center.clone(),
                store,
                Unfinished::default(),
                changes,
            ))
        };
        let (ours, theirs) = (process(), process());
        let sign_in = SignIn {
            token,
            registration,
            signed_in_at: stage.clock.now(),
        };
        ours.adopt(sign_in).await.unwrap();
        theirs.load().await.unwrap();
        stage.clock.suspend(TWO_HOURS);
        let newer = theirs.refresh(None, Priority::Background).await.unwrap();
        let refused = || {
            Fault::status(Operation::CreateToken, 400)
                .with_body(r#"{"error":"invalid_grant"}"#)
                .with_header("x-amzn-errortype", "InvalidGrantException")
                .times(1)
        };
        stage.emulator.add_fault(refused());
        let taken = ours.token(Priority::Interactive).await.unwrap();
        assert_eq!(
            taken.access_token, newer.access_token,
            "that of the other process"
        );

        // The same after theirs has run out too: it is renewed with what they have stored.
        stage.clock.suspend(TWO_HOURS);
        let newer = theirs.refresh(None, Priority::Background).await.unwrap();
        stage.clock.suspend(TWO_HOURS);
        stage.emulator.add_fault(refused());
        let renewed = ours.token(Priority::Interactive).await.unwrap();
        assert_ne!(renewed.access_token, newer.access_token);
        // What is stored is our own by now: the session is over.
        stage.clock.suspend(TWO_HOURS);
        stage.emulator.add_fault(refused());
        let over = ours.token(Priority::Interactive).await;
        assert_eq!(over.unwrap_err(), RefreshFailure::SignInNeeded);
        assert_eq!(keyring.names(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn r4_a_refresh_that_panics_waits_for_its_pause_like_any_that_failed() {
        let aws = Scripted::open();
        aws.say(Says::Panic);
        let session = aws.session(LIFE).await;
        let crashed = session.refresh(None, Priority::Background).await;
        assert_eq!(crashed.unwrap_err(), RefreshFailure::Panicked);
        assert!(session.facts().unwrap().not_before > Some(aws.clock.elapsed()));
        assert!(session.refresh(None, Priority::Background).await.is_err());
        assert_eq!(aws.calls(), 1);
        aws.say(Says::Number);
        aws.clock.advance(Duration::from_secs(30));
        assert!(session.refresh(None, Priority::Background).await.is_ok());
    }

    #[tokio::test]
    async fn r4_pauses_begin_anew_after_an_attempt_that_somebody_asked_for() {
        let aws = Scripted::open();
        let session = aws.session(LIFE).await;
        let pause_after_failure = async || {
            aws.say(Says::Panic);
            assert!(session.refresh(None, Priority::Background).await.is_err());
            let pause = session.facts().unwrap().not_before.unwrap() - aws.clock.elapsed();
            aws.clock.advance(pause);
            pause.as_secs()
        };
        assert_eq!(pause_after_failure().await, 30);
        assert_eq!(pause_after_failure().await, 60);
        session.forget_failures();
        assert_eq!(pause_after_failure().await, 30);
    }
}
