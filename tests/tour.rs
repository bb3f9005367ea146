//! The main job of Portray, played without a display and without a person, and pictures of it.
#![expect(clippy::print_stdout, reason = "the tour tells on the terminal what happens")]

#[cfg(target_os = "linux")]
#[path = "tour/story.rs"]
mod story;

#[cfg(target_os = "linux")]
#[tokio::main]
async fn main() -> std::process::ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        println!("usage: tour FOLDER    (where the pictures go)");
        return std::process::ExitCode::FAILURE;
    };
    // The programs that take the pictures have other working folders.
    let played = match std::path::absolute(&folder) {
        Ok(folder) => story::play(&folder).await,
        Err(error) => Err(error.into()),
    };
    match played {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            println!("\nThe tour stopped: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("The tour needs a Linux machine; `cargo xtask run` shows the application itself.");
}
