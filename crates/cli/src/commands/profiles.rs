//! `portray profiles`: shows, writes and takes back the profiles in `~/.aws/config`.

mod program;
mod report;

use portray_core::app::contract::{PortalView, ProblemView};
use portray_core::aws_config;
use portray_core::aws_config::edit::Unclear;
use portray_core::aws_config::file::{ConfigFile, FileError, Files};
use portray_core::aws_config::names::{Template, USUAL_TEMPLATE};
use portray_core::aws_config::wish::{Kind, Listing, Portal, Role, Wish};
use portray_core::identity_center::portal::is_region;
use portray_core::paths::AwsFiles;
use portray_core::settings::{ProfileKind, ProfileSettings, Settings};

use super::{Invocation, accounts};
use crate::arguments::{ProfileOptions, ProfilesCommand};
use crate::failure::Failure;
use report::Report;

/// The formats that the AWS CLI knows.
const OUTPUTS: [&str; 6] = ["json", "yaml", "yaml-stream", "text", "table", "off"];

pub fn run(invocation: &Invocation, command: &ProfilesCommand) -> Result<(), Failure> {
    let files = AwsFiles::of(&invocation.environment)?;
    let file = ConfigFile::of(&files, &invocation.paths);
    match command {
        ProfilesCommand::Plan(options) => plan(invocation, &file, options),
        ProfilesCommand::Apply(options) => apply(invocation, &file, options),
        ProfilesCommand::Remove(json) => remove(invocation, &file, json.json),
    }
}

fn plan(invocation: &Invocation, file: &ConfigFile, options: &ProfileOptions) -> Result<(), Failure> {
    // What is wrong with the file is said before anybody has to sign in.
    let files = file.read()?;
    let wish = wish(invocation, options)?;
    let plan = planned(&files, &wish);
    let plan = plan.map_err(|unclear| FileError::Unclear {
        path: file.path().to_owned(),
        unclear,
    })?;
    let report = Report::of(file, &files, &plan.after)
        .with_plan(&plan)
        .with_other_names(file.other_names());
    report.print(invocation, options.json)
}

fn apply(invocation: &Invocation, file: &ConfigFile, options: &ProfileOptions) -> Result<(), Failure> {
    file.read()?;
    // Once it is written, it has one name.
    let other_names = file.other_names();
    let wish = wish(invocation, options)?;
    let mut last = None;
    let changed = file.change(|files| {
        let plan = planned(files, &wish)?;
        let after = plan.after.clone();
        last = Some((files.clone(), plan));
        Ok(after)
    });
    let changed = changed.map_err(|error| unwritten(invocation, error))?;
    let Some((files, plan)) = last else { return Ok(()) };
    let report = Report::of(file, &files, &changed.after)
        .with_plan(&plan)
        .with_other_names(other_names)
        .written(changed.backup);
    report.print(invocation, options.json)
}

fn remove(invocation: &Invocation, file: &ConfigFile, json: bool) -> Result<(), Failure> {
    let other_names = file.other_names();
    let mut last = Files::default();
    let changed = file.change(|files| {
        last = files.clone();
        aws_config::taken_back(files.config.as_deref())
    });
    let changed = changed?;
    Report::of(file, &last, &changed.after)
        .with_other_names(other_names)
        .taken_back(changed.backup)
        .print(invocation, json)
}

fn planned(files: &Files, wish: &Wish) -> Result<aws_config::Plan, Unclear> {
    aws_config::plan(files.config.as_deref(), files.credentials.as_deref(), wish)
}

/// Where the file cannot be written, what was to stand in it is there to be pasted.
fn unwritten(invocation: &Invocation, error: FileError) -> Failure {
    if let FileError::Unwritable { after, .. } = &error
        && let Some(text) = aws_config::text_to_paste(after)
        && let Err(failure) = invocation
            .printer
            .data(String::from_utf8_lossy(text).replace("\r\n", "\n").trim_end())
    {
        return failure;
    }
    error.into()
}

fn wish(invocation: &Invocation, options: &ProfileOptions) -> Result<Wish, Failure> {
    let settings = settings(invocation)?;
    let template = options.template.as_deref().or(settings.template.as_deref());
    let template = Template::parse(template.unwrap_or(USUAL_TEMPLATE));
    let template = template.map_err(|error| ProblemView::profile_template(&error))?;
    let region = options.region.clone().or(settings.region);
    if let Some(region) = region.as_deref().filter(|region| !is_region(region)) {
        return Err(ProblemView::profile_value("region", region).into());
    }
    let output = options.output.clone().or(settings.output);
    if let Some(output) = output.as_deref().filter(|output| !OUTPUTS.contains(output)) {
        return Err(ProblemView::profile_value("output", output).into());
    }
    let kind = match options.kind.map_or(settings.kind, ProfileKind::from) {
        ProfileKind::CredentialProcess => Kind::CredentialProcess {
            program: program::in_profiles(&invocation.environment)?,
        },
        ProfileKind::SsoSession => Kind::SsoSession,
    };
    Ok(Wish {
        listings: listings(invocation, options.portal.as_deref())?,
        template,
        kind,
        region,
        output,
        only: if options.only.is_empty() {
            settings.only
        } else {
            options.only.clone()
        },
    })
}

/// What the file says now. A part of it that does not hold would make other profiles than a person wants.
fn settings(invocation: &Invocation) -> Result<ProfileSettings, Failure> {
    let path = invocation.paths.settings();
    let settings = Settings::read(&path)?.unwrap_or_default();
    match settings
        .faults
        .iter()
        .find(|fault| fault.what.contains("[profiles]"))
    {
        Some(fault) => Err(ProblemView::settings_fault(&path, fault).into()),
        None => Ok(settings.profiles),
    }
}

/// What every portal lists, or the one that is named. One that nothing is known of makes a note, if it is not the only one.
fn listings(invocation: &Invocation, portal: Option<&str>) -> Result<Vec<Listing>, Failure> {
    let mut client = invocation.connect()?;
    let wanted = accounts::known(invocation, &mut client, portal)?;
    let mut client = invocation.reconnect()?;
    let is_any_known = wanted.iter().any(accounts::Wanted::is_known);
    let mut listings = Vec::new();
    for wanted in wanted {
        if !wanted.is_known() {
            let why = wanted.why();
            if !is_any_known {
                return Err(why.into());
            }
            let name = &wanted.portal.name;
            invocation.printer.note(&format!(
                "{name}: {} Its profiles stay as they are.",
                why.what_happened
            ));
            continue;
        }
        let listing = accounts::listing_of(&mut client, &wanted.portal.name, "")?;
        let is_complete = listing.complete;
        if !is_complete {
            let note = format!(
                "{}: only a part is known yet; no profile is removed.",
                listing.portal
            );
            invocation.printer.note(&note);
        }
        let roles = listing.accounts.into_iter().flat_map(|account| {
            let role = |permission_set: &str, chain| Role {
                account_id: account.id.clone(),
                permission_set: permission_set.to_owned(),
                account_name: account.name.clone(),
                chain,
            };
            let sets = account.permission_sets.iter().map(|set| role(set, None));
            let chains = account.chains.iter().map(|chain| {
                let set = chain.from.rsplit('/').next().unwrap_or_default();
                role(set, Some(chain.name.clone()))
            });
            sets.chain(chains).collect::<Vec<_>>()
        });
        listings.push(Listing {
            roles: roles.collect(),
            portal: portal_of(wanted.portal),
            is_complete,
        });
    }
    Ok(listings)
}

fn portal_of(view: PortalView) -> Portal {
    Portal {
        id: view.id,
        name: view.name,
        start_url: view.start_url,
        region: view.region,
    }
}
