//! The Debian and Ubuntu packages that building and testing take.

/// For building the tray application.
pub const BUILD: [&str; 6] = [
    "build-essential",
    "libayatana-appindicator3-dev",
    "libgtk-3-dev",
    "librsvg2-dev",
    "libwebkit2gtk-4.1-dev",
    "pkg-config",
];

/// For a desktop without a display, with a browser and people in front of it. (`dbus-x11` is the session bus that
/// gnome-keyring asks for; without it apt would choose one that brings systemd. `chromium-sandbox` is for people who
/// are not root where the system gives them no user namespaces, as in containers.)
pub const TEST: [&str; 27] = [
    "adwaita-icon-theme",
    "awscli",
    "bubblewrap",
    "chromium",
    "chromium-driver",
    "chromium-sandbox",
    "dbus",
    "dbus-x11",
    "faketime",
    "fish",
    "fonts-dejavu-core",
    "fonts-inter",
    "gnome-keyring",
    "librsvg2-common",
    "openssh-client",
    "procps",
    "python3-venv",
    "scrot",
    "strace",
    "webkit2gtk-driver",
    "x11-xserver-utils",
    "xdotool",
    "xfce4-notifyd",
    "xfce4-panel",
    "xfconf",
    "xvfb",
    "zsh",
];

/// Debian starts a server as soon as it is installed: only where nothing starts services, as in a container, it is
/// installed unasked.
pub const SERVERS: [&str; 1] = ["openssh-server"];

/// For type-checking on behalf of Windows: the C compiler that dependencies ask for.
pub const CROSS: [&str; 1] = ["gcc-mingw-w64-x86-64-win32"];

/// For unpacking another release of Debian into a folder.
pub const JUDGES: [&str; 1] = ["debootstrap"];

/// A program that does as well as a package, where that package is not to be had (Ubuntu has Chromium as a snap only,
/// so there people bring a Chrome and a chromedriver of their own; its newer releases have no AWS CLI).
pub const SUBSTITUTES: [(&str, &str); 4] = [
    ("awscli", AWS_CLI_OF_AWS),
    ("chromium", "google-chrome"),
    ("chromium-driver", "chromedriver"),
    ("chromium-sandbox", "google-chrome"),
];

/// Where AWS's own installer puts version 2; what else is called `aws` may be version 1 of a Python environment.
const AWS_CLI_OF_AWS: &str = "/usr/local/aws-cli/v2/current/bin/aws";
