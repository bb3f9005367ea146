//! `portray profiles`: shows, writes and takes back the profiles in `~/.aws/config`.

mod report;

use portray_core::app::profiles::{wishes, words};
use portray_core::aws_config::edit::Unclear;
use portray_core::aws_config::file::{ConfigFile, FileError, Files};
use portray_core::aws_config::wish::{Listing, Wish};
use portray_core::aws_config::{self, Plan};
use portray_core::paths::AwsFiles;
use portray_core::settings::{ProfileKind, ProfileSettings};

use super::{Invocation, accounts};
use crate::arguments::{ProfileOptions, ProfilesCommand};
use crate::failure::Failure;
use report::Report;

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
    report.print(invocation, options.json)?;
    note_no_region(invocation, &wish, &plan);
    Ok(())
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
    report.print(invocation, options.json)?;
    note_no_region(invocation, &wish, &plan);
    Ok(())
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

fn note_no_region(invocation: &Invocation, wish: &Wish, plan: &Plan) {
    if plan.lacks_region(wish) {
        invocation.printer.note(words::NO_REGION);
    }
}

fn planned(files: &Files, wish: &Wish) -> Result<Plan, Unclear> {
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
    let settings = wishes::settings(&invocation.paths.settings())?;
    let settings = ProfileSettings {
        template: options.template.clone().or(settings.template),
        kind: options.kind.map_or(settings.kind, ProfileKind::from),
        region: options.region.clone().or(settings.region),
        output: options.output.clone().or(settings.output),
        only: match options.only.is_empty() {
            true => settings.only,
            false => options.only.clone(),
        },
    };
    let wish = wishes::wish(settings, &invocation.environment)?;
    let listings = listings(invocation, options.portal.as_deref())?;
    Ok(Wish { listings, ..wish })
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
            invocation
                .printer
                .note(&words::unlisted(&wanted.portal.name, &why));
            continue;
        }
        let listing = accounts::listing_of(&mut client, &wanted.portal.name, "")?;
        let is_complete = listing.complete;
        if !is_complete {
            invocation.printer.note(&words::partly_listed(&listing.portal));
        }
        let roles = listing.accounts.iter().flat_map(|account| {
            wishes::roles(
                &account.id,
                &account.name,
                &account.permission_sets,
                &account.chains,
            )
        });
        let unclear = listing
            .unclear_chains
            .iter()
            .map(|chain| wishes::unclear(&chain.name, &chain.account, &chain.permission_set));
        listings.push(Listing {
            roles: roles.collect(),
            unclear: unclear.collect(),
            portal: wishes::portal(wanted.portal),
            is_complete,
        });
    }
    Ok(listings)
}
