//! What the agent says of itself, of its portals and of the keyring, and whether AWS can be reached from here.

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use portray_core::agent::Client;
use portray_core::agent::protocol::{AgentHello, AgentKind, StatusReply};
use portray_core::app::contract::{PortalState, PortalView, ProblemCode};
use portray_core::app::wrong_clock::so_long;
use portray_core::clock::SystemClock;
use portray_core::clock::skew::WORTH_TELLING;
use portray_core::identity_center::{Failure, HttpStack, Portal};

use super::check::Check;
use super::masking::{Kind, Mask};
use super::{Found, know_portal};
use crate::agent_start::{self, Questions};
use crate::commands::{Invocation, status_of};
use crate::failure::Failure as CommandFailure;

pub fn checks(invocation: &Invocation, found: &mut Found) -> Vec<Check> {
    const CHECK: &str = "agent";
    let known = ask(invocation);
    let (hello, status) = match known {
        Ok(known) => known,
        Err(failure) => return vec![Check::problem(CHECK, &failure.problem, &mut found.mask)],
    };
    let mut checks = vec![agent(CHECK, &hello)];
    let mask = &mut found.mask;
    know_credentials(mask, &status);
    for portal in &status.portals {
        know_portal(mask, &portal.name, &portal.start_url);
    }
    checks.push(keyring(&hello, &status, mask));
    checks.extend(status.portals.iter().map(|view| portal(view, mask)));
    for left in &status.left_behind {
        know_portal(mask, &left.name, &left.start_url);
        checks.push(Check::problem("portal", &left.problem, mask));
    }
    for credentials in &status.credentials {
        if let Some(problem) = &credentials.problem {
            checks.push(Check::problem("credentials", problem, mask));
        }
    }
    found.status = Some(status);
    checks
}

fn ask(invocation: &Invocation) -> Result<(AgentHello, StatusReply), CommandFailure> {
    let mut client: Client =
        agent_start::connect(&invocation.environment, &invocation.paths, Questions::Allowed)?;
    let hello = client.hello()?;
    Ok((hello, status_of(&mut client)?))
}

fn agent(check: &'static str, hello: &AgentHello) -> Check {
    let kind = match hello.kind {
        AgentKind::Tray => "The Portray application",
        AgentKind::Headless => "An agent without a window",
    };
    let version = env!("CARGO_PKG_VERSION");
    match hello.version == version {
        true => Check::ok(check, format!("{kind} answers, of the same version.")),
        false => Check::failed(
            check,
            format!(
                "{kind} answers, of version {}; this command is {version}.",
                hello.version
            ),
            "End it, so that the new one starts: portray agent stop --force",
        ),
    }
}

/// Roles in use, so that whatever names them later is masked too.
fn know_credentials(mask: &mut Mask, status: &StatusReply) {
    for credentials in &status.credentials {
        mask.name(Kind::Account, &credentials.role.account);
        mask.name(Kind::AccountName, &credentials.account_name);
        mask.name(Kind::PermissionSet, &credentials.role.permission_set);
        if let Some(chain) = &credentials.chain {
            mask.name(Kind::PermissionSet, &chain.name);
            mask.name(Kind::PermissionSet, &chain.role_name);
            mask.name(Kind::Account, &chain.account);
        }
    }
}

fn keyring(hello: &AgentHello, status: &StatusReply, mask: &mut Mask) -> Check {
    const CHECK: &str = "keyring";
    let mut problems = status.portals.iter().filter_map(|portal| portal.problem.as_ref());
    let trouble = problems.find(|problem| problem.code == ProblemCode::SecretStore);
    match trouble {
        Some(problem) => Check::problem(CHECK, problem, mask),
        None if hello.memory_store => Check::note(
            CHECK,
            "The agent keeps sign-ins in its memory only.",
            "Start it without PORTRAY_SECRET_STORE=memory to keep them.",
        ),
        None if status.portals.is_empty() => Check::ok(CHECK, "Nothing has been asked of the keyring yet."),
        None => Check::ok(CHECK, "The agent can read its sign-ins."),
    }
}

fn portal(view: &PortalView, mask: &mut Mask) -> Check {
    const CHECK: &str = "portal";
    let name = mask.name(Kind::Portal, &view.name);
    let told = view
        .problem
        .as_ref()
        .filter(|problem| problem.code != ProblemCode::SecretStore);
    if let Some(problem) = told {
        return Check::problem(CHECK, problem, mask);
    }
    let region = &view.region;
    match view.state {
        PortalState::SignedIn => Check::ok(
            CHECK,
            format!(
                "{name} in {region}: signed in; {} accounts, {} permission sets{}.",
                view.accounts,
                view.permission_sets,
                if view.sync.complete {
                    ""
                } else {
                    ", not completely listed"
                }
            ),
        ),
        PortalState::SigningIn => Check::ok(
            CHECK,
            format!("{name} in {region}: a sign-in waits for a person."),
        ),
        PortalState::SignInNeeded => Check::note(
            CHECK,
            format!("{name} in {region}: nobody is signed in."),
            "Sign in: portray login",
        ),
        PortalState::Offline => Check::failed(
            CHECK,
            format!("{name} in {region} does not answer the agent."),
            "Look at the network checks below, and at the agent's own environment.",
        ),
        PortalState::Unknown => Check::failed(
            CHECK,
            format!("{name} in {region}: it is not known who is signed in."),
            "Look at the keyring check above.",
        ),
    }
}

/// Asks every portal's region from here, which also tells what time it is there.
pub fn reach(invocation: &Invocation, found: &mut Found) -> Vec<Check> {
    let Some(settings) = &found.settings else {
        return Vec::new();
    };
    let Ok(endpoint) = invocation.environment.endpoint() else {
        return Vec::new();
    };
    let portals: Vec<_> = settings
        .portals
        .iter()
        .filter_map(|portal| Portal::from_settings(portal, endpoint.as_ref()).ok())
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        return Vec::new();
    };
    let clock = SystemClock::shared();
    let http = HttpStack::system(&invocation.environment, clock.clone());
    let mut checks = Vec::new();
    for portal in portals {
        let asked = runtime.block_on(http.get("doctor", &portal.endpoints.sso_oidc));
        let name = found.mask.name(Kind::Portal, &portal.name);
        let mask = &mut found.mask;
        match asked {
            Ok(answer) => {
                checks.push(Check::ok(
                    "reach",
                    format!("The sign-in service of {name} answers from here."),
                ));
                checks.extend(answer.date.and_then(|date| clock_check(&date, clock.now())));
            }
            Err(failure) => checks.push(unreachable(&name, &failure, mask)),
        }
    }
    checks.dedup();
    checks
}

fn unreachable(portal: &str, failure: &Failure, mask: &mut Mask) -> Check {
    let detail = failure.detail.as_deref().unwrap_or("no answer");
    Check::failed(
        "reach",
        format!(
            "The sign-in service of {portal} does not answer: {}.",
            mask.text(detail)
        ),
        "Look at the network, HTTPS_PROXY and AWS_CA_BUNDLE.",
    )
}

/// None where the date cannot be read.
fn clock_check(date: &str, now: Timestamp) -> Option<Check> {
    const CHECK: &str = "clock";
    let theirs = rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    let ahead = now.duration_since(theirs);
    Some(match (ahead.abs() <= WORTH_TELLING, ahead.is_positive()) {
        (true, _) => Check::ok(CHECK, "This machine's clock agrees with AWS's."),
        (false, true) => wrong_clock(CHECK, ahead, "ahead of"),
        (false, false) => wrong_clock(CHECK, ahead, "behind"),
    })
}

fn wrong_clock(check: &'static str, ahead: SignedDuration, direction: &str) -> Check {
    let what = format!("This machine's clock is {} {direction} AWS's.", so_long(ahead));
    Check::failed(check, what, "Have the system set its clock from the network.")
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;

    #[test]
    fn a_wrong_clock_is_told_with_its_direction() {
        let now = "2026-03-02T12:00:00Z".parse().unwrap();
        for (date, verdict, words) in [
            ("Mon, 02 Mar 2026 12:00:59 GMT", Verdict::Ok, "agrees"),
            (
                "Mon, 02 Mar 2026 11:50:00 GMT",
                Verdict::Failed,
                "10 minutes ahead of",
            ),
            (
                "Mon, 02 Mar 2026 14:00:00 GMT",
                Verdict::Failed,
                "120 minutes behind",
            ),
            (
                "Sat, 28 Nov 2082 12:00:00 GMT",
                Verdict::Failed,
                "56 years behind",
            ),
        ] {
            let check = clock_check(date, now).unwrap();
            assert_eq!(check.verdict, verdict, "{date}");
            assert!(check.what.contains(words), "{check:?}");
        }
        assert_eq!(clock_check("yesterday", now), None);
    }
}
