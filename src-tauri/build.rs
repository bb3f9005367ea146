//! Checks that there is a page to embed and lets Tauri generate its context and permissions.

use tauri_build::{AppManifest, Attributes};

/// Every command that the page may call: without this list each registered command would be open to every window.
const COMMANDS: &[&str] = &["snapshot", "search", "ask", "hide_window"];

fn main() {
    println!("cargo::rerun-if-changed=../ui/dist");
    if !std::path::Path::new("../ui/dist/index.html").is_file() {
        println!("cargo::error=ui/dist is missing: the window's page has not been built.");
        println!(
            "cargo::error=Run `cargo xtask build` (or `npm ci --ignore-scripts && npm run build` in ui/)."
        );
        return;
    }
    let attributes = Attributes::new().app_manifest(AppManifest::new().commands(COMMANDS));
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error=Tauri's build step failed: {error:#}");
    }
}
