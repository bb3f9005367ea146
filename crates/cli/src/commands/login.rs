//! `portray login`

use jiff::Timestamp;
use jiff::tz::TimeZone;
use portray_core::agent::protocol::{Operation, Reply, WireSecret};
use portray_core::app::contract::ProblemCode;
use serde::Serialize;

use super::Invocation;
use crate::arguments::Login;
use crate::failure::Failure;
use crate::shells::whole_seconds;
use crate::surroundings::Surroundings;

/// What a person has to open.
#[derive(Serialize)]
struct SignInDocument<'a> {
    url: &'a str,
    user_code: Option<&'a str>,
    expires_at: String,
}

/// How the person gets to the sign-in page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Way {
    device_code: bool,
    open_browser: bool,
}

pub fn run(invocation: &Invocation, arguments: Login) -> Result<(), Failure> {
    let way = way(&arguments, Surroundings::of(&invocation.environment));
    let client = invocation.connect()?;
    let replies = client.stream(&Operation::Login {
        portal: arguments.portal,
        device_code: way.device_code,
        open_browser: way.open_browser,
        force: arguments.force,
    })?;
    for reply in replies {
        match reply? {
            Reply::SignIn {
                url,
                user_code,
                expires_at,
            } if arguments.json.json => invocation.printer.json(&SignInDocument {
                url: url.expose(),
                user_code: user_code.as_deref(),
                expires_at: whole_seconds(expires_at),
            })?,
            Reply::SignIn {
                url,
                user_code,
                expires_at,
            } => tell(invocation, way, &url, user_code.as_deref(), expires_at)?,
            Reply::Done => {
                invocation.printer.note("Signed in.");
                return Ok(());
            }
            Reply::Hello(_)
            | Reply::Credentials(_)
            | Reply::Status(_)
            | Reply::Accounts(_)
            | Reply::Search(_)
            | Reply::Console { .. }
            | Reply::Command { .. }
            | Reply::Snapshot(_)
            | Reply::Problem { .. } => return Err(Failure::unexpected_answer()),
        }
    }
    Err(Failure::new(
        ProblemCode::Cancelled,
        "The sign-in ended before it was done.",
        "Sign in again: portray login",
    ))
}

/// A browser on another machine cannot come back to this one, so a code does it there.
fn way(arguments: &Login, surroundings: Surroundings) -> Way {
    let is_remote = surroundings == Surroundings::Remote;
    Way {
        device_code: arguments.device_code || (is_remote && !arguments.no_browser),
        open_browser: surroundings == Surroundings::Desktop && !arguments.no_browser,
    }
}

fn tell(
    invocation: &Invocation,
    way: Way,
    url: &WireSecret,
    user_code: Option<&str>,
    expires_at: Timestamp,
) -> Result<(), Failure> {
    let printer = invocation.printer;
    let until = expires_at
        .to_zoned(TimeZone::system())
        .strftime("%H:%M")
        .to_string();
    if way.open_browser {
        printer.note("Your browser shows the sign-in page. If it does not, open this address:");
        printer.note(url.expose());
    } else {
        printer.note("Open this page in a browser:");
        printer.data(url.expose())?;
    }
    if let Some(code) = user_code {
        printer.note(&format!("It must show this code: {code}"));
    }
    printer.note(&format!("Waiting until {until} …"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Json;

    #[test]
    fn where_the_person_is_decides_where_a_browser_opens() {
        let code = (true, false);
        let url = (false, false);
        for (surroundings, no_browser, device_code, expected) in [
            (Surroundings::Desktop, false, false, (false, true)),
            (Surroundings::Desktop, false, true, (true, true)),
            (Surroundings::Desktop, true, false, url),
            (Surroundings::Wsl, false, false, url),
            (Surroundings::Remote, false, false, code),
            (Surroundings::Remote, true, false, url),
            (Surroundings::Remote, true, true, code),
        ] {
            let arguments = Login {
                portal: None,
                device_code,
                no_browser,
                force: false,
                json: Json::default(),
            };
            let way = way(&arguments, surroundings);
            assert_eq!(
                (way.device_code, way.open_browser),
                expected,
                "{surroundings:?} {arguments:?}"
            );
        }
    }
}
