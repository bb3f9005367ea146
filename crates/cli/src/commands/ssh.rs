//! `portray ssh`: work on another machine, where AWS's tools find a role's credentials until the connection ends.
//!
//! The endpoint stays on this machine. A port of the other machine's loopback interface leads to it through SSH, and
//! the token reaches the shell there through the connection, never in anybody's arguments.

#[cfg(unix)]
mod connection;
#[cfg(unix)]
mod script;
#[cfg(unix)]
mod words;

use std::process::ExitCode;

use super::Invocation;
use crate::arguments::Ssh;
use crate::failure::Failure;

#[cfg(not(unix))]
pub fn run(_invocation: &Invocation, _arguments: &Ssh) -> Result<ExitCode, Failure> {
    Err(portray_core::app::contract::ProblemView::no_ssh_here().into())
}

#[cfg(unix)]
pub fn run(invocation: &Invocation, arguments: &Ssh) -> Result<ExitCode, Failure> {
    use super::{credentials, exec};
    let words = words::Words::of(&arguments.ssh)?;
    // Asked for before anybody connects, so that what is wrong is said here and not by every tool in its way.
    let credentials = credentials::ask(invocation, &arguments.role.words(), 0)?;
    let runtime = exec::runtime()?;
    let ended = runtime.block_on(unix::work(invocation, arguments, &words, &credentials))?;
    // A request that is under way must not keep the terminal waiting.
    runtime.shutdown_background();
    Ok(ended.exit_code(invocation.printer))
}

#[cfg(unix)]
mod unix {
    use portray_core::agent::protocol::CredentialsReply;
    use portray_core::app::contract::ProblemView;

    use super::super::{Invocation, endpoint, exec};
    use super::connection::Connection;
    use super::script::{Preparation, Start};
    use super::words::Words;
    use crate::arguments::Ssh;
    use crate::failure::Failure;

    pub async fn work(
        invocation: &Invocation,
        arguments: &Ssh,
        words: &Words,
        credentials: &CredentialsReply,
    ) -> Result<exec::Ended, Failure> {
        let endpoint = endpoint::bind(invocation, credentials).await?;
        let mut connection = Connection::open(words).await?;
        let port = connection.lead_here(endpoint.port()).await?;
        let endpoint = endpoint.named(&format!("127.0.0.1:{port}"));
        let start = Start {
            uri: &endpoint.uri(),
            token: endpoint.token(),
            region: arguments.region.as_deref(),
            command: &words.command,
        };
        match connection.prepare(port, &start).await? {
            Preparation::Ready(folder) => {
                tokio::spawn(endpoint.serve());
                let ended = exec::until_its_end(connection.session(&folder)).await;
                connection.close().await;
                ended
            }
            Preparation::Open => Err(ProblemView::ssh_port_is_open(&words.host, true).into()),
            Preparation::Unknown => Err(ProblemView::ssh_port_is_open(&words.host, false).into()),
            Preparation::NoFolder => Err(ProblemView::ssh_not_prepared(&words.host).into()),
        }
    }
}
