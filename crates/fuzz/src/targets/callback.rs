//! What anybody on this machine may send to the listener of a sign-in.

use portray_core::identity_center::{Flow, HttpStack, IdentityCenter};
use url::Url;

use crate::bounds::bounded_async;
use crate::scene::{self, Hurried};
use crate::targets::answers::Scripted;

pub fn run(input: &[u8]) {
    bounded_async(input, async {
        let http = HttpStack::with_connector(Scripted::silent(), Hurried::shared());
        let center = IdentityCenter::new(scene::portal(), &http, Hurried::shared());
        let registration = scene::registration(Flow::Browser);
        let sign_in = center.begin_browser_sign_in(&registration).await;
        let sign_in = sign_in.expect("a port is free");
        let (port, state) = port_and_state(sign_in.authorize_url.expose());
        let (request, knows_state) = scene::filled_in(input, port, &state);
        let answer = scene::exchange(port, &request).await;
        assert!(
            !scene::contains(&answer, &state),
            "nothing of a request is repeated"
        );
        let served = answer.starts_with(b"HTTP/1.1 200");
        assert!(
            knows_state || !served,
            "only who knows the state is listened to: {}",
            String::from_utf8_lossy(&answer)
        );
    });
}

fn port_and_state(authorize_url: &str) -> (u16, String) {
    let url = Url::parse(authorize_url).expect("a URL");
    let value = |name: &str| {
        let mut pairs = url.query_pairs();
        let found = pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()));
        found.expect("it is in the URL")
    };
    let redirect = Url::parse(&value("redirect_uri")).expect("a URL");
    (redirect.port().expect("it has a port"), value("state"))
}
