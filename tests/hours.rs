//! What hours_later.rs shows, with the programs that lie beside this one: those of a release, say.
#![expect(clippy::print_stdout, reason = "whoever runs it looks at the terminal")]

#[cfg(target_os = "linux")]
#[path = "hours_later/story.rs"]
mod story;

#[cfg(target_os = "linux")]
async fn play() -> anyhow::Result<()> {
    story::what_is_in_use_is_renewed_before_anybody_asks().await?;
    println!("T1, R1: what is in use is renewed before anybody asks");
    story::after_a_suspend_it_is_renewed_before_anybody_asks().await?;
    println!("T1: also after a suspend");
    story::waking_without_a_network_loses_nothing().await?;
    println!("T2: waking without a network loses nothing");
    story::summer_time_changes_nothing().await?;
    println!("T4: summer time begins and ends unnoticed");
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::main]
async fn main() -> std::process::ExitCode {
    match play().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            println!("\nIt does not hold: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("Only Linux has a clock to play with.");
}
