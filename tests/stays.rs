//! What a person has left stays left: a program that `exec` started gets nothing of whoever signs in next, whichever agent
//! runs then; and where nobody has signed out it goes on, whichever agent runs.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Process, get_with_authorization};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(60);
const ROLE: &str = "acme-dev/ReadOnly";

/// A program that asks again and again, as a service does, and says what came of it.
const LOOP: &str = "
import botocore.session, time
while True:
    try:
        found = botocore.session.Session().get_credentials()
        print('key', found.get_frozen_credentials().access_key, flush=True)
    except Exception as error:
        print('refused', error, flush=True)
    time.sleep(0.1)
";

/// What it has said, line by line.
fn lines(program: &Process) -> Vec<String> {
    program.stdout().lines().map(str::to_owned).collect()
}

fn is_key(line: &str) -> bool {
    line.starts_with("key ")
}

/// Waits until it has said so many more lines like this one.
async fn says(story: &Headless, program: &Process, more: usize, like: fn(&str) -> bool) -> Result<()> {
    let count = || lines(program).iter().filter(|line| like(line)).count();
    let before = count();
    let said = async || Ok((count() >= before + more).then_some(()));
    story
        .desktop
        .wait_until("lines of the loop", DEADLINE, said)
        .await
}

/// Ends the agent that runs, as a crash does, and waits for the next one: `exec` starts it, or whoever asks.
async fn another_agent(story: &Headless) -> Result<()> {
    let portray = story.portray();
    let running = async || {
        let status = portray.run(&["status", "--json"]).await?;
        let pid = status
            .json()
            .ok()
            .and_then(|status| status["agent"]["pid"].as_i64());
        Ok(pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)))
    };
    let killed = story.desktop.wait_until("an agent", DEADLINE, running).await?;
    kill_process(killed, Signal::KILL)?;
    let next = async || Ok(running().await?.filter(|pid| *pid != killed));
    story.desktop.wait_until("another agent", DEADLINE, next).await?;
    Ok(())
}

#[tokio::test]
async fn r8_a_program_of_exec_gets_nothing_after_its_person_has_signed_out_whichever_agent_runs() -> Result<()>
{
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let python = story.desktop.python()?.get_program().to_owned();
    let python = python.to_str().context("a plain path")?;
    let program = portray.start(&["exec", ROLE, "--", python, "-c", LOOP])?;
    says(&story, &program, 2, is_key).await?;
    // One that asks for nothing until much later.
    let quiet = portray.start_exec(ROLE, &["sleep", "600"]).await?;

    // Other agents alone change nothing.
    another_agent(&story).await?;
    says(&story, &program, 2, is_key).await?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    says(&story, &program, 2, is_key).await?;
    ensure!(!program.stdout().contains("403"), "{}", program.stdout());

    portray.run(&["logout"]).await?.expect_code(0)?;
    let is_over = |line: &str| line.contains("403") && line.contains("SignedOut");
    says(&story, &program, 1, is_over).await?;
    ensure!(
        program.stdout().contains("start it again"),
        "{}",
        program.stdout()
    );
    let handed_out = lines(&program).iter().filter(|line| is_key(line)).count();
    for next in ["ben", "amara"] {
        another_agent(&story).await?;
        portray.sign_in(&story.emulator, next).await?;
        let asked_late = get_with_authorization(&quiet.endpoint, &quiet.token).await?;
        ensure!(
            asked_late.status == 403 && asked_late.body.contains("SignedOut"),
            "{asked_late:?}"
        );
        says(&story, &program, 1, is_over).await?;
        portray.run(&["agent", "stop"]).await?.expect_code(0)?;
        portray.wait_for_portal("signed_in", DEADLINE).await?;
        says(&story, &program, 1, is_over).await?;
        portray.run(&["logout"]).await?.expect_code(0)?;
    }
    let said = lines(&program);
    ensure!(
        said.iter().filter(|line| is_key(line)).count() == handed_out,
        "{said:#?}"
    );

    // Written down is what was so: nothing was handed out once it was refused.
    let listed = portray.run(&["uses", "--json"]).await?.json()?;
    let uses = listed["uses"].as_array().context("uses")?;
    let of_exec: Vec<&Value> = uses.iter().filter(|used| used["door"] == "exec").collect();
    let is_refused = |used: &&&Value| used["outcome"] == "refused";
    let refused: Vec<_> = of_exec.iter().filter(is_refused).collect();
    let is_told = |used: &&&&Value| {
        let reason = used["reason"].as_str().unwrap_or_default();
        reason.contains("You have signed out since") && used["permission_set"] == "ReadOnly"
    };
    ensure!(refused.iter().any(|used| is_told(&used)), "{of_exec:#?}");
    let first = of_exec.iter().position(|used| is_told(&&used));
    ensure!(
        of_exec[first.context("one")?..]
            .iter()
            .all(|used| used["outcome"] == "refused"),
        "{of_exec:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn r8_a_sign_out_whose_agent_is_killed_in_the_middle_ends_what_was_started_before() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let agent = portray.start_agent().await?;
    let exec = portray.start_exec(ROLE, &["sleep", "600"]).await?;
    let answer = get_with_authorization(&exec.endpoint, &exec.token).await?;
    ensure!(answer.status == 200, "{answer:?}");

    let hangs = json!({ "operation": "Logout", "hang": true });
    story.emulator.add_fault(&hangs).await?;
    let _logout = portray.start(&["logout"])?;
    let told = async || Ok((story.emulator.calls("Logout").await? > 0).then_some(()));
    story
        .desktop
        .wait_until("a sign-out at AWS", DEADLINE, told)
        .await?;
    agent.crash();
    story.emulator.clear_faults().await?;
    portray.wait_for_portal("sign_in_needed", DEADLINE).await?;
    portray.sign_in(&story.emulator, "ben").await?;
    let refused = get_with_authorization(&exec.endpoint, &exec.token).await?;
    ensure!(
        refused.status == 403 && refused.body.contains("SignedOut"),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn r8_where_the_note_of_sign_outs_is_lost_what_runs_is_over_and_nothing_else_is() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let exec = portray.start_exec(ROLE, &["sleep", "600"]).await?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let note = story.desktop.portray_home().join("state/stays.json");
    std::fs::write(&note, "{")?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    let refused = get_with_authorization(&exec.endpoint, &exec.token).await?;
    ensure!(
        refused.status == 403 && refused.body.contains("not known any more"),
        "{refused:?}"
    );
    portray.run(&["exec", ROLE, "--", "true"]).await?.expect_code(0)?;
    let serving = portray.start(&["serve", ROLE, "--json"])?;
    let variables: Value = serde_json::from_str(&serving.first_line(DEADLINE).await?)?;
    let value = |name: &str| variables[name].as_str().context("a text");
    let endpoint = value("AWS_CONTAINER_CREDENTIALS_FULL_URI")?.parse()?;
    let token = value("AWS_CONTAINER_AUTHORIZATION_TOKEN")?;
    let answer = get_with_authorization(&endpoint, token).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}
