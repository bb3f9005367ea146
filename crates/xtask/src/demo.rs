//! The application, seen working: against a demo Identity Center or a real portal, on this display or on a tour.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{setup, step, ui, workspace};

/// What `cargo xtask run` was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Take the tour, whether or not there is a display.
    pub tour: bool,
    /// Start URL of a real portal.
    pub portal: Option<String>,
    /// The region of that portal.
    pub region: Option<String>,
}

impl Options {
    /// Reads the arguments behind `run`.
    pub fn parse(arguments: &[String]) -> Result<Options> {
        let mut options = Options::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || {
                rest.next()
                    .cloned()
                    .with_context(|| format!("{argument} needs a value"))
            };
            match argument.as_str() {
                "--tour" => options.tour = true,
                "--portal" => options.portal = Some(value()?),
                "--region" => options.region = Some(value()?),
                other => bail!("run does not know {other:?}"),
            }
        }
        ensure!(
            !options.tour || options.portal.is_none(),
            "the tour is for the demo, not for a real portal"
        );
        ensure!(
            options.region.is_none() || options.portal.is_some(),
            "--region belongs to --portal"
        );
        Ok(options)
    }
}

/// Builds and shows it.
pub fn run(options: &Options) -> Result<()> {
    if options.tour || !has_display() {
        ensure!(
            options.portal.is_none(),
            "a real portal needs a person, and a display for the person's browser"
        );
        setup::for_testing()?;
        ui::build()?;
        workspace::compile_programs()?;
        return tour();
    }
    setup::for_building()?;
    ui::build()?;
    workspace::compile_programs()?;
    match &options.portal {
        Some(url) => with_portal(url, options.region.as_deref()),
        None => with_emulator(),
    }
}

/// Plays the tour with the programs that are built.
pub fn tour() -> Result<()> {
    step::run(Command::new(workspace::built("tour")?).arg(workspace::target()?.join("tour")))
}

/// The person's own settings and keyring: this is real use. A portal that is there already stays as it is.
fn with_portal(url: &str, region: Option<&str>) -> Result<()> {
    let desk = Desk {
        environment: Vec::new(),
    };
    let mut add = desk.command("portray")?;
    add.args(["portal", "add", url]);
    add.args(region.iter().flat_map(|region| ["--region", region]));
    step::run(&mut add)?;
    println!("\nThe application opens its window; sign in there. Ctrl-C ends it.\n");
    desk.show_until_quit()
}

fn with_emulator() -> Result<()> {
    let home = workspace::target()?.join("demo");
    if home.exists() {
        fs::remove_dir_all(&home).context("cannot clear the last demo")?;
    }
    fs::create_dir_all(&home)?;
    let emulator = Emulator::start()?;
    // Written, not added by a command: that would leave an agent behind, which does not give way to the application
    // while it keeps sign-ins in memory only.
    fs::write(home.join("settings.toml"), emulator.settings())?;
    let desk = Desk {
        environment: vec![
            ("PORTRAY_HOME", home.to_string_lossy().into_owned()),
            ("PORTRAY_ENDPOINT_URL", emulator.base_url.clone()),
            // Nothing of the demo stays in the person's own keyring.
            ("PORTRAY_SECRET_STORE", "memory".to_owned()),
            // Nor is anything of the person's AWS CLI offered to the demo.
            (
                "AWS_CONFIG_FILE",
                home.join("aws-config").to_string_lossy().into_owned(),
            ),
        ],
    };
    println!(
        "\nAcme's demo Identity Center is at {}. Its people, and what they type to sign in:",
        emulator.portal_url
    );
    for person in demo_people()? {
        println!("  {person}");
    }
    println!("\nClick Sign in in the window or in the tray menu. Ctrl-C ends everything.\n");
    desk.show_until_quit()
}

/// The programs with one set of variables.
struct Desk {
    environment: Vec<(&'static str, String)>,
}

impl Desk {
    fn command(&self, program: &str) -> Result<Command> {
        let mut command = Command::new(workspace::built(program)?);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    /// Starts the application with its window, and waits for its end.
    fn show_until_quit(&self) -> Result<()> {
        step::run(self.command("portray-app")?.arg("--quick"))
    }
}

/// The running emulator; it ends with this program.
struct Emulator {
    child: Child,
    base_url: String,
    start_url: String,
    portal_url: String,
    region: String,
}

impl Emulator {
    fn start() -> Result<Emulator> {
        let mut command = Command::new(workspace::built("identity-center-emulator")?);
        command.args(["--world", "acme", "--port", "0", "--json"]);
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the emulator")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("asked for a moment ago")?).read_line(&mut line)?;
        let told: Value =
            serde_json::from_str(&line).with_context(|| format!("the emulator printed {line:?}"))?;
        let text = |key: &str| {
            let text = told[key].as_str().map(str::to_owned);
            text.with_context(|| format!("no {key} in {line:?}"))
        };
        let (base_url, start_url) = (text("base_url")?, text("start_url")?);
        let (portal_url, region) = (text("portal_url")?, text("region")?);
        Ok(Emulator {
            child,
            base_url,
            start_url,
            portal_url,
            region,
        })
    }

    /// Settings with a portal that leads here.
    fn settings(&self) -> String {
        let Emulator {
            start_url, region, ..
        } = self;
        format!("[[portal]]\nname = \"acme\"\nstart_url = \"{start_url}\"\nregion = \"{region}\"\n")
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What everybody in the demo world types to sign in, a line each.
fn demo_people() -> Result<Vec<String>> {
    let path: PathBuf = workspace::root().join("crates/emulator/worlds/acme.toml");
    let world = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let users = world
        .split("[[user]]")
        .skip(1)
        .map(|rest| rest.split("\n[[").next().unwrap_or(rest));
    Ok(users.filter_map(sign_in_of).collect())
}

/// `table` is the text of one user.
fn sign_in_of(table: &str) -> Option<String> {
    let value = |key: &str| {
        let line = table
            .lines()
            .find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='))?;
        // The one text of the line, also where it stands in a table of its own.
        line.split('"').nth(1)
    };
    let line = format!("{:<10} {}", value("name")?, value("password")?);
    Some(match value("mfa") {
        None => line,
        Some(secret) => format!("{line}, then a code of an authenticator app with the key {secret}"),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a task asks its own environment; the product's rule does not bind it"
)]
fn has_display() -> bool {
    !cfg!(target_os = "linux")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_contradictions_refused() {
        let parse =
            |words: &[&str]| Options::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(parse(&["--tour"]).unwrap().tour);
        let real = parse(&[
            "--portal",
            "https://acme.awsapps.com/start",
            "--region",
            "eu-west-1",
        ])
        .unwrap();
        assert_eq!(real.region.as_deref(), Some("eu-west-1"));
        let named = parse(&["--portal", "https://ssoins-01.portal.eu-west-1.app.aws"]).unwrap();
        assert_eq!(
            named.region, None,
            "`portray portal add` knows where it is needed"
        );
        assert!(parse(&["--tour", "--portal", "x"]).is_err());
        assert!(parse(&["--region", "x"]).is_err());
        assert!(parse(&["--portal"]).is_err());
    }

    #[test]
    fn people_of_the_demo_are_told_what_to_type() {
        let people = demo_people().unwrap();
        assert!(people.contains(&"amara      demo-amara".to_owned()), "{people:?}");
        let coded = people.iter().find(|person| person.starts_with("zoe"));
        assert!(coded.is_some_and(|zoe| zoe.contains("code")), "{people:?}");
        let readme = fs::read_to_string(workspace::root().join("README.md")).unwrap();
        for person in people {
            let mut words = person.split([' ', ',']).filter(|word| !word.is_empty());
            let (name, password) = (words.next().unwrap(), words.next().unwrap());
            assert!(readme.contains(&format!("| `{name}` | `{password}`")), "{person}");
            assert_eq!(person.contains("key"), person.starts_with("zoe"), "{person}");
        }
    }
}
