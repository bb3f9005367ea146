//! At the prompt of a real shell: jobs that stop and go on, and what the tab key completes.

use std::time::Duration;

use anyhow::Result;
use harness::Program;

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(120);

/// A shell at a terminal, whose prompt is `ready> `. `until` reads to a text; `types` presses keys.
const SHELL: &str = r#"
import os, pty, select, shlex, sys
def start(*words):
    global terminal, said
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update({"PS1": "ready> ", "TERM": "dumb"})
        os.execvp(words[0], words)
    said = ""
    until("ready> ")
def until(text):
    global said
    while text not in said:
        if not select.select([terminal], [], [], 30)[0]:
            sys.exit(f"no {text!r} in {said!r}")
        said += os.read(terminal, 4096).decode()
    said = said.split(text, 1)[1]
def types(keys):
    os.write(terminal, keys.encode())
"#;

/// A command that stops itself, one that Ctrl-Z stops, and one whose `exec` alone is told to go on. What is awaited is
/// never written as it is typed: the terminal shows that too.
const JOBS: &str = r#"
start("bash", "--norc", "--noprofile", "-i")
run = shlex.join(sys.argv[1:])
types(run + """ sh -c 'kill -STOP $$; echo ON""CE; read line; kill -TSTP $$; echo TW""ICE'\n""")
for text in ["ONCE", "TWICE"]:
    until("Stopped")
    until("ready> ")
    types("fg\n")
    until(text)
    types("\n")
until("ready> ")
# It reads nothing before it goes on: a read that Ctrl-Z has not ended yet would take what is typed next.
waits = """import signal as s
s.pthread_sigmask(s.SIG_BLOCK, [s.SIGCONT])
print("WAI" "TING", flush=True)
s.sigwait([s.SIGCONT])
print("AWA" "KE", flush=True)
print("GOT", input())
"""
types(run + " " + shlex.join([sys.executable, "-c", waits.replace("\n", ";").rstrip(";")]) + "\n")
until("WAITING")
types("\x1a")
until("Stopped")
until("ready> ")
types("fg\n")
until("AWAKE")
types("words\n")
until("GOT words")
until("ready> ")
types(run + """ sh -c 'kill -TSTP $$; echo ALON""E'\n""")
until("Stopped")
until("ready> ")
types("kill -CONT $(jobs -p)\n")
until("ALONE")
"#;

const COMPLETES: &str = r#"
start("zsh", "-f", "-i")
types("autoload -U compinit; compinit -u -D; source <(" + shlex.quote(sys.argv[1]) + " completions zsh); echo LOAD''ED\n")
until("LOADED")
until("ready> ")
for typed, completed in [
    ("portray serve acme-dev/ReadOnly --token-f", "ile"),
    ("portray exec acme-dev/ReadOnly --e", "nv"),
    ("portray keep acme-dev/ReadOnly --o", "ff"),
    ("portray credentials acme-dev/ReadOnly --format proc", "ess"),
    ("portray exec acme-dev/ReadOnly -- fa", "lse"),
    ("portray exec acme-dev/ReadOnly -- readl", "ink"),
]:
    types(typed)
    until(typed)
    types("\t")
    until(completed)
    types("\x15")
"#;

#[tokio::test]
async fn a_command_that_stops_gives_the_terminal_back_and_goes_on_in_the_foreground() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let mut command = portray.system_command("python3");
    command.arg("-c").arg([SHELL, JOBS].concat());
    command
        .arg(portray.command(Program::Portray)?.get_program())
        .args(["exec", "acme-dev/ReadOnly", "--"]);
    let told = story.desktop.run("bash", command, DEADLINE).await?;
    told.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn zsh_completes_options_behind_a_target_and_a_command_behind_two_dashes() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray();
    let mut command = portray.system_command("python3");
    command.arg("-c").arg([SHELL, COMPLETES].concat());
    command.arg(portray.command(Program::Portray)?.get_program());
    let told = story.desktop.run("zsh", command, DEADLINE).await?;
    told.expect_code(0)?;
    Ok(())
}
