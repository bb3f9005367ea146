//! Answers an AWS tool that has started `portray credential-process`: what it wants, what the agent is asked, what the
//! tool is told.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use portray_core::agent::Client;
use portray_core::agent::protocol::{Asker, CredentialsReply, Operation, Reply, Target};
use portray_core::uses::Door;

use crate::documents::ProcessDocument;
use crate::failure::Failure;
use crate::printer::Printer;

/// SDKs wait for about 20 s at least; an answer that something is wrong comes before.
pub const PATIENCE: Duration = Duration::from_millis(9500);

/// What a tool wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A role's credentials, from the agent.
    Role(Target),
    /// Those that a launch gives at a socket, inside of a container.
    AtSocket(PathBuf),
}

impl Wanted {
    /// Reads the arguments in the plain form that profiles have. None: they are something else, or need the grammar to
    /// be judged.
    pub fn in_plain_words(words: &[OsString]) -> Option<Self> {
        let mut words = words.iter().map(|word| word.to_str());
        if words.next()?? != "credential-process" {
            return None;
        }
        let [
            mut portal,
            mut account,
            mut permission_set,
            mut chain,
            mut region,
            mut socket,
        ] = [const { None::<String> }; 6];
        while let Some(word) = words.next() {
            let option = word?.strip_prefix("--")?;
            let (name, value) = match option.split_once('=') {
                Some(both) => both,
                None => (option, words.next()??),
            };
            let place = match name {
                "portal" => &mut portal,
                "account" => &mut account,
                "permission-set" => &mut permission_set,
                "chain" => &mut chain,
                "region" => &mut region,
                "socket" => &mut socket,
                _ => return None,
            };
            if value.is_empty() || value.starts_with('-') || place.replace(value.to_owned()).is_some() {
                return None;
            }
        }
        match (portal, account, permission_set, chain, region, socket) {
            (None, None, None, None, None, Some(socket)) => Some(Self::AtSocket(socket.into())),
            (Some(portal), Some(account), Some(permission_set), None, portal_region, None) => {
                Some(Self::Role(Target::Role {
                    portal: Some(portal),
                    portal_region,
                    account,
                    permission_set,
                }))
            }
            (Some(portal), None, None, Some(chain), _, None) => Some(Self::Role(Target::Chain {
                portal: Some(portal),
                chain,
            })),
            _ => None,
        }
    }
}

/// What the agent is asked.
pub fn operation(role: Target) -> Operation {
    Operation::Credentials {
        role,
        min_ttl_seconds: 0,
        asker: Asker::through(Door::CredentialProcess),
    }
}

/// The credentials that an answer has to be.
pub fn credentials_in(reply: Reply) -> Result<CredentialsReply, Failure> {
    let Reply::Credentials(credentials) = reply else {
        return Err(Failure::unexpected_answer());
    };
    Ok(credentials)
}

/// Prints what a launch gives at the socket that the client leads to.
pub fn of_a_launch(printer: Printer, client: Client) -> Result<(), Failure> {
    print(printer, &client.credentials_of_its_role(PATIENCE)?)
}

/// Prints them as a tool reads them.
pub fn print(printer: Printer, credentials: &CredentialsReply) -> Result<(), Failure> {
    let printed = printer.json(&ProcessDocument::from(credentials));
    // A tool that left before it had its answer is a failure in words.
    printed.map_err(|failure| Failure {
        reader_left: false,
        ..failure
    })
}
