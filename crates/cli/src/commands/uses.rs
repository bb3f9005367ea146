//! `portray uses`: who was handed credentials, and who gets none any more.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use portray_core::agent::protocol::{Operation, Reply};
use portray_core::agent::{Client, ClientError};
use portray_core::app::contract::{
    Answer, ConsumerOrder, ProblemView, Request, UsesView, account_in_words, role_in_words,
};
use portray_core::consumers::{Launch, RevokedProgram};
use portray_core::programs::Program;
use portray_core::uses::{Door, SHOWN, Use, UseOutcome};
use serde::Serialize;

use super::{Invocation, command, portal_in, status_of};
use crate::arguments::Uses;
use crate::failure::Failure;
use crate::printer::on_one_harmless_line;

#[derive(Serialize)]
struct UsesDocument<'a> {
    uses: Vec<&'a Use>,
    launches: Vec<&'a Launch>,
    revoked: &'a [RevokedProgram],
    /// Why earlier uses are missing.
    problem: Option<&'a ProblemView>,
}

pub fn run(invocation: &Invocation, arguments: &Uses) -> Result<(), Failure> {
    let connect = || invocation.connect();
    if let Some(consumer) = arguments.revoke.clone() {
        return order(invocation, &mut connect()?, ConsumerOrder::Revoke { consumer });
    }
    if let Some(consumer) = arguments.allow.clone() {
        return order(invocation, &mut connect()?, ConsumerOrder::Allow { consumer });
    }
    let (mut client, view) = invocation.read(all)?;
    // One that is no more may have been used.
    if let Some(named) = arguments.portal.as_deref()
        && !view.uses.iter().any(|used| is_of_portal(&used.portal, named))
    {
        portal_in(&status_of(&mut client)?, Some(named))?;
    }
    if arguments.follow {
        let before = view.uses.iter().nth_back(SHOWN).map_or(0, |used| used.number);
        return follow(invocation, arguments, invocation.reconnect()?, before);
    }
    let uses: Vec<_> = view
        .uses
        .iter()
        .filter(|used| is_wanted(used, arguments))
        .collect();
    // A launch is also for whom its uses are.
    let is_used = |launch: &Launch| uses.iter().any(|used| used.launch.as_ref() == Some(&launch.id));
    let launches: Vec<_> = view
        .launches
        .iter()
        .filter(|launch| is_launch_wanted(launch, arguments) || is_used(launch))
        .collect();
    if arguments.json {
        invocation.printer.json(&UsesDocument {
            uses,
            launches,
            revoked: &view.revoked,
            problem: view.problem.as_ref(),
        })?;
    } else {
        let zone = TimeZone::system();
        let shown = shown(&uses, arguments);
        let rows: Vec<_> = shown.iter().map(|used| row(used, &zone)).collect();
        if rows.is_empty() {
            invocation.printer.note(&nothing(&view.uses, arguments));
        } else {
            invocation
                .printer
                .table(&[vec![HEAD.map(str::to_owned).to_vec()], rows].concat())?;
        }
        print_the_rest(invocation, &launches, &view.revoked)?;
        if shown.len() < uses.len() {
            invocation.printer.note(&more(shown.len(), uses.len()));
        }
    }
    // What could not be read is not nothing.
    match view.problem {
        Some(problem) => Err(problem.into()),
        None => Ok(()),
    }
}

/// Whoever looks for something gets all of it, and who just looks, the newest.
fn shown<'a>(uses: &'a [&'a Use], arguments: &Uses) -> &'a [&'a Use] {
    let is_chosen = [&arguments.role, &arguments.portal, &arguments.program]
        .iter()
        .any(|wanted| wanted.is_some());
    let skipped = if is_chosen {
        0
    } else {
        uses.len().saturating_sub(SHOWN)
    };
    &uses[skipped..]
}

fn more(shown: usize, all: usize) -> String {
    format!(
        "These are the newest {shown} of {all} uses. --role, --portal and --program look through all of them; --json prints them all."
    )
}

/// What is said where no use is shown.
fn nothing(uses: &[Use], arguments: &Uses) -> String {
    if uses.is_empty() {
        return "No program was handed credentials lately.".to_owned();
    }
    let filters = [
        ("role", &arguments.role),
        ("portal", &arguments.portal),
        ("program", &arguments.program),
    ];
    let filters = filters
        .iter()
        .filter_map(|(name, wanted)| wanted.as_ref().map(|wanted| format!("--{name} “{wanted}”")));
    let filters = filters.collect::<Vec<_>>().join(" ");
    format!(
        "No use matches {filters}; without that, “portray uses” shows {}.",
        uses.len()
    )
}

fn order(invocation: &Invocation, client: &mut Client, order: ConsumerOrder) -> Result<(), Failure> {
    match command(client, Request::Consumers { order })? {
        Answer::Said { words } => {
            invocation.printer.note(&words);
            Ok(())
        }
        Answer::Done
        | Answer::StartUrl { .. }
        | Answer::AwsCliPortals { .. }
        | Answer::Portal { .. }
        | Answer::SignIn { .. }
        | Answer::Uses { .. }
        | Answer::Profiles { .. } => Err(Failure::unexpected_answer()),
    }
}

/// Page after page.
fn all(client: &mut Client) -> Result<UsesView, ClientError> {
    let mut view = UsesView::default();
    let mut after = 0;
    loop {
        let operation = Operation::Uses { after, follow: false };
        let Reply::Uses(page) = client.ask(&operation)? else {
            return Err(ClientError::Garbled);
        };
        let Some(last) = page.uses.last() else {
            return Ok(UsesView {
                uses: view.uses,
                ..*page
            });
        };
        after = last.number;
        view.uses.extend(page.uses);
    }
}

/// Prints the newest, and then what comes. `after`: the number of the last one that is none of those.
fn follow(invocation: &Invocation, arguments: &Uses, client: Client, after: u64) -> Result<(), Failure> {
    let zone = TimeZone::system();
    let follow = true;
    for reply in client.stream(&Operation::Uses { after, follow })? {
        let Reply::Uses(page) = reply? else {
            return Err(Failure::unexpected_answer());
        };
        let mut wanted = page.uses.iter().filter(|used| is_wanted(used, arguments));
        if arguments.json {
            wanted.try_for_each(|used| invocation.printer.json(used))?;
            continue;
        }
        let rows: Vec<_> = wanted.map(|used| row(used, &zone)).collect();
        invocation.printer.table(&rows)?;
    }
    Err(ClientError::Closed.into())
}

fn is_wanted(used: &Use, arguments: &Uses) -> bool {
    let mut role = vec![&used.account, &used.account_name, &used.permission_set];
    role.extend(&used.chain);
    if let Some(assumed) = &used.assumed {
        role.extend([&assumed.account, &assumed.account_name, &assumed.role_name]);
    }
    is_chosen(&role, used.program.as_ref(), &used.portal, arguments)
}

fn is_launch_wanted(launch: &Launch, arguments: &Uses) -> bool {
    let mut role = vec![&launch.account, &launch.account_name, &launch.permission_set];
    role.extend(&launch.chain);
    is_chosen(&role, launch.program.as_ref(), &launch.portal, arguments)
}

/// `role` is everything that the role is called.
fn is_chosen(role: &[&String], program: Option<&Program>, portal: &str, arguments: &Uses) -> bool {
    let has = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
    let of_role = |words: &str| {
        let role = role
            .iter()
            .map(|word| word.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        words.split(['/', ' ']).all(|word| has(&role, word))
    };
    let of_program = |part: &str| {
        program.is_some_and(|program| {
            has(&program.name, part) || program.executable.as_deref().is_some_and(|path| has(path, part))
        })
    };
    arguments.role.as_deref().is_none_or(of_role)
        && arguments.program.as_deref().is_none_or(of_program)
        && arguments
            .portal
            .as_deref()
            .is_none_or(|named| is_of_portal(portal, named))
}

fn is_of_portal(portal: &str, named: &str) -> bool {
    portal.eq_ignore_ascii_case(named)
}

const HEAD: [&str; 6] = ["id", "time", "program", "role", "door", "outcome"];

fn row(used: &Use, zone: &TimeZone) -> Vec<String> {
    let account = account_in_words(&used.account_name, &used.account);
    let times = match used.times {
        1 => String::new(),
        times => format!(" ({times} times)"),
    };
    let outcome = match (used.outcome, &used.reason) {
        (UseOutcome::HandedOut, _) => format!("handed out{times}"),
        (UseOutcome::Refused, Some(reason)) => format!("refused{times}: {reason}"),
        (UseOutcome::Refused, None) => format!("refused{times}"),
    };
    vec![
        used.consumer.clone().unwrap_or_else(|| "-".to_owned()),
        moment(used.last_at, zone),
        program(used),
        role_in_words(used.chain.as_deref(), account, &used.permission_set),
        used.door.name().to_owned(),
        outcome,
    ]
}

/// Its name, its process, and what runs in it where that is called otherwise.
fn program(used: &Use) -> String {
    let Some(program) = &used.program else {
        return "not known".to_owned();
    };
    let runs = program.executable.as_deref().map(Path::new);
    let is_called_so = runs
        .and_then(Path::file_name)
        .is_some_and(|name| name == program.name.as_str());
    match runs {
        Some(path) if !is_called_so => format!("{} {} ({})", program.name, program.pid, path.display()),
        Some(_) | None => format!("{} {}", program.name, program.pid),
    }
}

/// What can be revoked though nothing was handed out yet, and what is.
fn print_the_rest(
    invocation: &Invocation,
    launches: &[&Launch],
    revoked: &[RevokedProgram],
) -> Result<(), Failure> {
    for Launch {
        id,
        door,
        program,
        account,
        account_name,
        permission_set,
        chain,
        ..
    } in launches
    {
        let command = match (door, program) {
            (Door::Exec, Some(program)) => format!(" of {} (process {})", program.name, program.pid),
            (_, Some(program)) => format!(" (process {})", program.pid),
            (_, None) => String::new(),
        };
        let door = door.name();
        let role = role_in_words(
            chain.as_deref(),
            account_in_words(account_name, account),
            permission_set,
        );
        let line = format!("{id}: {door}{command} serves {role} now.");
        invocation.printer.data(&on_one_harmless_line(&line))?;
    }
    for revoked in revoked {
        let line = format!("{}: {} is revoked.", revoked.consumer, revoked.executable);
        invocation.printer.data(&on_one_harmless_line(&line))?;
    }
    Ok(())
}

fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

#[cfg(test)]
mod tests {
    use portray_core::role_chain::Assumed;

    use super::*;

    fn used() -> Use {
        let at = "2026-03-02T12:00:00Z".parse().unwrap();
        Use {
            number: 1,
            at,
            last_at: at,
            times: 3,
            door: Door::CredentialProcess,
            program: Some(Program {
                pid: 7,
                name: "aws".to_owned(),
                executable: Some("/usr/bin/python3.11".to_owned()),
                below: Vec::new(),
            }),
            launch: None,
            consumer: Some("1f2e3d4c".to_owned()),
            portal: "acme".to_owned(),
            account: "111122223333".to_owned(),
            account_name: "acme-dev".to_owned(),
            permission_set: "ReadOnly".to_owned(),
            chain: None,
            assumed: None,
            outcome: UseOutcome::HandedOut,
            reason: None,
        }
    }

    fn choosing(role: Option<&str>, portal: Option<&str>, program: Option<&str>) -> Uses {
        Uses {
            follow: false,
            json: false,
            role: role.map(str::to_owned),
            portal: portal.map(str::to_owned),
            program: program.map(str::to_owned),
            revoke: None,
            allow: None,
        }
    }

    #[test]
    fn a6_where_a_filter_hits_nothing_that_is_said_and_not_that_there_was_no_use() {
        let role = choosing(Some("acme-prod"), None, None);
        assert_eq!(
            nothing(&[used(), used()], &role),
            "No use matches --role “acme-prod”; without that, “portray uses” shows 2."
        );
        let both = choosing(Some("x"), Some("acme"), Some("aws"));
        assert_eq!(
            nothing(&[used()], &both),
            "No use matches --role “x” --portal “acme” --program “aws”; without that, “portray uses” shows 1."
        );
        assert_eq!(nothing(&[], &role), "No program was handed credentials lately.");
    }

    #[test]
    fn a6_a_use_is_a_row_that_says_who_when_what_and_how() {
        let expected = [
            "1f2e3d4c",
            "2026-03-02 12:00:00",
            "aws 7 (/usr/bin/python3.11)",
            "acme-dev/ReadOnly",
            "credential-process",
            "handed out (3 times)",
        ];
        assert_eq!(row(&used(), &TimeZone::UTC), expected);
        let refused = Use {
            program: None,
            outcome: UseOutcome::Refused,
            reason: Some("It failed.".to_owned()),
            times: 1,
            ..used()
        };
        let refused = row(&refused, &TimeZone::UTC);
        assert_eq!(
            [refused[2].as_str(), &refused[5]],
            ["not known", "refused: It failed."]
        );
    }

    #[test]
    fn a6_uses_are_chosen_by_role_portal_and_program() {
        let wanted = |role: Option<&str>, portal: Option<&str>, program: Option<&str>| {
            is_wanted(&used(), &choosing(role, portal, program))
        };
        assert!(wanted(None, None, None));
        assert!(wanted(Some("dev/read"), Some("acme"), Some("python")));
        assert!(wanted(Some("111122223333/ReadOnly"), None, Some("AWS")));
        assert!(!wanted(Some("prod"), None, None));
        assert!(!wanted(Some("dev/Admin"), None, None), "each word is to fit");
        assert!(!wanted(None, Some("other"), None));
        assert!(!wanted(None, None, Some("terraform")));
    }

    #[test]
    fn a6_who_just_looks_is_shown_the_newest_and_told_of_the_rest_and_a_filter_finds_all() {
        let used: Vec<_> = (1..=250).map(|number| Use { number, ..used() }).collect();
        let uses: Vec<_> = used.iter().collect();
        let newest = shown(&uses, &choosing(None, None, None)).to_vec();
        assert_eq!((newest.len(), newest[0].number), (200, 51));
        for (role, portal, program) in [
            (Some("dev"), None, None),
            (None, Some("acme"), None),
            (None, None, Some("aws")),
        ] {
            assert_eq!(shown(&uses, &choosing(role, portal, program)).len(), 250);
        }
        let told = more(200, 250);
        assert!(
            told.contains("newest 200 of 250") && told.contains("--json"),
            "{told}"
        );
    }

    #[test]
    fn a6_a_launch_is_chosen_by_what_it_serves() {
        let Use {
            door,
            program,
            portal,
            account,
            account_name,
            permission_set,
            ..
        } = used();
        let launch = Launch {
            id: "0a1b2c3d".to_owned(),
            door,
            program,
            portal,
            account,
            account_name,
            permission_set,
            chain: Some("release".to_owned()),
        };
        let wanted = |role: &str| is_launch_wanted(&launch, &choosing(Some(role), None, None));
        assert!(wanted("acme-dev/ReadOnly") && wanted("release"));
        assert!(!wanted("acme-prod"));
    }

    #[test]
    fn a6_a_use_of_a_further_role_is_found_by_its_own_account_and_name() {
        let used = Use {
            chain: Some("release".to_owned()),
            assumed: Some(Assumed {
                role_arn: "arn:aws:iam::666677778888:role/ReleaseManager".to_owned(),
                account: "666677778888".to_owned(),
                account_name: "acme-prod".to_owned(),
                role_name: "ReleaseManager".to_owned(),
            }),
            ..used()
        };
        let wanted = |role: &str| is_wanted(&used, &choosing(Some(role), None, None));
        for role in [
            "666677778888",
            "prod",
            "prod/releasemanager",
            "release",
            "dev/ReadOnly",
        ] {
            assert!(wanted(role), "{role}");
        }
        assert!(!wanted("iam"));
    }

    #[test]
    fn the_document_has_the_shape_that_scripts_rely_on() {
        let expected = r#"{"uses":[{"number":1,"at":"2026-03-02T12:00:00Z","last_at":"2026-03-02T12:00:00Z","times":3,"door":"credential_process","program":{"pid":7,"name":"aws","executable":"/usr/bin/python3.11","below":[]},"launch":null,"consumer":"1f2e3d4c","portal":"acme","account":"111122223333","account_name":"acme-dev","permission_set":"ReadOnly","chain":null,"assumed":null,"outcome":"handed_out","reason":null}],"launches":[],"revoked":[],"problem":null}"#;
        let used = used();
        let document = UsesDocument {
            uses: vec![&used],
            launches: Vec::new(),
            revoked: &[],
            problem: None,
        };
        assert_eq!(serde_json::to_string(&document).unwrap(), expected);
    }
}
