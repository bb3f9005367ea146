//! `portray login`

mod events;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use portray_core::agent::protocol::{Operation, Reply, WireSecret};
use portray_core::agent::targets;
use portray_core::app::contract::{ProblemView, Request};
use serde::Serialize;
use url::Url;

use self::events::{Begun, Event, Events, Interrupts};
use super::{Invocation, command, details, secret_store, status_of};
use crate::arguments::Login;
use crate::documents::whole_seconds;
use crate::failure::Failure;
use crate::patience::Wait;
use crate::surroundings::Surroundings;

/// How long a command that was interrupted waits to learn whether a sign-in has begun.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What a person has to open.
#[derive(Serialize)]
struct SignInDocument<'a> {
    url: &'a str,
    user_code: Option<&'a str>,
    expires_at: String,
}

/// The page that a sign-in waits at.
struct Page<'a> {
    url: &'a WireSecret,
    user_code: Option<&'a str>,
    expires_at: Timestamp,
}

impl Page<'_> {
    fn document(&self) -> SignInDocument<'_> {
        SignInDocument {
            url: self.url.expose(),
            user_code: self.user_code,
            expires_at: whole_seconds(self.expires_at),
        }
    }

    /// Where it comes back to on 127.0.0.1.
    fn port(&self) -> Option<u16> {
        let url = Url::parse(self.url.expose()).ok()?;
        let (_, redirect) = url.query_pairs().find(|(name, _)| name == "redirect_uri")?;
        Url::parse(&redirect).ok()?.port()
    }
}

/// How the person gets to the sign-in page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Way {
    device_code: bool,
    open_browser: bool,
}

pub fn run(invocation: &Invocation, arguments: &Login) -> Result<(), Failure> {
    let way = way(arguments, Surroundings::of(&invocation.environment));
    secret_store::agree(invocation)?;
    let mut client = invocation.connect()?;
    details::meant_portal(invocation, &mut client, arguments.portal.as_deref())?;
    let interrupts = Interrupts::listen().map_err(|error| Failure::system("Listening to signals", &error))?;
    let replies = client.stream(&Operation::Login {
        portal: arguments.portal.clone(),
        device_code: way.device_code,
        open_browser: way.open_browser,
        force: arguments.force,
    })?;
    let events = Events::of(interrupts, replies);
    let mut begun = Begun::NotYet;
    let mut wait = Some(Wait::begin(
        invocation.printer,
        "Waiting for AWS's sign-in service …",
    ));
    while let Some(event) = events.next() {
        drop(wait.take());
        let reply = match event {
            Event::Reply(reply) => (*reply)?,
            Event::Interrupted => return Err(leave(invocation, arguments, begun, &events)),
        };
        match reply {
            Reply::SignIn {
                url,
                user_code,
                expires_at,
                joined,
                signed_out_of,
            } => {
                begun = Begun::of(joined);
                if let Some(portal) = signed_out_of {
                    invocation.printer.note(&signed_out(&portal));
                }
                let page = Page {
                    url: &url,
                    user_code: user_code.as_deref(),
                    expires_at,
                };
                if arguments.json.json {
                    invocation.printer.json(&page.document())?;
                } else {
                    tell(invocation, way, &page)?;
                }
                warn_of_other_machines(invocation, &page);
            }
            Reply::Done => {
                invocation.printer.note("Signed in.");
                return Ok(());
            }
            Reply::Hello(_)
            | Reply::Credentials(_)
            | Reply::Prepared(_)
            | Reply::Revoked { .. }
            | Reply::Uses(_)
            | Reply::Status(_)
            | Reply::Accounts(_)
            | Reply::Search(_)
            | Reply::Console { .. }
            | Reply::Command { .. }
            | Reply::Snapshot(_)
            | Reply::Kept { .. }
            | Reply::Problem { .. } => return Err(Failure::unexpected_answer()),
        }
    }
    Err(ProblemView::sign_in_ended().into())
}

/// Ctrl-C ends the sign-in that this command began, and only that one.
fn leave(invocation: &Invocation, arguments: &Login, begun: Begun, events: &Events) -> Failure {
    let begun = match begun {
        Begun::NotYet => events.begun_within(LAST_WORDS),
        Begun::Here | Begun::Elsewhere => begun,
    };
    if begun == Begun::Elsewhere {
        return ProblemView::waits_no_longer().into();
    }
    match cancel(invocation, arguments.portal.as_deref()) {
        // The agent knows whether a session has ended for it.
        Ok(()) => {
            let said = events.cancelled_within(LAST_WORDS);
            said.unwrap_or_else(|| ProblemView::cancelled().into())
        }
        Err(failure) => failure,
    }
}

fn cancel(invocation: &Invocation, portal: Option<&str>) -> Result<(), Failure> {
    let mut client = invocation.reconnect()?;
    client.wait_at_most(Some(LAST_WORDS))?;
    let portals = status_of(&mut client)?.portals;
    let portal = targets::portal(&portals, portal, None)?.id.clone();
    command(&mut client, Request::CancelSignIn { portal })?;
    Ok(())
}

/// The page of a browser's sign-in comes back to this machine, where the person's browser may not be.
fn warn_of_other_machines(invocation: &Invocation, page: &Page<'_>) {
    let is_remote = Surroundings::of(&invocation.environment) == Surroundings::Remote;
    if !is_remote || page.user_code.is_some() {
        return;
    }
    let printer = invocation.printer;
    printer.note("This works in a browser on this machine only: the page comes back to 127.0.0.1 here.");
    printer.note("For a browser on another machine: portray login --device-code");
    if let Some(port) = page.port() {
        printer.note(&format!(
            "Or make this port yours there first: ssh -L {port}:127.0.0.1:{port} THIS-MACHINE"
        ));
    }
}

/// A browser on another machine cannot come back to this one, so a code does it there.
fn way(arguments: &Login, surroundings: Surroundings) -> Way {
    let is_remote = surroundings == Surroundings::Remote;
    Way {
        device_code: arguments.device_code || (is_remote && !arguments.no_browser),
        open_browser: surroundings == Surroundings::Desktop && !arguments.no_browser,
    }
}

/// A session that lived has ended for this sign-in, which is not done yet.
fn signed_out(portal: &str) -> String {
    format!("Your session at {portal} has ended; there are no new credentials until you have signed in.")
}

/// A line for the person, or data that a program may read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Note(String),
    Data(String),
}

fn tell(invocation: &Invocation, way: Way, page: &Page<'_>) -> Result<(), Failure> {
    let until = page.expires_at.to_zoned(TimeZone::system()).strftime("%H:%M");
    for line in lines(way, page.url.expose(), page.user_code, &until.to_string()) {
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
    fn l4_where_the_person_is_decides_where_a_browser_opens() {
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
