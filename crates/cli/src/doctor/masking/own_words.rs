//! The words of our own command line: they are the same for everybody.

use clap::{Command, CommandFactory};

use crate::arguments::Arguments;

/// What follows the commands and flags that `words` begins with; our name is not among them.
pub fn behind(words: &str) -> &str {
    let grammar = Arguments::command();
    let mut command = &grammar;
    let mut rest = words.trim_start();
    while let Some(word) = rest.split(' ').next().filter(|word| !word.is_empty()) {
        match command.find_subcommand(word) {
            Some(below) => command = below,
            None if is_flag(command, word) => {}
            None => break,
        }
        rest = rest[word.len()..].trim_start();
    }
    rest
}

/// One without a value, or whose value is what follows.
fn is_flag(command: &Command, word: &str) -> bool {
    let flag = word.strip_prefix("--").filter(|flag| !flag.is_empty());
    flag.is_some_and(|flag| {
        command
            .get_arguments()
            .any(|known| known.get_long() == Some(flag))
    })
}
