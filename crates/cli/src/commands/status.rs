//! `portray status`

use jiff::Timestamp;
use jiff::tz::TimeZone;
use portray_core::agent::protocol::StatusReply;
use portray_core::app::contract::{
    CredentialsState, CredentialsView, PortalState, PortalView, ProblemView, SyncProgress,
};
use serde::Serialize;

use super::{Invocation, details, status_of};
use crate::arguments::Json;
use crate::documents::ChainDocument;
use crate::failure::Failure;

#[derive(Serialize)]
struct StatusDocument<'a> {
    agent: AgentDocument<'a>,
    portals: Vec<PortalDocument<'a>>,
    credentials: Vec<CredentialsDocument<'a>>,
    problems: Vec<&'a ProblemView>,
}

#[derive(Serialize)]
struct AgentDocument<'a> {
    pid: u32,
    version: &'a str,
}

#[derive(Serialize)]
struct PortalDocument<'a> {
    name: &'a str,
    start_url: &'a str,
    region: &'a str,
    state: PortalState,
    access_token_expires_at: Option<Timestamp>,
    session_ends_at: Option<Timestamp>,
    session_end_is_estimate: bool,
    accounts: u32,
    permission_sets: u32,
    /// Whether these are all of them, as far as AWS has said.
    complete: bool,
    /// Why the state is what it is, or why nothing is renewed or listed.
    problem: Option<&'a ProblemView>,
}

#[derive(Serialize)]
struct CredentialsDocument<'a> {
    portal: &'a str,
    account: &'a str,
    permission_set: &'a str,
    /// Of a further role; then account and permission set are those that it is assumed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<ChainDocument<'a>>,
    expires_at: Option<Timestamp>,
    kept: bool,
    state: CredentialsState,
    problem: Option<&'a ProblemView>,
}

pub fn run(invocation: &Invocation, arguments: Json) -> Result<(), Failure> {
    let (_, status) = invocation.read(status_of)?;
    for portal in &status.portals {
        details::portal(invocation, portal);
    }
    if arguments.json {
        return invocation.printer.json(&document(&status));
    }
    invocation.printer.data(&in_words(&status, &TimeZone::system()))
}

pub fn state_in_words(state: PortalState) -> &'static str {
    match state {
        PortalState::SignedIn => "signed in",
        PortalState::SignInNeeded => "sign-in needed",
        PortalState::SigningIn => "signing in",
        PortalState::Offline => "offline",
        PortalState::Unknown => "not known",
    }
}

fn document(status: &StatusReply) -> StatusDocument<'_> {
    StatusDocument {
        agent: AgentDocument {
            pid: status.pid,
            version: &status.version,
        },
        portals: status.portals.iter().map(portal_document).collect(),
        credentials: status
            .credentials
            .iter()
            .map(|credentials| credentials_document(status, credentials))
            .collect(),
        problems: problems(status).collect(),
    }
}

/// What is wrong with the whole of it.
fn problems(status: &StatusReply) -> impl Iterator<Item = &ProblemView> {
    let left_behind = status.left_behind.iter().map(|left| &left.problem);
    status
        .clock_problem
        .iter()
        .chain(&status.problems)
        .chain(left_behind)
}

fn portal_document(portal: &PortalView) -> PortalDocument<'_> {
    PortalDocument {
        name: &portal.name,
        start_url: &portal.start_url,
        region: &portal.region,
        state: portal.state,
        access_token_expires_at: portal.access_token_expires_at,
        session_ends_at: portal.session_ends_at,
        session_end_is_estimate: portal.session_end_is_estimate,
        accounts: portal.accounts,
        permission_sets: portal.permission_sets,
        complete: portal.sync.complete,
        problem: portal.problem.as_ref(),
    }
}

fn credentials_document<'a>(
    status: &'a StatusReply,
    credentials: &'a CredentialsView,
) -> CredentialsDocument<'a> {
    CredentialsDocument {
        portal: portal_name(status, credentials),
        account: &credentials.role.account,
        permission_set: &credentials.role.permission_set,
        chain: credentials.chain.as_ref().map(ChainDocument::from),
        expires_at: credentials.expires_at,
        kept: credentials.kept,
        state: credentials.state,
        problem: credentials.problem.as_ref(),
    }
}

fn portal_name<'a>(status: &'a StatusReply, credentials: &'a CredentialsView) -> &'a str {
    let mut portals = status.portals.iter();
    let portal = portals.find(|portal| portal.id == credentials.role.portal);
    portal.map_or(&credentials.role.portal, |portal| &portal.name)
}

fn in_words(status: &StatusReply, zone: &TimeZone) -> String {
    let mut lines = vec![status.headline.clone()];
    lines.extend(problems(status).map(problem_line));
    for portal in &status.portals {
        lines.push(format!(
            "  {}  {}, {} accounts, {} permission sets{}",
            portal.name,
            state_in_words(portal.state),
            portal.accounts,
            portal.permission_sets,
            what_is_missing(portal)
        ));
        lines.extend(portal.problem.as_ref().map(problem_line));
    }
    if !status.credentials.is_empty() {
        lines.push("Credentials:".to_owned());
    }
    for credentials in &status.credentials {
        let life = life_in_words(credentials, zone);
        let (role, account) = (&credentials.role, &credentials.account_name);
        lines.push(match &role.chain {
            None => format!("  {}/{}  {account}  {life}", role.account, role.permission_set),
            Some(name) => format!("  {name}  from {account}/{}  {life}", role.permission_set),
        });
        lines.extend(credentials.problem.as_ref().map(problem_line));
    }
    lines.join("\n")
}

/// Why these accounts may not be all of them.
fn what_is_missing(portal: &PortalView) -> String {
    let sync = &portal.sync;
    match (sync.running, sync.synced_at) {
        // Nobody has asked for any list.
        (None, None) if portal.accounts == 0 && portal.state != PortalState::SignedIn => String::new(),
        (
            Some(SyncProgress {
                done,
                total: total @ 1..,
            }),
            None,
        ) => {
            format!(", being listed: {done} of {total}")
        }
        (Some(_), None) => ", being listed".to_owned(),
        (None, None) => ", not listed to the end yet".to_owned(),
        (_, Some(_)) if !sync.complete => {
            ", only a part: AWS did not give all of the list; try “portray accounts --sync”".to_owned()
        }
        (_, Some(_)) => String::new(),
    }
}

fn problem_line(problem: &ProblemView) -> String {
    format!("    {} {}", problem.what_happened, problem.what_to_do)
}

fn life_in_words(credentials: &CredentialsView, zone: &TimeZone) -> String {
    let state = match credentials.state {
        CredentialsState::Fresh => "good",
        CredentialsState::Renewing => "being renewed",
        CredentialsState::Failing => "cannot be renewed",
        CredentialsState::Unavailable => "not assigned",
    };
    let until = credentials.expires_at.map_or_else(String::new, |time| {
        format!(" until {}", time.to_zoned(zone.clone()).strftime("%H:%M"))
    });
    let kept = if credentials.kept { ", kept fresh" } else { "" };
    format!("{state}{until}{kept}")
}

#[cfg(test)]
mod tests {
    use portray_core::app::contract::{ChainView, ProblemCode, Role, SyncView};

    use super::*;

    fn status() -> StatusReply {
        StatusReply {
            pid: 7,
            version: "0.1.0".to_owned(),
            headline: "Signed in to acme".to_owned(),
            portals: vec![PortalView {
                id: "0011".to_owned(),
                name: "acme".to_owned(),
                start_url: "https://acme.awsapps.com/start".to_owned(),
                region: "eu-west-1".to_owned(),
                state: PortalState::SignedIn,
                access_token_expires_at: Some("2026-03-02T13:00:00Z".parse().unwrap()),
                session_ends_at: None,
                session_end_is_estimate: true,
                accounts: 2,
                permission_sets: 3,
                sync: SyncView {
                    synced_at: Some("2026-03-02T11:00:00Z".parse().unwrap()),
                    complete: true,
                    running: None,
                    trouble: None,
                },
                sign_in: None,
                problem: None,
            }],
            credentials: vec![CredentialsView {
                chain: None,
                role: Role {
                    portal: "0011".to_owned(),
                    account: "111122223333".to_owned(),
                    permission_set: "ReadOnly".to_owned(),
                    chain: None,
                },
                account_name: "acme-dev".to_owned(),
                state: CredentialsState::Fresh,
                expires_at: Some("2026-03-02T12:40:00Z".parse().unwrap()),
                kept: true,
                problem: None,
            }],
            missing_portals: Vec::new(),
            problems: Vec::new(),
            clock_problem: None,
            left_behind: Vec::new(),
        }
    }

    #[test]
    fn the_document_has_the_shape_that_scripts_rely_on() {
        let expected = r#"{"agent":{"pid":7,"version":"0.1.0"},"portals":[{"name":"acme","start_url":"https://acme.awsapps.com/start","region":"eu-west-1","state":"signed_in","access_token_expires_at":"2026-03-02T13:00:00Z","session_ends_at":null,"session_end_is_estimate":true,"accounts":2,"permission_sets":3,"complete":true,"problem":null}],"credentials":[{"portal":"acme","account":"111122223333","permission_set":"ReadOnly","expires_at":"2026-03-02T12:40:00Z","kept":true,"state":"fresh","problem":null}],"problems":[]}"#;
        assert_eq!(serde_json::to_string(&document(&status())).unwrap(), expected);
    }

    #[test]
    fn in_words_it_says_what_is_good_until_when() {
        let text = in_words(&status(), &TimeZone::UTC);
        assert!(
            text.contains("111122223333/ReadOnly  acme-dev  good until 12:40, kept fresh"),
            "{text}"
        );
    }

    #[test]
    fn s2_a_list_that_is_not_whole_is_said_to_be_so_in_both_forms() {
        let mut status = status();
        assert!(in_words(&status, &TimeZone::UTC).contains("2 accounts, 3 permission sets\n"));
        status.portals[0].sync.complete = false;
        assert!(in_words(&status, &TimeZone::UTC).contains("3 permission sets, only a part"));
        status.portals[0].sync.synced_at = None;
        assert!(in_words(&status, &TimeZone::UTC).contains("3 permission sets, not listed to the end yet"));
        let document = serde_json::to_value(document(&status)).unwrap();
        assert_eq!(document["portals"][0]["complete"], false);
        status.portals[0].sync.running = Some(SyncProgress { done: 3, total: 9 });
        assert!(in_words(&status, &TimeZone::UTC).contains(", being listed: 3 of 9"));
    }

    #[test]
    fn a_further_role_is_shown_as_one() {
        let mut status = status();
        status.credentials[0].role.chain = Some("release".to_owned());
        status.credentials[0].chain = Some(ChainView {
            name: "release".to_owned(),
            from: "acme-dev/ReadOnly".to_owned(),
            role_arn: "arn:aws:iam::666677778888:role/Releaser".to_owned(),
            account: "666677778888".to_owned(),
            role_name: "Releaser".to_owned(),
            wants_code: false,
        });
        let text = in_words(&status, &TimeZone::UTC);
        assert!(
            text.contains("  release  from acme-dev/ReadOnly  good until 12:40"),
            "{text}"
        );
        let document = serde_json::to_value(document(&status)).unwrap();
        let chain = &document["credentials"][0]["chain"];
        assert_eq!(chain["from"], "acme-dev/ReadOnly");
        assert_eq!(chain["role_arn"], "arn:aws:iam::666677778888:role/Releaser");
    }

    #[test]
    fn t4_a_wrong_clock_is_said_in_both_forms() {
        let problem = ProblemView {
            code: ProblemCode::Failed,
            what_happened: "This machine's clock is 24 hours fast.".to_owned(),
            what_to_do: "Set it right.".to_owned(),
        };
        let status = StatusReply {
            clock_problem: Some(problem),
            ..status()
        };
        assert!(in_words(&status, &TimeZone::UTC).contains("24 hours fast. Set it right."));
        let document = serde_json::to_value(document(&status)).unwrap();
        assert_eq!(document["problems"][0]["what_to_do"], "Set it right.");
    }
}
