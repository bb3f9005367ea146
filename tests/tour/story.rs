//! The tour's steps, each told as it happens.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fantoccini::key::Key;
use harness::{
    Desktop, DesktopOptions, EmulatorProcess, Opener, OverheardNotifications, Panel, Person, Portray,
    Process, TrayHost, TrayItem, WindowDriver,
};

const SCREEN: (u32, u32) = (1280, 800);
/// The right upper corner of the screen, where the tray is and where notifications appear.
const CORNER: ((u32, u32), (u32, u32)) = ((760, 0), (520, 260));

const SOON: Duration = Duration::from_secs(20);

/// Role credentials of the tour's world live 90 seconds and are renewed at half of that.
const ONE_RENEWAL: Duration = Duration::from_secs(120);

const PORTAL: &str = "acme";
const USER: (&str, &str) = ("amara", "demo-amara");
const ACCOUNT: (&str, &str) = ("acme-dev", "111122223333");
const PERMISSION_SET: &str = "ReadOnly";

/// Plays the tour on a desktop of its own; pictures and logs go to `folder`.
pub async fn play(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let desktop = Desktop::start_with(DesktopOptions {
        screen: SCREEN,
        ..DesktopOptions::default()
    })
    .await?;
    let told = Tour::begin(&desktop, folder.to_path_buf()).await;
    let played = match told {
        Ok(mut tour) => tour.play().await,
        Err(error) => Err(error),
    };
    fs::write(folder.join("programs.log"), desktop.logs().tail())?;
    played
}

struct Tour<'desktop> {
    desktop: &'desktop Desktop,
    folder: PathBuf,
    steps: u32,
    panel: Panel,
    opener: Opener,
    emulator: EmulatorProcess,
    portray: Portray<'desktop>,
    application: Process,
    tray: TrayHost,
    icon: TrayItem,
    person: Person,
}

impl<'desktop> Tour<'desktop> {
    async fn begin(desktop: &'desktop Desktop, folder: PathBuf) -> Result<Tour<'desktop>> {
        println!(
            "A desktop without a display: X server, session bus, unlocked keyring, panel, notifications."
        );
        let panel = Panel::start(desktop, SCREEN.0).await?;
        let opener = Opener::install(desktop)?;
        let emulator = EmulatorProcess::start(desktop, "tour").await?;
        println!("A demo Identity Center at {}.", emulator.addresses().portal_url);
        let portray = Portray::with_emulator(desktop, emulator.addresses());
        let application = portray.start_application()?;
        let tray = TrayHost::beside_a_panel(desktop).await?;
        let icon = tray.wait_for_item().await?;
        println!("Portray runs; its icon is in the tray.\n");
        portray.add_portal(PORTAL, emulator.addresses()).await?;
        let person = Person::at(desktop).await?;
        Ok(Tour {
            desktop,
            folder,
            steps: 0,
            panel,
            opener,
            emulator,
            portray,
            application,
            tray,
            icon,
            person,
        })
    }

    async fn play(&mut self) -> Result<()> {
        self.sign_in().await?;
        let window = self.look_at_the_window().await?;
        self.open_a_console_from_the_window(&window).await?;
        window.close().await?;
        self.open_a_console_from_the_tray().await?;
        self.watch_a_renewal().await?;
        self.lose_the_session().await?;
        self.quit().await?;
        println!("\nAll of it worked. Pictures: {}", self.folder.display());
        Ok(())
    }

    async fn sign_in(&mut self) -> Result<()> {
        self.picture_of_the_tray("tray-sign-in-needed.png", &[]).await?;
        self.tray.click(&self.icon, &["Sign in"]).await?;
        let link = self.opener.next_url(SOON).await?;
        self.tell(&format!(
            "Clicked Sign in in the tray menu; the browser is given {link}"
        ));
        self.person.open(&link).await?;
        self.person.wait_for_text("body", "Sign in").await?;
        self.person.screenshot(&self.folder.join("sign-in.png")).await?;
        let (user, password) = USER;
        self.person.authenticate(user, password).await?;
        self.person.screenshot(&self.folder.join("consent.png")).await?;
        self.person.sign_in(user, password).await?;
        let status = self.portray.wait_for_portal("signed_in", SOON).await?;
        self.person.screenshot(&self.folder.join("signed-in.png")).await?;
        let token = status["portals"][0]["access_token_expires_at"]
            .as_str()
            .context("a token with an end")?;
        self.tell(&format!(
            "Signed in as {user} in Chromium; Portray says so too (access token until {token})"
        ));
        Ok(())
    }

    async fn look_at_the_window(&mut self) -> Result<WindowDriver> {
        let window = WindowDriver::open(self.desktop, &self.portray.environment()).await?;
        for account in [ACCOUNT.0, "acme-prod", "acme-sandbox"] {
            window.wait_for_text("body", account).await?;
        }
        window.screenshot(&self.folder.join("window.png")).await?;
        self.tell("The window lists the accounts and permission sets assigned to amara");
        Ok(window)
    }

    async fn open_a_console_from_the_window(&mut self, window: &WindowDriver) -> Result<()> {
        // The caret is in the search field when the window opens.
        let field = window.client().active_element().await?;
        field
            .send_keys(&format!("{} {PERMISSION_SET}", ACCOUNT.0))
            .await?;
        window.wait_for_text("body", PERMISSION_SET).await?;
        window.screenshot(&self.folder.join("window-search.png")).await?;
        window
            .client()
            .active_element()
            .await?
            .send_keys(&Key::Enter.to_string())
            .await?;
        self.see_the_console("Enter in the window", None).await
    }

    async fn open_a_console_from_the_tray(&mut self) -> Result<()> {
        let words = [ACCOUNT.0, PERMISSION_SET];
        let what = "Open console of acme-dev in the tray menu";
        let menu = self
            .tray
            .wait_for_menu(&self.icon, what, SOON, |menu| {
                menu.path_to("Open console", &words).is_some()
            })
            .await?;
        let path = menu
            .path_to("Open console", &words)
            .context("seen a moment ago")?;
        // The first line cannot be chosen, the second is the action; the third is the role's submenu.
        self.picture_of_the_tray("tray.png", &["Down", "Down", "Right"])
            .await?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        self.tray.click(&self.icon, &path).await?;
        self.see_the_console(
            &format!("{} in the tray menu", path.join(" > ")),
            Some("console.png"),
        )
        .await
    }

    async fn see_the_console(&mut self, by: &str, picture: Option<&str>) -> Result<()> {
        let link = self.opener.next_url(SOON).await?;
        ensure!(
            !link.as_str().contains("SigninToken"),
            "a token in the arguments of the browser: {link}"
        );
        self.person.open(&link).await?;
        let console = self.person.console().await?;
        ensure!(
            console.account.contains(ACCOUNT.1),
            "the wrong account: {console:?}"
        );
        ensure!(
            console.role.contains(PERMISSION_SET),
            "the wrong permission set: {console:?}"
        );
        if let Some(picture) = picture {
            self.person.screenshot(&self.folder.join(picture)).await?;
        }
        self.tell(&format!(
            "{by}: Chromium shows the console of {} as {}",
            console.account, console.role
        ));
        Ok(())
    }

    async fn watch_a_renewal(&mut self) -> Result<()> {
        let target = format!("{}/{PERMISSION_SET}", ACCOUNT.0);
        self.portray
            .run(&["credentials", &target, "--format", "json"])
            .await?
            .expect_code(0)?;
        let opened = self.opener.count();
        let first = self.expiry().await?;
        self.tell(&format!(
            "A tool was given credentials that expire at {first}; waiting for their renewal"
        ));
        let renewed = self
            .desktop
            .wait_until("renewed credentials", ONE_RENEWAL, async || {
                let now = self.expiry().await?;
                if now == first {
                    bail!("they still expire at {first}");
                }
                Ok(Some(now))
            });
        let renewed = renewed.await?;
        ensure!(self.opener.count() == opened, "a renewal opened the browser");
        self.tell(&format!(
            "Renewed by themselves, without a browser page: they expire at {renewed}"
        ));
        Ok(())
    }

    /// When the credentials of the tour's role expire, as `portray status` says.
    async fn expiry(&self) -> Result<String> {
        let status = self.portray.status().await?;
        let all = status["credentials"]
            .as_array()
            .context("a list of credentials")?;
        let ours = all.iter().find(|one| one["permission_set"] == PERMISSION_SET);
        let expiry = ours.and_then(|one| one["expires_at"].as_str());
        Ok(expiry
            .with_context(|| format!("no expiry in {status:#}"))?
            .to_owned())
    }

    async fn lose_the_session(&mut self) -> Result<()> {
        let mut notifications = OverheardNotifications::start(self.desktop).await?;
        ensure!(
            self.emulator.end_sessions(USER.0).await? > 0,
            "there was no session to end"
        );
        let mut shown = notifications.next_summary(ONE_RENEWAL).await?;
        while !shown.starts_with("Sign in") {
            println!("    (a notification says \"{shown}\")");
            shown = notifications.next_summary(SOON).await?;
        }
        self.picture_of_the_corner("notification.png").await?;
        self.portray.wait_for_portal("sign_in_needed", SOON).await?;
        self.tell(&format!(
            "The administrator ended the session: a notification says \"{shown}\""
        ));
        Ok(())
    }

    async fn quit(&mut self) -> Result<()> {
        self.tray.click(&self.icon, &["Quit"]).await?;
        let finished = self.application.finished(SOON).await?.expect_code(0)?;
        ensure!(finished.code == Some(0), "it should have ended well");
        self.tell("Clicked Quit in the tray menu; Portray has ended");
        Ok(())
    }

    /// A picture of the open tray menu after some keys were pressed in it; closes the menu again.
    async fn picture_of_the_tray(&self, name: &str, keys: &[&str]) -> Result<()> {
        self.panel.open_tray_menu(self.desktop).await?;
        // No event tells that a menu of another program has been drawn.
        self.desktop.settle().await;
        for key in keys {
            self.desktop.press_key(key).await?;
        }
        self.picture_of_the_corner(name).await?;
        for _ in 0..=keys.len() {
            self.desktop.press_key("Escape").await?;
        }
        Ok(())
    }

    async fn picture_of_the_corner(&self, name: &str) -> Result<()> {
        self.desktop.settle().await;
        let (corner, size) = CORNER;
        self.desktop
            .screenshot_of(corner, size, &self.folder.join(name))
            .await
    }

    fn tell(&mut self, what: &str) {
        self.steps += 1;
        println!("{:>2}. {what}", self.steps);
    }
}
