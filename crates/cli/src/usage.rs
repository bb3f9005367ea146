//! What is said to somebody who called the program with wrong arguments, or asked how to call it.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use portray_core::app::contract::ProblemView;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::printer::Printer;

/// Prints the help or version that was asked for; else two lines about what is wrong. Gives the exit code.
pub fn answer(printer: Printer, words: &[OsString], error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        return printer.failure(&Failure::from(wrong_use(&text, words)));
    }
    match printer.exactly(text.trim_end()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => printer.failure(&failure),
    }
}

/// `text` is what clap says: an error, tips, the usage; or the help of a command that lacks its subcommand.
fn wrong_use(text: &str, words: &[OsString]) -> ProblemView {
    let mut commands = Vec::new();
    let mut command = Arguments::command();
    let words = words.iter().skip(1).filter_map(|word| word.to_str());
    for word in words.filter(|word| !word.starts_with('-')) {
        let Some(named) = command.find_subcommand(word) else {
            break;
        };
        commands.push(named.get_name().to_owned());
        command = named.clone();
    }
    let help = format!("portray help {}", commands.join(" "));
    let mut paragraphs = text.split("\n\n").map(in_one_line);
    let Some(wrong) = paragraphs.next().and_then(|text| {
        let wrong = text.strip_prefix("error: ")?;
        Some(wrong.trim_end_matches(':').to_owned())
    }) else {
        return ProblemView::usage(
            &format!("One of these has to follow: {}", names(&command)),
            help.trim(),
        );
    };
    let tips: Vec<_> = paragraphs
        .filter_map(|text| Some(text.strip_prefix("tip: ")?.to_owned()))
        .collect();
    match tips.is_empty() {
        true => ProblemView::usage(&wrong, help.trim()),
        false => ProblemView::usage(&format!("{wrong} ({})", tips.join("; ")), help.trim()),
    }
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn names(command: &Command) -> String {
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    shown.map(Command::get_name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn told(words: &[&str]) -> (String, String) {
        let words: Vec<_> = ["portray"].iter().chain(words).map(OsString::from).collect();
        let error = Arguments::try_parse_from(&words).unwrap_err();
        let problem = wrong_use(&error.render().to_string(), &words);
        (problem.what_happened, problem.what_to_do)
    }

    #[test]
    fn p3_wrong_arguments_are_told_in_two_lines() {
        for (words, happened, help) in [
            (&["zzz"][..], "Unrecognized subcommand 'zzz'.", "portray help"),
            (
                &["stats"],
                "a similar subcommand exists: 'status'",
                "portray help",
            ),
            (&["credentials"], "<TARGET>", "portray help credentials"),
            (
                &["credentials", "a", "--format", "foo"],
                "process, json",
                "portray help credentials",
            ),
            (
                &["credentials", "a", "--min-ttl", "x"],
                "write it like 15m",
                "portray help credentials",
            ),
            (&["portal"], "add, list, import, remove", "portray help portal"),
            (&["portal", "list", "x"], "'x'", "portray help portal list"),
        ] {
            let (what_happened, what_to_do) = told(words);
            assert!(what_happened.contains(happened), "{what_happened}");
            assert!(
                !what_happened.contains('\n') && !what_happened.contains("Usage"),
                "{what_happened}"
            );
            assert_eq!(what_to_do, format!("See: {help}"));
        }
    }
}
