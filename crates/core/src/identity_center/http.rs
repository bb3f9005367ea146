//! The one HTTP client: trust store, proxy, time-outs, limits of size.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http_body_util::BodyExt;
use jiff::Timestamp;
use url::Url;

use crate::clock::skew::Skew;
use crate::clock::{SharedClock, saturating_add};
use crate::identity_center::call::sleep;
use crate::identity_center::connections::{Addresses, Connections, SharedConnections};
use crate::identity_center::dated::Dated;
use crate::identity_center::deadline::within;
use crate::identity_center::network::addresses;
use crate::identity_center::proxy::{Proxies, Proxy};
use crate::identity_center::system_proxy::{self, SystemProxy};
use crate::identity_center::trust::{certificates_of_bundle, fault_of_bundle};
use crate::identity_center::{Failure, Meaning, Trouble};
use crate::paths::Environment;

/// Makes the connections of every call to AWS.
#[derive(Debug, Clone)]
pub struct HttpStack {
    pub client: SharedHttpClient,
    connections: Arc<Connections>,
    /// The machine's.
    clock: SharedClock,
    /// How far that one is off, as all answers of AWS told.
    pub(crate) skew: Skew,
}

/// An answer as it came: redirects are not followed.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The `Location` header.
    pub location: Option<String>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `Date` header: what time it is there.
    pub date: Option<String>,
    pub body: Vec<u8>,
}

/// From the first byte sent to the last one received.
pub(crate) const CALL: Duration = Duration::from_secs(20);
const CONNECT: Duration = Duration::from_secs(5);
const FIRST_BYTE: Duration = Duration::from_secs(10);

impl HttpStack {
    /// Platform trust store with `AWS_CA_BUNDLE`, proxies from the environment or the system's settings, loopback never
    /// proxied.
    pub fn system(environment: &Environment, clock: SharedClock) -> Self {
        let system = system_proxy::of_system();
        Self::of(environment, Some(system), Box::new(addresses), clock)
    }

    /// The same, with what the system says made up.
    pub(super) fn of(
        environment: &Environment,
        system: Option<SystemProxy>,
        addresses: Addresses,
        clock: SharedClock,
    ) -> Self {
        let proxies = Proxies::of(environment, system, clock.clone());
        let (theirs, trusting, judged) = (clock.clone(), environment.clone(), environment.clone());
        let make = Box::new(move |proxy: Option<&Proxy>| connector(&trusting, proxy, &theirs));
        let bundle = Box::new(move || fault_of_bundle(&judged));
        let connections = Connections::new(make, proxies, addresses, bundle, clock.clone());
        Self::over(connections, clock)
    }

    /// Calls go to `connector` instead of the network, for instance to an emulator in the same process.
    pub fn with_connector(connector: impl HttpConnector + 'static, clock: SharedClock) -> Self {
        let connector = SharedHttpConnector::new(connector);
        let make = Box::new(move |_: Option<&Proxy>| connector.clone());
        let nowhere = Proxies::of(&Environment::of(&[]), None, clock.clone());
        let connections =
            Connections::new(make, nowhere, Box::new(|| None), Box::new(|| None), clock.clone());
        Self::over(connections, clock)
    }

    /// AWS's time, as far as its answers told.
    pub(crate) fn now(&self) -> Timestamp {
        saturating_add(self.clock.now(), self.skew.correction())
    }

    /// Connections that are kept open are not used again: the network has changed under them.
    pub fn forget_connections(&self) {
        self.connections.give_up();
    }

    /// True once after the machine has come into another network.
    pub fn take_moved(&self) -> bool {
        self.connections.take_moved()
    }

    #[cfg(test)]
    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// One GET. Neither the URL nor anything of the answer is logged or put into the failure.
    pub async fn get(&self, operation: &'static str, url: &Url) -> Result<Answer, Failure> {
        let request = HttpRequest::get(url.as_str())
            .map_err(|_| Failure::new(operation, Meaning::Invalid, "the URL cannot be requested"))?;
        let exchange = async {
            let response = self.connections.send(request).await;
            let response = response.map_err(|error| Failure::of_connection(operation, &error))?;
            let status = response.status().as_u16();
            let header = |name| response.headers().get(name).map(str::to_owned);
            let (location, content_type, date) = (header("location"), header("content-type"), header("date"));
            let body = response.into_body().collect().await;
            let body = body.map_err(|_| {
                Failure::new(
                    operation,
                    Meaning::Unreachable,
                    "the answer broke off or was too large",
                )
                .with_trouble(Trouble::Answer)
            })?;
            Ok(Answer {
                status,
                location,
                content_type,
                date,
                body: body.to_bytes().to_vec(),
            })
        };
        self.in_time(exchange)
            .await
            .unwrap_or_else(|| Err(Failure::new(operation, Meaning::Unreachable, "no answer in time")))
    }

    /// What an exchange gives within the time of a call. A connection on which it did not end is not used again.
    pub(super) async fn in_time<F: Future>(&self, exchange: F) -> Option<F::Output> {
        let generation = self.connections.generation();
        let answer = within(&self.clock, CALL, exchange).await;
        if answer.is_none() {
            self.connections.give_up_those_of(generation);
        }
        answer
    }

    fn over(connections: Connections, clock: SharedClock) -> Self {
        let connections = Arc::new(connections);
        let skew = Skew::default();
        let connector = SharedHttpConnector::new(Dated {
            connector: SharedHttpConnector::new(SharedConnections(connections.clone())),
            clock: clock.clone(),
            skew: skew.clone(),
        });
        Self {
            client: http_client_fn(move |_settings: &HttpConnectorSettings, _components| connector.clone()),
            connections,
            clock,
            skew,
        }
    }
}

fn connector(environment: &Environment, proxy: Option<&Proxy>, clock: &SharedClock) -> SharedHttpConnector {
    let mut trusted = TrustStore::empty().with_native_roots(true);
    for certificate in certificates_of_bundle(environment) {
        trusted.add_pem_certificate(certificate);
    }
    let timeouts = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT)
        .read_timeout(FIRST_BYTE)
        .build();
    let builder = Connector::builder()
        .connector_settings(timeouts)
        .sleep_impl(sleep(clock))
        .proxy_config(proxy.map_or_else(ProxyConfig::disabled, Proxy::config))
        .tls_provider(Provider::Rustls(CryptoMode::Ring));
    let connector = match TlsContext::builder().with_trust_store(trusted).build() {
        Ok(context) => builder.tls_context(context).build(),
        Err(error) => {
            tracing::warn!("the certificates of AWS_CA_BUNDLE are not used: {error}");
            builder.build()
        }
    };
    SharedHttpConnector::new(connector)
}
