//! What Portray and the AWS CLI have in common: portals, sign-ins, and the file in which the AWS CLI keeps one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::{WindowDriver, aws_cli, write_service_models};
use serde_json::{Value, json};
use sha1::Digest as _;

use crate::headless::Headless;
use crate::stage::{SOON, Stage};

const DEADLINE: Duration = Duration::from_secs(60);
const SESSION: &str = "corp";

#[tokio::test]
async fn r2_a_portal_of_the_aws_cli_comes_with_its_sign_in_and_never_with_its_refresh_token() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray();
    let cli = AwsCli::of(&story)?;
    let signed_in = cli.sign_in(&story, "amara").await?;
    let before = std::fs::read(cli.token_file())?;

    let shown = portray
        .run(&["portal", "import", "--json"])
        .await?
        .expect_code(0)?
        .json()?;
    let expected = json!([{
        "name": SESSION, "start_url": story.emulator.addresses().start_url, "region": story.emulator.addresses().region,
        "profiles": 1, "known": false, "signed_in_until": signed_in["expiresAt"], "problem": null,
    }]);
    assert_eq!(shown, expected);
    let portals = portray.run(&["portal", "list", "--json"]).await?.expect_code(0)?;
    assert_eq!(portals.json()?, json!([]), "it only shows");

    portray
        .run(&["portal", "import", "--all"])
        .await?
        .expect_code(0)?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    let told = portray
        .run(&["credentials", "acme-dev/ReadOnly"])
        .await?
        .expect_code(0)?
        .json()?;
    assert_eq!(told["AccountId"], "111122223333");
    let kept = portray.run(&["portal", "import"]).await?.expect_code(0)?;
    assert!(kept.stdout.contains("here already"), "{kept:?}");

    // It lasts for as long as the AWS CLI's token; nobody renews that but the AWS CLI.
    story.emulator.advance(Duration::from_secs(3700)).await?;
    let refused = portray.run(&["accounts", "--sync"]).await?.expect_code(3)?;
    assert!(refused.stderr.contains("portray login"), "{refused:?}");
    assert_eq!(
        story.emulator.calls("CreateToken").await?,
        1,
        "the sign-in with the AWS CLI"
    );
    assert_eq!(
        std::fs::read(cli.token_file())?,
        before,
        "nothing of it was changed"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_a_sign_in_of_the_aws_cli_is_said_and_its_portal_comes_without() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray();
    let cli = AwsCli::of(&story)?;
    cli.sign_in(&story, "amara").await?;
    let file = cli.token_file();
    let good = std::fs::read_to_string(&file)?;
    let foreign = good.replace(
        story.emulator.addresses().start_url.as_str(),
        "https://other.awsapps.com/start",
    );
    let expired = good.replace("\"expiresAt\":\"20", "\"expiresAt\":\"19");
    for (content, mode, said) in [
        (&good, 0o644, "is not a file of yours alone"),
        (&"{".to_owned(), 0o600, "cannot be understood"),
        (&foreign, 0o600, "is another portal's"),
        (&expired, 0o600, "has run out"),
    ] {
        std::fs::write(&file, content)?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode))?;
        let shown = portray.run(&["portal", "import"]).await?.expect_code(0)?;
        assert!(
            shown.stderr.contains(said) && shown.stdout.contains("not signed in"),
            "{shown:?}"
        );
        let imported = portray
            .run(&["portal", "import", SESSION])
            .await?
            .expect_code(0)?;
        let both = [said, "Sign in next"].map(|words| imported.stderr.contains(words));
        assert_eq!(both, [true; 2], "{imported:?}");
        assert_eq!(&std::fs::read_to_string(&file)?, content, "it stays");
        portray
            .run(&["portal", "remove", SESSION])
            .await?
            .expect_code(0)?;
    }
    // Another configuration file, also for an agent that was started without it.
    let nothing = story.desktop.folder().join("no-config").display().to_string();
    let elsewhere = story.portray().with_variable("AWS_CONFIG_FILE", &nothing);
    let shown = elsewhere
        .run(&["portal", "import", "--json"])
        .await?
        .expect_code(0)?;
    assert_eq!(shown.json()?, json!([]));
    let unknown = portray
        .run(&["portal", "import", "nobody"])
        .await?
        .expect_code(2)?;
    assert!(unknown.stderr.contains(SESSION), "the candidates: {unknown:?}");
    Ok(())
}

#[tokio::test]
async fn a_sign_in_that_was_made_at_aws_is_not_sent_to_an_endpoint_in_awss_place() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray();
    let cli = AwsCli::of(&story)?;
    cli.sign_in(&story, "amara").await?;
    // As everybody has it who uses AWS: nothing leads elsewhere.
    write_config_with(&story.desktop.home(), story.emulator.addresses(), "")?;
    let said = "in place of AWS";
    let shown = portray.run(&["portal", "import"]).await?.expect_code(0)?;
    assert!(
        shown.stderr.contains(said) && shown.stdout.contains("not signed in"),
        "{shown:?}"
    );
    let imported = portray
        .run(&["portal", "import", "--all"])
        .await?
        .expect_code(0)?;
    assert!(
        imported.stderr.contains(said) && imported.stderr.contains("Sign in next"),
        "{imported:?}"
    );
    portray.wait_for_portal("sign_in_needed", DEADLINE).await?;
    portray.run(&["accounts", "--sync"]).await?.expect_code(3)?;
    assert_eq!(story.emulator.calls("ListAccounts").await?, 0);
    Ok(())
}

#[tokio::test]
async fn x4_a_shared_sign_in_is_in_the_aws_clis_own_file_alone_and_goes_with_the_sign_out() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray();
    let cli = AwsCli::of(&story)?;
    share(&story)?;
    portray.add_portal("acme", story.emulator.addresses()).await?;
    portray.sign_in(&story.emulator, "amara").await?;

    let file = cli.token_file();
    let written = async || Ok(std::fs::read_to_string(&file).ok());
    let text = story
        .desktop
        .wait_until("the AWS CLI's file", DEADLINE, written)
        .await?;
    let token: Value = serde_json::from_str(&text)?;
    let mut keys: Vec<_> = token.as_object().context("an object")?.keys().cloned().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["accessToken", "expiresAt", "region", "startUrl"]);
    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    let secret = token["accessToken"].as_str().context("a token")?;
    assert_eq!(
        files_with(story.desktop.folder(), secret)?,
        std::slice::from_ref(&file)
    );

    // Nobody has signed in with these.
    for asks in [cli.who_am_i(&story)?, cli.boto3_who_am_i(&story)?] {
        let told = story
            .desktop
            .run("client", asks, DEADLINE)
            .await?
            .expect_code(0)?;
        assert!(told.stdout.contains("111122223333"), "{told:?}");
    }

    // The next token takes its place, before a tool could want to renew this one.
    story.emulator.advance(Duration::from_secs(2700)).await?;
    portray.run(&["accounts", "--sync"]).await?.expect_code(0)?;
    assert_eq!(story.emulator.calls("Logout").await?, 0);
    portray.run(&["logout"]).await?.expect_code(0)?;
    assert!(!file.exists(), "whoever is told that they are signed out is");
    Ok(())
}

#[tokio::test]
async fn r2_a_sign_in_of_the_aws_clis_own_is_not_written_over_and_nothing_is_shared_unasked() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray();
    let cli = AwsCli::of(&story)?;
    portray.add_portal("acme", story.emulator.addresses()).await?;
    portray.sign_in(&story.emulator, "amara").await?;
    portray.run(&["accounts", "--sync"]).await?.expect_code(0)?;
    assert!(!cli.token_file().exists(), "off is the default");

    cli.sign_in(&story, "amara").await?;
    let theirs = std::fs::read(cli.token_file())?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    share(&story)?;
    portray.run(&["accounts", "--sync"]).await?.expect_code(0)?;
    portray.run(&["logout"]).await?.expect_code(0)?;
    // What was to be written or removed is done when the agent has ended.
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    assert_eq!(std::fs::read(cli.token_file())?, theirs);
    Ok(())
}

#[tokio::test]
async fn the_first_page_offers_what_the_aws_cli_uses_and_one_click_takes_it_over() -> Result<()> {
    let stage = Stage::set().await?;
    write_config(&stage.desktop.home(), stage.emulator.addresses())?;
    let _application = stage.start().await?;
    let window = WindowDriver::open(&stage.desktop, &stage.portray().environment()).await?;
    window
        .wait_for_text("body", "You use corp with the AWS CLI")
        .await?;
    window.click("[data-import='corp']").await?;
    window.wait_for("#sign-in").await?;
    let status = stage.portray().wait_for_portal("sign_in_needed", SOON).await?;
    assert_eq!(status["portals"][0]["name"], SESSION);
    Ok(())
}

/// Asks for every sign-in to be shared.
fn share(story: &Headless) -> Result<()> {
    let settings = story.desktop.portray_home().join("settings.toml");
    let written = std::fs::read_to_string(&settings).unwrap_or_default();
    Ok(std::fs::write(
        settings,
        format!("share_aws_cli_login = true\n{written}"),
    )?)
}

/// A session whose profile leads to the emulator.
fn write_config(home: &Path, addresses: &harness::EmulatorAddresses) -> Result<()> {
    let base = addresses.base_url.as_str().trim_end_matches('/');
    let services = format!(
        "services = emulator\n\n[services emulator]\nsso =\n  endpoint_url = {base}\nsso_oidc =\n  \
         endpoint_url = {base}\n"
    );
    write_config_with(home, addresses, &services)
}

fn write_config_with(home: &Path, addresses: &harness::EmulatorAddresses, services: &str) -> Result<()> {
    let config = format!(
        "[sso-session {SESSION}]\nsso_start_url = {}\nsso_region = {region}\n\
         sso_registration_scopes = sso:account:access\n\n\
         [profile dev]\nsso_session = {SESSION}\nsso_account_id = 111122223333\nsso_role_name = ReadOnly\n\
         region = {region}\n{services}",
        addresses.start_url,
        region = addresses.region
    );
    std::fs::create_dir_all(home.join(".aws/sso/cache"))?;
    Ok(std::fs::write(home.join(".aws/config"), config)?)
}

/// The AWS CLI of the person at this desktop.
struct AwsCli {
    home: PathBuf,
    models: PathBuf,
    base: String,
}

impl AwsCli {
    fn of(story: &Headless) -> Result<AwsCli> {
        let home = story.desktop.home();
        write_config(&home, story.emulator.addresses())?;
        let models = story.desktop.folder().join("models");
        let base = story
            .emulator
            .addresses()
            .base_url
            .as_str()
            .trim_end_matches('/')
            .to_owned();
        write_service_models(
            &models,
            &["SSO", "SSO_OIDC", "STS"].map(|service| (service, base.clone())),
        )?;
        Ok(AwsCli { home, models, base })
    }

    fn token_file(&self) -> PathBuf {
        let hash = sha1::Sha1::digest(SESSION);
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        self.home.join(format!(".aws/sso/cache/{hex}.json"))
    }

    /// What its own sign-in by device code leaves there.
    async fn sign_in(&self, story: &Headless, user: &str) -> Result<Value> {
        let addresses = story.emulator.addresses();
        let post = async |path: &str, body: Value| {
            harness::post(&addresses.base_url.join(path)?, &body)
                .await?
                .json()
        };
        let scopes = json!({ "clientName": "botocore-client-corp", "clientType": "public", "scopes": ["sso:account:access"] });
        let client = post("client/register", scopes).await?;
        let mut request = json!({ "clientId": client["clientId"], "clientSecret": client["clientSecret"],
            "startUrl": addresses.start_url });
        let device = post("device_authorization", request.clone()).await?;
        story
            .emulator
            .approve(device["userCode"].as_str().context("a code")?, user)
            .await?;
        request["grantType"] = "urn:ietf:params:oauth:grant-type:device_code".into();
        request["deviceCode"] = device["deviceCode"].clone();
        let tokens = post("token", request).await?;
        let clock = story.emulator.read("clock").await?;
        let now: jiff::Timestamp = clock["now"].as_str().context("a time")?.parse()?;
        let ends = |after: i64| {
            (now + jiff::SignedDuration::from_secs(after))
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string()
        };
        let token = json!({
            "startUrl": addresses.start_url, "region": addresses.region, "accessToken": tokens["accessToken"],
            "expiresAt": ends(3600), "clientId": client["clientId"], "clientSecret": client["clientSecret"],
            "registrationExpiresAt": ends(7_776_000), "refreshToken": tokens["refreshToken"],
        });
        let file = self.token_file();
        std::fs::write(&file, token.to_string())?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
        Ok(token)
    }

    fn who_am_i(&self, story: &Headless) -> Result<Command> {
        let mut command = story.desktop.system_command(&aws_cli()?.display().to_string());
        command.args(["sts", "get-caller-identity", "--profile", "dev"]);
        self.lead(&mut command);
        Ok(command)
    }

    fn boto3_who_am_i(&self, story: &Headless) -> Result<Command> {
        let mut command = story.desktop.python()?;
        command.args([
            "-c",
            "import boto3; print(boto3.Session(profile_name='dev').client('sts').get_caller_identity())",
        ]);
        self.lead(&mut command);
        Ok(command)
    }

    fn lead(&self, command: &mut Command) {
        for service in ["SSO", "SSO_OIDC", "STS"] {
            command.env(format!("AWS_ENDPOINT_URL_{service}"), &self.base);
        }
        command
            .env("AWS_DATA_PATH", &self.models)
            .env("AWS_EC2_METADATA_DISABLED", "true");
    }
}

/// The files below a folder that hold a text.
fn files_with(folder: &Path, text: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let kind = std::fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            found.extend(files_with(&path, text)?);
        } else if kind.is_file() && String::from_utf8_lossy(&std::fs::read(&path)?).contains(text) {
            found.push(path);
        }
    }
    Ok(found)
}
