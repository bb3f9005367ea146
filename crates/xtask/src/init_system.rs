//! Whether the system starts services by itself: then nobody installs a server for the tests. The harness uses it too.

use std::path::Path;

/// Where this is, systemd starts what is installed.
const STARTED_HERE: &str = "/run/systemd/system";

pub fn starts_services() -> bool {
    Path::new(STARTED_HERE).exists()
}
