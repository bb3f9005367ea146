//! `portray serve --container-dir`: a role for containers, and the words that show it to them.

use std::path::Path;

use portray_core::agent::protocol::PreparedReply;
use portray_core::app::command_problem::for_a_shell;
use portray_core::app::contract::ProblemView;
use portray_core::uses::Door;
use serde_json::json;

use super::container_folder::{self, IN_CONTAINER, config_in_container, mount_of};
use super::{Invocation, exec, launch};
use crate::arguments::Serve;
use crate::failure::Failure;
use crate::printer::on_one_harmless_line;
use crate::signals::Signals;

pub fn run(
    invocation: &Invocation,
    folder: &Path,
    prepared: &PreparedReply,
    arguments: &Serve,
) -> Result<(), Failure> {
    let absolute =
        std::path::absolute(folder).map_err(|error| ProblemView::container_folder_unmade(folder, &error))?;
    let mount = mount_of(&absolute);
    // Docker takes these two characters for its own.
    let mount = mount
        .to_str()
        .filter(|path| !path.contains([':', ',']))
        .ok_or_else(|| ProblemView::container_folder_unmountable(&absolute))?;
    exec::runtime()?.block_on(async {
        let mut signals =
            Signals::listen().map_err(|error| Failure::system("Listening to signals", &error))?;
        let launch = launch::new(prepared, Door::Container)?;
        let region = arguments.region.as_deref();
        let serving = container_folder::serve(invocation, &absolute, prepared, &launch, region)?;
        print(invocation, mount, arguments.json)?;
        let name = prepared.role.in_words(&prepared.account_name);
        let note = format!("{name} is served to containers until Ctrl-C.");
        invocation.printer.note(&on_one_harmless_line(&note));
        let over = launch::announce(invocation, launch.of(std::process::id()));
        tokio::select! {
            ended = serving => Err(ended),
            _ = signals.next() => Ok(()),
            problem = launch::end(over) => Err(problem.into()),
        }
    })
}

/// On stdout what `docker run` takes, or the same for devcontainer.json; on stderr how it is used.
fn print(invocation: &Invocation, mount: &str, as_json: bool) -> Result<(), Failure> {
    let printer = invocation.printer;
    let config = config_in_container();
    if as_json {
        return printer.json(&json!({
            "mounts": [format!("source={mount},target={IN_CONTAINER},type=bind,readonly")],
            "containerEnv": { "AWS_CONFIG_FILE": config },
        }));
    }
    let volume = format!("{mount}:{IN_CONTAINER}:ro");
    printer.exactly(&format!("-v {} -e AWS_CONFIG_FILE={config}", quoted(&volume)))?;
    printer.note("Write it after “docker run”. --json prints it for devcontainer.json.");
    let note =
        format!("For tools that run no helper, begin the command with: {IN_CONTAINER}/portray forward --");
    printer.note(&note);
    Ok(())
}

/// A path and its mount point as one word of a shell.
fn quoted(volume: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/:._-".contains(letter);
    match volume.chars().all(is_plain) {
        true => volume.to_owned(),
        false => for_a_shell(volume),
    }
}
