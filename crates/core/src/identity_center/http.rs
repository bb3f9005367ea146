//! The one HTTP client: trust store, proxy, time-outs.

use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::clock::SharedClock;
use crate::identity_center::{IdentityCenter, Portal};
use crate::paths::Environment;

/// Makes the connections of every call to AWS.
#[derive(Debug, Clone)]
pub struct HttpStack {
    pub client: SharedHttpClient,
}

impl HttpStack {
    /// Platform trust store with `AWS_CA_BUNDLE`, proxies from the environment, loopback never proxied.
    pub fn system(environment: &Environment) -> Self {
        let _ = environment;
        todo!()
    }
}

impl IdentityCenter {
    pub fn new(portal: Portal, http: &HttpStack, clock: SharedClock) -> Self {
        let _ = (portal, http, clock);
        todo!()
    }
}
