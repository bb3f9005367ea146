//! `portray login`

use jiff::Timestamp;
use jiff::tz::TimeZone;
use portray_core::agent::protocol::{Operation, Reply, WireSecret};
use portray_core::app::contract::ProblemView;
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
    Err(ProblemView::sign_in_ended().into())
}

/// A browser on another machine cannot come back to this one, so a code does it there.
fn way(arguments: &Login, surroundings: Surroundings) -> Way {
    let is_remote = surroundings == Surroundings::Remote;
    Way {
        device_code: arguments.device_code || (is_remote && !arguments.no_browser),
        open_browser: surroundings == Surroundings::Desktop && !arguments.no_browser,
    }
}

/// A line for the person, or data that a program may read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Note(String),
    Data(String),
}

fn tell(
    invocation: &Invocation,
    way: Way,
    url: &WireSecret,
    user_code: Option<&str>,
    expires_at: Timestamp,
) -> Result<(), Failure> {
    let until = expires_at.to_zoned(TimeZone::system()).strftime("%H:%M");
    for line in lines(way, url.expose(), user_code, &until.to_string()) {
        match line {
            Line::Note(text) => invocation.printer.note(&text),
            Line::Data(text) => invocation.printer.data(&text)?,
        }
    }
    Ok(())
}

/// The address is always said: a browser may open where nobody sees it.
fn lines(way: Way, url: &str, user_code: Option<&str>, until: &str) -> Vec<Line> {
    let note = |text: &str| Line::Note(text.to_owned());
    let mut lines = if way.open_browser {
        let shown = "Your browser shows the sign-in page. If it does not, open this address:";
        vec![note(shown), note(url)]
    } else {
        vec![note("Open this page in a browser:"), Line::Data(url.to_owned())]
    };
    lines.extend(user_code.map(|code| Line::Note(format!("It must show this code: {code}"))));
    lines.push(Line::Note(format!("Waiting until {until} …")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Json;

    #[test]
    fn the_address_is_said_also_where_a_browser_opens() {
        let url = "https://acme.example/x";
        let said = |open_browser| {
            let way = Way {
                device_code: false,
                open_browser,
            };
            lines(way, url, None, "12:10")
        };
        assert!(said(true).contains(&Line::Note(url.to_owned())));
        assert!(said(false).contains(&Line::Data(url.to_owned())));
    }

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
