//! The container-credentials endpoint of one launch, and the variables that lead AWS tools to it.

#[cfg(unix)]
use portray_core::agent::Grant;
use portray_core::agent::container_endpoint::ContainerEndpoint;
use portray_core::agent::protocol::{CredentialsReply, Target};
use portray_core::clock::SystemClock;
use portray_core::paths::Environment;

use super::Invocation;
use crate::failure::Failure;

/// Some SDKs send requests to loopback through a proxy, token and all.
pub const NEVER_PROXIED: &str = "127.0.0.1,localhost,::1";

/// Binds the endpoint that serves the role of these credentials.
pub async fn bind(
    invocation: &Invocation,
    credentials: &CredentialsReply,
) -> Result<ContainerEndpoint, Failure> {
    let (paths, clock) = (invocation.paths.clone(), SystemClock::shared());
    let target = Target::from(credentials.role.clone());
    let bound = ContainerEndpoint::bind(paths, target, credentials.stay, clock).await;
    bound.map_err(|error| Failure::system("Listening on 127.0.0.1", &error))
}

/// The grant of this launch for another door than the endpoint.
#[cfg(unix)]
pub fn grant(invocation: &Invocation, credentials: &CredentialsReply) -> Grant {
    let target = Target::from(credentials.role.clone());
    Grant::new(invocation.paths.clone(), target, credentials.stay)
}

/// What keeps requests to the endpoint away from a proxy.
pub fn never_proxied(environment: &Environment) -> [(&'static str, String); 2] {
    ["NO_PROXY", "no_proxy"].map(|name| (name, with_loopback(environment.text(name))))
}

fn with_loopback(no_proxy: Option<&str>) -> String {
    match no_proxy {
        Some(hosts) => format!("{hosts},{NEVER_PROXIED}"),
        None => NEVER_PROXIED.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_never_proxied_and_other_hosts_stay() {
        assert_eq!(with_loopback(None), "127.0.0.1,localhost,::1");
        assert_eq!(with_loopback(Some(".corp")), ".corp,127.0.0.1,localhost,::1");
    }
}
