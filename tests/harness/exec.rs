//! A command that `portray exec` runs, and what it was given to get credentials.

use std::time::Duration;

use anyhow::{Context, Result};
use url::Url;

use crate::portray::Portray;
use crate::process::Process;

const DEADLINE: Duration = Duration::from_secs(30);

/// The variables in which AWS's tools look for the address and for the token.
const ENDPOINT: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// A running `portray exec`. Dropping it ends it and its command.
pub struct Exec {
    /// `portray` itself.
    pub process: Process,
    /// Where its command gets credentials.
    pub endpoint: Url,
    /// What the command has to show there.
    pub token: String,
}

impl Portray<'_> {
    /// Starts `portray exec TARGET -- COMMAND`, and reads from the command's environment what it was given. No other
    /// program of the command's name may run on this desktop.
    pub async fn start_exec(&self, target: &str, command: &[&str]) -> Result<Exec> {
        let program = *command.first().context("a command has a name")?;
        let process = self.start(&[&["exec", target, "--"], command].concat())?;
        let given = async || {
            let children = self.desktop().running(program).into_iter();
            let mut environments = children.map(environment);
            Ok(environments
                .find_map(|environment| Some((value(&environment, ENDPOINT)?, value(&environment, TOKEN)?))))
        };
        let what = format!("{program} to be started by exec");
        let (endpoint, token) = self.desktop().wait_until(&what, DEADLINE, given).await?;
        Ok(Exec {
            process,
            endpoint: Url::parse(&endpoint)?,
            token,
        })
    }
}

/// The environment of a process; empty where it has ended.
fn environment(process: i32) -> String {
    let bytes = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn value(environment: &str, name: &str) -> Option<String> {
    let mut variables = environment
        .split('\0')
        .filter_map(|variable| variable.split_once('='));
    variables.find_map(|(other, value)| (other == name).then(|| value.to_owned()))
}
