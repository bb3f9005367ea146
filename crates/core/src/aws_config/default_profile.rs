//! Credentials of the `[default]` profile and its like, which tools take before those of a container endpoint. Pure.

use std::collections::BTreeSet;
use std::fmt;

use super::document::{Document, Kind, Name};
use super::findings::File;

/// Where the profile that nobody has to name gets credentials from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnCredentials {
    pub way: Way,
    pub file: File,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    AccessKeys,
    Process,
    /// IAM Identity Center.
    SignIn,
    /// What `aws login` has obtained.
    AwsLogin,
    /// A role that it assumes.
    Role,
}

impl fmt::Display for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AccessKeys => "access keys",
            Self::Process => "a credential_process",
            Self::SignIn => "a sign-in",
            Self::AwsLogin => "a login_session",
            Self::Role => "a role",
        })
    }
}

/// What the profile has, be it in the one file or the other. Every SDK looks there before it asks an endpoint.
pub fn own_credentials(config: &[u8], credentials: &[u8]) -> Option<OwnCredentials> {
    let files = [(File::Credentials, credentials), (File::Config, config)];
    let ways = files.into_iter().filter_map(|(file, bytes)| {
        let way = way(&keys(bytes, is_default))?;
        Some(OwnCredentials { way, file })
    });
    ways.into_iter().next()
}

/// With white space between the brackets it is one to the SDK for Rust, in both files.
fn is_default(name: &Name) -> bool {
    match name {
        Name::Profile(name) | Name::Other(name) => name == "default",
        Name::SsoSession(_) | Name::Services(_) => false,
    }
}

/// Whether a file of boto's, the predecessor of boto3, has access keys. The AWS CLI and boto3 still look there, last
/// before they ask an endpoint.
pub fn has_keys_of_boto(bytes: &[u8]) -> bool {
    let keys = keys(
        bytes,
        |name| matches!(name, Name::Other(name) if name == "Credentials"),
    );
    keys.contains("aws_access_key_id")
}

/// What those sections have with a value, in small letters.
fn keys(bytes: &[u8], is_meant: impl Fn(&Name) -> bool) -> BTreeSet<String> {
    let document = Document::read(bytes);
    let sections = document.sections();
    let is_there = sections.iter().any(|section| is_meant(&section.name));
    // The AWS CLI and boto3 give what it says to every section that is there.
    let is_of_all = |name: &Name| matches!(name, Name::Other(name) if name == "DEFAULT");
    let lines = sections
        .into_iter()
        .filter(|section| is_there && (is_meant(&section.name) || is_of_all(&section.name)))
        .flat_map(|section| section.body);
    let properties = lines.filter_map(|line| match document.lines[line].kind {
        Kind::Property(property) if !property.value.is_empty() => Some(property.key),
        Kind::Property(_) | Kind::Blank | Kind::Comment | Kind::Section(_) | Kind::Nested | Kind::Unclear => {
            None
        }
    });
    properties
        .map(|key| String::from_utf8_lossy(key).trim().to_lowercase())
        .collect()
}

fn way(keys: &BTreeSet<String>) -> Option<Way> {
    let has = |key: &str| keys.contains(key);
    let is_assumed = ["source_profile", "credential_source", "web_identity_token_file"];
    let ways = [
        (has("role_arn") && is_assumed.into_iter().any(has), Way::Role),
        (
            // A session alone signs in, and obtains no credentials.
            has("sso_account_id") && (has("sso_session") || has("sso_start_url")),
            Way::SignIn,
        ),
        (has("aws_access_key_id"), Way::AccessKeys),
        (has("login_session"), Way::AwsLogin),
        (has("credential_process"), Way::Process),
    ];
    ways.into_iter()
        .find_map(|(is_there, way)| is_there.then_some(way))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_default_profile_has_is_seen_in_either_file_and_nothing_else_is() {
        let sso = "sso_account_id = 111122223333\nsso_role_name = A\n";
        let of = |config: &str, credentials: &str| {
            own_credentials(config.as_bytes(), credentials.as_bytes())
                .map(|own| (own.way.to_string(), own.file))
        };
        let found = |way: &str, file| Some((way.to_owned(), file));
        let keys = "[default]\naws_access_key_id = AKIA\naws_secret_access_key = x\n";
        assert_eq!(of("", keys), found("access keys", File::Credentials));
        assert_eq!(of(keys, ""), found("access keys", File::Config));
        let process = "[profile default]\r\nCredential_Process = /bin/a b\r\n";
        assert_eq!(of(process, ""), found("a credential_process", File::Config));
        assert_eq!(of(process, keys), found("access keys", File::Credentials));
        for session in ["sso_session = corp\n", "sso_start_url = https://a/start\n"] {
            let config = format!("[default]\n{session}{sso}");
            assert_eq!(of(&config, ""), found("a sign-in", File::Config));
        }
        let role = "[default]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = other\n";
        assert_eq!(of(role, ""), found("a role", File::Config));
        assert_eq!(
            of("[default]\nlogin_session = a\n", ""),
            found("a login_session", File::Config)
        );
        // Seen of botocore: what is said for all counts, but only for a profile that is there.
        let all = "[DEFAULT]\ncredential_process = /bin/a\n";
        let both = format!("[default]\nregion = eu-west-1\n{all}");
        assert_eq!(of(&both, ""), found("a credential_process", File::Config));
        for none in [
            "",
            all,
            "[default]\nregion = eu-west-1\n",
            "[default]\naws_access_key_id =\n",
            "[default]\nsso_session = corp\n",
            "[default]\nrole_arn = arn:aws:iam::1:role/A\n",
            "[profile other]\ncredential_process = /bin/a\n",
            "[default]\n# credential_process = /bin/a\n[services default]\ncredential_process = /bin/a\n",
            "[default]\ns3 =\n  credential_process = /bin/a\n",
        ] {
            assert_eq!(of(none, ""), None, "{none}");
        }
    }

    #[test]
    fn keys_of_boto_are_seen_in_their_section_alone() {
        for (file, expected) in [
            ("[Credentials]\naws_access_key_id = AKIA\n", true),
            ("[Credentials]\n[DEFAULT]\naws_access_key_id = AKIA\n", true),
            ("[Credentials]\ngs_access_key_id = GOOG\n", false),
            ("[credentials]\naws_access_key_id = AKIA\n", false),
            ("", false),
        ] {
            assert_eq!(has_keys_of_boto(file.as_bytes()), expected, "{file}");
        }
    }
}
