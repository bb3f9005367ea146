//! Endurance: `soak day` lives through a day in minutes on a moved clock, `soak real-time --minutes N` runs the built
//! programs for as long as it says. Both print what they have seen; the second ends with an error if anything was wrong.
#![expect(clippy::print_stdout, reason = "what was seen goes to the standard output")]

#[cfg(target_os = "linux")]
#[path = "soak/day.rs"]
mod day;
#[cfg(target_os = "linux")]
#[path = "soak/process.rs"]
mod process;
#[cfg(target_os = "linux")]
#[path = "soak/real_time.rs"]
mod real_time;
#[cfg(target_os = "linux")]
#[path = "soak/seen.rs"]
mod seen;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            println!("\nThe soak stopped: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(target_os = "linux")]
fn run() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        // One thread, so that everything happens in an order that the moved clock decides.
        ["day"] => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            println!("{}", serde_json::to_string(&runtime.block_on(day::live())?)?);
            Ok(())
        }
        ["real-time", "--minutes", minutes] => {
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(real_time::run(minutes.parse()?))
        }
        _ => anyhow::bail!("soak day, or soak real-time --minutes N"),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("The soak needs a Linux machine.");
}
