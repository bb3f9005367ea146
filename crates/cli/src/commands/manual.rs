//! `portray completions` and `portray man`: what shells and readers of manuals are given.

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use portray_core::app::contract::ProblemView;

use crate::arguments::{self, Arguments};
use crate::failure::Failure;
use crate::printer::Printer;

pub fn completions(printer: Printer, arguments: arguments::Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "portray", &mut script);
    printer.exactly(String::from_utf8_lossy(&script).trim_end())
}

pub fn page(printer: Printer, arguments: &arguments::Man) -> Result<(), Failure> {
    let mut root = Arguments::command();
    root.build();
    let page = Man::new(named(&root, &arguments.command)?.clone());
    let mut text = Vec::new();
    page.render(&mut text)
        .map_err(|error| Failure::system("Writing the page", &error))?;
    printer.exactly(String::from_utf8_lossy(&text).trim_end())
}

/// The command with these names, each a part of the one before.
fn named<'a>(root: &'a Command, names: &[String]) -> Result<&'a Command, Failure> {
    let mut command = root;
    for name in names {
        command = command
            .find_subcommand(name)
            .ok_or_else(|| ProblemView::usage(&format!("There is no command “{name}”."), "portray help"))?;
    }
    Ok(command)
}
