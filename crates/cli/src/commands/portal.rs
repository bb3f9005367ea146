//! `portray portal add | list | remove`

mod import;

use portray_core::app::command_problem::for_a_shell;
use portray_core::app::contract::{Answer, PortalState, PortalView, Request};
use serde::Serialize;

use super::status::state_in_words;
use super::{Invocation, command, portal_in, status_of};
use crate::arguments::PortalCommand;
use crate::failure::Failure;

#[derive(Serialize)]
struct PortalDocument<'a> {
    name: &'a str,
    id: &'a str,
    start_url: &'a str,
    region: &'a str,
    state: PortalState,
}

pub fn run(invocation: &Invocation, arguments: PortalCommand) -> Result<(), Failure> {
    match arguments {
        PortalCommand::Add { url, name, region } => add(
            invocation,
            Request::AddPortal {
                start_url: url,
                region,
                name,
            },
        ),
        PortalCommand::List(arguments) => list(invocation, arguments.json),
        PortalCommand::Import(arguments) => import::run(invocation, &arguments),
        PortalCommand::Remove { name } => remove(invocation, &name),
    }
}

fn add(invocation: &Invocation, request: Request) -> Result<(), Failure> {
    let mut client = invocation.connect()?;
    let Answer::Portal { portal } = command(&mut client, request)? else {
        return Err(Failure::unexpected_answer());
    };
    let status = status_of(&mut client)?;
    let portal = portal_in(&status, Some(&portal))?;
    invocation.printer.note(&format!(
        "{} is {} in {}.\nSign in next: portray login {}",
        portal.name,
        portal.start_url,
        portal.region,
        for_a_shell(&portal.name)
    ));
    Ok(())
}

fn list(invocation: &Invocation, json: bool) -> Result<(), Failure> {
    let (_, status) = invocation.read(status_of)?;
    for problem in &status.problems {
        let line = format!("{} {}", problem.what_happened, problem.what_to_do);
        invocation.printer.note(&line);
    }
    if json {
        let documents: Vec<_> = status.portals.iter().map(document).collect();
        return invocation.printer.json(&documents);
    }
    if status.portals.is_empty() && status.problems.is_empty() {
        invocation
            .printer
            .note("No portal yet. Add yours: portray portal add https://YOUR-COMPANY.awsapps.com/start --region REGION");
    }
    let rows = status.portals.iter().map(|portal| {
        let state = state_in_words(portal.state).to_owned();
        vec![
            portal.name.clone(),
            portal.start_url.clone(),
            portal.region.clone(),
            state,
        ]
    });
    invocation.printer.table(&rows.collect::<Vec<_>>())
}

fn remove(invocation: &Invocation, name: &str) -> Result<(), Failure> {
    let mut client = invocation.connect()?;
    let status = status_of(&mut client)?;
    let portal = portal_in(&status, Some(name))?;
    let request = Request::RemovePortal {
        portal: portal.id.clone(),
    };
    // AWS could not be told; then that is said too.
    if let Answer::Said { words } = command(&mut client, request)? {
        invocation.printer.note(&words);
    }
    invocation.printer.note(&format!("{} is forgotten.", portal.name));
    Ok(())
}

fn document(portal: &PortalView) -> PortalDocument<'_> {
    PortalDocument {
        name: &portal.name,
        id: &portal.id,
        start_url: &portal.start_url,
        region: &portal.region,
        state: portal.state,
    }
}
