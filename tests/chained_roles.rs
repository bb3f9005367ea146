//! Roles that are assumed from a permission set: by their names, through every door, with a code where one is wanted.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Finished, Portray, Program, aws_cli, write_service_models};
use serde_json::{Value, json};
use url::Url;

use crate::headless::Headless;
use crate::stage::USER;

const DEADLINE: Duration = Duration::from_secs(60);

/// A role of the demo company that deployers of staging may assume.
const RELEASE: &str = "
[[chain]]
name = \"release\"
from = \"acme-staging/Deployer\"
role_arn = \"arn:aws:iam::666677778888:role/ReleaseManager\"
external_id = \"acme-releases\"
tags = { Team = \"blue\" }
";

const SERIAL: &str = "arn:aws:iam::666677778888:mfa/release";

const ASSUMED: &str = "arn:aws:sts::666677778888:assumed-role/ReleaseManager/amara";

/// Somebody who is signed in, with this behind their settings.
async fn signed_in(chain: &str) -> Result<Headless> {
    let story = Headless::with_portal().await?;
    story.portray().run(&["agent", "stop"]).await?.expect_code(0)?;
    let path = settings_of(&story)?;
    fs::write(&path, fs::read_to_string(&path)? + chain)?;
    story.portray().sign_in(&story.emulator, USER).await?;
    Ok(story)
}

/// Where the settings of a story are.
pub fn settings_of(story: &Headless) -> Result<std::path::PathBuf> {
    use portray_core::paths::{Environment, Paths};
    let home = story.desktop.portray_home().to_string_lossy().into_owned();
    Ok(Paths::of(&Environment::of(&[("PORTRAY_HOME", &home)]))?.settings())
}

/// Leads a client of AWS to the emulator.
fn to_the_emulator(story: &Headless, mut command: Command) -> Result<Command> {
    let base = story.emulator.addresses().base_url.as_str();
    let endpoints = ["SSO", "SSO_OIDC", "STS"].map(|name| (name, base.trim_end_matches('/').to_owned()));
    let models = story.desktop.folder().join("models");
    write_service_models(&models, &endpoints)?;
    command.envs(story.portray().environment());
    command
        .env("AWS_ENDPOINT_URL_STS", &endpoints[2].1)
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_DATA_PATH", models);
    Ok(command)
}

/// `portray exec TARGET -- aws sts get-caller-identity`, or the same with a profile.
async fn who_am_i(story: &Headless, through: &[&str]) -> Result<Value> {
    let aws = aws_cli()?.to_string_lossy().into_owned();
    let command = match through {
        ["--profile", _] => {
            let mut command = story.desktop.system_command(&aws);
            command.args(["sts", "get-caller-identity"]).args(through);
            command
        }
        _ => {
            let mut command = story.portray().command(Program::Portray)?;
            command
                .args(through)
                .args(["--", &aws, "sts", "get-caller-identity"]);
            command
        }
    };
    let told = story
        .desktop
        .run("aws", to_the_emulator(story, command)?, DEADLINE);
    told.await?.expect_code(0)?.json()
}

async fn process(portray: &Portray<'_>) -> Result<Finished> {
    let words = ["credential-process", "--portal", "acme", "--chain", "release"];
    portray.run(&words).await
}

#[tokio::test]
async fn a_role_that_is_ignored_says_why_to_whoever_uses_its_name() -> Result<()> {
    let story = signed_in(&format!(
        "{RELEASE}\n[[chain]]\nname = \"loop\"\nfrom = \"x\"\nrole_arn = \"y\"\n"
    ))
    .await?;
    let portray = story.portray();
    for command in [
        &["credentials", "loop"][..],
        &["env", "loop"],
        &["exec", "loop", "--", "true"],
    ] {
        let refused = portray.run(command).await?.expect_code(2)?;
        assert!(refused.stderr.contains("is ignored: from = “x”"), "{refused:?}");
    }
    let url = [
        "portal",
        "add",
        "https://other.awsapps.com/start",
        "--name",
        "other",
        "--region",
        "eu-west-1",
    ];
    portray.run(&url).await?.expect_code(0)?;
    let refused = portray.run(&["credentials", "release"]).await?.expect_code(2)?;
    assert!(
        refused.stderr.contains("does not say which one: portal ="),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a6_a_program_that_wants_a_role_in_a_confirmed_account_waits_also_for_one_that_is_assumed()
-> Result<()> {
    let confirm = "\n[confirm]\nprograms = [\"666677778888\"]\n";
    let story = signed_in(&[RELEASE, confirm].concat()).await?;
    let portray = story.portray();
    portray.run(&["credentials", "release"]).await?.expect_code(8)?;
    portray
        .run(&["credentials", "acme-staging/Deployer"])
        .await?
        .expect_code(0)?;
    let uses = portray
        .run(&["uses", "--role", "666677778888", "--json"])
        .await?
        .expect_code(0)?
        .json()?;
    let of_release = uses["uses"].as_array().context("uses")?;
    assert_eq!(of_release.len(), 1, "{uses}");
    assert_eq!(
        of_release[0]["assumed"]["role_arn"],
        "arn:aws:iam::666677778888:role/ReleaseManager"
    );

    // A slip of the pen takes nothing of that away.
    let path = settings_of(&story)?;
    fs::write(
        &path,
        fs::read_to_string(&path)?.replace("[\"666677778888\"]", "[1]"),
    )?;
    let told = portray.run(&["status"]).await?;
    let said = format!("{}{}", told.stdout, told.stderr);
    assert!(said.contains("“programs = [1]” cannot be read"), "{said}");
    portray.run(&["credentials", "release"]).await?.expect_code(8)?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    portray
        .run(&["credentials", "acme-staging/Deployer"])
        .await?
        .expect_code(8)?;
    Ok(())
}

#[tokio::test]
async fn p1_a_role_that_is_assumed_from_a_permission_set_is_used_by_its_name_everywhere() -> Result<()> {
    let story = signed_in(RELEASE).await?;
    let portray = story.portray();
    let given = process(&portray).await?.expect_code(0)?;
    assert_eq!((given.stdout.lines().count(), given.stderr.as_str()), (1, ""));
    assert_eq!(given.json()?["AccountId"], "666677778888");
    let all = portray
        .run(&["credentials", "RELEASE", "--format", "json"])
        .await?;
    let all = all.expect_code(0)?.json()?;
    assert_eq!(all["chain"]["from"], "acme-staging/Deployer");
    assert_eq!(all["access_key_id"], given.json()?["AccessKeyId"], "from memory");

    for through in [
        vec!["exec", "release"],
        vec!["exec", "acme:release"],
        vec!["exec", "--env", "release"],
    ] {
        assert_eq!(who_am_i(&story, &through).await?["Arn"], ASSUMED, "{through:?}");
    }
    portray.run(&["profiles", "apply"]).await?.expect_code(0)?;
    let profile = ["--profile", "acme-staging-release"];
    assert_eq!(who_am_i(&story, &profile).await?["Arn"], ASSUMED);
    assert_eq!(
        story.emulator.calls("AssumeRole").await?,
        1,
        "once for all of them"
    );

    portray.run(&["keep", "release"]).await?.expect_code(0)?;
    let status = portray.status().await?;
    let shown = status["credentials"].as_array().context("a list")?;
    let shown = shown
        .iter()
        .find(|one| !one["chain"].is_null())
        .context("the role")?;
    assert_eq!(
        shown["chain"]["role_arn"],
        "arn:aws:iam::666677778888:role/ReleaseManager"
    );
    assert_eq!((&shown["kept"], &shown["state"]), (&json!(true), &json!("fresh")));
    let accounts = portray
        .run(&["accounts", "staging", "--json"])
        .await?
        .expect_code(0)?;
    let accounts = accounts.json()?;
    let staging = accounts["accounts"].as_array().context("a list")?.iter();
    let staging = staging.filter(|one| one["name"] == "acme-staging");
    let chains: Vec<&Value> = staging.map(|one| &one["chains"][0]["name"]).collect();
    assert_eq!(chains, [&json!("release")]);

    let printed = portray
        .run(&["console", "release", "--print"])
        .await?
        .expect_code(0)?;
    let url = Url::parse(printed.stdout.trim())?;
    assert!(url.query_pairs().any(|(name, _)| name == "SigninToken"), "{url}");
    for (more, why) in [
        (["--via", "portal"], "permission sets only"),
        (["--duration", "1h"], "no duration"),
    ] {
        let refused = portray
            .run(&["console", "release", "--print", more[0], more[1]])
            .await?;
        let refused = refused.expect_code(2)?;
        assert!(
            refused.stderr.contains(why) && refused.stderr.lines().count() == 2,
            "{refused:?}"
        );
    }
    portray.run(&["logout"]).await?.expect_code(0)?;
    process(&portray).await?.expect_code(3)?;
    Ok(())
}

#[tokio::test]
async fn p1_what_a_chain_lacks_is_told_with_what_to_do_and_ends_with_its_code() -> Result<()> {
    let wrong = "
[[chain]]
name = \"denied\"
from = \"acme-staging/Deployer\"
role_arn = \"arn:aws:iam::666677778888:role/ReleaseManager\"

[[chain]]
name = \"unassigned\"
from = \"666677778888/Deployer\"
role_arn = \"arn:aws:iam::666677778888:role/ReleaseManager\"

[[chain]]
name = \"nowhere\"
from = \"no-account/Deployer\"
role_arn = \"arn:aws:iam::666677778888:role/ReleaseManager\"

[[chain]]
name = \"long\"
from = \"acme-staging/Deployer\"
role_arn = \"arn:aws:iam::666677778888:role/ReleaseManager\"
duration = \"4h\"
";
    let story = signed_in(wrong).await?;
    let portray = story.portray();
    for (name, code, what) in [
        ("denied", 4, "trust policy"),
        ("unassigned", 4, "not assigned to you"),
        ("nowhere", 2, "no-account/Deployer, which is not assigned"),
        ("long", 2, "is ignored: duration = “4h” is too long"),
    ] {
        let refused = portray.run(&["credentials", name]).await?.expect_code(code)?;
        assert!(
            refused.stderr.contains(what) && refused.stderr.lines().count() == 2,
            "{refused:?}"
        );
        assert_eq!(refused.stdout, "");
    }
    let status = portray.status().await?;
    let problem = status["problems"][0]["what_happened"]
        .as_str()
        .context("a sentence")?;
    let settings = fs::read_to_string(settings_of(&story)?)?;
    let line = 1 + settings
        .lines()
        .position(|line| line.starts_with("duration"))
        .context("a line")?;
    assert!(
        problem.contains(&format!("line {line}: ")) && problem.contains("one hour"),
        "{problem}"
    );

    let path = settings_of(&story)?;
    fs::write(&path, settings + RELEASE)?;
    let taken_over = story
        .desktop
        .wait_until("the edit to be taken over", DEADLINE, async || {
            portray.status().await?;
            let finished = portray.run(&["credentials", "release"]).await?;
            Ok((finished.expect_code(0)).ok())
        });
    taken_over.await?;
    Ok(())
}

#[tokio::test]
async fn h5_tools_are_told_that_a_code_is_needed_and_a_person_at_a_terminal_gives_it() -> Result<()> {
    let chain = format!(
        "[[chain]]\nname = \"release\"\nfrom = \"acme-staging/Deployer\"\n\
         role_arn = \"arn:aws:iam::666677778888:role/Break\"\nmfa_serial = \"{SERIAL}\"\n"
    );
    let story = signed_in(&chain).await?;
    let world = format!(
        "[unsettled]\nmfa_of_role_sessions = true\n[[role]]\naccount = \"acme-prod\"\nname = \"Break\"\n\
         trust = [\"acme-staging\"]\nmfa = {{ serial = \"{SERIAL}\", totp = \"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\" }}\n"
    );
    story.emulator.amend_world(&world).await?;
    let portray = story.portray();
    let refused = process(&portray).await?.expect_code(3)?;
    assert!(
        refused
            .stderr
            .starts_with("A code of your MFA device is needed for release"),
        "{refused:?}"
    );
    assert_eq!((refused.stdout.as_str(), refused.stderr.lines().count()), ("", 2));
    assert_eq!(story.emulator.calls("AssumeRole").await?, 0);

    let mut terminal = portray.start_at_terminal(&["credentials", "release"])?;
    let asked = terminal.wait_for("Code of your MFA device:", 0, DEADLINE).await?;
    terminal.press("000000\r")?;
    let again = terminal
        .wait_for("The next code of your MFA device:", asked, DEADLINE)
        .await?;
    let code = story.emulator.read(&format!("mfa-code?serial={SERIAL}")).await?;
    let code = code["code"].as_str().context("a code")?.to_owned();
    terminal.press(&format!("{code}\r"))?;
    let printed = terminal.finished(DEADLINE).await?.expect_code(0)?;
    assert_eq!(printed.json()?["AccountId"], "666677778888");
    assert!(
        again > asked && !printed.stderr.contains(&code),
        "a code is not drawn: {printed:?}"
    );
    process(&portray).await?.expect_code(0)?;
    for log in [
        story.desktop.logs().folder(),
        story.desktop.portray_home().as_path(),
    ] {
        assert!(!found_below(log, &code)?, "a code stands in {}", log.display());
    }
    Ok(())
}

/// Whether a text stands in a file below a folder, as a word of its own.
fn found_below(folder: &std::path::Path, text: &str) -> Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let kind = path.symlink_metadata()?.file_type();
        let is_in = |content: Vec<u8>| {
            let content = String::from_utf8_lossy(&content).into_owned();
            let mut words = content.split(|letter: char| !letter.is_ascii_alphanumeric());
            words.any(|word| word == text)
        };
        if (kind.is_dir() && found_below(&path, text)?) || (kind.is_file() && is_in(fs::read(&path)?)) {
            return Ok(true);
        }
    }
    Ok(false)
}
