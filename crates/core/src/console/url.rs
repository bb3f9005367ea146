//! The federation sign-in URL and the access portal's shortcut link.

use ::url::Url;

use crate::identity_center::{AccountId, Failure, HttpStack, Portal, RoleCredentials};
use crate::secret::Secret;

/// The URL that signs a browser in to the console. Good for 15 minutes; whoever holds it gets the session.
pub async fn federation(
    http: &HttpStack,
    portal: &Portal,
    credentials: &RoleCredentials,
    destination: &Url,
    duration_seconds: Option<u32>,
) -> Result<Secret, Failure> {
    let _ = (http, portal, credentials, destination, duration_seconds);
    todo!()
}

/// The access portal's link to a console session; the browser's own portal session does the rest.
pub fn shortcut(
    portal: &Portal,
    account: &AccountId,
    permission_set: Option<&str>,
    destination: Option<&Url>,
) -> Url {
    let _ = (portal, account, permission_set, destination);
    todo!()
}
