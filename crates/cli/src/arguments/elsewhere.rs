//! The grammar of what gives credentials to tools, to containers and to other machines, and of what the AWS CLI has.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::{Json, RoleArgument, region};

#[derive(Debug, Args)]
pub struct CredentialProcess {
    /// The portal's name or start URL.
    #[arg(long, required_unless_present = "socket")]
    pub portal: Option<String>,
    /// The account's id, twelve digits.
    #[arg(long, required_unless_present_any = ["socket", "chain"], requires = "permission_set")]
    pub account: Option<String>,
    /// The permission set's name.
    #[arg(long, required_unless_present_any = ["socket", "chain"], requires = "account")]
    pub permission_set: Option<String>,
    /// The name of a [[chain]] in settings.toml, in place of account and permission set.
    #[arg(long, conflicts_with_all = ["account", "permission_set"])]
    pub chain: Option<String>,
    /// The portal's region, where two portals share a start URL.
    #[arg(long)]
    pub region: Option<String>,
    /// Inside a container: ask the socket that was shown to it, which is for one role.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["portal", "account", "permission_set", "chain", "region"])]
    pub socket: Option<PathBuf>,
    /// Started by the small program, which has asked for so many milliseconds until the agent ended.
    #[arg(long, hide = true, value_name = "MILLISECONDS", conflicts_with = "socket")]
    pub waited: Option<u64>,
}

#[derive(Debug, Args)]
pub struct Import {
    /// The portals to take over, by the names that are shown.
    pub names: Vec<String>,
    /// Take over all that are not here yet.
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Args)]
pub struct Forward {
    /// The socket that was shown to the container; by default the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub socket: Option<PathBuf>,
    /// The command and its arguments, after --
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct Ssh {
    #[command(flatten)]
    pub role: RoleArgument,
    /// Set AWS_REGION and AWS_DEFAULT_REGION.
    #[arg(long, value_parser = region)]
    pub region: Option<String>,
    /// What ssh gets, after --: its options, the host, and perhaps a command.
    #[arg(last = true, required = true, value_name = "SSH")]
    pub ssh: Vec<String>,
}

/// The address of a port of the loopback interface, as AWS's tools take it.
pub fn authority(text: &str) -> Result<String, String> {
    let port = ["127.0.0.1:", "localhost:", "[::1]:"]
        .into_iter()
        .find_map(|host| text.strip_prefix(host))
        .and_then(|port| {
            port.parse::<u16>()
                .ok()
                .filter(|number| *number > 0 && number.to_string() == port)
        });
    port.map(|_| text.to_owned()).ok_or_else(|| {
        "it is a port of the loopback interface, as the programs see it: 127.0.0.1:PORT, localhost:PORT or [::1]:PORT"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::iter::once;

    use clap::Parser;
    use portray_core::agent::protocol::Target;

    use super::*;
    use crate::arguments::{Arguments, Command};
    use crate::for_tools::Wanted;

    /// What the grammar makes of these words, where it is what a tool may want.
    fn by_the_grammar(words: &[OsString]) -> Option<Wanted> {
        let words = once(OsString::from("portray")).chain(words.iter().cloned());
        let arguments = Arguments::try_parse_from(words).ok()?;
        let (false, Some(Command::CredentialProcess(wanted))) = (arguments.verbose, arguments.command) else {
            return None;
        };
        Some(match wanted.socket {
            Some(socket) => Wanted::AtSocket(socket),
            None => Wanted::Role(Target::from(wanted)),
        })
    }

    #[test]
    fn p1_the_small_program_understands_a_tool_as_the_grammar_does_or_not_at_all() {
        let parts = [
            "--portal acme",
            "--portal=acme",
            "--account 1 --permission-set=Read=Only",
            "--account 1",
            "--permission-set Admin",
            "--chain release",
            "--region eu-west-1",
            "--socket /run/portray/credentials.sock",
            "--socket=",
            "--portal --region",
            "--region -1",
            "--portal=-p",
            "--chain",
            "--waited 12",
            "--acc 1",
            "-v",
            "--",
            "x",
            "--help",
            "portal",
        ]
        .map(|part| part.split(' ').map(OsString::from).collect::<Vec<_>>());
        let mut understood = 0;
        for numbers in 0..parts.len().pow(3) {
            let three = [0, 1, 2].map(|place| &parts[numbers / parts.len().pow(place) % parts.len()]);
            for some in 1..=three.len() {
                let words: Vec<_> = once("credential-process".into())
                    .chain(three[..some].iter().copied().flatten().cloned())
                    .collect();
                if let Some(wanted) = Wanted::in_plain_words(&words) {
                    assert_eq!(Some(wanted), by_the_grammar(&words), "{words:?}");
                    understood += 1;
                }
            }
        }
        assert!(understood > 50, "only {understood}");
        for others in [
            "status",
            "",
            "-v credential-process --portal acme --chain release",
        ] {
            let words: Vec<_> = others.split(' ').map(OsString::from).collect();
            assert_eq!(Wanted::in_plain_words(&words), None);
        }
    }

    #[test]
    fn h1_a_grant_names_a_port_of_the_loopback_interface() {
        for good in ["127.0.0.1:8001", "localhost:1", "[::1]:65535"] {
            assert_eq!(authority(good).as_deref(), Ok(good));
        }
        for bad in [
            "8001",
            "127.0.0.1",
            "127.0.0.1:0",
            "127.0.0.1:08001",
            "127.0.0.1:+1",
            "127.0.0.1:65536",
            "127.0.0.2:80",
            "0.0.0.0:80",
            "example.com:80",
            "localhost.:80",
            "user@localhost:80",
            "::1:80",
            "localhost:80/x",
            "",
        ] {
            assert!(authority(bad).is_err(), "{bad}");
        }
    }
}
