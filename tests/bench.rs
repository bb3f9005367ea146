//! How fast and how small Portray is on this machine, as a table in Markdown: `cargo xtask bench` builds and runs it.
#![expect(clippy::print_stdout, reason = "the table goes to the standard output")]

#[cfg(target_os = "linux")]
#[path = "bench/agent.rs"]
mod agent;
#[cfg(target_os = "linux")]
#[path = "bench/credential_process.rs"]
mod credential_process;
#[cfg(target_os = "linux")]
#[path = "bench/emulator.rs"]
mod emulator;
#[cfg(target_os = "linux")]
#[path = "bench/figure.rs"]
mod figure;
#[cfg(target_os = "linux")]
#[path = "bench/first_listing.rs"]
mod first_listing;
#[cfg(target_os = "linux")]
#[path = "bench/idle.rs"]
mod idle;
#[cfg(target_os = "linux")]
#[path = "bench/long_listing.rs"]
mod long_listing;
#[cfg(target_os = "linux")]
#[path = "bench/many_credentials.rs"]
mod many_credentials;
#[cfg(target_os = "linux")]
#[path = "bench/memory.rs"]
mod memory;
#[cfg(target_os = "linux")]
#[path = "bench/sizes.rs"]
mod sizes;
#[cfg(target_os = "linux")]
#[path = "bench/tray_start.rs"]
mod tray_start;

/// What is measured, and how long what takes long.
#[cfg(target_os = "linux")]
struct Wanted {
    is_quick: bool,
    /// Files of `tests/bench` without their endings; all of them if there is none.
    names: Vec<String>,
}

#[cfg(target_os = "linux")]
impl Wanted {
    fn parse(arguments: impl Iterator<Item = String>) -> Self {
        let (flags, names): (Vec<_>, Vec<_>) = arguments.partition(|argument| argument == "--quick");
        Self {
            is_quick: !flags.is_empty(),
            names,
        }
    }

    fn has(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }
}

/// Every measurement, one after the other, so that none disturbs another.
#[cfg(target_os = "linux")]
async fn measure(wanted: &Wanted) -> anyhow::Result<Vec<figure::Figure>> {
    let mut figures = Vec::new();
    if wanted.has("sizes") {
        figures.extend(sizes::measure()?);
    }
    if wanted.has("tray_start") {
        figures.extend(tray_start::measure().await?);
    }
    if wanted.has("first_listing") {
        figures.extend(first_listing::measure().await?);
    }
    if wanted.has("long_listing") {
        figures.extend(long_listing::measure().await?);
    }
    if wanted.has("credential_process") {
        figures.extend(credential_process::measure().await?);
    }
    if wanted.has("agent") {
        figures.extend(agent::measure().await?);
    }
    if wanted.has("many_credentials") {
        figures.extend(many_credentials::measure().await?);
    }
    if wanted.has("memory") {
        figures.extend(memory::measure().await?);
    }
    if wanted.has("idle") {
        figures.extend(idle::measure(wanted.is_quick).await?);
    }
    if wanted.has("emulator") {
        figures.extend(emulator::measure().await?);
    }
    anyhow::ensure!(!figures.is_empty(), "nothing is called {:?}", wanted.names);
    Ok(figures)
}

#[cfg(target_os = "linux")]
#[tokio::main]
async fn main() -> std::process::ExitCode {
    let wanted = Wanted::parse(std::env::args().skip(1));
    match measure(&wanted).await {
        Ok(figures) => {
            print!("\n{}", figure::table(&figures));
            std::process::ExitCode::SUCCESS
        }
        Err(error) => {
            println!("\nThe measurement stopped: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("The measurements need a Linux machine.");
}
