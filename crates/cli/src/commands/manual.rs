//! `portray completions` and `portray man`: what shells and readers of manuals are given.

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use portray_core::app::contract::ProblemView;

use crate::arguments::{self, Arguments};
use crate::failure::Failure;
use crate::printer::Printer;

pub fn completions(printer: Printer, arguments: arguments::Completions) -> Result<(), Failure> {
    printer.exactly(script(arguments.shell).trim_end())
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "portray", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Zsh {
        return for_zsh(&script);
    }
    script
}

/// An argument that may be repeated, as clap_complete writes it, has zsh take whatever follows it for more of them:
/// no option is completed behind it any more. Behind `--` comes a command with arguments of its own.
fn for_zsh(script: &str) -> String {
    let lines = script
        .lines()
        .map(|line| match line.strip_prefix("'*::words -- ") {
            Some(rest) => {
                let end = rest.rfind(":_default'").unwrap_or(rest.len());
                format!("'*:words -- {}:_portray_words' \\", &rest[..end])
            }
            None => line.replacen("'*::", "'*:", 1),
        });
    let script = lines.collect::<Vec<_>>().join("\n");
    script.replacen("\n_portray() {", &format!("\n{WORDS_IN_ZSH}\n_portray() {{"), 1)
}

/// Nothing for the words of a target, which no file's name is; what the shell itself completes, for a command behind
/// `--`.
const WORDS_IN_ZSH: &str = "\
_portray_words() {
    local at=${words[(i)--]}
    if (( at < CURRENT )); then
        shift at words
        (( CURRENT -= at ))
        _normal
    else
        _message 'TARGET'
    fi
}
";

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_zsh_options_are_completed_behind_a_target_too() {
        let script = script(Shell::Zsh);
        let repeated = script.lines().filter(|line| line.starts_with("'*:"));
        let repeated: Vec<_> = repeated.collect();
        assert!(repeated.len() > 5, "{repeated:?}");
        for line in repeated {
            assert!(!line.starts_with("'*::"), "zsh completes no option behind {line}");
        }
        let targets = script
            .lines()
            .filter(|line| line.ends_with(":_portray_words' \\"));
        assert!(targets.count() > 5);
        assert_eq!(script.matches("_portray_words() {").count(), 1);
        assert!(script.contains("*::: :->"), "subcommands have words of their own");
    }
}
