//! Folders of ours in which nothing can be written.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::home::{Home, text};

/// Somebody who may not do everything; root may write everywhere.
const NOBODY: u32 = 65_534;

/// A home whose folders belong to whoever runs `portray` there, who is not root.
struct Plain {
    home: Home,
    is_root: bool,
}

impl Plain {
    fn new() -> Self {
        let plain = Self {
            home: Home::new(),
            is_root: rustix::process::geteuid().is_root(),
        };
        set_mode(plain.home.path(), 0o755);
        if plain.is_root {
            // Where they were built, others may have no way.
            let built = Path::new(env!("CARGO_BIN_EXE_portray"));
            for program in ["portray", "portray-cli"] {
                std::fs::copy(built.with_file_name(program), plain.home.path().join(program)).unwrap();
            }
        }
        plain.folder("home");
        plain.folder("home/run");
        plain
    }

    fn folder(&self, name: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        if self.is_root {
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("home").join(name)
    }

    fn portray(&self, arguments: &[&str]) -> Output {
        let mut command = match self.is_root {
            true => {
                let mut command = Command::new("setpriv");
                let becoming = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")];
                command
                    .args(becoming)
                    .arg("--clear-groups")
                    .arg(self.home.path().join("portray"));
                command
            }
            false => Command::new(env!("CARGO_BIN_EXE_portray")),
        };
        self.home.surround(&mut command);
        command
            .args(arguments)
            .env("PORTRAY_HOME", self.path(""))
            .current_dir("/");
        command.output().unwrap()
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_folder_of_ours_that_cannot_be_written_to_is_named_with_what_to_do() {
    let plain = Plain::new();
    let run = plain.path("run");
    set_mode(&run, 0o500);
    let add = ["portal", "add", "acme", "--region", "eu-west-1"];
    for arguments in [&["status"][..], &add, &["agent", "--foreground"]] {
        let output = plain.portray(arguments);
        let said = text(&output.stderr);
        assert_eq!(
            (output.status.code(), said.lines().count()),
            (Some(6), 2),
            "{said}"
        );
        let folder = format!("Portray's folder {} cannot be written to: ", run.display());
        assert!(said.starts_with(&folder), "{arguments:?} {said}");
        assert!(said.contains("set PORTRAY_HOME to one"), "{said}");
    }
    set_mode(&run, 0o700);
    plain.folder("home/state");
    set_mode(&plain.path(""), 0o500);
    let output = plain.portray(&add);
    let said = text(&output.stderr);
    assert_eq!(
        (output.status.code(), said.lines().count()),
        (Some(1), 2),
        "{said}"
    );
    let settings = plain.path("settings.toml").display().to_string();
    assert!(
        said.contains(&settings) && said.contains("Make the folder writable"),
        "{said}"
    );
    assert!(plain.portray(&["agent", "stop"]).status.success());
    set_mode(&plain.path(""), 0o700);
}
