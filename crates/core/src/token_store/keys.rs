//! The names of records: readable in the keyring's own window, and told apart by everything that must not meet.

use crate::identity_center::{Flow, Portal};
use crate::paths::short_hash;

/// Of a sign-in: it is one to a start URL, and no other one ever reads it.
pub(super) fn token(portal: &Portal) -> String {
    named(portal, "token", &portal.start_url.0)
}

/// Of a registration, which is good for all start URLs of a region.
pub(super) fn registration(portal: &Portal, flow: Flow) -> String {
    let kind = match flow {
        Flow::Browser => "registration-browser",
        Flow::DeviceCode => "registration-device-code",
    };
    named(portal, kind, "")
}

fn named(portal: &Portal, kind: &str, place: &str) -> String {
    let (id, region) = (&portal.id.0, &portal.region);
    let owner = format!("{id}\n{region}\n{}{place}", portal.endpoints.sso_oidc);
    format!("{id}/{region}/{kind} {}", short_hash(owner.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token_store::tests::acme;

    #[test]
    fn r8_the_sign_in_of_another_start_url_or_region_is_another_record() {
        let known = acme();
        let other = |change: fn(&mut Portal)| {
            let mut portal = acme();
            change(&mut portal);
            token(&portal)
        };
        assert_eq!(other(|portal| portal.name = "gamma".to_owned()), token(&known));
        let others = [
            other(|portal| portal.start_url.0 = "https://other.awsapps.com/start".to_owned()),
            other(|portal| portal.region = "us-east-1".to_owned()),
            other(|portal| portal.id.0 = "another".to_owned()),
        ];
        assert!(!others.contains(&token(&known)), "{others:?}");
    }
}
