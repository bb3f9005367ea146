//! Where the person is: whether a browser that this program opens would be seen.

use std::path::Path;

use portray_core::paths::Environment;

/// Where commands are typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surroundings {
    /// At a desktop of this machine.
    Desktop,
    /// In Linux under Windows: the browser is Windows's, and reaches our loopback addresses.
    Wsl,
    /// Over SSH, in a container, or on a machine without a display: the browser is on another machine.
    Remote,
}

impl Surroundings {
    pub fn of(environment: &Environment) -> Self {
        Self::judge(environment, Path::new("/.dockerenv").exists())
    }

    fn judge(environment: &Environment, in_container: bool) -> Self {
        let has = |name| environment.text(name).is_some();
        if ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "CODESPACES"]
            .into_iter()
            .any(has)
            || in_container
        {
            return Self::Remote;
        }
        if has("WSL_DISTRO_NAME") {
            return Self::Wsl;
        }
        let has_display = has("DISPLAY") || has("WAYLAND_DISPLAY");
        if cfg!(target_os = "linux") && !has_display {
            return Self::Remote;
        }
        Self::Desktop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(variables: &[(&str, &str)], in_container: bool) -> Surroundings {
        Surroundings::judge(&Environment::of(variables), in_container)
    }

    #[test]
    fn l4_a_browser_is_opened_only_where_it_is_seen() {
        let display = ("DISPLAY", ":0");
        assert_eq!(judge(&[display], false), Surroundings::Desktop);
        assert_eq!(
            judge(&[("WAYLAND_DISPLAY", "wayland-0")], false),
            Surroundings::Desktop
        );
        assert_eq!(
            judge(&[display, ("SSH_CONNECTION", "a b")], false),
            Surroundings::Remote
        );
        assert_eq!(judge(&[display], true), Surroundings::Remote);
        assert_eq!(
            judge(&[display, ("WSL_DISTRO_NAME", "Debian")], false),
            Surroundings::Wsl
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn without_a_display_there_is_no_browser() {
        assert_eq!(judge(&[], false), Surroundings::Remote);
    }
}
