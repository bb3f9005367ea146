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
    use portray_core::uses::Door;

    use super::{credentials, exec};
    let words = words::Words::of(&arguments.ssh)?;
    // Asked for before anybody connects, so that what is wrong is said here and not by every tool in its way.
    let prepared = credentials::prepare(invocation, &arguments.role.words(), Door::Ssh)?;
    exec::to_its_end(
        invocation.printer,
        unix::work(invocation, arguments, &words, &prepared),
    )
}

#[cfg(unix)]
mod unix {
    use portray_core::agent::protocol::PreparedReply;
    use portray_core::app::contract::ProblemView;
    use portray_core::uses::Door;

    use super::super::{Invocation, endpoint, exec, launch};
    use super::connection::Connection;
    use super::script::{Preparation, Start};
    use super::words::Words;
    use crate::arguments::Ssh;
    use crate::failure::Failure;
    use crate::signals::Signals;

    pub async fn work(
        invocation: &Invocation,
        arguments: &Ssh,
        words: &Words,
        prepared: &PreparedReply,
    ) -> Result<exec::Ended, Failure> {
        let launch = launch::new(prepared, Door::Ssh)?;
        let endpoint = endpoint::bind(invocation, prepared, &launch).await?;
        let prepared = async {
            let mut connection = Connection::open(words).await?;
            let port = connection.lead_here(endpoint.port()).await?;
            let endpoint = endpoint.named(&format!("127.0.0.1:{port}"));
            let start = Start {
                uri: &endpoint.uri(),
                token: endpoint.token(),
                region: arguments.region.as_deref(),
                command: &words.command,
            };
            let preparation = connection.prepare(port, &start).await?;
            Ok::<_, Failure>((connection, endpoint, preparation))
        };
        // Whoever gives up while ssh asks for a password leaves nothing behind.
        let mut signals =
            Signals::listen().map_err(|error| Failure::system("Listening to signals", &error))?;
        let (connection, endpoint, preparation) = tokio::select! {
            prepared = prepared => prepared?,
            came = signals.next() => return Ok(exec::Ended::by(came)),
        };
        match preparation {
            Preparation::Ready(folder) => {
                tokio::spawn(endpoint.serve());
                // That it is over is told at the endpoint: the terminal is the session's.
                let started = |pid| drop(launch::announce(invocation, launch.of(pid)));
                let ended = exec::until_its_end(connection.session(&folder), started).await;
                connection.close().await;
                ended
            }
            Preparation::Open => Err(ProblemView::ssh_port_is_open(&words.host, true).into()),
            Preparation::Unknown => Err(ProblemView::ssh_port_is_open(&words.host, false).into()),
            Preparation::NoFolder => Err(ProblemView::ssh_not_prepared(&words.host).into()),
        }
    }
}
