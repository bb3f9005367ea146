//! The one HTTP client: trust store, proxy, time-outs, limits of size.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};
use url::Url;

use crate::clock::{SharedClock, SystemClock};
use crate::identity_center::deadline::within;
use crate::identity_center::error::causes;
use crate::identity_center::trust::certificates_of_bundle;
use crate::identity_center::untrusted::explained;
use crate::identity_center::{Failure, Meaning, Trouble};
use crate::paths::Environment;

/// Makes the connections of every call to AWS.
#[derive(Debug, Clone)]
pub struct HttpStack {
    pub client: SharedHttpClient,
    connections: Arc<Connections>,
    pub(crate) clock: SharedClock,
}

/// An answer as it came: redirects are not followed.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The `Location` header.
    pub location: Option<String>,
    /// The `Date` header: what time it is there.
    pub date: Option<String>,
    pub body: Vec<u8>,
}

/// From the first byte sent to the last one received.
pub(crate) const CALL: Duration = Duration::from_secs(20);
const CONNECT: Duration = Duration::from_secs(5);
const FIRST_BYTE: Duration = Duration::from_secs(10);
const BODY: usize = 1024 * 1024;
const BODY_OF_LIST: usize = 8 * 1024 * 1024;

impl HttpStack {
    /// Platform trust store with `AWS_CA_BUNDLE`, proxies from the environment, loopback never proxied.
    pub fn system(environment: &Environment) -> Self {
        let environment = environment.clone();
        let make = move || SharedHttpConnector::new(connector(&environment));
        Self::of(Connections::made_by(Box::new(make)), SystemClock::shared())
    }

    /// Calls go to `connector` instead of the network, for instance to an emulator in the same process.
    pub fn with_connector(connector: impl HttpConnector + 'static, clock: SharedClock) -> Self {
        let connector = SharedHttpConnector::new(connector);
        Self::of(Connections::made_by(Box::new(move || connector.clone())), clock)
    }

    /// Connections that are kept open are not used again: the network has changed under them.
    pub fn forget_connections(&self) {
        self.connections.forget();
    }

    /// One GET. Neither the URL nor anything of the answer is logged or put into the failure.
    pub async fn get(&self, operation: &'static str, url: &Url) -> Result<Answer, Failure> {
        let unreachable = |detail: &str| Failure::new(operation, Meaning::Unreachable, detail);
        let request = HttpRequest::get(url.as_str())
            .map_err(|_| Failure::new(operation, Meaning::Invalid, "the URL cannot be requested"))?;
        let exchange = async {
            let response = self.connections.call(request).await;
            let response = response.map_err(|error| unreachable(&causes(&error)))?;
            let status = response.status().as_u16();
            let header = |name| response.headers().get(name).map(str::to_owned);
            let (location, date) = (header("location"), header("date"));
            let body = response.into_body().collect().await;
            let body = body.map_err(|_| {
                unreachable("the answer broke off or was too large").with_trouble(Trouble::Answer)
            })?;
            Ok(Answer {
                status,
                location,
                date,
                body: body.to_bytes().to_vec(),
            })
        };
        within(&self.clock, CALL, exchange)
            .await
            .unwrap_or_else(|| Err(unreachable("no answer in time")))
    }

    fn of(connections: Connections, clock: SharedClock) -> Self {
        let connections = Arc::new(connections);
        let connector = SharedHttpConnector::new(SharedConnections(connections.clone()));
        Self {
            client: http_client_fn(move |_settings: &HttpConnectorSettings, _components| connector.clone()),
            connections,
            clock,
        }
    }
}

type MakeConnector = Box<dyn Fn() -> SharedHttpConnector + Send + Sync>;

/// The pool of connections, made when first needed (reading the trust store takes a while) and made anew after
/// the network has changed. Answers are cut off at a limit.
struct Connections {
    make: MakeConnector,
    current: Mutex<Option<SharedHttpConnector>>,
}

impl Connections {
    fn made_by(make: MakeConnector) -> Self {
        let current = Mutex::new(None);
        Self { make, current }
    }

    fn current(&self) -> SharedHttpConnector {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.get_or_insert_with(|| (self.make)()).clone()
    }

    fn forget(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connections")
    }
}

impl HttpConnector for Connections {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let limit = if request.uri().contains("/assignment/") {
            BODY_OF_LIST
        } else {
            BODY
        };
        let asked = Url::parse(request.uri()).ok();
        let answer = self.current().call(request);
        HttpConnectorFuture::new(async move {
            let response = match answer.await {
                Ok(response) => response,
                Err(error) => return Err(explained(error, asked).await),
            };
            Ok(response.map(|body| SdkBody::from_body_1_x(Limited::new(body, limit))))
        })
    }
}

#[derive(Debug)]
struct SharedConnections(Arc<Connections>);

impl HttpConnector for SharedConnections {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.0.call(request)
    }
}

fn connector(environment: &Environment) -> Connector {
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
        .proxy_config(proxy(environment))
        .tls_provider(Provider::Rustls(CryptoMode::Ring));
    match TlsContext::builder().with_trust_store(trusted).build() {
        Ok(context) => builder.tls_context(context).build(),
        Err(error) => {
            tracing::warn!("the certificates of AWS_CA_BUNDLE are not used: {error}");
            builder.build()
        }
    }
}

/// Every call goes to https, or to this machine, which is never proxied: so `HTTP_PROXY` means nothing here.
fn proxy(environment: &Environment) -> ProxyConfig {
    let first = |names: [&str; 2]| names.into_iter().find_map(|name| environment.text(name));
    let address = first(["https_proxy", "HTTPS_PROXY"]).or_else(|| first(["all_proxy", "ALL_PROXY"]));
    let exceptions = first(["no_proxy", "NO_PROXY"]).unwrap_or_default();
    let Some(address) = address.filter(|_| exceptions.trim() != "*") else {
        return ProxyConfig::disabled();
    };
    let address = if address.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    };
    match ProxyConfig::https(address) {
        Ok(proxy) => proxy.no_proxy(format!("{exceptions},localhost,127.0.0.0/8,::1")),
        Err(_) => {
            // Not the address itself: it may hold a password.
            tracing::warn!("the proxy that the environment names is not used: it is no http or https URL");
            ProxyConfig::disabled()
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What a proxy is asked when `url` is requested; it refuses everything.
    async fn asked_of_proxy(url: &str, no_proxy: &str) -> Option<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let environment = Environment::of(&[("HTTPS_PROXY", &address), ("NO_PROXY", no_proxy)]);
        let proxy = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let length = stream.read(&mut head).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                .await
                .unwrap();
            String::from_utf8_lossy(&head[..length]).into_owned()
        });
        let failure = HttpStack::system(&environment)
            .get("test", &Url::parse(url).unwrap())
            .await
            .unwrap_err();
        assert_eq!(failure.meaning, Meaning::Unreachable);
        if proxy.is_finished() {
            proxy.await.ok()
        } else {
            proxy.abort();
            None
        }
    }

    #[tokio::test]
    async fn n2_https_goes_through_the_proxy_and_loopback_never() {
        let asked = asked_of_proxy("https://portal.invalid/", "").await.unwrap();
        assert!(asked.starts_with("CONNECT portal.invalid:443 "), "{asked}");
        for (url, no_proxy) in [
            ("https://127.0.0.1:9/", ""),
            ("https://localhost:9/", ""),
            ("http://127.0.0.1:9/", ""),
            ("https://portal.invalid/", ".invalid"),
            ("https://portal.invalid/", "*"),
        ] {
            assert_eq!(asked_of_proxy(url, no_proxy).await, None, "{url}");
        }
    }
}
