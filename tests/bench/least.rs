//! The least that a process can do to get credentials from the agent: one line there, one line back, printed as it is.
#![cfg_attr(windows, expect(clippy::print_stderr, reason = "says why it does nothing"))]

use std::process::ExitCode;

/// `least SOCKET REQUEST`
#[cfg(unix)]
fn main() -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

#[cfg(unix)]
fn answer() -> std::io::Result<()> {
    use std::io::{BufRead, BufReader, Write};
    let mut words = std::env::args_os().skip(1);
    let socket = words.next().unwrap_or_default();
    let mut request = words.next().unwrap_or_default().into_encoded_bytes();
    request.push(b'\n');
    let mut agent = std::os::unix::net::UnixStream::connect(socket)?;
    agent.write_all(&request)?;
    let mut answer = Vec::new();
    BufReader::new(agent).read_until(b'\n', &mut answer)?;
    std::io::stdout().write_all(&answer)
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    eprintln!("Only sockets of Unix are asked.");
    ExitCode::FAILURE
}
