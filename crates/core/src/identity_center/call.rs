//! One call to AWS: past the limiter, with an end, tried again only where that changes nothing.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::clock::SharedClock;
use crate::identity_center::deadline::within;
use crate::identity_center::error::Api;
use crate::identity_center::limiter::Permit;
use crate::identity_center::{Failure, HttpStack, IdentityCenter, Limiter, Meaning, Portal, Priority, Reach};

/// Whether a call is tried again here. The background has policies of its own, above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// The call spends something (a code, a refresh token): a lost answer must not be asked for twice.
    Never,
    /// Three tries within a few seconds if a person waits.
    Quickly,
}

/// The pauses before the second and third try.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1200)];

/// The longest wait that AWS may ask for while a person waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long AWS may have kept a person waiting for there to be another try: nobody waits for three that hang.
const SILENCE: Duration = Duration::from_secs(15);

/// All tries of a call for which a person waits, and the turns that those wait for behind others.
pub(super) const OVERALL: Duration = Duration::from_secs(45);

impl IdentityCenter {
    pub fn new(portal: Portal, http: &HttpStack, clock: SharedClock) -> Self {
        let oidc = aws_sdk_ssooidc::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_ssooidc::config::Region::new(portal.region.clone()))
            .endpoint_url(base(&portal.endpoints.sso_oidc))
            .http_client(http.client.clone())
            .time_source(time_source(&clock))
            .sleep_impl(sleep(&clock))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(aws_sdk_ssooidc::config::StalledStreamProtectionConfig::disabled())
            .build();
        let sso = aws_sdk_sso::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_sso::config::Region::new(portal.region.clone()))
            .endpoint_url(base(&portal.endpoints.sso))
            .http_client(http.client.clone())
            .time_source(time_source(&clock))
            .sleep_impl(sleep(&clock))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(aws_sdk_sso::config::StalledStreamProtectionConfig::disabled())
            .build();
        let sts = aws_sdk_sts::Config::builder()
            .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
            .region(aws_sdk_sts::config::Region::new(portal.region.clone()))
            .endpoint_url(base(&portal.endpoints.sts))
            .http_client(http.client.clone())
            .time_source(time_source(&clock))
            .sleep_impl(sleep(&clock))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(aws_sdk_sts::config::StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            portal: Arc::new(portal),
            http: http.clone(),
            limiter: Arc::new(Limiter::new(clock.clone())),
            reach: Arc::new(Reach::new(clock.clone())),
            oidc: aws_sdk_ssooidc::Client::from_conf(oidc),
            sso: aws_sdk_sso::Client::from_conf(sso),
            sts: aws_sdk_sts::Client::from_conf(sts),
            clock,
        }
    }

    /// A call with its retries.
    pub(super) async fn call<T, E, F>(
        &self,
        (operation, api): (&'static str, Api),
        priority: Priority,
        retry: Retry,
        request: impl Fn() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata,
    {
        let tries = async {
            let pauses: &[Duration] = match (retry, priority) {
                (Retry::Quickly, Priority::Interactive) => &PAUSES,
                (Retry::Quickly, Priority::Background) | (Retry::Never, _) => &[],
            };
            let mut pauses = pauses.iter();
            let mut waited = Duration::ZERO;
            loop {
                let permit = self.limiter.permit(priority).await;
                let begun = self.clock.elapsed();
                // The SDK's future is large, and whoever waits for it would have to make room for it.
                let answer = self.at_once(permit, api, Box::pin(request())).await;
                waited += self.clock.elapsed().saturating_sub(begun);
                let failure = match answer {
                    Ok(answer) => return Ok(answer),
                    Err(error) => Failure::of(operation, api, &error),
                };
                let pause = pauses.next().filter(|_| waited < SILENCE);
                match pause.and_then(|pause| pause_after(&failure, *pause)) {
                    Some(pause) => self.clock.sleep(pause).await,
                    None => return Err(failure),
                }
            }
        };
        if priority == Priority::Background {
            // It may wait long for its turn, behind others of its kind; each attempt has its own end.
            return tries.await;
        }
        within(&self.clock, OVERALL, tries)
            .await
            .unwrap_or_else(|| Err(Failure::new(operation, Meaning::Unreachable, "no answer in time")))
    }

    /// One try, with AWS's own error for those who look closer.
    pub(super) async fn attempt<T, E, F>(
        &self,
        api: Api,
        priority: Priority,
        request: F,
    ) -> Result<T, SdkError<E, HttpResponse>>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata,
    {
        let permit = self.limiter.permit(priority).await;
        self.at_once(permit, api, request).await
    }

    /// One try whose turn has come.
    async fn at_once<T, E, F>(
        &self,
        permit: Permit<'_>,
        api: Api,
        request: F,
    ) -> Result<T, SdkError<E, HttpResponse>>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata,
    {
        let answer = match self.http.in_time(request).await {
            Some(answer) => answer,
            None => Err(SdkError::timeout_error("no answer in time")),
        };
        drop(permit);
        if answer.is_ok() {
            self.reach.worked();
        }
        let meaning = answer
            .as_ref()
            .err()
            .map(|error| Failure::of("", api, error).meaning);
        if meaning == Some(Meaning::Throttled) {
            self.limiter.throttled();
        }
        match (api, meaning) {
            (Api::Portal, Some(Meaning::Unreachable)) => self.reach.silent(),
            (Api::Portal, _) => self.reach.answered(),
            (Api::Oidc | Api::Sts, _) => {}
        }
        answer
    }
}

impl fmt::Debug for IdentityCenter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IdentityCenter")
            .field("portal", &self.portal)
            .finish_non_exhaustive()
    }
}

fn pause_after(failure: &Failure, pause: Duration) -> Option<Duration> {
    let passing = matches!(failure.meaning, Meaning::Unreachable | Meaning::Throttled);
    let pause = failure.retry_after.map_or(pause, |asked| asked.max(pause));
    (passing && pause <= PATIENCE).then_some(pause)
}

/// The SDK joins paths onto this.
fn base(endpoint: &url::Url) -> String {
    endpoint.as_str().trim_end_matches('/').to_owned()
}

fn time_source(clock: &SharedClock) -> SharedTimeSource {
    SharedTimeSource::new(SdkClock(clock.clone()))
}

pub(super) fn sleep(clock: &SharedClock) -> SharedAsyncSleep {
    SharedAsyncSleep::new(SdkClock(clock.clone()))
}

/// Our clock, as the SDK wants it.
#[derive(Debug)]
struct SdkClock(SharedClock);

impl TimeSource for SdkClock {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

impl AsyncSleep for SdkClock {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(Shareable(Mutex::new(self.0.sleep(duration))))
    }
}

/// The SDK asks for a future that may be shared between threads; a mutex that is never contended makes it one.
struct Shareable(Mutex<crate::clock::Sleep>);

impl Future for Shareable {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        sleep.as_mut().poll(context)
    }
}
