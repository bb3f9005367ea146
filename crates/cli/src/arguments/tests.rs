//! The grammar is sound, has help for everything, and takes values as people write them.

use clap::CommandFactory;

use super::*;

#[test]
fn the_grammar_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn every_argument_has_help_and_exit_codes_stand_one_a_line() {
    fn lacking(command: &clap::Command) -> Vec<String> {
        let of_this = command
            .get_arguments()
            .filter(|argument| argument.get_help().is_none());
        let of_this = of_this.map(|argument| format!("{} {}", command.get_name(), argument.get_id()));
        of_this
            .chain(command.get_subcommands().flat_map(lacking))
            .collect()
    }
    let mut command = Arguments::command();
    assert_eq!(lacking(&command), Vec::<String>::new());
    let help = command.render_long_help().to_string();
    let listed = |code: &str, meaning: &str| {
        let mut lines = help.lines().map(str::trim);
        lines.any(|line| line.strip_prefix(code).is_some_and(|rest| rest.trim() == meaning))
    };
    for (code, meaning) in [("0", "done"), ("7", "no secret store"), ("130", "cancelled")] {
        assert!(listed(code, meaning), "{help}");
    }
}

#[test]
fn durations_are_read_as_people_write_them() {
    for (text, expected) in [
        ("15m", Some(900)),
        ("1h30m", Some(5400)),
        ("90s", Some(90)),
        ("-1m", None),
        ("x", None),
    ] {
        assert_eq!(seconds(text).ok(), expected, "{text}");
    }
}

#[test]
fn i1_a_region_is_one() {
    assert_eq!(region(" EU-west-1").unwrap(), "eu-west-1");
    for text in ["x; rm -rf /", "xx", "", "eu-west-1 $(id)"] {
        assert!(region(text).is_err(), "{text}");
    }
}

#[test]
fn words_before_the_dashes_are_the_target_and_what_follows_the_command() {
    let parsed = Arguments::parse_from(["portray", "exec", "acme", "dev", "--", "ls", "-l"]);
    let Some(Command::Exec(exec)) = parsed.command else {
        panic!("exec is exec");
    };
    assert_eq!(exec.role.words, ["acme", "dev"]);
    assert_eq!(exec.command, ["ls", "-l"]);
}

#[test]
fn no_value_is_named_with_a_colon_which_separates_fields_in_zsh_completions() {
    fn values(command: &clap::Command) -> Vec<String> {
        let arguments = command.get_arguments();
        let names = arguments.flat_map(|argument| argument.get_value_names().unwrap_or_default());
        let own = names.map(ToString::to_string);
        own.chain(command.get_subcommands().flat_map(values)).collect()
    }
    let names = values(&Arguments::command());
    assert!(names.contains(&"ADDRESS".to_owned()));
    assert!(names.iter().all(|name| !name.contains(':')), "{names:?}");
}
