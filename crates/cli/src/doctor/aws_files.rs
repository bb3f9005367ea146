//! AWS's own files of the person: whether every tool reads them as they are meant.

use portray_core::app::contract::ProblemView;
use portray_core::aws_config::default_profile::{OwnCredentials, own_credentials};
use portray_core::aws_config::file::ConfigFile;
use portray_core::aws_config::findings;
use portray_core::aws_config::findings::{File, Finding};
use portray_core::paths::AwsFiles;

use super::check::Check;
use super::masking::{Kind, Mask};
use crate::commands::Invocation;

const CHECK: &str = "aws-files";

const ADVICE: &str = "“portray profiles plan” says what it is, and what to do.";

pub fn checks(invocation: &Invocation, mask: &mut Mask) -> Vec<Check> {
    let files = match AwsFiles::of(&invocation.environment) {
        Ok(files) => files,
        Err(error) => return vec![Check::problem(CHECK, &ProblemView::environment(&error), mask)],
    };
    // The usual folder names nobody but the person whose home it is in.
    let elsewhere = [
        (&files.config, ".aws/config"),
        (&files.credentials, ".aws/credentials"),
    ];
    let elsewhere = elsewhere
        .into_iter()
        .filter(|(path, usual)| !path.ends_with(usual));
    for (path, _) in elsewhere {
        mask.name(Kind::Path, &path.to_string_lossy());
    }
    let read = ConfigFile::of(&files, &invocation.paths).read();
    match read {
        Err(error) => vec![Check::problem(CHECK, &ProblemView::aws_config(&error), mask)],
        Ok(read) => {
            let mut checks = judged(&findings(read.config.as_deref(), read.credentials.as_deref()));
            let (config, credentials) = (
                read.config.unwrap_or_default(),
                read.credentials.unwrap_or_default(),
            );
            checks.extend(default_profile(&config, &credentials));
            checks
        }
    }
}

/// What a command under `exec` would get in place of its role.
fn default_profile(config: &[u8], credentials: &[u8]) -> Option<Check> {
    let OwnCredentials { way, file } = own_credentials(config, credentials)?;
    let file = match file {
        File::Config => "configuration",
        File::Credentials => "credentials",
    };
    Some(Check::note(
        CHECK,
        format!(
            "[default] in the {file} file has {way}: the AWS CLI and the SDKs take that in place of what “portray \
             exec” and “portray serve” offer."
        ),
        "Use “portray exec --env …”, or give that profile another name.",
    ))
}

/// Lines only: what stands in them may be anybody's.
fn judged(findings: &[Finding]) -> Vec<Check> {
    let (worse, odd): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| {
        let stops = finding.trouble.stops();
        stops.botocore || stops.rust
    });
    let mut checks = Vec::new();
    if !worse.is_empty() {
        let stops = |of: fn(&Finding) -> bool| worse.iter().any(|finding| of(finding));
        let who = match (
            stops(|finding| finding.trouble.stops().botocore),
            stops(|finding| finding.trouble.stops().rust),
        ) {
            (true, true) => "the AWS CLI, boto3 and the SDK for Rust",
            (true, false) => "the AWS CLI and boto3",
            (false, _) => "the SDK for Rust",
        };
        let what = format!("What {who} cannot read is in {}.", places(&worse));
        checks.push(Check::failed(CHECK, what, ADVICE));
    }
    if !odd.is_empty() {
        let what = format!("What not every tool reads alike is in {}.", places(&odd));
        checks.push(Check::note(CHECK, what, ADVICE));
    }
    if checks.is_empty() {
        checks.push(Check::ok(CHECK, "Every tool reads AWS's files alike."));
    }
    checks
}

/// `line 3 and 8 of the configuration file`
fn places(findings: &[&Finding]) -> String {
    let named = [
        (File::Config, "the configuration file"),
        (File::Credentials, "the credentials file"),
    ];
    let places = named.iter().filter_map(|(file, name)| {
        let of_file = findings.iter().filter(|finding| finding.file == *file);
        let lines: Vec<_> = of_file.map(|finding| finding.line.to_string()).collect();
        let word = if lines.len() == 1 { "line" } else { "lines" };
        (!lines.is_empty()).then(|| format!("{word} {} of {name}", lines.join(", ")))
    });
    places.collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;

    #[test]
    fn what_stops_a_tool_is_worse_than_what_is_read_differently_and_nothing_of_it_is_repeated() {
        let of = |config: &str, credentials: &str| {
            let checks = judged(&findings(Some(config.as_bytes()), Some(credentials.as_bytes())));
            let said: Vec<_> = checks
                .into_iter()
                .map(|check| (check.verdict, check.what))
                .collect();
            assert!(!format!("{said:?}").contains("acme"), "{said:?}");
            said
        };
        let good = "[profile acme]\nregion = eu-west-1\n";
        assert_eq!(
            of(good, ""),
            [(Verdict::Ok, "Every tool reads AWS's files alike.".to_owned())]
        );
        let twice = format!("{good}[profile acme]\n");
        assert_eq!(
            of(&twice, "acme: 1\n"),
            [(
                Verdict::Failed,
                "What the AWS CLI, boto3 and the SDK for Rust cannot read is in line 3 of the configuration file \
                 and line 1 of the credentials file."
                    .to_owned()
            )]
        );
        let odd = of("[acme]\nregion = eu-west-1\n", "");
        assert_eq!(odd[0].0, Verdict::Note, "{odd:?}");
    }

    #[test]
    fn a_default_profile_with_credentials_of_its_own_is_said_without_them() {
        assert!(default_profile(b"[default]\nregion = eu-west-1\n", b"").is_none());
        let keys = b"[default]\naws_access_key_id = AKIACANARY\naws_secret_access_key = canary\n";
        let check = default_profile(b"", keys).unwrap();
        assert_eq!(check.verdict, Verdict::Note);
        assert!(
            check
                .what
                .contains("[default] in the credentials file has access keys"),
            "{}",
            check.what
        );
        assert!(!check.what.to_lowercase().contains("canary"));
    }
}
