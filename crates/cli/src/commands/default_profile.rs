//! Says where AWS's tools would not take what a command is given: the `[default]` profile has credentials of its own, or
//! a file of boto's has.

use std::path::PathBuf;

use portray_core::aws_config::default_profile::{OwnCredentials, has_keys_of_boto, own_credentials};
use portray_core::aws_config::file::ConfigFile;
use portray_core::aws_config::findings::File;
use portray_core::paths::{AwsFiles, Environment};

use super::Invocation;

/// Two lines for the person, and nothing where no such profile is: they are in nobody's way for no reason. `instead` is
/// the command that such a profile is no obstacle to.
pub fn warn(invocation: &Invocation, role: &str, instead: &str) {
    let Ok(files) = AwsFiles::of(&invocation.environment) else {
        return;
    };
    // What cannot be read here, no tool reads either; “portray doctor” says it.
    let Ok(read) = ConfigFile::of(&files, &invocation.paths).read() else {
        return;
    };
    let (config, credentials) = (
        read.config.unwrap_or_default(),
        read.credentials.unwrap_or_default(),
    );
    let (place, takers) = match own_credentials(&config, &credentials) {
        Some(OwnCredentials { way, file }) => {
            let path = match file {
                File::Config => files.config,
                File::Credentials => files.credentials,
            };
            let place = format!("[default] in {} has {way}", path.display());
            (place, "the AWS CLI and the SDKs take that")
        }
        None => {
            let Some(path) = keys_of_boto(&invocation.environment) else {
                return;
            };
            let place = format!("[Credentials] in {} has access keys", path.display());
            (place, "the AWS CLI and boto3 take those")
        }
    };
    invocation.printer.note(&format!(
        "{place}: {takers} in place of {role}.\n\
         With “portray {instead} …” they take {role}."
    ));
}

/// The first file of boto's that has keys, where botocore looks.
fn keys_of_boto(environment: &Environment) -> Option<PathBuf> {
    let usual = || {
        let below_home = environment.home().map(|home| home.join(".boto"));
        let of_machine = cfg!(unix).then(|| PathBuf::from("/etc/boto.cfg"));
        of_machine.into_iter().chain(below_home).collect()
    };
    let named = environment.path("BOTO_CONFIG").map(|path| vec![path]);
    let mut files = named.unwrap_or_else(usual).into_iter();
    files.find(|path| {
        let content = path.is_file().then(|| std::fs::read(path).ok()).flatten();
        content.is_some_and(|content| has_keys_of_boto(&content))
    })
}
