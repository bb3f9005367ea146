//! Access keys of a permission set in an account, in the forms that shells, files and programs take.

use axum::response::Response;

use super::console::query;
use super::error::PageError;
use super::layout::{escape, label, name};
use super::sign_in::sign_in_page;
use super::start::{Tab, portal_page};
use crate::call::Call;
use crate::role_credentials::RoleCredentials;
use crate::state::State;
use crate::world::World;

/// `GET /start/keys?account_id=…&role_name=…`: new keys each time, as AWS's portal gets them. They are in the page only,
/// never in an address.
pub(crate) fn access_keys(state: &mut State, call: &mut Call) -> Result<Response, PageError> {
    let Some((_, user)) = state.browser_session(call) else {
        return Ok(sign_in_page(&state.world, &call.path_and_query(), None));
    };
    let account_id = call.query("account_id").unwrap_or_default();
    let role = call.query("role_name").unwrap_or_default();
    let credentials = state
        .issue_role_credentials(&user, &account_id, &role, call)
        .ok_or(PageError::NotAssigned)?;
    call.principal_tags = state.world.principal_tags(&user);
    let world = &state.world;
    let account = world.account(&account_id).ok_or(PageError::NotAssigned)?;
    let again = query(&[("account_id", &account_id), ("role_name", &role)]);
    let content = format!(
        r#"<h2 class="page">Access keys</h2>
<p><strong id="role">{}</strong> in <strong id="account">{}</strong> <span class="quiet">{account_id}</span></p>
<p class="quiet">Good until <time id="expires" datetime="{}">{}</time>. <a href="/start/keys?{}" id="new-keys">Get new keys</a></p>
<p class="copied quiet" id="copied" role="status"></p>
{}{}{}{}<p><a href="/start">Back to the accounts</a></p>
"#,
        name(&role),
        name(&account.name),
        credentials.expiration,
        credentials.expiration.strftime("%Y-%m-%d %H:%M:%S UTC"),
        escape(&again),
        sign_in_section(world),
        shells_section(&credentials),
        profile_section(&account_id, &role, &credentials),
        values_section(&credentials),
    );
    let title = format!("Access keys: {role} in {}", account.name);
    Ok(portal_page(world, &user, Tab::Accounts, &title, &content))
}

/// What renews itself comes first, as on AWS's page.
fn sign_in_section(world: &World) -> String {
    format!(
        "<section class=\"account\">\n<h3>Keys that renew themselves (recommended)</h3>\n\
         <p class=\"quiet small\">Give these to <code>aws configure sso</code>, or to your program.</p>\n{}{}</section>\n",
        line("SSO start URL", "start-url", &world.start_url),
        line("SSO region", "sso-region", &world.region),
    )
}

fn shells_section(keys: &RoleCredentials) -> String {
    let values = [
        ("AWS_ACCESS_KEY_ID", keys.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key),
        ("AWS_SESSION_TOKEN", &keys.session_token),
    ];
    let written = |form: fn(&str, &str) -> String| {
        let lines: Vec<String> = values.iter().map(|(name, value)| form(name, value)).collect();
        lines.join("\n")
    };
    // Letters, digits, "+", "/" and "=" only: these need no more quoting than this in any of the shells.
    let bash = written(|name, value| format!("export {name}=\"{value}\""));
    let cmd = written(|name, value| format!("SET {name}={value}"));
    let powershell = written(|name, value| format!("$Env:{name}=\"{value}\""));
    format!(
        "<section class=\"account\">\n<h3>Environment variables</h3>\n{}{}{}</section>\n",
        block("macOS and Linux (bash, zsh)", "bash", &bash),
        block("Windows (cmd)", "cmd", &cmd),
        block("Windows (PowerShell)", "powershell", &powershell),
    )
}

fn profile_section(account_id: &str, role: &str, keys: &RoleCredentials) -> String {
    let text = format!(
        "[{account_id}_{}]\naws_access_key_id={}\naws_secret_access_key={}\naws_session_token={}",
        profile_part(role),
        keys.access_key_id,
        keys.secret_access_key,
        keys.session_token
    );
    format!(
        "<section class=\"account\">\n<h3>Profile for the AWS credentials file</h3>\n\
         <p class=\"quiet small\">Paste it into <code>~/.aws/credentials</code>.</p>\n{}</section>\n",
        block("Profile", "profile", &text)
    )
}

fn values_section(keys: &RoleCredentials) -> String {
    format!(
        "<section class=\"account\">\n<h3>Single values</h3>\n{}{}{}</section>\n",
        line("Access key ID", "access-key-id", &keys.access_key_id),
        line("Secret access key", "secret-access-key", &keys.secret_access_key),
        line("Session token", "session-token", &keys.session_token),
    )
}

/// One value in a field that can be selected with a key, and the button that the script shows.
fn line(title: &str, id: &str, value: &str) -> String {
    format!(
        "<label for=\"{id}\">{title}</label>\n\
         <div class=\"field\"><input id=\"{id}\" class=\"code\" value=\"{}\" readonly spellcheck=\"false\" autocomplete=\"off\">{}</div>\n",
        escape(value),
        copy_button(title, id)
    )
}

fn block(title: &str, id: &str, text: &str) -> String {
    format!(
        "<label for=\"{id}\">{title}</label>\n\
         <div class=\"field\"><textarea id=\"{id}\" class=\"code\" rows=\"{}\" wrap=\"off\" readonly spellcheck=\"false\" autocomplete=\"off\">\n{}</textarea>{}</div>\n",
        // One more, because the bar to scroll sideways lies over the last one.
        text.lines().count() + 1,
        escape(text),
        copy_button(title, id)
    )
}

fn copy_button(title: &str, id: &str) -> String {
    format!(
        "<button type=\"button\" class=\"plain\" data-copy=\"{id}\" aria-label=\"Copy: {}\" hidden>Copy</button>",
        label(title)
    )
}

/// A permission set's name as it may stand in a section's: every reader of such files takes these letters.
fn profile_part(role: &str) -> String {
    let is_safe = |letter: char| letter.is_ascii_alphanumeric() || "_.@+-".contains(letter);
    role.chars()
        .take(64)
        .map(|letter| if is_safe(letter) { letter } else { '-' })
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::sts::signed;
    use crate::testing::{Client, Reply};

    const KEYS: &str = "/start/keys?account_id=111122223333&role_name=ReadOnly";

    /// Access key ID, secret and session token.
    type Keys = [String; 3];

    async fn who(client: &mut Client, [id, secret, token]: &Keys) -> Reply {
        let request = Request::post("/")
            .header("host", "127.0.0.1:8417")
            .header("x-amz-date", "20300101T080000Z")
            .header("x-amz-security-token", token);
        let request = request
            .body("Action=GetCallerIdentity&Version=2011-06-15".into())
            .unwrap();
        client.send(signed(request, id, secret).await).await
    }

    /// The three values of a block, each line of which has a beginning and an end.
    fn values(block: &str, lines: [(&str, &str); 3]) -> Keys {
        let mut found = block.lines();
        lines.map(|(beginning, end)| {
            let line = found.next().unwrap();
            let value = line
                .strip_prefix(beginning)
                .and_then(|rest| rest.strip_suffix(end));
            value
                .unwrap_or_else(|| panic!("{line} is not {beginning}…{end}"))
                .to_owned()
        })
    }

    #[tokio::test]
    async fn the_keys_work_in_every_form() {
        let mut browser = Client::new();
        browser.sign_in("amara").await;
        let page = browser.get(KEYS).await;
        assert_eq!(
            (page.element("role"), page.element("account")),
            ("ReadOnly".into(), "acme-dev".into())
        );
        assert_eq!(page.element("expires"), "2030-01-01 16:00:00 UTC");
        assert_eq!(
            page.attribute("start-url", "value"),
            "https://d-9967123abc.awsapps.com/start"
        );
        assert_eq!(page.attribute("sso-region", "value"), "eu-west-1");

        let single =
            ["access-key-id", "secret-access-key", "session-token"].map(|id| page.attribute(id, "value"));
        let profile = page.element("profile");
        let (section, lines) = profile.split_once('\n').unwrap();
        assert_eq!(section, "[111122223333_ReadOnly]");
        let forms = [
            values(
                &page.element("bash"),
                [
                    ("export AWS_ACCESS_KEY_ID=\"", "\""),
                    ("export AWS_SECRET_ACCESS_KEY=\"", "\""),
                    ("export AWS_SESSION_TOKEN=\"", "\""),
                ],
            ),
            values(
                &page.element("cmd"),
                [
                    ("SET AWS_ACCESS_KEY_ID=", ""),
                    ("SET AWS_SECRET_ACCESS_KEY=", ""),
                    ("SET AWS_SESSION_TOKEN=", ""),
                ],
            ),
            values(
                &page.element("powershell"),
                [
                    ("$Env:AWS_ACCESS_KEY_ID=\"", "\""),
                    ("$Env:AWS_SECRET_ACCESS_KEY=\"", "\""),
                    ("$Env:AWS_SESSION_TOKEN=\"", "\""),
                ],
            ),
            values(
                lines,
                [
                    ("aws_access_key_id=", ""),
                    ("aws_secret_access_key=", ""),
                    ("aws_session_token=", ""),
                ],
            ),
        ];
        for form in &forms {
            assert_eq!(*form, single);
        }
        let told = who(&mut browser, &single).await;
        assert!(
            told.status == 200 && told.text.contains("<Account>111122223333</Account>"),
            "{}",
            told.text
        );
    }

    #[tokio::test]
    async fn keys_are_for_who_is_signed_in_and_assigned_and_new_each_time() {
        let mut browser = Client::new();
        assert_eq!(browser.get(KEYS).await.hidden("next"), KEYS);
        browser.sign_in("amara").await;
        let first = browser.get(KEYS).await.attribute("access-key-id", "value");
        assert_ne!(browser.get(KEYS).await.attribute("access-key-id", "value"), first);
        for other in [
            "account_id=111122223333&role_name=AdministratorAccess",
            "account_id=000000000000&role_name=ReadOnly",
            "",
        ] {
            assert_eq!(
                browser.get(&format!("/start/keys?{other}")).await.status,
                403,
                "{other}"
            );
        }
    }

    #[test]
    fn a_hostile_name_cannot_leave_the_section_of_its_profile() {
        assert_eq!(profile_part("ReadOnly"), "ReadOnly");
        assert_eq!(profile_part("a]\n[default]\n"), "a---default--");
        assert_eq!(profile_part(&"x".repeat(4_096)).len(), 64);
    }
}
