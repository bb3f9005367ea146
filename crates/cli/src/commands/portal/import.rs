//! `portray portal import`: portals and sign-ins that the AWS CLI has.

use portray_core::agent::Client;
use portray_core::app::command_problem::for_a_shell;
use portray_core::app::contract::{Answer, AwsCliPortal, PortalState, ProblemView, Request};
use portray_core::clock::{Clock, SystemClock};
use portray_core::paths::AwsFiles;

use super::super::{Invocation, command, portal_in, status_of};
use crate::arguments::Import;
use crate::failure::Failure;
use crate::printer::on_one_harmless_line;

pub fn run(invocation: &Invocation, arguments: &Import) -> Result<(), Failure> {
    // Where AWS_CONFIG_FILE leads here; the agent was started elsewhere.
    let config = AwsFiles::of(&invocation.environment)?.config;
    let config = Some(
        config
            .to_str()
            .map(str::to_owned)
            .ok_or_else(ProblemView::unquotable)?,
    );
    let mut client = invocation.connect()?;
    let request = Request::FindAwsCliPortals {
        config: config.clone(),
    };
    let Answer::AwsCliPortals { portals: found } = command(&mut client, request)? else {
        return Err(Failure::unexpected_answer());
    };
    let wanted = wanted(&found, arguments)?;
    if wanted.is_empty() {
        return show(invocation, &found, arguments);
    }
    let mut imported = Vec::new();
    for portal in wanted {
        tell_problem(invocation, portal);
        imported.push(take_over(invocation, &mut client, portal, config.clone())?);
    }
    match arguments.json.json {
        true => invocation.printer.json(&imported),
        false => Ok(()),
    }
}

/// Those that are named, or all that are new and usable.
fn wanted<'a>(found: &'a [AwsCliPortal], arguments: &Import) -> Result<Vec<&'a AwsCliPortal>, Failure> {
    if arguments.all {
        return Ok(found.iter().filter(|portal| is_new(portal)).collect());
    }
    let named = |name: &String| {
        let portal = found.iter().find(|portal| portal.name == *name);
        portal.ok_or_else(|| Failure {
            candidates: found.iter().map(|portal| portal.name.clone()).collect(),
            ..ProblemView::no_aws_cli_portal(name).into()
        })
    };
    arguments.names.iter().map(named).collect()
}

fn is_new(portal: &AwsCliPortal) -> bool {
    !portal.known
}

/// The portal as it is here then, after it is told.
fn take_over(
    invocation: &Invocation,
    client: &mut Client,
    portal: &AwsCliPortal,
    config: Option<String>,
) -> Result<serde_json::Value, Failure> {
    let request = Request::ImportAwsCliPortal {
        start_url: portal.start_url.clone(),
        region: portal.region.clone(),
        config,
    };
    let Answer::Portal { portal } = command(client, request)? else {
        return Err(Failure::unexpected_answer());
    };
    let status = status_of(client)?;
    let portal = portal_in(&status, Some(&portal))?;
    let next = match portal.state {
        PortalState::SignedIn => "You are signed in there.".to_owned(),
        PortalState::SignInNeeded | PortalState::SigningIn | PortalState::Offline | PortalState::Unknown => {
            format!("Sign in next: portray login {}", for_a_shell(&portal.name))
        }
    };
    let note = format!("{} is {} in {}.", portal.name, portal.start_url, portal.region);
    invocation
        .printer
        .note(&format!("{}\n{next}", on_one_harmless_line(&note)));
    Ok(serde_json::json!(super::document(portal)))
}

fn show(invocation: &Invocation, found: &[AwsCliPortal], arguments: &Import) -> Result<(), Failure> {
    let printer = invocation.printer;
    if arguments.json.json {
        return printer.json(&found);
    }
    for portal in found {
        tell_problem(invocation, portal);
    }
    printer.table(&found.iter().map(row).collect::<Vec<_>>())?;
    let new: Vec<_> = found.iter().filter(|portal| is_new(portal)).collect();
    printer.note(match (found, new.as_slice()) {
        ([], _) => "The AWS CLI uses no portal here.",
        (_, []) => {
            "All of them are here already. Name one to take over its sign-in too: portray portal import NAME"
        }
        (_, _) if arguments.all => "Nothing is new.",
        (_, _) => "Nothing was changed. Take over the new ones with: portray portal import --all",
    });
    Ok(())
}

/// Why it, or its sign-in, cannot be used.
fn tell_problem(invocation: &Invocation, portal: &AwsCliPortal) {
    if let Some(problem) = &portal.problem {
        let line = format!("{} {}", problem.what_happened, problem.what_to_do);
        invocation.printer.note(&on_one_harmless_line(&line));
    }
}

fn row(portal: &AwsCliPortal) -> Vec<String> {
    let profiles = match portal.profiles {
        1 => "1 profile".to_owned(),
        count => format!("{count} profiles"),
    };
    let here = if portal.known { "here already" } else { "new" };
    let sign_in = portal.signed_in_until.map(|until| {
        let minutes = until.duration_since(SystemClock::new().now()).as_mins();
        format!("signed in for {minutes} min")
    });
    vec![
        portal.name.clone(),
        portal.start_url.clone(),
        portal.region.clone(),
        profiles,
        here.to_owned(),
        sign_in.unwrap_or_else(|| "not signed in".to_owned()),
    ]
}
