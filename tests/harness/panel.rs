//! A real panel and a real notification daemon on a desktop (Xfce's), for pictures of the tray.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::desktop::{Desktop, START_DEADLINE, wait_for_name};
use crate::process::Process;

/// Where distributions keep programs that are started by the bus and not by people.
const PROGRAM_FOLDERS: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/libexec",
    "/usr/lib",
];

/// How far the middle of the icon is from the right edge of the screen: half an icon, and the gap that keeps it from
/// looking cut off.
const ICON_FROM_EDGE: u32 = 22;

/// The running panel; it has the tray at the right end of the screen's upper edge.
pub struct Panel {
    _parts: Vec<Process>,
    screen_width: u32,
}

impl Panel {
    /// Starts panel and notification daemon on `desktop`, whose screen is `screen_width` pixels wide.
    pub async fn start(desktop: &Desktop, screen_width: u32) -> Result<Panel> {
        let settings = desktop.home().join(".config/xfce4/xfconf/xfce-perchannel-xml");
        fs::create_dir_all(&settings)?;
        fs::write(settings.join("xfce4-panel.xml"), include_str!("xfce4-panel.xml"))?;
        let mut background = desktop.system_command("xsetroot");
        background.args(["-solid", "#46627f"]);
        desktop
            .run("xsetroot", background, START_DEADLINE)
            .await?
            .expect_code(0)?;
        let mut parts = Vec::new();
        for (folder, program, name) in [
            ("xfce4/xfconf", "xfconfd", "org.xfce.Xfconf"),
            ("xfce4/notifyd", "xfce4-notifyd", "org.freedesktop.Notifications"),
        ] {
            let path = find_program(folder, program)?;
            parts.push(desktop.start_process(program, desktop.system_command(&path))?);
            wait_for_name(desktop.bus(), desktop.logs(), name).await?;
        }
        let mut command = desktop.system_command("xfce4-panel");
        command.arg("--disable-wm-check");
        parts.push(desktop.start_process("xfce4-panel", command)?);
        wait_for_name(desktop.bus(), desktop.logs(), "org.kde.StatusNotifierWatcher")
            .await
            .with_context(|| format!("no tray within {START_DEADLINE:?}"))?;
        Ok(Panel {
            _parts: parts,
            screen_width,
        })
    }

    /// Opens the menu of the only tray icon by a click, as a person does.
    pub async fn open_tray_menu(&self, desktop: &Desktop) -> Result<()> {
        desktop.click_at(self.screen_width - ICON_FROM_EDGE, 14).await
    }
}

fn find_program(folder: &str, program: &str) -> Result<String> {
    PROGRAM_FOLDERS
        .iter()
        .map(|root| format!("{root}/{folder}/{program}"))
        .find(|path| Path::new(path).is_file())
        .with_context(|| format!("{program} is not installed: run `cargo xtask setup`"))
}
