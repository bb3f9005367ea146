//! `portray forward`: inside a container, an endpoint on its own loopback interface for what is not able to run a helper.

use std::path::PathBuf;
use std::process::ExitCode;

use portray_core::agent::Client;
use portray_core::agent::container_endpoint::ContainerEndpoint;
use portray_core::clock::SystemClock;
use portray_core::paths::Environment;

use super::container_folder::{CONFIG, SOCKET, region_in};
use super::exec;
use crate::arguments::Forward;
use crate::documents::{REGIONS, regions};
use crate::failure::Failure;
use crate::printer::Printer;

pub fn run(environment: &Environment, printer: Printer, arguments: &Forward) -> Result<ExitCode, Failure> {
    let socket = arguments.socket.clone().map_or_else(beside_this_program, Ok)?;
    // Asked before the command starts, so that what is wrong is said here and not by every tool in its way.
    Client::of_a_launch(&socket)?.credentials_of_its_role(exec::PATIENCE)?;
    // Beside the socket stands what the launch outside was told; what the container says itself goes before.
    let configuration = std::fs::read_to_string(socket.with_file_name(CONFIG)).unwrap_or_default();
    let has_region = REGIONS.iter().any(|name| environment.text(name).is_some());
    let region = region_in(&configuration).filter(|_| !has_region);
    exec::to_its_end(printer, async {
        let mut command = exec::without_competition(&arguments.command, environment)?;
        command.envs(regions(region));
        let bound = ContainerEndpoint::relay(socket, SystemClock::shared()).await;
        let endpoint = bound.map_err(|error| Failure::system("Listening on 127.0.0.1", &error))?;
        exec::lead(&mut command, endpoint, environment);
        exec::until_its_end(command, |_| {}).await
    })
}

/// Where a container finds it: program and socket are in one folder.
fn beside_this_program() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::system("Finding this program", &error))?;
    Ok(program.with_file_name(SOCKET))
}
