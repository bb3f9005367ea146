//! Completions in each shell, and manual pages.

use std::process::Command;

use crate::home::{Home, text};
use crate::shells::evaluated;

/// A zsh that somebody types into: a function stands for the program, so that what was completed is seen.
const AT_A_ZSH: &str = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT= RPROMPT=; autoload -U compinit; compinit -u -D; source $0"
zpty -w shell 'portray() { print -r -- "<$*>" }; print load""ed'
zpty -r -m shell drawn '*loaded*' || exit 3
zpty -w shell $'portray env --shell f\t'
zpty -r -m shell drawn '*<*>*' || exit 4
print -r -- "$drawn"
"#;

#[test]
fn completions_run_in_each_shell_without_a_word_and_complete() {
    let home = Home::new();
    for (shell, load, complete) in [
        ("fish", "source FILE", "complete -C 'portray env --shell f'"),
        (
            "bash",
            "source FILE",
            "COMP_WORDS=(portray env --shell f); COMP_CWORD=3; _portray portray f --shell; echo \"${COMPREPLY[@]}\"",
        ),
        ("zsh", "", AT_A_ZSH),
    ] {
        let script = home.portray(&["completions", shell]).output().unwrap();
        let file = home.path().join(shell);
        std::fs::write(&file, &script.stdout).unwrap();
        let load = load.replace("FILE", file.to_str().unwrap());
        let run = Command::new(shell)
            .args(["-c", &format!("{load}\n{complete}"), file.to_str().unwrap()])
            .env("HOME", home.path())
            .output();
        let output = match run {
            // The tests' set-up installs it on Linux: there it is missed.
            Err(_) if !cfg!(target_os = "linux") => continue,
            run => run.unwrap(),
        };
        assert!(output.stderr.is_empty(), "{shell} {output:?}");
        let completed = text(&output.stdout);
        assert!(completed.contains("fish"), "{shell} {completed}");
        if shell == "zsh" {
            // What goes wrong there is drawn.
            assert!(completed.contains("<env --shell fish>"), "{completed}");
            assert!(!completed.contains("eval"), "{completed}");
        }
    }
}

#[test]
fn completions_and_manual_pages_know_the_commands_and_need_no_agent() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = home.portray(&["completions", shell]).output().unwrap();
        assert!(script.status.success() && script.stderr.is_empty(), "{script:?}");
        assert!(text(&script.stdout).contains("credential-process"), "{shell}");
    }
    let script = text(&home.portray(&["completions", "bash"]).output().unwrap().stdout);
    let completed =
        "COMP_WORDS=(portray cons); COMP_CWORD=1; _portray portray cons portray; echo \"${COMPREPLY[@]}\"";
    assert_eq!(evaluated("bash", &script, completed), "console\n");

    for shell in ["zsh", "fish"] {
        let script = home.portray(&["completions", shell]).output().unwrap().stdout;
        let file = home.path().join(shell);
        std::fs::write(&file, script).unwrap();
        let parsed = Command::new(shell).arg("-n").arg(&file).output().unwrap();
        assert!(parsed.status.success() && parsed.stderr.is_empty(), "{parsed:?}");
    }

    let page = text(&home.portray(&["man"]).output().unwrap().stdout);
    assert!(page.contains(".TH portray 1"), "{page}");
    let page = text(&home.portray(&["man", "exec"]).output().unwrap().stdout);
    assert!(
        page.contains("TARGET") && page.contains("AWS_ACCESS_KEY_ID"),
        "{page}"
    );
    let unknown = home.portray(&["man", "nothing"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
    assert!(!home.socket().exists());
}
