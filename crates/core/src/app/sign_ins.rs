//! Sign-ins under way: begun, joined, cancelled, ended. At most one a portal.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::app::command::{Began, Command, Reply, SignInWish};
use crate::app::contract::{Answer, ProblemView, SignInMethod, SignInView};
use crate::app::controller::{Controller, answer};
use crate::app::sign_in::Attempt;
use crate::app::{SignInStart, SignInStarted};
use crate::identity_center::{PortalId, Priority};
use crate::refresh::RefreshFailure;
use crate::refresh::session::Session;
use crate::refresh::standing::Standing;

/// The sign-ins that wait for a person.
#[derive(Default)]
pub struct SignIns {
    under_way: BTreeMap<PortalId, UnderWay>,
    attempts: u64,
}

struct UnderWay {
    attempt: u64,
    method: SignInMethod,
    /// The session that lived when it was wanted, and ends for it as soon as AWS has a page for the new one.
    gives_up: Option<Arc<Session>>,
    /// None until there is a page to open.
    began: Option<Began>,
    /// Whether the page is to be opened as soon as there is one.
    open_browser: bool,
    starters: Vec<Reply<SignInStart>>,
    waiters: Vec<oneshot::Sender<Result<(), ProblemView>>>,
    task: AbortHandle,
}

impl SignIns {
    pub fn view(&self, portal: &PortalId) -> Option<SignInView> {
        let under_way = self.under_way.get(portal)?;
        let began = under_way.began.as_ref()?;
        Some(SignInView {
            method: under_way.method,
            user_code: began.user_code.clone(),
            verification_url: began.verification_url.clone(),
            expires_at: began.expires_at,
        })
    }

    pub fn is_under_way(&self, portal: &PortalId) -> bool {
        self.under_way.contains_key(portal)
    }
}

impl Controller {
    pub(super) fn sign_in_for(&mut self, wish: SignInWish, reply: Option<Reply<Answer>>) {
        let (started, begun) = oneshot::channel();
        self.sign_in(wish, started);
        self.spawn(reply, async move {
            match begun.await.map_err(|_| ProblemView::stopping())?? {
                SignInStart::AlreadySignedIn => Ok(Answer::Done),
                SignInStart::Started(SignInStarted {
                    user_code,
                    verification_url,
                    expires_at,
                    ..
                }) => {
                    let method = match user_code {
                        Some(_) => SignInMethod::DeviceCode,
                        None => SignInMethod::Browser,
                    };
                    Ok(Answer::SignIn {
                        view: SignInView {
                            method,
                            user_code,
                            verification_url,
                            expires_at,
                        },
                    })
                }
            }
        });
    }

    pub(super) fn sign_in(&mut self, wish: SignInWish, reply: Reply<SignInStart>) {
        let Some(session) = self.refresh.session(&wish.portal) else {
            return answer(Some(reply), Err(ProblemView::unknown_portal()));
        };
        if session.is_unread() {
            return self.once_read(session, Some(reply), |reply| {
                reply.map(|reply| Command::SignIn { wish, reply })
            });
        }
        if let Some(under_way) = self.sign_ins.under_way.get_mut(&wish.portal)
            && under_way.method == wish.method
        {
            return self.join(&wish, reply);
        }
        if session.is_signed_in() && !wish.force {
            return self.see_that_it_lives(session, wish, reply);
        }
        let replaced = self.end_sign_in(&wish.portal);
        let was_given_up = replaced.as_ref().is_some_and(|it| it.gives_up.is_some());
        let gives_up = (session.is_signed_in() || was_given_up).then(|| session.clone());
        if let Some(replaced) = replaced {
            replaced.end(&Err(ProblemView::sign_in_replaced(&session.portal().name)));
        }
        self.problem = None;
        self.sign_ins.attempts += 1;
        let attempt = Attempt {
            number: self.sign_ins.attempts,
            method: wish.method,
            end_session_first: session.is_signed_in(),
            session,
            store: self.store.clone(),
            clock: self.clock.clone(),
            commands: self.commands.clone(),
        };
        let under_way = UnderWay {
            attempt: attempt.number,
            method: wish.method,
            gives_up,
            began: None,
            open_browser: wish.open_browser,
            starters: vec![reply],
            waiters: Vec::new(),
            task: tokio::spawn(attempt.run()).abort_handle(),
        };
        self.sign_ins.under_way.insert(wish.portal, under_way);
    }

    /// Somebody may be signed in already: the store has not said yet.
    pub(super) fn once_read<R: Send + 'static>(
        &self,
        session: Arc<Session>,
        reply: Option<Reply<R>>,
        next: impl FnOnce(Option<Reply<R>>) -> Option<Command> + Send + 'static,
    ) {
        let read = async move { session.load().await.map_err(ProblemView::store) };
        self.spawn_then(reply, read, |(), reply| next(reply));
    }

    /// Somebody is signed in, which is true only with a token that AWS takes, and that is kept. Where AWS ends the session
    /// over that, the wish is for a new one.
    fn see_that_it_lives(&self, session: Arc<Session>, wish: SignInWish, reply: Reply<SignInStart>) {
        let commands = self.commands.clone();
        tokio::spawn(async move {
            let outcome = match session.token(Priority::Interactive).await {
                Ok(_) => {
                    let saved = session.save_again().await;
                    saved
                        .map(|()| SignInStart::AlreadySignedIn)
                        .map_err(ProblemView::store)
                }
                Err(RefreshFailure::SignInNeeded) => {
                    // Only an application that is ending does not take it.
                    let _ = commands.send(Command::SignIn { wish, reply });
                    return;
                }
                Err(failure) => Err(ProblemView::still_signed_in(&failure, &session.portal().name)),
            };
            answer(Some(reply), outcome);
        });
    }

    /// A second wish for the same sign-in: the same page, opened again where a person wants to see it.
    fn join(&mut self, wish: &SignInWish, reply: Reply<SignInStart>) {
        let Some(under_way) = self.sign_ins.under_way.get_mut(&wish.portal) else {
            return;
        };
        let Some(began) = under_way.began.clone() else {
            under_way.open_browser |= wish.open_browser;
            return under_way.starters.push(reply);
        };
        let (done, finished) = oneshot::channel();
        under_way.waiters.push(done);
        let started = SignInStarted::of(&began, true, under_way.signed_out_of(), finished);
        answer(Some(reply), Ok(SignInStart::Started(started)));
        if wish.open_browser && wish.reopen {
            self.open_page(&wish.portal, &began, None);
        }
    }

    pub(super) fn sign_in_began(&mut self, portal: &PortalId, attempt: u64, began: &Began) {
        let Some(under_way) = self.sign_ins.of_attempt(portal, attempt) else {
            return;
        };
        let signed_out_of = under_way.signed_out_of();
        // Whoever came after the first one has joined it.
        for (place, reply) in under_way.starters.drain(..).enumerate() {
            let (done, finished) = oneshot::channel();
            under_way.waiters.push(done);
            let started = SignInStarted::of(began, place > 0, signed_out_of.clone(), finished);
            answer(Some(reply), Ok(SignInStart::Started(started)));
        }
        under_way.began = Some(began.clone());
        if under_way.open_browser {
            self.open_page(portal, began, None);
        }
    }

    pub(super) fn sign_in_ended(
        &mut self,
        portal: &PortalId,
        attempt: u64,
        outcome: Result<(), ProblemView>,
    ) {
        if self.sign_ins.of_attempt(portal, attempt).is_none() {
            return;
        }
        let Some(under_way) = self.sign_ins.under_way.remove(portal) else {
            return;
        };
        let outcome = outcome.map_err(|problem| under_way.told(problem));
        let heard = under_way.end(&outcome);
        match outcome {
            Ok(()) => {
                self.sign_in_wanted.remove(&portal.0);
                // The list stays until this one's has come, because it mostly is the same person after the end of a
                // session.
                self.replace_sign_in(portal);
                self.refresh.try_again();
                self.sync(portal.clone());
            }
            // Whoever waits says it; a sign-in from tray or notice has nobody who waits.
            Err(_) if heard => {}
            Err(problem) => {
                self.failed_sign_in = Some((portal.clone(), problem.clone()));
                self.problem = Some(problem);
            }
        }
    }

    pub(super) fn cancel_sign_in(&mut self, portal: &PortalId) {
        self.break_off_sign_in(portal, ProblemView::cancelled());
    }

    /// Ends the one that is under way, where one is.
    pub(super) fn break_off_sign_in(&mut self, portal: &PortalId, why: ProblemView) {
        if let Some(ended) = self.end_sign_in(portal) {
            let why = ended.told(why);
            ended.end(&Err(why));
        }
    }

    /// Gives what has ended, of which nobody has been told yet.
    fn end_sign_in(&mut self, portal: &PortalId) -> Option<UnderWay> {
        let under_way = self.sign_ins.under_way.remove(portal)?;
        under_way.task.abort();
        Some(under_way)
    }

    pub(super) fn open_sign_in_page(&mut self, portal: &PortalId, reply: Option<Reply<Answer>>) {
        let began = self
            .sign_ins
            .under_way
            .get(portal)
            .and_then(|under_way| under_way.began.clone());
        match began {
            Some(began) => self.open_page(portal, &began, reply),
            None => answer(reply, Err(ProblemView::cancelled())),
        }
    }

    fn open_page(&self, portal: &PortalId, began: &Began, reply: Option<Reply<Answer>>) {
        let (opener, url) = (self.opener(), began.url.clone());
        let browser = self
            .settings
            .portal(&portal.0)
            .and_then(|portal| portal.sign_in_browser.clone());
        self.spawn(reply, async move {
            opener.open_hidden(url, browser.as_deref()).await?;
            Ok(Answer::Done)
        });
    }
}

impl SignIns {
    fn of_attempt(&mut self, portal: &PortalId, attempt: u64) -> Option<&mut UnderWay> {
        self.under_way
            .get_mut(portal)
            .filter(|under_way| under_way.attempt == attempt)
    }
}

impl UnderWay {
    /// The portal whose session has ended for this sign-in; none where it lives on, or has ended by itself.
    fn signed_out_of(&self) -> Option<String> {
        let session = self.gives_up.as_ref()?;
        (session.view().standing == Standing::SignedOut).then(|| session.portal().name.clone())
    }

    /// Why it has ended without a sign-in, and what that has cost.
    fn told(&self, problem: ProblemView) -> ProblemView {
        match self.signed_out_of() {
            Some(portal) => problem.signed_out_for_it(&portal),
            None => problem,
        }
    }

    /// Tells everybody who waits. False: nobody does.
    fn end(self, outcome: &Result<(), ProblemView>) -> bool {
        let mut heard = false;
        for starter in self.starters {
            let ended = outcome.clone().map(|()| SignInStart::AlreadySignedIn);
            heard |= starter.send(ended).is_ok();
        }
        for waiter in self.waiters {
            heard |= waiter.send(outcome.clone()).is_ok();
        }
        heard
    }
}
