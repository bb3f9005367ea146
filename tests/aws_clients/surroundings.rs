//! Where a client of AWS is judged: an emulator, a home of its own, variables that lead to the emulator, and no others.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Desktop, DesktopOptions, EmulatorAddresses, EmulatorProcess, Finished};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use url::Url;

/// How long a client may take for all that it has to do; most take a second.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The account and the permission set of every profile.
pub const ACCOUNT: &str = "111122223333";
pub const PERMISSION_SET: &str = "ReadOnly";

/// The profile with an sso-session, and the one in the older form without.
pub const PROFILE: &str = "dev";
pub const LEGACY_PROFILE: &str = "legacy";

/// The profile of a role that is assumed with what `PROFILE` gives.
pub const CHAINED_PROFILE: &str = "chained";
pub const CHAINED_ROLE: &str = "arn:aws:iam::999900001111:role/LogReader";

/// The name of the sso-session.
pub const SESSION: &str = "corp";

/// The operations of an emulator that a client called, and how often.
pub type Calls = BTreeMap<String, u64>;

/// A machine with an emulator and the person `amara`, who is assigned what the profiles ask for.
pub struct Surroundings {
    pub desktop: Desktop,
    pub emulator: EmulatorProcess,
    /// Where clients find SSO-OIDC: the emulator, or what stands in front of it.
    oidc: RefCell<Url>,
    /// How far the emulator's clock is ahead of the machine's, which is the clients'.
    ahead: Cell<Duration>,
}

impl Surroundings {
    /// With the world `acme`.
    pub async fn new() -> Result<Surroundings> {
        let desktop = Desktop::start_with(DesktopOptions::bare()).await?;
        let emulator = EmulatorProcess::start(&desktop, "acme").await?;
        let oidc = emulator.addresses().base_url.clone();
        let surroundings = Surroundings {
            desktop,
            emulator,
            oidc: RefCell::new(oidc),
            ahead: Cell::default(),
        };
        surroundings.write_config()?;
        Ok(surroundings)
    }

    /// A program of the system, with the variables that lead AWS's clients to the emulator.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let program = program.as_ref().to_string_lossy();
        let mut command = self.desktop.system_command(&program);
        for (service, url) in self.endpoints() {
            command.env(format!("AWS_ENDPOINT_URL_{service}"), url);
        }
        // Should a test be wrong, nothing beyond this machine is asked.
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// Where each service is, by its name in the variables.
    pub fn endpoints(&self) -> [(&'static str, String); 3] {
        let text = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        let base = text(&self.addresses().base_url);
        [
            ("SSO", base.clone()),
            ("SSO_OIDC", text(&self.oidc.borrow())),
            ("STS", base),
        ]
    }

    /// From now on gives commands another address of SSO-OIDC.
    pub fn lead_oidc_to(&self, url: &Url) {
        self.oidc.replace(url.clone());
    }

    pub fn addresses(&self) -> &EmulatorAddresses {
        self.emulator.addresses()
    }

    /// Runs `command` to its end.
    pub async fn run(&self, command: Command) -> Result<Finished> {
        self.desktop.run("client", command, DEADLINE).await
    }

    /// Signs in by device code as `amara`, for the session (with scopes, so that tokens can be refreshed).
    pub async fn sign_in(&self) -> Result<SignIn> {
        let registered = self
            .post(
                "client/register",
                &registration_request(Some("sso:account:access")),
            )
            .await?;
        self.sign_in_with(registered).await
    }

    /// The same in the older form without scopes.
    pub async fn sign_in_without_scopes(&self) -> Result<SignIn> {
        let registered = self.post("client/register", &registration_request(None)).await?;
        self.sign_in_with(registered).await
    }

    async fn sign_in_with(&self, registered: Value) -> Result<SignIn> {
        let mut request = json!({
            "clientId": registered["clientId"],
            "clientSecret": registered["clientSecret"],
            "startUrl": self.addresses().start_url,
        });
        let device = self.post("device_authorization", &request).await?;
        let code = device["userCode"].as_str().context("a user code")?;
        self.emulator.approve(code, "amara").await?;
        request["grantType"] = "urn:ietf:params:oauth:grant-type:device_code".into();
        request["deviceCode"] = device["deviceCode"].clone();
        let tokens = self.post("token", &request).await?;
        Ok(SignIn { registered, tokens })
    }

    /// A call of SSO-OIDC that has to succeed.
    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        harness::post(&self.addresses().base_url.join(path)?, body)
            .await?
            .json()
    }

    /// The machine's time, in which clients live.
    pub async fn now(&self) -> Result<Timestamp> {
        let clock = self.emulator.read("clock").await?;
        let now: Timestamp = clock["now"].as_str().context("a time")?.parse()?;
        Ok(now - self.ahead.get())
    }

    /// Moves the emulator's clock on; the clients' stays, and STS must not mind that.
    pub async fn advance(&self, by: Duration) -> Result<()> {
        self.emulator.advance(by).await?;
        self.emulator.amend_world("check_signature_dates = false").await?;
        self.ahead.set(self.ahead.get() + by);
        Ok(())
    }

    /// The file in which every client keeps the session's token.
    pub fn token_file(&self) -> PathBuf {
        self.cache_file(SESSION)
    }

    /// The file for the token of the profile in the older form.
    pub fn legacy_token_file(&self) -> PathBuf {
        self.cache_file(self.addresses().start_url.as_str())
    }

    /// Clients name the file after the SHA-1 of the session's name or of the start URL.
    fn cache_file(&self, key: &str) -> PathBuf {
        let hash = Sha1::digest(key);
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{hex}.json");
        self.desktop.home().join(".aws/sso/cache").join(name)
    }

    /// What `amara`'s sign-in leaves in the token file, as the AWS CLI writes it.
    pub fn token(&self, sign_in: &SignIn, expires: Timestamp) -> Result<Value> {
        let addresses = self.addresses();
        let registration_ends = sign_in.registered["clientSecretExpiresAt"]
            .as_i64()
            .context("a time in seconds")?;
        let mut token = json!({
            "startUrl": addresses.start_url,
            "region": addresses.region,
            "accessToken": sign_in.tokens["accessToken"],
            "expiresAt": whole_seconds(expires),
            "clientId": sign_in.registered["clientId"],
            "clientSecret": sign_in.registered["clientSecret"],
            "registrationExpiresAt": whole_seconds(Timestamp::from_second(registration_ends)?),
        });
        if let Some(refresh_token) = sign_in.tokens.get("refreshToken") {
            token["refreshToken"] = refresh_token.clone();
        }
        Ok(token)
    }

    /// Forgets all that clients keep in their caches, and leaves this one token there.
    pub fn keep_only(&self, file: &Path, token: &Value) -> Result<()> {
        for cache in [".aws/sso/cache", ".aws/cli/cache"] {
            let folder = self.desktop.home().join(cache);
            if folder.exists() {
                std::fs::remove_dir_all(&folder)?;
            }
            std::fs::create_dir_all(&folder)?;
        }
        Ok(std::fs::write(file, token.to_string())?)
    }

    /// Which operations are called while `action` runs, and what comes of it.
    pub async fn calls_during<T>(&self, action: impl Future<Output = Result<T>>) -> Result<(Calls, T)> {
        let before = self.calls().await?;
        let outcome = action.await?;
        let mut calls = self.calls().await?;
        calls.retain(|operation, count| {
            *count -= before.get(operation).copied().unwrap_or_default();
            *count > 0
        });
        Ok((calls, outcome))
    }

    async fn calls(&self) -> Result<Calls> {
        let counters = self.emulator.read("counters").await?;
        Ok(serde_json::from_value(counters["operations"].clone())?)
    }

    /// The emulator's audit log.
    pub async fn records(&self) -> Result<Vec<Value>> {
        let audit = self.emulator.read("audit").await?;
        Ok(audit["Records"].as_array().context("a list of records")?.clone())
    }

    /// How often a refresh token was refused because it had been replaced.
    pub async fn reused_refresh_tokens(&self) -> Result<u64> {
        let counters = self.emulator.read("counters").await?;
        counters["reused_refresh_tokens"].as_u64().context("a count")
    }

    fn write_config(&self) -> Result<()> {
        let EmulatorAddresses {
            start_url, region, ..
        } = self.addresses();
        let config = format!(
            "[sso-session {SESSION}]\nsso_start_url = {start_url}\nsso_region = {region}\n\
             sso_registration_scopes = sso:account:access\n\n\
             [profile {PROFILE}]\nsso_session = {SESSION}\nsso_account_id = {ACCOUNT}\n\
             sso_role_name = {PERMISSION_SET}\nregion = {region}\n\n\
             [profile {LEGACY_PROFILE}]\nsso_start_url = {start_url}\nsso_region = {region}\n\
             sso_account_id = {ACCOUNT}\nsso_role_name = {PERMISSION_SET}\nregion = {region}\n\n\
             [profile {CHAINED_PROFILE}]\nrole_arn = {CHAINED_ROLE}\nsource_profile = {PROFILE}\n\
             role_session_name = judge\nregion = {region}\n"
        );
        let folder = self.desktop.home().join(".aws");
        std::fs::create_dir_all(&folder)?;
        Ok(std::fs::write(folder.join("config"), config)?)
    }
}

/// A registration and its tokens, as SSO-OIDC answered them.
pub struct SignIn {
    pub registered: Value,
    pub tokens: Value,
}

/// Fails unless a client said that it is `amara` in the profiles' account and permission set.
pub fn assert_is_read_only_in_dev(told: &Value) -> Result<()> {
    assert_eq!(told["account"], json!(ACCOUNT), "{told}");
    let arn = told["arn"].as_str().context("an ARN")?;
    let role = format!("arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_{PERMISSION_SET}_");
    assert!(arn.starts_with(&role), "{arn}");
    assert!(arn.ends_with("/amara"), "{arn}");
    Ok(())
}

fn registration_request(scope: Option<&str>) -> Value {
    let mut request = json!({ "clientName": "judges", "clientType": "public" });
    if let Some(scope) = scope {
        request["scopes"] = json!([scope]);
    }
    request
}

/// The form that every client reads.
fn whole_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
