//! The clients of AWS that judge: how each is asked who it is, and what the tables call it.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::{Finished, Programs};
use serde_json::Value;

use super::aws_cli::AwsCli;
use super::surroundings::Surroundings;
use super::table::Column;
use crate::sources::{read, root};

const WHO_AM_I: &str = include_str!("who_am_i.py");

/// Something that finds its credentials by a profile, as people use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    AwsCli,
    Boto3,
    JavaScript,
    Rust,
}

impl Client {
    pub const ALL: [Client; 4] = [Client::AwsCli, Client::Boto3, Client::JavaScript, Client::Rust];

    /// Asks AWS who it is, with a profile's credentials.
    pub async fn who_am_i(self, surroundings: &Surroundings, profile: &str) -> Result<Command> {
        let mut command = self.without_profile(surroundings).await?;
        command.env("AWS_PROFILE", profile);
        Ok(command)
    }

    /// The same with whatever credentials it finds.
    pub async fn without_profile(self, surroundings: &Surroundings) -> Result<Command> {
        let command = match self {
            Client::AwsCli => {
                let aws = AwsCli::of_this_system(surroundings).await?;
                aws.command(surroundings, &["sts", "get-caller-identity"])?
            }
            Client::Boto3 => python(surroundings, WHO_AM_I)?,
            Client::JavaScript => javascript(surroundings, "who_am_i.mjs")?,
            // The example of this package, which cargo builds with all targets.
            Client::Rust => {
                surroundings.command(Programs::beside_this_executable()?.example("rust_who_am_i")?)
            }
        };
        Ok(command)
    }

    /// The account and the ARN that a client was told, as `{"account", "arn"}`.
    pub fn told(self, finished: &Finished) -> Result<Value> {
        let mut told = finished.json()?;
        if self == Client::AwsCli {
            told = serde_json::json!({ "account": told["Account"], "arn": told["Arn"] });
        }
        Ok(told)
    }

    /// Where the tables have its results. Only what a lock file pins has a version there.
    pub fn column(self) -> Result<Column> {
        let (name, version) = match self {
            Client::AwsCli => ("Debian's AWS CLI 2", String::new()),
            Client::Boto3 => ("boto3", format!(" {}", boto3_version()?)),
            Client::JavaScript => ("SDK for JavaScript", format!(" {}", javascript_version()?)),
            Client::Rust => ("SDK for Rust", format!(" (aws-config {})", rust_version()?)),
        };
        Ok(Column {
            name,
            heading: format!("{name}{version}"),
        })
    }
}

/// A script for Python with boto3.
pub fn python(surroundings: &Surroundings, script: &str) -> Result<Command> {
    let program = surroundings.desktop.python()?;
    let mut command = surroundings.command(program.get_program());
    command.args(["-c", script]);
    Ok(command)
}

/// One of the scripts for Node with AWS's SDK.
pub fn javascript(surroundings: &Surroundings, script: &str) -> Result<Command> {
    let folder = root().join("tests/aws_clients/javascript");
    ensure!(
        folder.join("node_modules").is_dir(),
        "AWS's SDK for JavaScript is not here: run `cargo xtask setup`"
    );
    let mut command = surroundings.command("node");
    command.arg(folder.join(script));
    Ok(command)
}

/// The version of boto3 that is installed for the tests.
pub fn boto3_version() -> Result<String> {
    let requirements = read("tests/requirements.txt");
    let mut lines = requirements.lines();
    let version = lines.find_map(|line| line.strip_prefix("boto3=="));
    Ok(version.context("a version of boto3")?.to_owned())
}

fn javascript_version() -> Result<String> {
    let lock: Value = serde_json::from_str(&read("tests/aws_clients/javascript/package-lock.json"))?;
    let package = &lock["packages"]["node_modules/@aws-sdk/credential-providers"];
    Ok(package["version"].as_str().context("a version")?.to_owned())
}

fn rust_version() -> Result<String> {
    let lock: toml::Table = read("Cargo.lock").parse()?;
    let mut packages = lock["package"].as_array().context("packages")?.iter();
    let package = packages.find(|package| package["name"].as_str() == Some("aws-config"));
    let version = package.and_then(|package| package["version"].as_str());
    Ok(version.context("a version of aws-config")?.to_owned())
}
