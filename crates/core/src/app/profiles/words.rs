//! What is said of a change of `~/.aws/config`, in the window and on the command line.

use std::path::Path;

use crate::app::contract::{FileFinding, ProblemView};
use crate::app::problem::sentence;
use crate::app::profiles_problem::advice_about;
use crate::aws_config::findings::{File, Finding};
use crate::aws_config::profiles::{Change, Profile, SkipReason, Skipped};
use crate::harmless::on_one_harmless_line;

/// Whoever uses these profiles needs it.
pub const PORTRAY_HOME: &str = "PORTRAY_HOME is set: programs that read these profiles need it, too.";

/// Not every SDK takes a region from where the AWS CLI does.
pub const NO_REGION: &str = "The new profiles name no region, so that a tool needs one from elsewhere (boto3 reads AWS_DEFAULT_REGION, not AWS_REGION). To give them one: --region REGION, or region under [profiles] in the settings.";

/// The same where no option can be given.
pub const NO_REGION_IN_WINDOW: &str = "The new profiles name no region, so that a tool needs one from elsewhere (boto3 reads AWS_DEFAULT_REGION, not AWS_REGION). To give them one: region under [profiles] in the settings.";

/// “3 new, 1 removed”.
pub fn counts(profiles: &[Profile], removed: &[String]) -> String {
    let count = |change| profiles.iter().filter(|profile| profile.change == change).count();
    let counts = [
        (count(Change::New), "new"),
        (count(Change::Changed), "changed"),
        (removed.len(), "removed"),
        (count(Change::Same), "as before"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    counts.join(", ")
}

pub fn nothing_to_change(path: &Path) -> String {
    format!("Nothing to change in {}.", path.display())
}

pub fn planned(path: &Path, counts: &str) -> String {
    format!("Profiles in {}: {counts}.", path.display())
}

pub fn written(path: &Path, counts: &str) -> String {
    format!("Written to {}: profiles: {counts}.", path.display())
}

pub fn taken_back(path: &Path) -> String {
    format!("Portray's profiles were taken out of {}.", path.display())
}

/// Replacing a file leaves its other names with the old content.
pub fn hard_links(path: &Path, other_names: u64) -> String {
    format!(
        "{} has {other_names} other name(s) (hard links); those keep the old content.",
        path.display()
    )
}

/// A portal of which nothing is known, so that nothing about it changes.
pub fn unlisted(portal: &str, why: &ProblemView) -> String {
    format!("{portal}: {} Its profiles stay as they are.", why.what_happened)
}

/// A portal whose list has not come to its end.
pub fn partly_listed(portal: &str) -> String {
    format!("{portal}: only a part is known yet; no profile is removed.")
}

pub fn skipped(skipped: &Skipped) -> String {
    let account = on_one_harmless_line(&skipped.role.account_name);
    let set = on_one_harmless_line(skipped.role.shown());
    let no = match skipped.reason {
        // One that is there stays.
        SkipReason::SeveralAccounts => "No new profile",
        SkipReason::AccountId | SkipReason::PermissionSet | SkipReason::Chain | SkipReason::Portal => {
            "No profile"
        }
    };
    format!("{no} for {account}/{set}: {}.", skipped.reason)
}

pub fn finding(finding: &Finding) -> FileFinding {
    FileFinding {
        place: format!("{}, line {}", file_name(finding.file), finding.line),
        what: on_one_harmless_line(&sentence(&finding.trouble)),
        advice: advice_about(&finding.trouble).to_owned(),
    }
}

/// As AWS's tools call it.
pub fn file_name(file: File) -> &'static str {
    match file {
        File::Config => "config",
        File::Credentials => "credentials",
    }
}

/// The first few, and how many more there are.
pub fn first_few(mut notes: Vec<String>, most: usize, more_of_them: impl Fn(usize) -> String) -> Vec<String> {
    let more = notes.len().saturating_sub(most);
    notes.truncate(most);
    notes.extend((more > 0).then(|| more_of_them(more)));
    notes
}
