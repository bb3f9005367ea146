//! Containers: a world of their own with a network of their own, which is shown one folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Desktop, Finished, Process, aws_cli};
use serde_json::{Value, json};

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(60);
const TARGET: &str = "acme-dev/ReadOnly";

/// Prints the key that boto3 finds, and by which way.
const BOTO3: &str = "
import boto3, json
found = boto3.Session().get_credentials()
print(json.dumps({'method': found.method, 'AccessKeyId': found.get_frozen_credentials().access_key}))
";

/// Tries to reach what listens on the loopback interface of the machine around.
const REACHES: &str = "
import socket, sys
try:
    socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)
except OSError as error:
    print(error.errno)
";

#[tokio::test]
async fn a_container_gets_one_role_through_the_folder_that_it_is_shown() -> Result<()> {
    let story = Headless::signed_in().await?;
    let folder = story.desktop.folder().join("for-containers");
    let serving = serve(&story, &folder)?;
    let printed: Value = serde_json::from_str(&serving.first_line(DEADLINE).await?)?;
    let mount = folder.join("mount");
    let expected = json!({
        "mounts": [format!("source={},target=/run/portray,type=bind,readonly", mount.display())],
        "containerEnv": { "AWS_CONFIG_FILE": "/run/portray/config" },
    });
    assert_eq!(printed, expected);
    let key = access_key(&story).await?;
    let container = Container {
        desktop: &story.desktop,
        mount,
    };

    // It is one: what listens on this machine is out of its reach.
    let port = story.emulator.addresses().base_url.port().context("a port")?;
    let mut reaches = container.python(&[], REACHES)?;
    reaches.arg(port.to_string());
    let refused = container.run(reaches).await?.expect_code(0)?;
    assert_eq!(refused.stdout.trim(), "111", "connection refused: {refused:?}");

    let helper = [("AWS_CONFIG_FILE", "/run/portray/config")];
    let found = container
        .run(container.aws(&helper, &[])?)
        .await?
        .expect_code(0)?;
    assert_eq!(found.json()?["AccessKeyId"], key.as_str());
    let found = container
        .run(container.python(&helper, BOTO3)?)
        .await?
        .expect_code(0)?
        .json()?;
    assert_eq!(found, json!({ "method": "custom-process", "AccessKeyId": key }));

    // For what is led by the two variables of an endpoint only.
    let forward = ["/run/portray/portray", "forward", "--"];
    let found = container
        .run(container.aws(&[], &forward)?)
        .await?
        .expect_code(0)?;
    assert_eq!(found.json()?["AccessKeyId"], key.as_str());
    let mut boto3 = container.command(&[], &forward)?;
    boto3
        .arg(story.desktop.python()?.get_program())
        .args(["-c", BOTO3]);
    let found = container.run(boto3).await?.expect_code(0)?.json()?;
    assert_eq!(found, json!({ "method": "container-role", "AccessKeyId": key }));

    // Nor is anything of whoever signs in next.
    story.portray().run(&["logout"]).await?.expect_code(0)?;
    let ended = serving.finished(DEADLINE).await?.expect_code(3)?;
    assert!(ended.stderr.contains("You have signed out since"), "{ended:?}");
    story.portray().sign_in(&story.emulator, "ben").await?;
    let left: Vec<_> = std::fs::read_dir(folder.join("mount"))?.collect();
    assert!(left.is_empty(), "{left:?}");
    let refused = container.run(container.command(&[], &["/run/portray/portray", "forward", "--", "true"])?);
    assert_ne!(refused.await?.code, Some(0), "the helper went too");
    Ok(())
}

#[tokio::test]
async fn the_region_of_serve_reaches_what_forward_runs_unless_the_container_has_one() -> Result<()> {
    let story = Headless::signed_in().await?;
    let folder = story.desktop.folder().join("for-containers");
    let serving = serve(&story, &folder)?;
    serving.first_line(DEADLINE).await?;
    let container = Container {
        desktop: &story.desktop,
        mount: folder.join("mount"),
    };
    let forward = ["/run/portray/portray", "forward", "--"];
    let regions = "echo $AWS_REGION $AWS_DEFAULT_REGION";
    for (own, expected) in [
        (None, "eu-west-3 eu-west-3"),
        (Some(("AWS_REGION", "us-east-1")), "us-east-1"),
    ] {
        let own: Vec<_> = own.into_iter().collect();
        let mut shell = container.command(&own, &forward)?;
        shell.args(["sh", "-c", regions]);
        let told = container.run(shell).await?.expect_code(0)?;
        assert_eq!(told.stdout.trim(), expected, "{own:?}");
    }
    Ok(())
}

#[tokio::test]
async fn users_of_a_container_have_other_numbers_and_nobody_else_here_comes_near_the_socket() -> Result<()> {
    let story = Headless::signed_in().await?;
    let folder = story.desktop.folder().join("for-containers");
    let serving = serve(&story, &folder)?;
    serving.first_line(DEADLINE).await?;
    let key = access_key(&story).await?;
    let container = Container {
        desktop: &story.desktop,
        mount: folder.join("mount"),
    };
    let helper = [
        "/run/portray/portray",
        "credential-process",
        "--socket",
        "/run/portray/credentials.sock",
    ];
    if rustix::process::geteuid().is_root() {
        let mut as_other = container.privileged();
        as_other
            .args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
            .args(helper);
        let told = container.run(as_other).await?.expect_code(0)?;
        assert_eq!(told.json()?["AccessKeyId"], key.as_str());
        let mut outside = story.desktop.system_command("setpriv");
        outside
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "ls"])
            .arg(&folder);
        let refused = container.run(outside).await?;
        assert_ne!(refused.code, Some(0), "{refused:?}");
    }
    // A second launch does not take the folder of the first.
    let taken = serve(&story, &folder)?.finished(DEADLINE).await?.expect_code(2)?;
    assert!(taken.stderr.contains("already"), "{taken:?}");
    let told = container
        .run(container.command(&[], &helper)?)
        .await?
        .expect_code(0)?;
    assert_eq!(told.json()?["AccessKeyId"], key.as_str());
    Ok(())
}

#[tokio::test]
async fn variables_come_with_the_time_that_they_are_good_for_and_a_folder_goes_with_exec() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let told = portray
        .run(&["exec", TARGET, "--env", "--", "true"])
        .await?
        .expect_code(0)?;
    let said = "These credentials live another ";
    assert!(
        told.stderr.contains(said) && told.stderr.contains("minutes and are not renewed."),
        "{told:?}"
    );

    let folder = story.desktop.folder().join("for-exec");
    let mount = folder.join("mount");
    let (name, listing) = (folder.display().to_string(), mount.display().to_string());
    let words = ["exec", TARGET, "--container-dir", &name, "--", "ls", &listing];
    let told = portray.run(&words).await?.expect_code(0)?;
    assert_eq!(told.stdout, "config\ncredentials.sock\nportray\n");
    assert!(std::fs::read_dir(&mount)?.next().is_none());
    Ok(())
}

#[tokio::test]
async fn a_folder_that_somebody_takes_away_is_told_and_the_next_launch_there_is_left_alone() -> Result<()> {
    let story = Headless::signed_in().await?;
    let folder = story.desktop.folder().join("for-containers");
    let first = serve(&story, &folder)?;
    first.first_line(DEADLINE).await?;
    let name = folder.display().to_string();
    std::fs::rename(&folder, folder.with_extension("aside"))?;
    let second = serve(&story, &folder)?;
    second.first_line(DEADLINE).await?;
    let ended = first.finished(DEADLINE).await?.expect_code(1)?;
    let told: Vec<_> = ended.stderr.lines().rev().take(2).collect();
    let [what_to_do, what_happened] = told.as_slice() else {
        anyhow::bail!("two lines: {ended:?}");
    };
    assert!(
        what_happened.contains(&name) && what_happened.contains("is gone"),
        "{ended:?}"
    );
    assert!(what_to_do.starts_with("Start it again"), "{ended:?}");
    let helper = [
        "/run/portray/portray",
        "credential-process",
        "--socket",
        "/run/portray/credentials.sock",
    ];
    let container = Container {
        desktop: &story.desktop,
        mount: folder.join("mount"),
    };
    let given = container.run(container.command(&[], &helper)?).await?;
    given.expect_code(0)?;

    // The command of exec has an endpoint of its own, and goes on.
    std::fs::remove_dir_all(&folder)?;
    second.finished(DEADLINE).await?.expect_code(1)?;
    let script = format!("rm -r '{name}'; while [ ! -e '{name}.done' ]; do sleep 0.1; done; exit 5");
    let words = [
        "exec",
        TARGET,
        "--container-dir",
        &name,
        "--",
        "sh",
        "-c",
        &script,
    ];
    let exec = story.portray().start(&words)?;
    let told = async || Ok(exec.stderr().contains("is gone").then_some(()));
    let what = "a word of the folder";
    story.desktop.wait_until(what, DEADLINE, told).await?;
    std::fs::write(format!("{name}.done"), "")?;
    exec.finished(DEADLINE).await?.expect_code(5)?;
    Ok(())
}

fn serve(story: &Headless, folder: &Path) -> Result<Process> {
    let folder = folder.display().to_string();
    story.portray().start(&[
        "serve",
        TARGET,
        "--container-dir",
        &folder,
        "--region",
        "eu-west-3",
        "--json",
    ])
}

/// The key that this person has outside.
async fn access_key(story: &Headless) -> Result<String> {
    let told = story
        .portray()
        .run(&["credentials", TARGET])
        .await?
        .expect_code(0)?
        .json()?;
    Ok(told["AccessKeyId"].as_str().context("a key")?.to_owned())
}

/// The programs of this machine, with nothing else of it: other processes, network and user, and no home.
struct Container<'a> {
    desktop: &'a Desktop,
    mount: PathBuf,
}

impl Container<'_> {
    fn command(&self, variables: &[(&str, &str)], words: &[&str]) -> Result<Command> {
        let mut command = self.walls();
        command.args(["--unshare-user", "--uid", "1001", "--gid", "1001", "--clearenv"]);
        for (name, value) in [("PATH", "/usr/bin:/bin"), ("AWS_EC2_METADATA_DISABLED", "true")]
            .iter()
            .chain(variables)
        {
            command.args(["--setenv", name, value]);
        }
        command.arg("--").args(words);
        Ok(command)
    }

    /// As root of the machine, who can become anybody.
    fn privileged(&self) -> Command {
        let mut command = self.walls();
        command.args(["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--"]);
        command
    }

    fn walls(&self) -> Command {
        let mut command = self.desktop.system_command("bwrap");
        command.args([
            "--unshare-net",
            "--unshare-pid",
            "--unshare-ipc",
            "--ro-bind",
            "/",
            "/",
        ]);
        command
            .arg("--tmpfs")
            .arg(self.desktop.folder())
            .args(["--tmpfs", "/run"]);
        command.arg("--ro-bind").arg(&self.mount).arg("/run/portray");
        command.args(["--dev", "/dev", "--proc", "/proc", "--chdir", "/"]);
        command
    }

    /// The AWS CLI, which prints what it found; with words in front of its own.
    fn aws(&self, variables: &[(&str, &str)], before: &[&str]) -> Result<Command> {
        let mut command = self.command(variables, before)?;
        command.arg(aws_cli()?).args(["configure", "export-credentials"]);
        Ok(command)
    }

    fn python(&self, variables: &[(&str, &str)], script: &str) -> Result<Command> {
        let python = self.desktop.python()?;
        let mut command = self.command(variables, &[])?;
        command.arg(python.get_program()).args(["-c", script]);
        Ok(command)
    }

    async fn run(&self, command: Command) -> Result<Finished> {
        self.desktop.run("container", command, DEADLINE).await
    }
}
