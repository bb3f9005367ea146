//! The question of the PKCE flow: may this program use your access?

use axum::http::StatusCode;
use axum::response::Response;
use url::Url;

use super::layout::{card, decision_form, escape, name};
use crate::call;
use crate::oidc::{ConsentRequest, Registration};
use crate::state::State;
use crate::world::User;

/// `id` names the request in the form.
pub(crate) fn consent_page(state: &State, request: &ConsentRequest, id: &str, user: &User) -> Response {
    let client = state.registrations.get(&request.client_id);
    let program = client.map_or("A program", |client| &client.client_name);
    let body = format!(
        r#"<p><strong id="client-name">{}</strong> asks to act for you, <strong id="user">{}</strong>:</p>
{}<p class="quiet small">Allow this only if you started the sign-in yourself just now.</p>
{}"#,
        name(program),
        name(&user.display_name),
        asks(client),
        decision_form("/authorize", "request", id),
    );
    let mut page = card(StatusCode::OK, &state.world, "Allow access?", &body);
    if let Ok(target) = Url::parse(&request.redirect_uri) {
        call::send_forms_to(&mut page, &target.origin().ascii_serialization());
    }
    page
}

/// What the client's scopes mean, as a list.
pub(super) fn asks(client: Option<&Registration>) -> String {
    let scopes = client.map(Registration::purposes).unwrap_or_default();
    let item = |scope: &str| match scope {
        "sso:account:access" | "sso:*" | "sso-portal:*" => {
            "<li>see the AWS accounts and permission sets assigned to you</li>\n\
             <li>get temporary credentials for them</li>\n"
                .to_owned()
        }
        other => format!("<li>use <code>{}</code></li>\n", escape(other)),
    };
    format!(
        "<ul class=\"asks\">\n{}</ul>\n",
        scopes.into_iter().map(item).collect::<String>()
    )
}
