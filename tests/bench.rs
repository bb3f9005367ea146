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
#[path = "bench/memory.rs"]
mod memory;
#[cfg(target_os = "linux")]
#[path = "bench/sizes.rs"]
mod sizes;
#[cfg(target_os = "linux")]
#[path = "bench/tray_start.rs"]
mod tray_start;

/// Every measurement, one after the other, so that none disturbs another.
#[cfg(target_os = "linux")]
async fn measure() -> anyhow::Result<Vec<figure::Figure>> {
    let mut figures = sizes::measure()?;
    figures.extend(tray_start::measure().await?);
    figures.extend(first_listing::measure().await?);
    figures.extend(credential_process::measure().await?);
    figures.extend(agent::measure().await?);
    figures.extend(memory::measure().await?);
    figures.extend(emulator::measure().await?);
    Ok(figures)
}

#[cfg(target_os = "linux")]
#[tokio::main]
async fn main() -> std::process::ExitCode {
    match measure().await {
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
