//! Which proxy leads to a host: the one that the usual variables name, else the one of the system's settings.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_runtime_api::client::result::ConnectorError;
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use crate::clock::SharedClock;
use crate::identity_center::Trouble;
use crate::identity_center::deadline::within;
use crate::identity_center::error::{Explained, causes, chain};
use crate::identity_center::system_proxy::SystemProxy;
use crate::paths::{Environment, is_loopback};
use crate::secret::Secret;

/// How long an answer of the system's settings is believed: people change them, and automatic ones change by themselves.
const BELIEVED: Duration = Duration::from_secs(60);

/// How long the system may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The variables that name a proxy, each in both spellings; the first one that is set decides.
///
/// Every call goes to https, or to this machine, which is never proxied: so `HTTP_PROXY` means nothing here.
const NAMES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// An HTTP proxy. Its address may hold a password and is never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    address: Secret,
    /// Host and port, for people.
    pub shown: String,
}

/// Finds the proxy for each host.
pub(super) struct Proxies {
    /// What a variable says, also if that is nothing.
    named: Option<Result<Option<Proxy>, String>>,
    exceptions: String,
    system: Option<SystemProxy>,
    /// What the system answered lately, by host.
    answered: Mutex<Vec<Answered>>,
    clock: SharedClock,
}

struct Answered {
    host: String,
    at: Duration,
    proxy: Result<Option<Proxy>, String>,
}

impl Proxies {
    pub fn of(environment: &Environment, system: Option<SystemProxy>, clock: SharedClock) -> Self {
        let set = NAMES.into_iter().find(|name| environment.is_set(name));
        let named = set.map(|name| match environment.text(name) {
            Some(address) => Proxy::at(address).map(Some).ok_or_else(|| {
                // Not the address itself: it may hold a password.
                format!("the proxy that {name} names cannot be used: it takes an http or https address")
            }),
            None => Ok(None),
        });
        let exceptions = ["no_proxy", "NO_PROXY"]
            .into_iter()
            .find_map(|name| environment.text(name));
        Self {
            named,
            exceptions: exceptions.unwrap_or_default().to_owned(),
            system,
            answered: Mutex::default(),
            clock,
        }
    }

    /// The proxy that leads to `url`, or none where the way is straight. Where a proxy is wanted that cannot be used,
    /// nobody goes round it.
    pub async fn to(&self, url: &Url) -> Result<Option<Proxy>, ConnectorError> {
        if is_loopback(url) || is_excepted(&self.exceptions, url) {
            return Ok(None);
        }
        let found = match (&self.named, &self.system) {
            (Some(named), _) => named.clone(),
            (None, Some(system)) => self.of_system(system, url).await,
            (None, None) => Ok(None),
        };
        found.map_err(|words| Explained::connector_error(words, Trouble::Proxy))
    }

    /// The system is asked anew.
    pub fn forget(&self) {
        self.answered().clear();
    }

    async fn of_system(&self, system: &SystemProxy, url: &Url) -> Result<Option<Proxy>, String> {
        let host = url.host_str().unwrap_or_default();
        let now = self.clock.elapsed();
        let known = self.answered().iter().find_map(|one| {
            let believed = one.host == host && now.saturating_sub(one.at) < BELIEVED;
            believed.then(|| one.proxy.clone())
        });
        if let Some(known) = known {
            return known;
        }
        let answer = within(&self.clock, PATIENCE, system(origin(url))).await;
        let proxy = first_usable(&answer.unwrap_or_default());
        let mut answered = self.answered();
        answered.retain(|one| one.host != host);
        answered.push(Answered {
            host: host.to_owned(),
            at: now,
            proxy: proxy.clone(),
        });
        proxy
    }

    fn answered(&self) -> MutexGuard<'_, Vec<Answered>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proxy {
    fn at(address: &str) -> Option<Self> {
        let with_scheme = match address.contains("://") {
            true => address.to_owned(),
            false => format!("http://{address}"),
        };
        let url = Url::parse(&with_scheme).ok()?;
        let port = url.port_or_known_default()?;
        let shown = format!("{}:{port}", url.host_str()?);
        let address = String::from(url);
        ProxyConfig::https(address.as_str()).ok()?;
        Some(Self {
            address: address.into(),
            shown,
        })
    }

    /// As the HTTP client wants it, which it was tried for when it was found.
    pub fn config(&self) -> ProxyConfig {
        ProxyConfig::https(self.address.expose().as_str()).unwrap_or_else(|_| ProxyConfig::disabled())
    }

    /// With its password.
    pub fn address(&self) -> &str {
        self.address.expose()
    }

    /// Without it.
    pub fn url(&self) -> Option<Url> {
        let mut url = Url::parse(self.address.expose()).ok()?;
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        Some(url)
    }

    fn has_password(&self) -> bool {
        self.address.expose().contains('@')
    }

    /// What a failed connection says of this proxy, if it is about the proxy.
    pub fn refusal(&self, error: &(dyn Error + 'static), host: &str) -> Option<String> {
        // The type of these errors is not public; a test holds the words.
        let said = chain(error).find_map(|error| {
            let text = error.to_string();
            text.strip_prefix("tunnel error: ")
                .map(|said| (said.to_owned(), error))
        });
        let (said, tunnel) = said?;
        let proxy = &self.shown;
        Some(match said.as_str() {
            "proxy authorization required" if self.has_password() => {
                format!("the proxy {proxy} does not accept the user name and the password")
            }
            "proxy authorization required" => {
                format!(
                    "the proxy {proxy} wants a user name and a password, as in HTTPS_PROXY=http://user:password@{proxy}"
                )
            }
            "failed to create underlying connection" => {
                let why = tunnel.source().map(causes).unwrap_or_default();
                format!("the proxy {proxy} cannot be reached: {why}")
            }
            "unsuccessful" => format!("the proxy {proxy} does not lead to {host}"),
            _ => format!("the proxy {proxy} gave no answer that can be used ({said})"),
        })
    }
}

/// Only the part that decides about proxies: whoever answers need not know more.
fn origin(url: &Url) -> Url {
    let mut origin = url.clone();
    origin.set_path("/");
    origin.set_query(None);
    origin.set_fragment(None);
    origin
}

/// The first of the system's answers that we can follow; going round a proxy is not among them.
fn first_usable(answers: &[String]) -> Result<Option<Proxy>, String> {
    let mut usable = answers.iter().filter_map(|answer| match answer.as_str() {
        "direct://" => Some(None),
        address => Proxy::at(address).map(Some),
    });
    match usable.next() {
        Some(first) => Ok(first),
        None if answers.is_empty() => Ok(None),
        None => {
            Err("the proxy of the system's settings cannot be used: it is no http or https proxy".to_owned())
        }
    }
}

/// Whether `NO_PROXY` names the host of `url`: as a domain with or without dot or star, an address, a network, or
/// any of them with a port.
fn is_excepted(exceptions: &str, url: &Url) -> bool {
    let port = url.port_or_known_default();
    let relevant = exceptions.split([',', ' ']).map(str::trim).filter_map(|entry| {
        let (host, wanted) = host_and_port(entry);
        let concerned = wanted.is_none() || wanted == port;
        let host = host
            .strip_prefix('*')
            .filter(|rest| rest.starts_with('.'))
            .unwrap_or(host);
        concerned.then_some(host)
    });
    let relevant = relevant.collect::<Vec<_>>().join(",");
    let Ok(uri) = url.as_str().parse::<Uri>() else {
        return false;
    };
    // Any proxy does: the question is whether it would be asked.
    let matcher = Matcher::builder()
        .all("http://proxy.invalid")
        .no(relevant)
        .build();
    matcher.intercept(&uri).is_none()
}

/// `host`, `host:port`, `[v6]` and `[v6]:port`; a bare IPv6 address has colons of its own.
fn host_and_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((host, rest)) = entry.strip_prefix('[').and_then(|entry| entry.split_once(']')) {
        return (host, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (entry, None),
        },
        Some(_) | None => (entry, None),
    }
}

#[cfg(test)]
mod tests;
