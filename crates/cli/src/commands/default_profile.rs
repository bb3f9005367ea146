//! Says where AWS's tools would not take what a command is given: the `[default]` profile has credentials of its own.

use portray_core::aws_config::default_profile::{OwnCredentials, own_credentials};
use portray_core::aws_config::file::ConfigFile;
use portray_core::aws_config::findings::File;
use portray_core::paths::AwsFiles;

use super::Invocation;

/// Two lines for the person, and nothing where no such profile is: they are in nobody's way for no reason.
pub fn warn(invocation: &Invocation, role: &str) {
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
    let Some(OwnCredentials { way, file }) = own_credentials(&config, &credentials) else {
        return;
    };
    let path = match file {
        File::Config => files.config,
        File::Credentials => files.credentials,
    };
    invocation.printer.note(&format!(
        "[default] in {} has {way}: the AWS CLI and the SDKs take that in place of {role}.\n\
         With “portray exec --env …” they take {role}.",
        path.display()
    ));
}
