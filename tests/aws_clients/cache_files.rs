//! Token files in every state, and the calls that each makes a client do.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::SignedDuration;
use serde_json::Value;

use super::client::Client;
use super::surroundings::{Calls, LEGACY_PROFILE, PROFILE, Surroundings, assert_is_read_only_in_dev};
use super::table::{OF_EMULATOR, compare};

/// After this, AWS knows an access token of the session no more.
pub const TOKEN_LIFE: Duration = Duration::from_secs(3_601);

/// After this, neither one in the older form.
const OLDER_FORM_LIFE: Duration = Duration::from_secs(28_801);

/// The one case in which versions of the AWS CLI 2 differ.
const OF_OLD_AND_NEW_CLI: &str = "nothing, before 2.25.3 GetRoleCredentials; fails";

/// What a client finds in its cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    OneHourLeft,
    TwelveMinutesLeft,
    FourMinutesLeft,
    FourMinutesLeftAndRefused,
    Expired,
    ExpiredAndRefused,
    ExpiredWithoutRefreshToken,
    ExpiredWithRegistration,
    EndedAtAws,
    OlderForm,
    OlderFormExpired,
}

/// What a client calls, and how it ends.
const USES: &str = "GetRoleCredentials; works";
const RENEWS: &str = "CreateToken, GetRoleCredentials; works";
const TRIES_IN_VAIN: &str = "CreateToken; fails";
const TRIES_AND_USES_IN_VAIN: &str = "CreateToken, GetRoleCredentials; fails";
const USES_IN_VAIN: &str = "GetRoleCredentials; fails";
const GIVES_UP: &str = "nothing; fails";

/// What botocore, the SDK for JavaScript and the SDK for Rust do. The first refreshes when less than 15 minutes are left,
/// the others when less than five are; all use what is left of a token if that fails. JavaScript does not look at the
/// registration. Rust sends an expired token to the portal if refreshing failed, and any token in the older form.
const EXPECTED: [(Case, [&str; 3]); 11] = [
    (Case::OneHourLeft, [USES, USES, USES]),
    (Case::TwelveMinutesLeft, [RENEWS, USES, USES]),
    (Case::FourMinutesLeft, [RENEWS, RENEWS, RENEWS]),
    (Case::FourMinutesLeftAndRefused, [RENEWS, RENEWS, RENEWS]),
    (Case::Expired, [RENEWS, RENEWS, RENEWS]),
    (
        Case::ExpiredAndRefused,
        [TRIES_IN_VAIN, TRIES_IN_VAIN, TRIES_AND_USES_IN_VAIN],
    ),
    (Case::ExpiredWithoutRefreshToken, [GIVES_UP, GIVES_UP, GIVES_UP]),
    (Case::ExpiredWithRegistration, [GIVES_UP, TRIES_IN_VAIN, GIVES_UP]),
    (Case::EndedAtAws, [USES_IN_VAIN, USES_IN_VAIN, USES_IN_VAIN]),
    (Case::OlderForm, [USES, USES, USES]),
    (Case::OlderFormExpired, [GIVES_UP, GIVES_UP, USES_IN_VAIN]),
];

impl Case {
    /// The row of the table.
    fn row(self) -> &'static str {
        match self {
            Case::OneHourLeft => "an hour left",
            Case::TwelveMinutesLeft => "12 minutes left",
            Case::FourMinutesLeft => "4 minutes left",
            Case::FourMinutesLeftAndRefused => "4 minutes left, refresh token refused",
            Case::Expired => "expired",
            Case::ExpiredAndRefused => "expired, refresh token refused",
            Case::ExpiredWithoutRefreshToken => "expired, no refresh token",
            Case::ExpiredWithRegistration => "expired, and the registration too",
            Case::EndedAtAws => "an hour left, but the session was ended",
            Case::OlderForm => "without sso-session, an hour left",
            Case::OlderFormExpired => "without sso-session, expired",
        }
    }

    fn profile(self) -> &'static str {
        if self.is_older_form() {
            LEGACY_PROFILE
        } else {
            PROFILE
        }
    }

    fn is_older_form(self) -> bool {
        matches!(self, Case::OlderForm | Case::OlderFormExpired)
    }

    fn time_left(self) -> SignedDuration {
        SignedDuration::from_mins(match self {
            Case::OneHourLeft | Case::EndedAtAws | Case::OlderForm => 60,
            Case::TwelveMinutesLeft => 12,
            Case::FourMinutesLeft | Case::FourMinutesLeftAndRefused => 4,
            Case::Expired
            | Case::ExpiredAndRefused
            | Case::ExpiredWithoutRefreshToken
            | Case::ExpiredWithRegistration
            | Case::OlderFormExpired => -1,
        })
    }

    /// Makes the file and the emulator as the case says. What the file says is in the machine's time, in which clients
    /// live; the emulator's clock goes on where a token has to be past its end there.
    async fn prepare(self, surroundings: &Surroundings) -> Result<()> {
        let now = surroundings.now().await?;
        // A sign-in joins the session of the one before, and would end with it.
        surroundings.emulator.end_sessions("amara").await?;
        let sign_in = if self.is_older_form() {
            surroundings.sign_in_without_scopes().await?
        } else {
            surroundings.sign_in().await?
        };
        let mut token = surroundings.token(&sign_in, now + self.time_left())?;
        match self {
            Case::FourMinutesLeftAndRefused | Case::ExpiredAndRefused => {
                token["refreshToken"] = "aorNobody:Knows".into();
            }
            Case::ExpiredWithoutRefreshToken => {
                token
                    .as_object_mut()
                    .map(|members| members.remove("refreshToken"));
            }
            Case::ExpiredWithRegistration => {
                token["registrationExpiresAt"] = token["expiresAt"].clone();
                let client = serde_json::json!({ "client_id": token["clientId"] });
                surroundings
                    .emulator
                    .tell("registrations/expire", &client)
                    .await?;
            }
            Case::EndedAtAws => drop(surroundings.emulator.end_sessions("amara").await?),
            Case::OneHourLeft
            | Case::TwelveMinutesLeft
            | Case::FourMinutesLeft
            | Case::Expired
            | Case::OlderForm
            | Case::OlderFormExpired => {}
        }
        if self.time_left().is_negative() {
            let life = if self.is_older_form() {
                OLDER_FORM_LIFE
            } else {
                TOKEN_LIFE
            };
            surroundings.advance(life).await?;
        }
        let file = if self.is_older_form() {
            surroundings.legacy_token_file()
        } else {
            surroundings.token_file()
        };
        surroundings.keep_only(&file, &token)
    }
}

/// An hour later: AWS knows the access token no more, and the file says so too. The CLI's own store of role credentials
/// is emptied, since those live longer.
pub async fn let_token_run_out(surroundings: &Surroundings) -> Result<()> {
    let file = surroundings.token_file();
    let mut token: Value = serde_json::from_slice(&fs::read(&file)?)?;
    token["expiresAt"] = "2020-01-01T00:00:00Z".into();
    surroundings.advance(TOKEN_LIFE).await?;
    surroundings.keep_only(&file, &token)
}

/// Puts a client before every case and compares its calls with what is expected, and with the table of the page.
/// `older_cli` is an AWS CLI before 2.25.3, which does not look at the expiry of a token in the older form.
pub async fn judge(surroundings: &Surroundings, client: Client, older_cli: bool) -> Result<()> {
    let mut cells = Vec::new();
    for (case, [of_botocore, of_javascript, of_rust]) in EXPECTED {
        let expected = match client {
            Client::AwsCli if older_cli && case == Case::OlderFormExpired => USES_IN_VAIN,
            Client::AwsCli | Client::Boto3 => of_botocore,
            Client::JavaScript => of_javascript,
            Client::Rust => of_rust,
        };
        case.prepare(surroundings).await?;
        let command = client.who_am_i(surroundings, case.profile()).await?;
        let before = fs::read(surroundings.token_file()).unwrap_or_default();
        let (calls, finished) = surroundings.calls_during(surroundings.run(command)).await?;
        let works = finished.code == Some(0);
        let done = told(&calls, works);
        ensure!(
            done == expected,
            "{client:?}, {case:?}: {done}, not {expected}: {finished:#?}"
        );
        if works {
            assert_is_read_only_in_dev(&client.told(&finished)?)?;
        }
        if case == Case::Expired {
            assert_token_is_new(&before, &fs::read(surroundings.token_file())?)?;
        }
        // The page is the same whichever version a distribution has.
        let is_any_version = client == Client::AwsCli && case == Case::OlderFormExpired;
        let cell = if is_any_version {
            OF_OLD_AND_NEW_CLI.to_owned()
        } else {
            done
        };
        cells.push((case.row(), cell));
    }
    compare((OF_EMULATOR, "cache files"), &client.column()?, &cells)
}

/// The calls about tokens and role credentials in their order, and how the client ended.
fn told(calls: &Calls, works: bool) -> String {
    let counted = ["CreateToken", "GetRoleCredentials"]
        .into_iter()
        .filter_map(|operation| match calls.get(operation) {
            None => None,
            Some(1) => Some(operation.to_owned()),
            Some(count) => Some(format!("{count} × {operation}")),
        });
    let counted: Vec<String> = counted.collect();
    let calls = if counted.is_empty() {
        "nothing".to_owned()
    } else {
        counted.join(", ")
    };
    format!("{calls}; {}", if works { "works" } else { "fails" })
}

/// What a refresh leaves for the next client is all that that one needs.
fn assert_token_is_new(before: &[u8], after: &[u8]) -> Result<()> {
    let (before, after): (Value, Value) = (serde_json::from_slice(before)?, serde_json::from_slice(after)?);
    for member in ["accessToken", "expiresAt", "refreshToken"] {
        ensure!(
            after[member].is_string() && after[member] != before[member],
            "{member}: {after}"
        );
    }
    for member in ["clientId", "clientSecret"] {
        ensure!(after[member] == before[member], "{member}: {after}");
    }
    Ok(())
}
