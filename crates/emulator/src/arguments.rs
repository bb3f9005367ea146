//! The command line, and the help that teaches a new user.

use std::path::PathBuf;

use clap::Parser;
use jiff::Timestamp;

/// Lines of 80 characters at most: a terminal must not break what is to be copied. What goes into a file is not
/// indented: to some readers an indented line goes on with the one before.
const MORE: &str = r#"AWS's clients:
  The AWS CLI from 2.13 on, and the SDKs of its time, follow these variables:

    export AWS_ENDPOINT_URL_SSO_OIDC=http://127.0.0.1:8417
    export AWS_ENDPOINT_URL_SSO=http://127.0.0.1:8417
    export AWS_ENDPOINT_URL_STS=http://127.0.0.1:8417

  An older one, such as Debian 12's 2.9.19, does not know them and would go to
  the real AWS. Use a newer one; or give it changed endpoint rules in
  AWS_DATA_PATH, or a proxy that leads to --tls-port: the README shows both.

  In ~/.aws/config, for the world acme:

[sso-session acme]
sso_start_url = https://d-9967123abc.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access

[profile acme-dev]
sso_session = acme
sso_account_id = 111122223333
sso_role_name = ReadOnly
region = eu-west-1

  Then, as amara with the password demo-amara:

    aws sso login --profile acme-dev
    aws sts get-caller-identity --profile acme-dev

The access portal, in any browser:
  http://127.0.0.1:8417/start

A world of your own:
  identity-center-emulator --world one --print-world > my.toml
  identity-center-emulator --world my.toml

The control interface, with --control, for programs on this machine:
  CONTROL=http://127.0.0.1:8417/_control
  curl $CONTROL/audit
  curl $CONTROL/clock -d '{"advance_seconds":3600}'
  curl $CONTROL/approve -d '{"user_code":"BCDF-GHJK","user":"amara"}'
  curl $CONTROL/faults -d '{"operation":"ListAccounts","status":429,"times":3}'

  The README lists all of it."#;

/// Far beyond any company, and still made in seconds.
const MOST_ASSIGNMENTS: u64 = 1_000_000;

/// A local AWS IAM Identity Center for demos and tests
#[derive(Parser)]
#[command(name = "identity-center-emulator", version, after_long_help = MORE)]
pub(crate) struct Arguments {
    /// World file, or a built-in world: acme, tour, one, hostile, big
    #[arg(long, value_name = "FILE", default_value = "acme")]
    pub(crate) world: String,
    /// A big world in place of a file: so many accounts with so many permission sets, such as 10000x5
    #[arg(long, value_name = "ACCOUNTSxSETS", conflicts_with = "world", value_parser = size)]
    pub(crate) generate: Option<(u32, u32)>,
    /// Print the world file and end: a start for one of your own
    #[arg(long)]
    pub(crate) print_world: bool,
    /// Port on 127.0.0.1; 0 takes any free one
    #[arg(long, value_name = "N", default_value_t = 8417)]
    pub(crate) port: u16,
    /// Serve TLS too, on this port; 0 takes any free one. Needs --ca-out
    #[arg(long, value_name = "N", requires = "ca_out")]
    pub(crate) tls_port: Option<u16>,
    /// Certificate of the authority that signs for the TLS port, to be trusted once: made if it is not there, with its key
    /// in FILE.key. Needs --tls-port
    #[arg(long, value_name = "FILE", requires = "tls_port")]
    pub(crate) ca_out: Option<PathBuf>,
    /// Serve the control interface below /_control/
    #[arg(long)]
    pub(crate) control: bool,
    /// Say where it listens as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Stand still at this time; only the control interface moves the clock
    #[arg(long, value_name = "RFC3339", value_parser = time)]
    pub(crate) now: Option<Timestamp>,
    /// Make the same identifiers, tokens and chances each time
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

/// `10000x5`
fn size(text: &str) -> Result<(u32, u32), String> {
    let parsed = text
        .split_once(['x', '×'])
        .and_then(|(accounts, sets)| Some((accounts.parse().ok()?, sets.parse().ok()?)));
    match parsed {
        Some((0, _) | (_, 0)) => Err("a world without accounts or permission sets is of no use".to_owned()),
        Some((accounts, sets)) if u64::from(accounts) * u64::from(sets) > MOST_ASSIGNMENTS => Err(format!(
            "makes more than {MOST_ASSIGNMENTS} assignments, accounts times permission sets"
        )),
        Some(size) => Ok(size),
        None => Err("is written like 10000x5".to_owned()),
    }
}

/// Far enough from the ends of time that every lifetime fits.
fn time(text: &str) -> Result<Timestamp, String> {
    let time: Timestamp = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    if identity_center_emulator::Clock::knows(time) {
        Ok(time)
    } else {
        Err("is outside the years 1970 to 8999".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn a_generated_world_has_a_size_that_a_machine_can_hold() {
        assert_eq!(size("10000x5"), Ok((10_000, 5)));
        assert_eq!(size("200000×5"), Ok((200_000, 5)));
        for (text, reason) in [
            ("200001x5", "more than 1000000 assignments"),
            ("4294967295x4294967295", "more than 1000000 assignments"),
            ("0x5", "of no use"),
            ("5", "is written like"),
            ("5x-1", "is written like"),
        ] {
            let refused = size(text);
            assert!(
                refused.as_ref().is_err_and(|why| why.contains(reason)),
                "{text}: {refused:?}"
            );
        }
    }
}
