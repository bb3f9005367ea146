//! Who was handed credentials, by name; who is revoked, and who has to be confirmed first.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Finished, Portray, Process, Program};
use serde_json::Value;
use url::Url;

use crate::headless::Headless;
use crate::stage::{SOON, Stage, TOOL};

const DEADLINE: Duration = Duration::from_secs(60);

/// Nothing on stdout, and two lines on stderr: what happened, what to do.
fn assert_refused(refused: &Finished) {
    assert_eq!(refused.stdout, "", "{refused:?}");
    assert_eq!(refused.stderr.lines().count(), 2, "{refused:?}");
}

/// What `portray uses --json` says, once it has a use as `condition` says.
async fn uses(story: &Headless, condition: impl Fn(&Value) -> bool) -> Result<Value> {
    let portray = story.portray();
    let listed = async || {
        let listed = portray.run(&["uses", "--json"]).await?.json()?;
        let uses = listed["uses"].as_array().context("uses")?;
        Ok(uses.iter().any(&condition).then(|| listed.clone()))
    };
    story.desktop.wait_until("a use", DEADLINE, listed).await
}

/// A `portray serve`, and where it serves with which token.
async fn serve(portray: &Portray<'_>) -> Result<(Process, Url, String)> {
    let serving = portray.start(&["serve", "acme-dev/ReadOnly", "--json"])?;
    let variables: Value = serde_json::from_str(&serving.first_line(DEADLINE).await?)?;
    let value = |name: &str| variables[name].as_str().map(str::to_owned).context("a text");
    let url = value("AWS_CONTAINER_CREDENTIALS_FULL_URI")?.parse()?;
    let token = value("AWS_CONTAINER_AUTHORIZATION_TOKEN")?;
    Ok((serving, url, token))
}

#[tokio::test]
async fn a6_a_serve_that_is_revoked_says_so_and_ends() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let (serving, url, token) = serve(&portray).await?;
    // The launch is announced beside what it does, and on a machine that has much to do a program may be found too late
    // for its first answer, or one that is about to become another be found in its place.
    let asked = async || {
        let answer = harness::get_with_authorization(&url, &token).await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        let listed = portray.run(&["uses", "--json"]).await?.json()?;
        let is_ours = |used: &&Value| used["door"] == "serve" && used["program"]["pid"] == std::process::id();
        let used = listed["uses"].as_array().context("uses")?.iter().find(is_ours);
        let launch = &listed["launches"][0];
        Ok(used
            .filter(|_| launch.is_object())
            .map(|used| (used.clone(), launch.clone())))
    };
    let what = "a use by who holds the connection";
    let (used, launch) = story.desktop.wait_until(what, DEADLINE, asked).await?;
    assert_eq!(launch["program"]["pid"], serving.id(), "{launch}");
    assert_eq!(
        (&used["consumer"], &used["launch"]),
        (&launch["id"], &launch["id"])
    );

    let id = launch["id"].as_str().context("an id")?;
    let revoked = portray.run(&["uses", "--revoke", id]).await?.expect_code(0)?;
    assert!(
        revoked.stderr.contains("stays valid at AWS until it expires"),
        "{revoked:?}"
    );
    let ended = serving.finished(SOON).await?.expect_code(4)?;
    assert!(ended.stderr.contains("revoked this launch"), "{ended:?}");
    assert_eq!(
        portray.run(&["uses", "--json"]).await?.json()?["launches"],
        Value::Array(vec![])
    );
    let unknown = portray.run(&["uses", "--revoke", "ffffffff"]).await?;
    assert_refused(&unknown.expect_code(2)?);
    Ok(())
}

#[tokio::test]
async fn a6_a_serve_is_known_to_the_next_agent_too_and_ends_when_it_is_revoked_there() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let (serving, _, _) = serve(&portray).await?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    // The next agent is started by whoever asks for one.
    let known = async || {
        let listed = portray.run(&["uses", "--json"]).await?.json()?;
        let launch = &listed["launches"][0];
        let is_its = launch["program"]["pid"] == serving.id();
        Ok(launch["id"].as_str().filter(|_| is_its).map(str::to_owned))
    };
    let id = story.desktop.wait_until("the launch", DEADLINE, known).await?;
    let said = portray.run(&["uses"]).await?.expect_code(0)?.stdout;
    ensure!(said.contains(&id) && said.contains("serves"), "{said}");
    portray.run(&["uses", "--revoke", &id]).await?.expect_code(0)?;
    let ended = serving.finished(SOON).await?.expect_code(4)?;
    assert!(ended.stderr.contains("revoked this launch"), "{ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn a6_a_program_that_is_revoked_gets_nothing_also_after_a_restart_until_it_is_allowed() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    portray.run(&TOOL).await?.expect_code(0)?;
    let listed = uses(&story, |used| used["door"] == "credential_process").await?;
    let used = &listed["uses"][0];
    let this = std::env::current_exe()?;
    assert_eq!(
        used["program"]["pid"],
        std::process::id(),
        "what has started the helper"
    );
    assert_eq!(used["program"]["executable"].as_str(), this.to_str());
    let consumer = used["consumer"].as_str().context("an id")?;

    portray
        .run(&["uses", "--revoke", consumer])
        .await?
        .expect_code(0)?;
    let refused = portray.run(&TOOL).await?.expect_code(4)?;
    assert_refused(&refused);
    assert!(refused.stderr.contains("has been revoked"), "{refused:?}");
    // The sign-in is in the keyring; what was revoked is on the disk.
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    assert_refused(&portray.run(&TOOL).await?.expect_code(4)?);
    let listed = uses(&story, |used| used["outcome"] == "refused").await?;
    assert_eq!(listed["revoked"][0]["executable"].as_str(), this.to_str());
    let numbers: Vec<_> = listed["uses"]
        .as_array()
        .context("uses")?
        .iter()
        .map(|used| used["number"].as_u64())
        .collect();
    ensure!(numbers.len() >= 3 && numbers.is_sorted(), "{listed:#}");

    let path = this.to_str().context("a plain path")?;
    portray.run(&["uses", "--allow", path]).await?.expect_code(0)?;
    portray.run(&TOOL).await?.expect_code(0)?;

    let of_portal = async |name| portray.run(&["uses", "--portal", name]).await;
    let followed = portray.run(&["uses", "--portal", "nope", "--follow"]).await?;
    for refused in [of_portal("nope").await?, followed] {
        let refused = refused.expect_code(2)?;
        ensure!(
            refused.stdout.is_empty() && refused.stderr.contains("no portal “nope”"),
            "{refused:?}"
        );
    }
    portray.run(&["portal", "remove", "acme"]).await?.expect_code(0)?;
    let of_removed = of_portal("acme").await?.expect_code(0)?;
    ensure!(of_removed.stdout.contains("acme-dev/ReadOnly"), "{of_removed:?}");
    Ok(())
}

#[tokio::test]
async fn a6_an_interpreter_that_is_revoked_stops_its_scripts_under_exec_with_variables_too() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let script = |name: &str, line: &str| -> Result<String> {
        let path = story.desktop.folder().join(name);
        fs::write(&path, format!("{line}\necho \"$AWS_ACCESS_KEY_ID\"\n"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
        path.into_os_string().into_string().ok().context("a plain path")
    };
    let (direct, searched) = (
        script("direct", "#!/bin/bash")?,
        script("searched", "#!/usr/bin/env bash")?,
    );
    let other = script("other", "#!/bin/dash")?;
    let run = async |script: &str| {
        let exec = ["exec", "--env", "acme-dev/ReadOnly", "--", script];
        portray.run(&exec).await
    };
    for script in [&direct, &searched, &other] {
        let ran = run(script).await?.expect_code(0)?;
        assert!(ran.stdout.starts_with("ASIA"), "{ran:?}");
    }
    // By whatever path.
    let revoked = portray.run(&["uses", "--revoke", "/bin/bash"]).await?;
    let itself = fs::canonicalize("/bin/bash")?;
    let itself = itself.to_str().context("a plain path")?;
    assert!(revoked.expect_code(0)?.stderr.starts_with(itself));
    for script in [&direct, &searched] {
        assert_refused(&run(script).await?.expect_code(4)?);
    }
    run(&other).await?.expect_code(0)?;
    portray.run(&["uses", "--allow", itself]).await?.expect_code(0)?;
    run(&direct).await?.expect_code(0)?;
    // The system never tells of a script: it would not be stopped.
    let script = portray.run(&["uses", "--revoke", &searched]).await?;
    let script = script.expect_code(2)?;
    assert_refused(&script);
    assert!(
        script.stderr.contains(&format!("that {itself} runs")),
        "{script:?}"
    );
    run(&searched).await?.expect_code(0)?;

    let nobody = portray
        .run(&["uses", "--revoke", "/usr/bin/no-such-program"])
        .await?;
    assert_refused(&nobody.expect_code(2)?);
    Ok(())
}

#[tokio::test]
async fn a6_uses_are_followed_as_they_come_and_a_hostile_name_moves_no_cursor() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let following = portray.start(&["uses", "--follow", "--json"])?;
    portray.run(&TOOL).await?.expect_code(0)?;
    let line: Value = serde_json::from_str(&following.first_line(DEADLINE).await?)?;
    assert_eq!(line["permission_set"], "ReadOnly");
    assert_eq!(line["door"], "credential_process");

    // A program may call itself anything.
    let hostile = story.desktop.folder().join("\u{1b}[2J\u{1b}]0;x\u{7}");
    let python = story.desktop.python()?;
    fs::copy(fs::canonicalize(python.get_program())?, &hostile)?;
    let mut command = portray.system_command(hostile.to_str().context("a path")?);
    let script = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True)";
    command
        .args(["-c", script])
        .arg(portray.command(Program::Portray)?.get_program())
        .args(TOOL);
    story
        .desktop
        .run("hostile", command, DEADLINE)
        .await?
        .expect_code(0)?;
    uses(&story, |used| {
        used["program"]["name"]
            .as_str()
            .is_some_and(|name| name.contains('\u{1b}'))
    })
    .await?;
    let shown = portray.run(&["uses"]).await?.expect_code(0)?;
    let text = [shown.stdout, shown.stderr].concat();
    assert!(
        !text.contains(|letter: char| letter.is_control() && letter != '\n'),
        "{text:?}"
    );
    assert!(text.contains("credential-process"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a6_a_record_that_cannot_be_read_is_not_told_as_empty() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    portray.run(&TOOL).await?.expect_code(0)?;
    uses(&story, |used| used["door"] == "credential_process").await?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let record = story.desktop.portray_home().join("state/uses.jsonl");
    let aside = record.with_extension("aside");
    // Whoever runs this may read every file, but nobody reads a folder as one.
    fs::rename(&record, &aside)?;
    fs::create_dir(&record)?;
    let unread = portray.run(&["uses"]).await?.expect_code(1)?;
    assert!(unread.stderr.contains("uses.jsonl"), "{unread:?}");
    let document = portray.run(&["uses", "--json"]).await?.expect_code(1)?.json()?;
    assert!(document["problem"]["what_to_do"].is_string(), "{document}");
    // Credentials are handed out all the same.
    portray.run(&TOOL).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn a6_a_program_waits_for_nobody_and_is_confirmed_by_a_notice() -> Result<()> {
    let stage = Stage::set().await?;
    fs::write(
        stage.desktop.portray_home().join("settings.toml"),
        "[confirm]\nprograms = [\"*dev*\"]\n",
    )?;
    let _application = stage.start_signed_in().await?;
    let portray = stage.portray();
    let waits = portray.run(&TOOL).await?.expect_code(8)?;
    assert_refused(&waits);
    assert!(waits.stderr.contains("waits for your confirmation"), "{waits:?}");
    let asked = stage
        .notifications
        .wait_for("a question", SOON, |notice| {
            notice.open && notice.summary.starts_with("Allow ")
        })
        .await?;
    assert!(
        asked.summary.ends_with("to use acme-dev / ReadOnly?"),
        "{asked:?}"
    );
    assert_eq!(asked.buttons(), ["Details", "Deny", "Allow"]);
    assert_refused(&portray.run(&TOOL).await?.expect_code(8)?);
    stage.notifications.press(&asked, "Allow").await?;
    let allowed = async || Ok((portray.run(&TOOL).await?.code == Some(0)).then_some(()));
    stage
        .desktop
        .wait_until("the answer to be heard", SOON, allowed)
        .await?;

    // Another role of the same program is another question, also at an endpoint.
    let serving = portray.start(&["serve", "acme-dev/Developer", "--json"])?;
    let variables: Value = serde_json::from_str(&serving.first_line(DEADLINE).await?)?;
    let value = |name: &str| variables[name].as_str().context("a text");
    let url: Url = value("AWS_CONTAINER_CREDENTIALS_FULL_URI")?.parse()?;
    let token = value("AWS_CONTAINER_AUTHORIZATION_TOKEN")?;
    let waits = harness::get_with_authorization(&url, token).await?;
    assert_eq!(waits.status, 403, "{waits:?}");
    assert!(waits.body.contains(r#""Code":"ConfirmationNeeded""#), "{waits:?}");
    let asked = stage
        .notifications
        .wait_for("another question", SOON, |notice| {
            notice.open && notice.summary.contains("Developer")
        })
        .await?;
    stage.notifications.press(&asked, "Deny").await?;
    let denied = async || {
        let answer = harness::get_with_authorization(&url, token).await?;
        Ok(answer.body.contains("You have denied").then_some(answer))
    };
    let denied = stage.desktop.wait_until("the denial", SOON, denied).await?;
    assert_eq!(denied.status, 403);
    // Roles that the settings do not name are nobody's question.
    let mut other = TOOL;
    other[4] = "666677778888";
    portray.run(&other).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn a6_the_id_of_a_launch_allows_what_its_program_waits_for_and_is_not_called_revoked() -> Result<()> {
    let story = Headless::signed_in().await?;
    let settings = story.desktop.portray_home().join("settings.toml");
    let written = fs::read_to_string(&settings)?;
    fs::write(&settings, format!("{written}\n[confirm]\nprograms = \"ask\"\n"))?;
    let portray = story.portray();
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let (_serving, url, token) = serve(&portray).await?;
    let ask = async || harness::get_with_authorization(&url, &token).await;
    let waits = ask().await?;
    assert!(waits.body.contains("ConfirmationNeeded"), "{waits:?}");
    let listed = uses(&story, |used| {
        used["outcome"] == "refused" && used["program"]["pid"] == std::process::id()
    })
    .await?;
    let rows = listed["uses"].as_array().context("uses")?;
    let row = rows.iter().find(|used| used["outcome"] == "refused");
    let id = row.context("a row")?["consumer"].as_str().context("an id")?;
    assert_eq!(listed["launches"][0]["id"], id, "{listed:#}");
    // What the same program waits for elsewhere is not of the launch.
    let mut other = TOOL;
    other[4] = "666677778888";
    assert_refused(&portray.run(&other).await?.expect_code(8)?);
    let allowed = portray.run(&["uses", "--allow", id]).await?.expect_code(0)?;
    let words = "may get the credentials of acme-dev/ReadOnly.";
    assert!(allowed.stderr.contains(words), "{allowed:?}");
    assert_eq!(ask().await?.status, 200);
    assert_refused(&portray.run(&other).await?.expect_code(8)?);

    let not_waiting = portray.run(&["uses", "--allow", id]).await?.expect_code(2)?;
    assert_refused(&not_waiting);
    assert!(not_waiting.stderr.contains("is not revoked"), "{not_waiting:?}");
    portray.run(&["uses", "--revoke", id]).await?.expect_code(0)?;
    let over = portray.run(&["uses", "--allow", id]).await?.expect_code(2)?;
    assert!(over.stderr.contains("that was revoked cannot"), "{over:?}");
    Ok(())
}
