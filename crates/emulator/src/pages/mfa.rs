//! The second step of a sign-in: the code of an authenticator app.

use axum::response::Response;

use super::layout::{escape, form_card};
use super::sign_in::{next_path, refused, sign_in_page, signed_in};
use crate::audit::{CredentialType, SignInEvent};
use crate::call::Call;
use crate::mfa::Verdict;
use crate::state::State;
use crate::world::World;

/// The form. `challenge` names the sign-in that waits, `next` the path to go to; `problem` is why the last code failed.
pub(super) fn code_page(world: &World, challenge: &str, next: &str, problem: Option<&str>) -> Response {
    form_card(world, "Additional verification", problem, |notice, described| {
        format!(
            r#"<p class="quiet">Type the six digits that your authenticator app shows.</p>
{notice}<form method="post" action="/sign-in/code">
<input type="hidden" name="challenge" value="{}">
<input type="hidden" name="next" value="{}">
<label for="mfa-code">MFA code</label>
<input id="mfa-code" name="code" class="code" inputmode="numeric" autocomplete="one-time-code" required autofocus{described}>
<div class="actions"><button id="verify" type="submit">Sign in</button></div>
</form>
"#,
            escape(challenge),
            escape(next)
        )
    })
}

/// `POST /sign-in/code`.
pub(crate) fn verify_code(state: &mut State, call: &mut Call) -> Response {
    let challenge = call.form("challenge").unwrap_or_default();
    let (code, next) = (call.form("code").unwrap_or_default(), next_path(call));
    let waiting = state.challenged(&challenge, call.now);
    let verdict = state.verify(&challenge, &code, call.now);
    if let Some((user, workflow)) = waiting {
        let is_right = matches!(verdict, Verdict::Passed { .. });
        let verified = SignInEvent::verification(CredentialType::Totp, is_right, &workflow);
        call.trail.sign_in.push(verified);
        call.user = Some(user);
    }
    match verdict {
        Verdict::Passed { user, workflow } => {
            signed_in(state, call, &user, (CredentialType::Totp, &workflow), &next)
        }
        Verdict::Wrong => {
            let problem = "This code is not right, or was used already.";
            refused(code_page(&state.world, &challenge, &next, Some(problem)))
        }
        Verdict::Over => {
            let problem = "The sign-in took too long or the code was wrong too often. Start again.";
            refused(sign_in_page(&state.world, &next, Some(problem)))
        }
    }
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
            client.get("/start").await.text.contains("id=\"username\""),
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
    async fn a_code_leads_on_to_the_page_that_asked() {
        let mut client = Client::new();
        let fields = [("username", "zoe"), ("password", "demo-zoe"), ("next", "/device")];
        let page = client.submit("/sign-in", &fields).await;
        let challenge = page.hidden("challenge");
        assert_eq!(page.hidden("next"), "/device");
        let right = client.emulator.mfa_code("zoe").unwrap();
        let fields = [("challenge", &*challenge), ("code", &*right), ("next", "/device")];
        assert_eq!(
            client.submit("/sign-in/code", &fields).await.location(),
            "/device"
        );
        let over = client.submit("/sign-in/code", &fields).await;
        assert_eq!(over.hidden("next"), "/device", "starting again leads there too");
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
