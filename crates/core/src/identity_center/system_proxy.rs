//! The proxy that the system's settings name, asked for one address at a time.

use std::pin::Pin;
use std::sync::Arc;

use url::Url;

/// Proxies in the order in which they are to be tried, as URLs; `direct://` is the way without one. Nothing where the
/// system has no such settings.
pub(super) type Answer = Pin<Box<dyn Future<Output = Vec<String>> + Send>>;

/// Asks the system which proxy leads to an address.
pub(super) type SystemProxy = Arc<dyn Fn(Url) -> Answer + Send + Sync>;

/// Linux: whatever GNOME, KDE or another desktop has set, automatic configuration included, as the desktop portal
/// tells it. A server without a desktop has no such settings.
#[cfg(target_os = "linux")]
pub(super) fn of_system() -> SystemProxy {
    Arc::new(|url| {
        Box::pin(async move {
            let asked = async {
                let bus = zbus::Connection::session().await?;
                ask_portal(&bus, &url).await
            };
            asked.await.unwrap_or_else(|error: zbus::Error| {
                tracing::debug!("the desktop does not say which proxy it uses: {error}");
                Vec::new()
            })
        })
    })
}

#[cfg(target_os = "linux")]
async fn ask_portal(bus: &zbus::Connection, url: &Url) -> zbus::Result<Vec<String>> {
    let answer = bus
        .call_method(
            Some("org.freedesktop.portal.Desktop"),
            "/org/freedesktop/portal/desktop",
            Some("org.freedesktop.portal.ProxyResolver"),
            "Lookup",
            &(url.as_str()),
        )
        .await?;
    answer.body().deserialize()
}

/// macOS: the HTTPS proxy of the network settings. Windows: the proxy of the internet settings with its exceptions.
/// Neither follows automatic configuration.
#[cfg(not(target_os = "linux"))]
pub(super) fn of_system() -> SystemProxy {
    use hyper_util::client::proxy::matcher::Matcher;

    Arc::new(|url| {
        let asked = url.as_str().parse::<http::Uri>().ok();
        let proxy = asked.and_then(|asked| Matcher::from_system().intercept(&asked));
        let answer = proxy.map(|proxy| proxy.uri().to_string());
        Box::pin(std::future::ready(answer.into_iter().collect()))
    })
}
