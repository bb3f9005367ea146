//! The engine in a world that a schedule moves, and what must hold of all that it does.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::SignedDuration;
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};
use tokio::sync::mpsc;

use super::company::{Call, Company, Mood};
use super::pauses::{LONGEST, Pauses, TURN};
use super::quiet::settle;
use super::{Day, MINUTE, Step};
use crate::clock::corrected::CorrectedClock;
use crate::clock::{Clock, ManualClock, SharedClock};
use crate::identity_center::{AccountId, HttpStack, IdentityCenter, Portal, RoleCredentials, RoleKey};
use crate::refresh::life::Moment;
use crate::refresh::plan::{TokenFacts, serve_floor};
use crate::refresh::session::Session;
use crate::refresh::{Refresh, RefreshFailure, runner};
use crate::settings::Settings;
use crate::token_store::TokenStore;

/// The engine in a world that the schedule moves.
pub struct Engine {
    machine: ManualClock,
    clock: SharedClock,
    company: Company,
    refresh: Refresh,
    pub session: Arc<Session>,
    before: Moment,
    role_life: Duration,
    token_life: Duration,
    /// The monotonic time since which nothing has failed and nobody has touched the clock.
    well_since: Duration,
    /// The monotonic times at which attempts at a token may start over.
    resets: Vec<Duration>,
    /// The monotonic times from when until when somebody asked while the token had nearly run out.
    asks: Vec<RangeInclusive<Duration>>,
    /// How often somebody has set the machine's clock.
    jumps: usize,
    /// By how much in all it was set forward: nobody can tell that from a suspend, so everything seems as much older.
    set_forward: SignedDuration,
    calls_before_jump: usize,
}

/// Credentials at the moment in which a tool got them.
struct Served {
    /// What is really left of them.
    left: SignedDuration,
    /// What the tool is told.
    said: SignedDuration,
    /// How many calls there had been.
    calls: usize,
}

impl Served {
    fn now(credentials: &RoleCredentials, company: &Company, clock: &SharedClock) -> Self {
        Self {
            left: company.left(&credentials.access_key_id),
            said: credentials.expires_at.duration_since(clock.now()),
            calls: company.calls().len(),
        }
    }
}

impl Engine {
    pub fn new(day: &Day) -> Self {
        let machine = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let (token_life, role_life) = (
            Duration::from_secs(day.token_life),
            Duration::from_secs(day.role_life),
        );
        let company = Company::new(&machine, token_life, role_life);
        let http = HttpStack::with_connector(company.clone(), Arc::new(machine.clone()));
        let clock = CorrectedClock::shared(Arc::new(machine.clone()), http.skew.clone());
        let mut settings = Settings::default();
        let portal = settings.add_portal("acme", "https://acme.awsapps.com/start", "eu-west-1");
        let portal = Portal::from_settings(portal, None).unwrap();
        let (changes, _) = mpsc::unbounded_channel();
        let refresh = Refresh::new(clock.clone(), TokenStore::memory(), changes);
        let session = refresh.add_portal(IdentityCenter::new(portal, &http, clock.clone()));
        Self {
            before: Moment::of(&*clock),
            machine,
            clock,
            company,
            refresh,
            session,
            role_life,
            token_life,
            well_since: Duration::ZERO,
            resets: Vec::new(),
            asks: Vec::new(),
            jumps: 0,
            set_forward: SignedDuration::ZERO,
            calls_before_jump: 0,
        }
    }

    pub async fn live(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Advance(share) => {
                let span = self.role_life.mul_f64(*share);
                let is_well = self.company.mood() == Mood::Answers;
                self.advance(if is_well { span } else { span.min(30 * MINUTE) })
                    .await?;
            }
            Step::Suspend(share) => {
                // There was a tick in the half minute before.
                self.look();
                self.machine.suspend(self.role_life.mul_f64(*share));
                self.starts_over();
                self.advance(Duration::ZERO).await?;
            }
            Step::Jump(by, asks) => self.jump(SignedDuration::from_secs(*by), *asks).await?,
            Step::Mood(mood) => {
                self.company.set_mood(*mood);
                self.well_since = self.clock.elapsed();
            }
            Step::Request(number) => self.request(*number).await?,
            Step::Crowd(size) => self.crowd(*size).await?,
            Step::Insist(times) => {
                for _ in 0..*times {
                    self.request(0).await?;
                    self.advance(Duration::from_secs(1)).await?;
                }
            }
            Step::TryAgain => {
                self.refresh.try_again();
                self.starts_over();
            }
            Step::SignOut => {
                self.refresh.roles.forget_portal(&self.session.portal().id);
                let session = self.session.clone();
                let done = self.finish(async move { session.sign_out().await }).await?;
                prop_assert!(done.is_ok(), "{done:?}");
                // What had begun ends, and nothing is kept of it.
                self.advance(10 * Duration::from_secs(1)).await?;
            }
            Step::SignIn => self.sign_in().await?,
        }
        Ok(())
    }

    pub async fn sign_in(&mut self) -> Result<(), TestCaseError> {
        let sign_in = self.company.sign_in(self.clock.now());
        prop_assert!(self.session.adopt(sign_in).await.is_ok());
        self.refresh.roles.resume_portal(&self.session.portal().id);
        self.refresh.try_again();
        self.starts_over();
        Ok(())
    }

    /// Lives that are shorter than any of AWS's are shorter than the error that a clock is granted.
    async fn jump(&mut self, by: SignedDuration, asks: Option<u8>) -> Result<(), TestCaseError> {
        if self.role_life < 15 * MINUTE {
            return Ok(());
        }
        self.look();
        self.company.set_machine(by);
        self.jumps += 1;
        self.set_forward += by.max(SignedDuration::ZERO);
        self.calls_before_jump = self.company.calls().len();
        self.starts_over();
        if let Some(number) = asks {
            self.request(number).await?;
        }
        self.advance(Duration::ZERO).await?;
        self.starts_over();
        Ok(())
    }

    fn starts_over(&mut self) {
        self.well_since = self.clock.elapsed();
        self.resets.push(self.clock.elapsed());
    }

    fn look(&mut self) -> Option<Duration> {
        let (moment, next) = runner::look(&self.refresh, self.before, Duration::MAX);
        self.before = moment;
        next
    }

    async fn advance(&mut self, span: Duration) -> Result<(), TestCaseError> {
        self.before = advance(&self.refresh, &self.machine, self.before, span).await?;
        Ok(())
    }

    /// Lets time pass until it is done.
    async fn finish<F>(&self, work: F) -> Result<F::Output, TestCaseError>
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let task = tokio::spawn(work);
        for _ in 0..2_000 {
            settle().await;
            if task.is_finished() {
                return task
                    .await
                    .map_err(|panicked| TestCaseError::fail(panicked.to_string()));
            }
            self.machine.advance(Duration::from_millis(100));
        }
        Err(TestCaseError::fail("no answer in 200 seconds"))
    }

    fn asked(
        &self,
        number: u8,
    ) -> impl Future<Output = Result<RoleCredentials, RefreshFailure>> + Send + use<> {
        let key = RoleKey {
            portal: self.session.portal().id.clone(),
            account: AccountId("111122223333".to_owned()),
            permission_set: format!("Set{number}"),
            chain: None,
        };
        let (roles, session) = (self.refresh.roles.clone(), self.session.clone());
        async move { roles.credentials(&session, &key, Duration::ZERO).await }
    }

    async fn request(&mut self, number: u8) -> Result<(), TestCaseError> {
        let answers_since =
            |pause| self.company.mood() == Mood::Answers && self.clock.elapsed() >= self.well_since + pause;
        // The longest pause of a token, and a clock that has been read.
        let is_well = answers_since(6 * MINUTE);
        // A failure is the answer for five seconds, or for as long as AWS asked to wait.
        let is_back = answers_since(Duration::from_secs(6)) && self.clock.elapsed() >= self.wished_until();
        let is_signed_in = self.session.is_signed_in();
        let before = self.company.calls().len();
        let answer = self.noted(self.asked(number)).await?;
        match answer {
            Ok(credentials) => {
                let left = self.served(&credentials)?;
                let enough = (15 * MINUTE).min(self.role_life.mul_f64(0.35));
                let enough = SignedDuration::try_from(enough).unwrap() - self.granted();
                prop_assert!(!is_well || left >= enough, "r1: {left:#} left though AWS answers");
                prop_assert!(is_signed_in, "r8: served though nobody is signed in");
            }
            Err(RefreshFailure::SignInNeeded) => {
                prop_assert!(!is_signed_in, "t4: signed out without cause");
                prop_assert_eq!(self.company.calls().len(), before, "AWS was asked for nobody");
            }
            Err(failure) => prop_assert!(!is_back, "t2: {failure} though AWS answers again"),
        }
        Ok(())
    }

    /// Until when AWS asked at the latest not to be asked.
    fn wished_until(&self) -> Duration {
        let calls = self.company.calls().into_iter();
        let wishes = calls.filter_map(|call| Some(call.at + call.wish?.min(LONGEST) + TURN));
        wishes.max().unwrap_or_default()
    }

    /// Somebody asks.
    async fn noted<F>(&mut self, asking: F) -> Result<F::Output, TestCaseError>
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let (begun, was_spent) = (self.clock.elapsed(), self.is_spent());
        let answer = self.finish(asking).await?;
        if was_spent || self.is_spent() {
            // Whoever has an old answer in time does not wait for the new one.
            self.asks.push(begun..=self.clock.elapsed() + TURN);
        }
        Ok(answer)
    }

    /// Whether the token has run out, or nearly.
    fn is_spent(&self) -> bool {
        let facts = self.session.facts();
        facts.is_some_and(|TokenFacts { life, .. }| {
            life.left(Moment::of(&*self.clock)) <= serve_floor(&life) + TURN
        })
    }

    async fn crowd(&mut self, size: u8) -> Result<(), TestCaseError> {
        let all = join_all((0..size).map(|number| {
            let (asked, company, clock) = (self.asked(number), self.company.clone(), self.clock.clone());
            async move { Some(Served::now(&asked.await.ok()?, &company, &clock)) }
        }));
        for served in self.noted(all).await?.into_iter().flatten() {
            self.judge(&served)?;
        }
        Ok(())
    }

    /// What is really left of credentials that a tool is given now.
    fn served(&self, credentials: &RoleCredentials) -> Result<SignedDuration, TestCaseError> {
        let served = Served::now(credentials, &self.company, &self.clock);
        self.judge(&served)?;
        Ok(served.left)
    }

    fn judge(&self, served: &Served) -> Result<(), TestCaseError> {
        let Served { left, said, calls } = served;
        prop_assert!(
            *left > SignedDuration::ZERO,
            "r1: an expired one was served, {left:#}"
        );
        prop_assert!(
            *said <= *left + self.granted(),
            "t4: {said:#} are said to be left of {left:#}, which a tool would count on"
        );
        // One answer contradicts, the next one confirms.
        let all = self.company.calls();
        let answers = all[self.calls_before_jump.min(*calls)..*calls]
            .iter()
            .filter(|call| call.answered);
        prop_assert!(
            answers.count() < 2 || *left - *said <= self.granted() + self.set_forward,
            "t4: {said:#} are said to be left of {left:#}"
        );
        Ok(())
    }

    /// By how much a clock may be off that is taken to be right.
    fn granted(&self) -> SignedDuration {
        SignedDuration::from_secs(if self.jumps > 0 { 32 } else { 1 })
    }

    /// R4 and S1, of all that was asked.
    pub fn look_back(&self) -> Result<(), TestCaseError> {
        let calls = self.company.calls();
        let pauses = Pauses {
            first: Duration::from_secs(30).min(self.token_life / 4),
            starts_over: [self.resets.clone(), self.company.refusals()].concat(),
            asks: self.asks.clone(),
        };
        let hasty = pauses.hasty(&calls);
        // A clock that was set makes tokens look older than they are until AWS's dates are believed: they are replaced.
        prop_assert!(
            hasty.len() <= 2 * self.jumps,
            "r4: pauses after so many failures: {hasty:?}"
        );
        let impatient = pauses.impatient(&calls);
        prop_assert!(
            impatient.is_empty(),
            "r4: asked again sooner than AWS wanted: {impatient:?}"
        );
        is_within_the_quota(&calls)
    }
}

/// Time goes on to what is due next, again and again.
pub async fn advance(
    refresh: &Refresh,
    machine: &ManualClock,
    before: Moment,
    span: Duration,
) -> Result<Moment, TestCaseError> {
    let end = machine.elapsed() + span;
    let mut before = before;
    for _ in 0..20_000 {
        (before, _) = runner::look(refresh, before, Duration::MAX);
        settle().await;
        let (moment, next) = runner::look(refresh, before, Duration::MAX);
        before = moment;
        settle().await;
        let left = end.saturating_sub(machine.elapsed());
        if left.is_zero() {
            return Ok(before);
        }
        // To the moment in which something is due or a sleep ends, and never past one: so nothing hangs on what else
        // happens. What is due and cannot begin yet is looked at again.
        let wakes = machine.next_wake().map(|at| at.saturating_sub(machine.elapsed()));
        let later = [next, wakes]
            .into_iter()
            .flatten()
            .filter(|pause| !pause.is_zero());
        let waiting = next.map_or(left, |_| Duration::from_millis(10));
        machine.advance(later.min().unwrap_or(waiting).min(left));
    }
    Err(TestCaseError::fail("there is no end of things to do"))
}

fn is_within_the_quota(calls: &[Call]) -> Result<(), TestCaseError> {
    for (number, first) in calls.iter().enumerate() {
        for (more, last) in calls[number..].iter().enumerate() {
            let seconds = (last.at - first.at).as_secs_f64();
            // In no second more than 18, and no more than 18 a second behind a burst of ten.
            let most = (18.0 * (seconds.floor() + 1.0)).min(11.0 + 18.0 * seconds);
            prop_assert!((more + 1) as f64 <= most, "s1: {} calls in {seconds} s", more + 1);
        }
    }
    Ok(())
}
