//! The words of our own command line and of our own sentences: they are the same for everybody.

use clap::{Command, CommandFactory};

use crate::arguments::Arguments;

/// Words that our sentences, and those of our log, are made of. Whoever calls something so is not known by it.
pub(super) const OF_SENTENCES: [&str; 54] = [
    "access",
    "account",
    "accounts",
    "agent",
    "answer",
    "application",
    "browser",
    "certificate",
    "chain",
    "clock",
    "code",
    "command",
    "console",
    "container",
    "credentials",
    "default",
    "device",
    "disk",
    "endpoint",
    "error",
    "file",
    "folder",
    "keyring",
    "list",
    "login",
    "machine",
    "memory",
    "mfa",
    "name",
    "network",
    "permission",
    "policy",
    "portal",
    "portals",
    "portray",
    "process",
    "profile",
    "profiles",
    "program",
    "proxy",
    "refresh",
    "region",
    "role",
    "roles",
    "service",
    "session",
    "settings",
    "sign-in",
    "system",
    "time",
    "token",
    "tool",
    "user",
    "window",
];

/// Whether our own sentences have this word, in small letters, too.
pub fn is_of_sentences(word: &str) -> bool {
    OF_SENTENCES.contains(&word)
}

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
