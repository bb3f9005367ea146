//! The sentences about what the AWS CLI has.

use std::path::Path;

use url::Url;

use crate::app::contract::{ProblemCode, ProblemView};
use crate::aws_config::sso_cache::CacheFault;

impl ProblemView {
    /// Its sign-in cannot be taken over; the portal can.
    pub fn aws_cli_sign_in(file: &Path, fault: &CacheFault) -> Self {
        let what_to_do = match fault {
            CacheFault::Unreadable(_) => "Make it readable for you, or sign in anew.".to_owned(),
            CacheFault::Open => format!(
                "Make it yours alone (chmod 600 {}), or sign in anew.",
                file.display()
            ),
            CacheFault::Damaged => "Sign in anew; the file stays as it is.".to_owned(),
        };
        Self::new(
            ProblemCode::Failed,
            format!("The AWS CLI's sign-in in {} {fault}.", file.display()),
            what_to_do,
        )
    }

    /// A session that was renamed, or led elsewhere since, has another portal's sign-in in its file.
    pub fn aws_cli_sign_in_of_another(file: &Path) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "The AWS CLI's sign-in in {} is another portal's, or of another region.",
                file.display()
            ),
            "Sign in anew; the file stays as it is.",
        )
    }

    pub fn aws_cli_sign_in_run_out(file: &Path) -> Self {
        Self::new(
            ProblemCode::SignInNeeded,
            format!("The AWS CLI's sign-in in {} has run out.", file.display()),
            "Sign in anew; the file stays as it is.",
        )
    }

    /// The sign-in that the AWS CLI was given cannot be taken away from it.
    pub fn aws_cli_keeps_sign_in(file: &Path, error: &std::io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("You are signed out, but the AWS CLI's copy of the sign-in cannot be deleted ({error})."),
            format!("Delete {}; Portray tries again while it runs.", file.display()),
        )
    }

    /// A sign-in that was made at AWS stays away from an endpoint in AWS's place; the portal can be taken over.
    pub fn aws_cli_sign_in_elsewhere(name: &str, endpoint: &Url) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "The AWS CLI's sign-in to {name} is not taken over: Portray asks {endpoint} in place of AWS, and the \
                 sign-in's profiles do not."
            ),
            "Sign in here, or start the agent without PORTRAY_ENDPOINT_URL and without endpoints of the portal's own.",
        )
    }

    /// Nothing of that name was found in the AWS CLI's configuration.
    pub fn no_aws_cli_portal(name: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("The AWS CLI uses no portal “{name}”."),
            "Name one of those that “portray portal import” shows.",
        )
    }
}
