//! Connections that are kept open, and given up as soon as something says that they may be dead.
//!
//! A connection that was made in another network, or before a sleep, takes requests and never answers. Over HTTP/2
//! one request that got no answer would not end it either, so the next ones would go the same way.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;
use jiff::{SignedDuration, Timestamp};
use url::Url;

use crate::clock::SharedClock;
use crate::identity_center::Trouble;
use crate::identity_center::error::{Explained, is_of_the_network};
use crate::identity_center::proxy::{Proxies, Proxy};
use crate::identity_center::untrusted::{FaultOfBundle, explained, is_about_trust};

/// A wall clock that runs away from the monotonic one by more than this was set, or the machine slept.
const SLEEP: SignedDuration = SignedDuration::from_secs(10);

const BODY: usize = 1024 * 1024;
const BODY_OF_LIST: usize = 8 * 1024 * 1024;

/// Makes a pool of connections that lead through a proxy, or straight.
pub(super) type MakeConnector = Box<dyn Fn(Option<&Proxy>) -> SharedHttpConnector + Send + Sync>;

/// Says by which addresses the machine is in a network, if that is known.
pub(super) type Addresses = Box<dyn Fn() -> Option<BTreeSet<IpAddr>> + Send + Sync>;

/// All connections to AWS. Answers are cut off at a limit.
pub(super) struct Connections {
    make: MakeConnector,
    proxies: Proxies,
    addresses: Addresses,
    bundle: FaultOfBundle,
    clock: SharedClock,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Grows whenever the connections are given up.
    generation: u64,
    /// Made when first needed, because reading the trust store takes a while.
    pools: Vec<(Option<Proxy>, SharedHttpConnector)>,
    seen: Option<Seen>,
    /// The addresses were others than before, and nobody has been told yet.
    moved: bool,
}

/// How things were when they were looked at.
struct Seen {
    now: Timestamp,
    elapsed: Duration,
    addresses: Option<BTreeSet<IpAddr>>,
}

impl Connections {
    pub fn new(
        make: MakeConnector,
        proxies: Proxies,
        addresses: Addresses,
        bundle: FaultOfBundle,
        clock: SharedClock,
    ) -> Self {
        Self {
            make,
            proxies,
            addresses,
            bundle,
            clock,
            kept: Mutex::default(),
        }
    }

    /// What is kept open is not used again; answers under way still come.
    pub fn give_up(&self) {
        self.proxies.forget();
        self.kept().give_up();
    }

    /// The same for those that were kept at `generation`: whoever waited in vain says nothing about newer ones.
    pub fn give_up_those_of(&self, generation: u64) {
        let mut kept = self.kept();
        if kept.generation == generation {
            kept.give_up();
        }
    }

    pub fn generation(&self) -> u64 {
        self.kept().generation
    }

    /// True once after the machine has come into another network.
    pub fn take_moved(&self) -> bool {
        let mut kept = self.kept();
        self.look(&mut kept);
        std::mem::take(&mut kept.moved)
    }

    pub fn send(self: &Arc<Self>, request: HttpRequest) -> HttpConnectorFuture {
        let connections = self.clone();
        HttpConnectorFuture::new(async move { connections.exchange(request).await })
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let is_list = request.uri().contains("/assignment/");
        let limit = if is_list { BODY_OF_LIST } else { BODY };
        let asked = Url::parse(request.uri()).map_err(|error| ConnectorError::user(error.into()))?;
        let proxy = self.proxies.to(&asked).await?;
        let (pool, generation) = self.pool(proxy.as_ref());
        let mut unanswered = Unanswered(Some((self, generation)));
        let answer = pool.call(request).await;
        if !matches!(&answer, Err(error) if error.is_timeout()) {
            unanswered.0 = None;
        }
        match answer {
            Ok(response) => Ok(response.map(|body| SdkBody::from_body_1_x(Limited::new(body, limit)))),
            Err(error) => {
                if is_about_trust(&error) {
                    // What is trusted is read anew: somebody may mend it meanwhile.
                    self.give_up_those_of(generation);
                }
                Err(explained(error, &asked, proxy.as_ref(), &self.bundle, &self.clock).await)
            }
        }
    }

    fn pool(&self, proxy: Option<&Proxy>) -> (SharedHttpConnector, u64) {
        let mut kept = self.kept();
        self.look(&mut kept);
        let generation = kept.generation;
        let found = kept.pools.iter().find(|(one, _)| one.as_ref() == proxy);
        if let Some((_, pool)) = found {
            return (pool.clone(), generation);
        }
        let pool = (self.make)(proxy);
        kept.pools.push((proxy.cloned(), pool.clone()));
        (pool, generation)
    }

    /// Gives up what is kept if the machine slept or is in another network since the last look.
    fn look(&self, kept: &mut Kept) {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let Some(seen) = &mut kept.seen else {
            let addresses = (self.addresses)();
            kept.seen = Some(Seen {
                now,
                elapsed,
                addresses,
            });
            return;
        };
        let awake = elapsed.saturating_sub(seen.elapsed);
        let ahead = now.duration_since(seen.now) - SignedDuration::try_from(awake).unwrap_or_default();
        let slept = ahead.abs() > SLEEP;
        (seen.now, seen.elapsed) = (now, elapsed);
        let addresses = (self.addresses)();
        let moved = addresses.is_some() && addresses != seen.addresses;
        if moved {
            seen.addresses = addresses;
            kept.moved = true;
        }
        if slept || moved {
            tracing::debug!(slept, moved, "connections that were open are not used again");
            self.proxies.forget();
            kept.give_up();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn give_up(&mut self) {
        self.generation += 1;
        self.pools.clear();
    }
}

/// A request that has no answer yet. Where none comes, its connection is not trusted with another one.
struct Unanswered<'connections>(Option<(&'connections Connections, u64)>);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some((connections, generation)) = self.0 {
            connections.give_up_those_of(generation);
        }
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connections")
    }
}

/// What AWS's SDK calls.
#[derive(Debug)]
pub(super) struct SharedConnections(pub Arc<Connections>);

impl HttpConnector for SharedConnections {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.send(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            // The SDK looks at no body where it expects none, and would call this a success.
            let content_type = answer.headers().get("content-type");
            if is_of_the_network(answer.status().as_u16(), content_type, b"") {
                let words = format!("HTTP {}: an answer that is not AWS's", answer.status());
                return Err(Explained::connector_error(words, Trouble::Captive));
            }
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests;
