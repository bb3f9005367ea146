//! The AWS CLI 2 of this system, and how one that knows no variables for endpoints (before 2.13) is led elsewhere: by
//! copies of its own service models with another endpoint.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Where packages put the program, and where AWS's installer does; what else is called `aws` may be version 1 of a
/// Python environment.
const PROGRAMS: [&str; 2] = ["/usr/bin/aws", "/usr/local/aws-cli/v2/current/bin/aws"];

/// Where Debian's package keeps the service models.
const MODELS: &str = "/usr/lib/python3/dist-packages/awscli/botocore/data";

/// The models that are needed to sign in and to ask who one is, with their names in the variables.
const SERVICES: [(&str, &str); 3] = [
    ("SSO", "sso/2019-06-10"),
    ("SSO_OIDC", "sso-oidc/2019-06-10"),
    ("STS", "sts/2011-06-15"),
];

/// The program of this system.
pub fn aws_cli() -> Result<PathBuf> {
    let mut programs = PROGRAMS.iter().map(PathBuf::from);
    let found = programs.find(|program| program.exists());
    found.context("there is no AWS CLI 2 here: run `cargo xtask setup`")
}

/// Writes copies of the service models whose endpoints are these, by the services' names in the variables
/// (`AWS_ENDPOINT_URL_SSO`). `AWS_DATA_PATH` is to be `folder`.
pub fn write_service_models(folder: &Path, endpoints: &[(&str, String)]) -> Result<()> {
    for (service, model) in SERVICES {
        let endpoint = endpoints.iter().find(|(name, _)| *name == service);
        let (_, url) = endpoint.context("an endpoint for each service")?;
        let (from, to) = (Path::new(MODELS).join(model), folder.join(model));
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(&from).with_context(|| format!("cannot read {}", from.display()))? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        let rules = to.join("endpoint-rule-set-1.json");
        let mut rule_set: Value = serde_json::from_slice(&fs::read(&rules)?)?;
        rule_set["rules"] = json!([{
            "conditions": [],
            "endpoint": { "url": url, "properties": {}, "headers": {} },
            "type": "endpoint",
        }]);
        fs::write(&rules, rule_set.to_string())?;
    }
    Ok(())
}
