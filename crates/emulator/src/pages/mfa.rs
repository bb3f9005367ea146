//! The second step of a sign-in: the code of an authenticator app.

use axum::http::StatusCode;
use axum::response::Response;

use super::layout::{card, escape};
use super::sign_in::{sign_in_page, signed_in};
use crate::call::{Call, ErrorName};
use crate::mfa::Verdict;
use crate::state::State;
use crate::world::World;

/// The form. `challenge` names the sign-in that waits; `problem` is why the last code failed.
pub(super) fn code_page(world: &World, challenge: &str, problem: Option<&str>) -> Response {
    let notice = problem.map_or_else(String::new, |problem| {
        format!(
            "<p class=\"problem\" id=\"problem\" role=\"alert\">{}</p>\n",
            escape(problem)
        )
    });
    let described = if problem.is_some() {
        " aria-describedby=\"problem\""
    } else {
        ""
    };
    let body = format!(
        r#"<p class="quiet">Type the six digits that your authenticator app shows.</p>
{notice}<form method="post" action="/sign-in/code">
<input type="hidden" name="challenge" value="{}">
<label for="mfa-code">MFA code</label>
<input id="mfa-code" name="code" class="code" inputmode="numeric" autocomplete="one-time-code" required autofocus{described}>
<div class="actions"><button id="verify" type="submit">Sign in</button></div>
</form>
"#,
        escape(challenge)
    );
    let status = if problem.is_some() {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::OK
    };
    card(status, world, "Additional verification", &body)
}

/// `POST /sign-in/code`.
pub(crate) fn verify_code(state: &mut State, call: &mut Call) -> Response {
    let challenge = call.form("challenge").unwrap_or_default();
    let code = call.form("code").unwrap_or_default();
    let mut response = match state.verify(&challenge, &code, call.now) {
        Verdict::Passed(user, next) => return signed_in(state, call, &user, &next),
        Verdict::Wrong => code_page(
            &state.world,
            &challenge,
            Some("This code is not right, or was used already."),
        ),
        Verdict::Over => {
            let problem = "The sign-in took too long or the code was wrong too often. Start again.";
            sign_in_page(&state.world, "/start", Some(problem))
        }
    };
    response
        .extensions_mut()
        .insert(ErrorName("SignInFailed".to_owned()));
    response
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use crate::testing::{Client, Reply};

    async fn password(client: &mut Client) -> String {
        let page = client.sign_in("zoe").await;
        assert!(page.text.contains("id=\"mfa-code\""), "{}", page.text);
        page.hidden("challenge")
    }

    async fn code(client: &mut Client, challenge: &str, code: &str) -> Reply {
        client
            .submit("/sign-in/code", &[("challenge", challenge), ("code", code)])
            .await
    }

    #[tokio::test]
    async fn a_user_with_an_authenticator_app_is_asked_for_a_code_that_works_once() {
        let mut client = Client::new();
        let challenge = password(&mut client).await;
        assert!(
            client.get("/start").await.text.contains("id=\"sign-in\""),
            "not signed in yet"
        );
        let right = client.emulator.mfa_code("zoe").unwrap();
        assert_eq!(code(&mut client, &challenge, "000000").await.status, 401);
        assert_eq!(code(&mut client, &challenge, &right).await.location(), "/start");
        assert!(client.get("/start").await.text.contains("Zoë"));

        let again = password(&mut client).await;
        assert_eq!(
            code(&mut client, &again, &right).await.status,
            401,
            "a code works once"
        );
        client.emulator.advance(SignedDuration::from_secs(30));
        let next = client.emulator.mfa_code("zoe").unwrap();
        assert_eq!(code(&mut client, &again, &next).await.status, 303);
    }

    #[tokio::test]
    async fn a_challenge_ends_after_five_wrong_codes_and_after_five_minutes() {
        let mut client = Client::new();
        let challenge = password(&mut client).await;
        for _ in 0..5 {
            assert_eq!(code(&mut client, &challenge, "000000").await.status, 401);
        }
        let right = client.emulator.mfa_code("zoe").unwrap();
        assert_eq!(code(&mut client, &challenge, &right).await.status, 401);

        let challenge = password(&mut client).await;
        client.emulator.advance(SignedDuration::from_mins(5));
        let right = client.emulator.mfa_code("zoe").unwrap();
        assert_eq!(code(&mut client, &challenge, &right).await.status, 401);
    }
}
