//! Names that break programs which trust names, through every way on which a role's credentials go.
//!
//! Profiles, menus, notices and the window have tests of their own beside their code.

mod roles;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use harness::{Program, SshServer};
use serde_json::Value;
use url::Url;

use self::roles::{Role, WORST, assert_harmless, assert_harmless_text, shown, some, story};
use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(60);

/// So many programs at the same moment.
const AT_ONCE: usize = 6;

#[tokio::test]
async fn i4_every_hostile_name_is_handed_out_for_what_it_is_and_reaches_no_terminal_raw() -> Result<()> {
    let (story, roles) = story().await?;
    let portray = &story.portray();
    let can_be_said = roles.iter().filter(|role| !role.permission_set.contains('\0'));
    stream::iter(can_be_said)
        .map(async |role: &Role| {
            let words = role.words();
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            let given = shown(portray, &words, &[0]).await?;
            ensure!(given.stdout.lines().count() == 1, "{given:?}");
            assert_eq!(given.json()?["AccountId"], role.account.as_str());
            // By words, a name may hit several roles or none; what is said of it is harmless all the same.
            let (target, name) = (role.target(), &role.account_name);
            let codes: &[i32] = if role.has_target() { &[0] } else { &[0, 2, 4] };
            shown(portray, &["-v", "exec", &target, "--", "true"], codes).await?;
            if !name.contains('\0') {
                shown(portray, &["accounts", "--", name], &[0, 2]).await?;
                shown(
                    portray,
                    &["-v", "credentials", "--format=ini", "--", name],
                    &[0, 2],
                )
                .await?;
            }
            Ok(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;

    // Who used what, in every form; names come through JSON as they are.
    let listed = shown(portray, &["uses"], &[0]).await?;
    ensure!(listed.stdout.lines().count() > 100, "{listed:?}");
    let listed = shown(portray, &["uses", "--json"], &[0]).await?.json()?;
    let uses = listed["uses"].as_array().context("uses")?;
    for name in WORST {
        let is_named = |used: &Value| used["permission_set"] == name || used["account_name"] == name;
        ensure!(uses.iter().any(is_named), "no use of {name:?}");
        shown(portray, &["uses", &format!("--role={name}")], &[0]).await?;
    }
    for words in [&["accounts"][..], &["status"], &["status", "--json"], &["doctor"]] {
        shown(portray, words, &[0, 1]).await?;
    }
    look_into_logs(&story)
}

/// What was written down of all that.
fn look_into_logs(story: &Headless) -> Result<()> {
    let mut looked = 0;
    let mut folders = vec![story.desktop.portray_home()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains(".log") {
                let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
                assert_harmless_text(&path.to_string_lossy(), &text)?;
                looked += 1;
            }
        }
    }
    ensure!(looked > 0, "there is no log");
    Ok(())
}

#[tokio::test]
async fn i4_shells_run_nothing_of_a_hostile_name_and_get_exactly_the_credentials() -> Result<()> {
    let (story, roles) = story().await?;
    let portray = &story.portray();
    let program = portray.command(Program::Portray)?;
    for (number, role) in some(&roles).iter().enumerate() {
        let target = role.target();
        let given = shown(portray, &["credentials", &target], &[0]).await?.json()?;
        for shell in ["powershell", "cmd"] {
            shown(portray, &["env", &target, "--shell", shell], &[0]).await?;
        }
        let shells = ["bash", "zsh", "fish"];
        let shell = shells[number % shells.len()];
        let script = match shell {
            "fish" => {
                "eval ($argv[1] env $argv[2] --shell fish | string collect); echo -n $AWS_SECRET_ACCESS_KEY"
            }
            _ => "eval \"$(\"$1\" env \"$2\" --shell bash)\"; printf %s \"$AWS_SECRET_ACCESS_KEY\"",
        };
        let mut command = portray.system_command(shell);
        command.args(["-c", script]);
        if shell != "fish" {
            command.arg(shell);
        }
        command.arg(program.get_program()).arg(&target);
        let told = story
            .desktop
            .run(shell, command, DEADLINE)
            .await?
            .expect_code(0)?;
        assert_eq!(
            given["SecretAccessKey"],
            told.stdout.as_str(),
            "{shell} {role:?}: {told:?}"
        );
    }
    let left: Vec<_> = fs::read_dir(story.desktop.home())?.collect::<Result<_, _>>()?;
    ensure!(
        left.iter().all(|entry| entry.file_name() != "owned"),
        "something was run: {left:?}"
    );
    Ok(())
}

#[tokio::test]
async fn i1_hostile_names_leave_no_folder_and_lead_to_their_own_console() -> Result<()> {
    let (story, roles) = story().await?;
    let portray = &story.portray();
    let roles = some(&roles);
    for (number, role) in roles.iter().enumerate() {
        let target = role.target();
        let folder = story.desktop.folder().join(format!("containers-{number}"));
        let folder = folder.to_string_lossy();
        let mount = format!("{folder}/mount");
        let listing = [
            "exec",
            &target,
            "--container-dir",
            &folder,
            "--",
            "ls",
            "-A",
            &mount,
        ];
        let listed = shown(portray, &listing, &[0]).await?;
        assert_eq!(listed.stdout, "config\ncredentials.sock\nportray\n", "{role:?}");

        let url = shown(portray, &["console", &target, "--print"], &[0]).await?;
        let url = Url::parse(url.stdout.trim())?;
        ensure!(url.query_pairs().any(|(name, _)| name == "SigninToken"), "{url}");
        let url = shown(portray, &["console", &target, "--print", "--via", "portal"], &[0]).await?;
        let url = url.stdout.trim().to_owned();
        ensure!(
            url.bytes().all(|byte| byte.is_ascii_graphic()),
            "{role:?} is not encoded: {url}"
        );
        shown(portray, &["-v", "keep", &target], &[0]).await?;
    }
    let status = shown(portray, &["status", "--json"], &[0]).await?.json()?;
    let kept = status["credentials"].as_array().context("credentials")?;
    let is_kept = |role: &Role| {
        kept.iter().any(|one| {
            one["kept"] == true
                && one["account"] == role.account.as_str()
                && one["permission_set"] == role.permission_set.as_str()
        })
    };
    ensure!(roles.iter().all(is_kept), "{status:#}");
    Ok(())
}

#[tokio::test]
async fn i4_what_serves_and_what_follows_says_hostile_names_harmlessly() -> Result<()> {
    let (story, roles) = story().await?;
    let portray = &story.portray();
    let following = portray.start(&["uses", "--follow"])?;
    let followed_as_json = portray.start(&["uses", "--follow", "--json"])?;
    let server = match SshServer::is_expected() {
        true => Some(SshServer::start(&story.desktop, "").await?),
        false => None,
    };
    for name in WORST {
        let role = roles.iter().find(|role| role.is_named(name) && role.has_target());
        let Some(role) = role else {
            // A permission set's slash is no part of a target.
            continue;
        };
        let target = role.target();
        for form in [&["--json"][..], &["--shell", "bash"], &["--shell", "fish"]] {
            let serving = portray.start(&[&["-v", "serve", &target], form].concat())?;
            serving.first_line(DEADLINE).await?;
            let said = async || Ok(serving.stderr().contains("is served until").then_some(()));
            story.desktop.wait_until("serve to serve", DEADLINE, said).await?;
            serving.interrupt();
            assert_harmless(name, &serving.finished(DEADLINE).await?.expect_code(0)?)?;
        }
        if let Some(server) = &server {
            let words = server.words();
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            let tells = "printf %s \"${#AWS_CONTAINER_AUTHORIZATION_TOKEN}\"";
            let session = [&["-v", "ssh", &target, "--"][..], &words, &[tells]].concat();
            let told = shown(portray, &session, &[0]).await?;
            assert_eq!(told.stdout, "43", "{told:?}");
        }
        let mut tool = role.words();
        tool.retain(|word| word != "-v");
        let tool: Vec<_> = tool.iter().map(String::as_str).collect();
        shown(portray, &tool, &[0]).await?;
    }
    let all = async || {
        let (text, json) = (following.stdout(), followed_as_json.stdout());
        let told = |name: &&str| {
            json.lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .any(|used| used["permission_set"] == *name || used["account_name"] == *name)
        };
        let count = WORST.iter().filter(|name| told(name)).count();
        Ok((count + 1 >= WORST.len() && text.lines().count() + 1 >= WORST.len()).then_some((text, json)))
    };
    let (text, json) = story
        .desktop
        .wait_until("the uses to be told", DEADLINE, all)
        .await?;
    assert_harmless_text("uses --follow", &text)?;
    assert_harmless_text("uses --follow --json", &json)
}

#[tokio::test]
async fn i4_a_list_to_choose_from_at_a_terminal_draws_no_hostile_name_raw() -> Result<()> {
    let (story, _) = story().await?;
    let portray = story.portray();
    let mut terminal = portray.start_at_terminal(&["console", "--print"])?;
    let asked = terminal.wait_for("Which role?", 0, DEADLINE).await?;
    // Every name there is, page after page, and one that is searched for.
    terminal.press(&"\u{1b}[B".repeat(200))?;
    terminal.press("red")?;
    terminal.wait_for("[31mred", asked, DEADLINE).await?;
    terminal.press("\u{3}")?;
    let drawn = terminal.finished(DEADLINE).await?.expect_code(130)?.stderr;
    for raw in [
        "\u{1b}]",
        "\u{1b}[31mred",
        "\u{1b}c",
        "\u{1b}P",
        "\u{1b}[6n",
        "\u{1b}[?1049h",
        "\u{9b}",
        "\u{9d}",
        "\u{90}",
        "\u{7}",
        "\u{202e}",
        "\u{202d}",
        "\u{2067}",
    ] {
        ensure!(!drawn.contains(raw), "{raw:?} is drawn: {drawn:?}");
    }
    Ok(())
}

#[tokio::test]
async fn i4_hostile_names_of_the_aws_clis_configuration_are_shown_harmlessly() -> Result<()> {
    let story = Headless::set().await?;
    let portray = &story.portray();
    let mut config = String::new();
    let names: Vec<_> = WORST.iter().map(|name| name.replace('\n', " ")).collect();
    for (number, name) in names.iter().enumerate() {
        // A header's words are read as a shell reads them.
        let word = format!("'{}'", name.replace('\'', "'\"'\"'"));
        config.push_str(&format!(
            "[sso-session {word}]\nsso_start_url = https://d-996766{number:04x}.awsapps.com/start\n\
             sso_region = eu-west-1\n[profile {word}]\nsso_session = {name}\nendpoint_url = {name}\n"
        ));
    }
    let folder = story.desktop.home().join(".aws");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("config"), &config)?;
    let listed = shown(portray, &["portal", "import"], &[0]).await?;
    assert_eq!(listed.stdout.lines().count(), names.len(), "{listed:?}");
    shown(portray, &["portal", "import", "--json"], &[0]).await?;
    shown(portray, &["portal", "import", "--all"], &[0]).await?;
    shown(portray, &["portal", "list"], &[0]).await?;
    shown(portray, &["profiles", "plan"], &[0, 2, 3]).await?;
    for name in &names {
        shown(portray, &["portal", "import", "--", name], &[0, 2]).await?;
    }
    assert_eq!(fs::read_to_string(folder.join("config"))?, config);
    Ok(())
}
