//! What most stories begin with: a desktop with its tray and notifications, an Identity Center, and Portray signed in.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{
    Desktop, EmulatorProcess, Menu, NotificationServer, Opener, Portray, Process, Program, TrayHost, TrayItem,
};
use url::Url;

/// Long enough for a busy machine, short enough to learn of a failure.
pub const SOON: Duration = Duration::from_secs(20);

pub const PORTAL: &str = "acme";

/// A developer of the demo company.
pub const USER: &str = "amara";
pub const PASSWORD: &str = "demo-amara";

/// What a tool's profile runs for a role of the developer.
pub const TOOL: [&str; 7] = [
    "credential-process",
    "--portal",
    PORTAL,
    "--account",
    "111122223333",
    "--permission-set",
    "ReadOnly",
];

/// A role of the demo company that deployers of staging may assume, as the settings name it.
pub const RELEASE: &str = "
[[chain]]
name = \"release\"
from = \"acme-staging/Deployer\"
role_arn = \"arn:aws:iam::666677778888:role/ReleaseManager\"
external_id = \"acme-releases\"
";

/// How many roles are assigned to the developer, over all accounts.
pub const ROLES: usize = 15;

/// A desktop and everything around Portray on it.
pub struct Stage {
    pub tray: TrayHost,
    pub notifications: NotificationServer,
    pub opener: Opener,
    pub emulator: EmulatorProcess,
    // Dropped last: the others stand on it.
    pub desktop: Desktop,
}

/// The running tray application.
pub struct Application {
    pub process: Process,
    pub icon: TrayItem,
}

impl Stage {
    /// Everything but Portray.
    pub async fn set() -> Result<Stage> {
        let desktop = Desktop::start().await?;
        Ok(Stage {
            tray: TrayHost::start(&desktop).await?,
            notifications: NotificationServer::start(&desktop).await?,
            opener: Opener::install(&desktop)?,
            emulator: EmulatorProcess::start(&desktop, "acme").await?,
            desktop,
        })
    }

    pub fn portray(&self) -> Portray<'_> {
        Portray::with_emulator(&self.desktop, self.emulator.addresses())
    }

    /// Starts the tray application and waits for its icon.
    pub async fn start(&self) -> Result<Application> {
        let process = self.portray().start_application()?;
        let icon = self.tray.wait_for_item().await?;
        Ok(Application { process, icon })
    }

    /// The tray application with a portal that nobody has signed in to.
    pub async fn start_with_portal(&self) -> Result<Application> {
        let application = self.start().await?;
        self.portray()
            .add_portal(PORTAL, self.emulator.addresses())
            .await?;
        Ok(application)
    }

    /// The tray application, signed in without any browser, with its list.
    pub async fn start_signed_in(&self) -> Result<Application> {
        let application = self.start_with_portal().await?;
        self.sign_in_without_browser().await?;
        self.wait_for_whole_list(&application).await?;
        ensure!(self.opener.count() == 0, "signing in by code opened a page");
        Ok(application)
    }

    /// Signs in by a code, which somebody allows elsewhere.
    pub async fn sign_in_without_browser(&self) -> Result<()> {
        let (login, code) = self.portray().login_by_code(&["--no-browser"]).await?;
        self.emulator.approve(&code, USER).await?;
        login.finished(SOON).await?.expect_code(0)?;
        self.portray().wait_for_portal("signed_in", SOON).await?;
        Ok(())
    }

    /// Waits until the tray menu offers every role; while a first sync runs, the list grows.
    pub async fn wait_for_whole_list(&self, application: &Application) -> Result<Menu> {
        let what = "all roles in the tray menu";
        let is_whole = |menu: &Menu| roles(menu).len() == ROLES;
        self.tray
            .wait_for_menu(&application.icon, what, SOON, is_whole)
            .await
    }

    /// Waits until the tray menu offers the console of a role.
    pub async fn wait_for_role(
        &self,
        application: &Application,
        account: &str,
        permission_set: &str,
    ) -> Result<Menu> {
        let what = format!("{permission_set} of {account} in the tray menu");
        let role = ["Accounts", account, permission_set];
        self.tray
            .wait_for_menu(&application.icon, &what, SOON, |menu| menu.has(&role))
            .await
    }

    /// Asks for a role's credentials as a tool does, and expects the command to end with `code`.
    pub async fn expect_credentials(&self, target: &str, code: i32) -> Result<()> {
        self.portray()
            .run(&["credentials", target, "--format", "process"])
            .await?
            .expect_code(code)?;
        Ok(())
    }

    /// Clicks Quit and waits for the end.
    pub async fn quit(&self, application: Application) -> Result<()> {
        self.tray.click(&application.icon, &["Quit"]).await?;
        application.process.finished(SOON).await?.expect_code(0)?;
        self.tray.wait_for_no_item(SOON).await
    }

    /// A start of the tray application where one runs already: how it ends.
    pub async fn start_again(&self) -> Result<()> {
        let command = self.portray().command(Program::PortrayApp)?;
        self.desktop
            .run("second-start", command, SOON)
            .await?
            .expect_code(0)?;
        Ok(())
    }
}

/// Every role that the menu offers, as account and permission set.
pub fn roles(menu: &Menu) -> Vec<(String, String)> {
    let accounts = menu.find(&["Accounts"]).map(|menu| menu.children.as_slice());
    let accounts = accounts.unwrap_or_default().iter();
    accounts
        .flat_map(|account| {
            let sets = account.labels().into_iter();
            sets.map(|set| (account.label.clone(), set.to_owned()))
        })
        .collect()
}

/// Fails unless `url` is one of our own links: on this machine, with a secret path and nothing else.
pub fn ensure_one_time_link(url: &Url) -> Result<()> {
    let nonce = url.path().strip_prefix("/go/").unwrap_or_default();
    ensure!(
        url.scheme() == "http" && url.host_str() == Some("127.0.0.1") && url.port().is_some(),
        "not a link of this machine: {url}"
    );
    ensure!(
        nonce.len() >= 43 && url.query().is_none() && url.fragment().is_none(),
        "not a one-time link: {url}"
    );
    Ok(())
}
