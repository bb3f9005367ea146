//! A crash, a full disk, a broken one: at every call of the system the file is the old one or the new one.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::{Finished, Program};

use super::{DEADLINE, FOREIGN, Person};

/// What happens to a call: its name, and what strace puts in its place.
const INJECTIONS: [(&str, &str); 12] = [
    ("write", "signal=KILL"),
    ("write", "error=ENOSPC"),
    ("write", "error=EIO"),
    ("write", "error=EDQUOT"),
    ("fsync", "signal=KILL"),
    ("fsync", "error=EIO"),
    ("/^(rename|link)", "signal=KILL"),
    ("/^(rename|link)", "error=EIO"),
    ("/^(rename|link)", "error=EROFS"),
    ("/^unlink", "signal=KILL"),
    ("/^f?ch(mod|own)", "signal=KILL"),
    ("/^f?ch(mod|own)", "error=EROFS"),
];

/// More calls of one kind than a command makes.
const ENOUGH: usize = 400;

#[tokio::test]
async fn c5_a_crash_or_a_full_disk_at_any_call_leaves_the_old_file_or_the_new_one() -> Result<()> {
    let person = Person::signed_in().await?;
    person.profiles(&["apply"]).await?.expect_code(0)?;
    let with = person.reads()?;
    let mut moments = 0;
    for (command, before, after) in [
        ("apply", FOREIGN, with.as_str()),
        ("remove", with.as_str(), FOREIGN),
    ] {
        for (call, what) in INJECTIONS {
            for number in 1..=ENOUGH {
                ensure!(
                    number < ENOUGH,
                    "{command} makes {ENOUGH} calls of {call}, or nothing is injected"
                );
                fs::write(person.config(), before)?;
                if !person.interrupted(command, call, what, number).await? {
                    break;
                }
                moments += 1;
                let left = person.reads()?;
                let at = format!("{command}, {what} at {call} number {number}");
                assert!(left == before || left == after, "{at}: {left}");
                // The next start finds no trace of it.
                person
                    .profiles(&[command])
                    .await?
                    .expect_code(0)
                    .context(at.clone())?;
                assert_eq!(person.reads()?, after, "{at}");
                assert_eq!(person.names()?, ["config", "credentials"], "{at}");
            }
        }
    }
    ensure!(moments > 50, "only {moments} moments were tried");
    Ok(())
}

/// Whatever the call is: from the first one that is about AWS's files to the last one of the program.
#[tokio::test]
async fn c5_a_kill_at_every_call_of_the_system_leaves_the_old_file_or_the_new_one() -> Result<()> {
    let person = Person::signed_in().await?;
    person.profiles(&["apply"]).await?.expect_code(0)?;
    let with = person.reads()?;
    for (command, before, after) in [
        ("apply", FOREIGN, with.as_str()),
        ("remove", with.as_str(), FOREIGN),
    ] {
        fs::write(person.config(), before)?;
        let calls = person.calls(command).await?;
        let (mut killed, mut is_old) = (0, 0);
        for (call, number) in &calls {
            fs::write(person.config(), before)?;
            if !person.interrupted(command, call, "signal=KILL", *number).await? {
                // No two runs make exactly the same calls.
                continue;
            }
            killed += 1;
            let left = person.reads()?;
            assert!(
                left == before || left == after,
                "{command}, killed at {call} number {number}: {left}"
            );
            is_old += usize::from(left == before);
        }
        ensure!(
            killed * 10 > calls.len() * 9 && is_old > 0 && is_old < killed,
            "{command}: killed at {killed} of {} calls, {is_old} with the old file",
            calls.len()
        );
        person.profiles(&[command]).await?.expect_code(0)?;
        assert_eq!(person.reads()?, after);
        assert_eq!(
            person.names()?,
            ["config", "credentials"],
            "nothing is left beside it"
        );
    }
    Ok(())
}

#[tokio::test]
async fn c3_a_file_that_cannot_be_read_is_no_empty_one() -> Result<()> {
    let person = Person::signed_in().await?;
    for (call, error) in [
        ("openat", "EACCES"),
        ("openat", "EIO"),
        ("read", "EIO"),
        ("/^(statx|.*stat)$", "EACCES"),
    ] {
        for command in ["plan", "apply", "remove"] {
            // Only what is done to this file.
            let config = person.config();
            let mut traced = person.traced(&format!("{call}:error={error}:when=1+"));
            traced.arg("--trace-path").arg(&config);
            let refused = person.run(traced, command).await?;
            let at = format!("{command}, {error} at {call}: {refused:?}");
            assert_eq!(
                (refused.code, refused.stderr.lines().count()),
                (Some(1), 2),
                "{at}"
            );
            assert!(refused.stderr.contains("cannot be read"), "{at}");
            assert_eq!(person.reads()?, FOREIGN, "{at}");
        }
    }
    Ok(())
}

impl Person {
    /// Runs `portray profiles COMMAND` with something injected at a call. False: there are fewer calls.
    async fn interrupted(&self, command: &str, call: &str, what: &str, number: usize) -> Result<bool> {
        let traced = self.traced(&format!("{call}:{what}:when={number}"));
        // strace ends as what it traces did.
        let was_killed = self.run(traced, command).await?.code.is_none();
        Ok(was_killed || fs::read_to_string(self.log())?.contains("(INJECTED)"))
    }

    /// Every call from the first one that names AWS's folder on, in the thread that makes it, and which one of its
    /// name it is there: so strace counts.
    async fn calls(&self, command: &str) -> Result<Vec<(String, usize)>> {
        let mut traced = self.story.desktop.system_command("strace");
        traced.envs(self.story.portray().environment());
        traced.args(["--follow-forks", "--output"]).arg(self.log());
        self.run(traced, command).await?.expect_code(0)?;
        let log = fs::read_to_string(self.log())?;
        let folder = self.folder().display().to_string();
        let names_folder = log.lines().find(|line| line.contains(&folder));
        let thread = names_folder.and_then(|line| line.split(' ').next());
        let thread = thread.context("a call about AWS's folder")?;
        let (mut counts, mut calls, mut has_begun) = (BTreeMap::new(), Vec::new(), false);
        for line in log.lines() {
            let call = line.strip_prefix(thread).map(str::trim_start);
            let Some((name, _)) = call.and_then(|call| call.split_once('(')) else {
                continue;
            };
            if !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                continue;
            }
            let count = counts.entry(name).or_insert(0);
            *count += 1;
            has_begun |= line.contains(&folder);
            if has_begun {
                calls.push((name.to_owned(), *count));
            }
        }
        Ok(calls)
    }

    fn log(&self) -> PathBuf {
        self.story.desktop.folder().join("strace.log")
    }

    /// strace, before it is told which program to run.
    fn traced(&self, injection: &str) -> Command {
        let mut traced = self.story.desktop.system_command("strace");
        traced.envs(self.story.portray().environment());
        traced.args(["--follow-forks", "--output"]).arg(self.log());
        let (calls, _) = injection.split_once(':').unwrap_or((injection, ""));
        traced
            .arg(format!("--trace={calls}"))
            .arg(format!("--inject={injection}"));
        traced
    }

    async fn run(&self, mut traced: Command, command: &str) -> Result<Finished> {
        let program = self.story.portray().command(Program::Portray)?;
        traced.arg(program.get_program()).args(["profiles", command]);
        self.story.desktop.run("strace", traced, DEADLINE).await
    }
}
