//! Lets a person at a terminal choose a role: fuzzy search over accounts and permission sets, through the agent.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};

use inquire::autocompletion::{Autocomplete, Replacement};
use inquire::validator::Validation;
use inquire::{CustomUserError, InquireError, Text};
use portray_core::agent::protocol::{Operation, Reply, Target};
use portray_core::agent::{Client, ClientError};
use portray_core::app::contract::{ProblemCode, ProblemView, RoleRow, SearchAnswer, SearchRequest};

use crate::commands::{Invocation, listing};
use crate::failure::Failure;
use crate::mfa_code;
use crate::printer::on_one_harmless_line;

/// How many rows are looked at: more than a person scrolls through.
const ROWS: u32 = 50;

/// Asks the agent about a role. Where the words name none or several, a person at a terminal chooses.
pub fn ask(
    invocation: &Invocation,
    words: &str,
    operation: impl Fn(Target) -> Operation,
) -> Result<Reply, Failure> {
    let is_named = !words.trim().is_empty();
    if !is_named && !is_at_terminal() {
        return Err(ProblemView::no_target().into());
    }
    let mut client = invocation.connect()?;
    let target = Target::Words {
        words: words.to_owned(),
    };
    // Also without words: the answer comes when a first listing is there, and says what to do where there is none.
    let asked = listing::ask(invocation, &mut client, &operation(target.clone()));
    let refused = match with_code(invocation, asked, &target, &operation) {
        Err(error @ ClientError::Problem { .. }) => Failure::from(error),
        outcome => return Ok(outcome?),
    };
    let is_ambiguous = !refused.candidates.is_empty();
    if is_named && !(is_ambiguous && is_at_terminal()) {
        return Err(refused);
    }
    if search(&mut client, "")?.total == 0 {
        return Err(refused);
    }
    let role = pick(&mut client, words)?;
    let asked = client.ask(&operation(role.clone()));
    Ok(with_code(invocation, asked, &role, &operation)?)
}

/// Where a code of an MFA device is needed, a person at a terminal gives it, and is asked again where AWS does not take it.
fn with_code(
    invocation: &Invocation,
    asked: Result<Reply, ClientError>,
    role: &Target,
    operation: &impl Fn(Target) -> Operation,
) -> Result<Reply, ClientError> {
    let is_wanted = |error: &ClientError| {
        let code = |problem: &ProblemView| problem.code == ProblemCode::MfaCodeNeeded;
        matches!(error, ClientError::Problem { problem, .. } if code(problem))
    };
    match asked {
        Err(error) if is_wanted(&error) && is_at_terminal() => {
            mfa_code::give(invocation, role)?;
            invocation.reconnect()?.ask(&operation(role.clone()))
        }
        outcome => outcome,
    }
}

/// Keys are read from stdin, and the list is drawn on stderr: stdout may lead into a pipe.
fn is_at_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

fn pick(client: &mut Client, words: &str) -> Result<Target, Failure> {
    let Reply::Status(status) = client.ask(&Operation::Status)? else {
        return Err(Failure::unexpected_answer());
    };
    let shown = Shown::default();
    let search = Search {
        client: Arc::new(Mutex::new(client)),
        several_portals: status.portals.len() > 1,
        shown: shown.clone(),
    };
    let judge = shown.clone();
    let answer = Text::new("Which role?")
        .with_initial_value(&as_search(words))
        .with_help_message("Type to search, ↑↓ and Enter choose, Esc cancels")
        .with_autocomplete(search)
        .with_validator(move |text: &str| Ok(judge.judge(text)))
        .with_page_size(10)
        .prompt();
    let role = shown.role(&answer.map_err(not_chosen)?);
    Ok(role.ok_or_else(ProblemView::nothing_chosen)?)
}

/// The rows that the prompt shows now, by their labels. Prompt and validator look at the same ones.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<BTreeMap<String, Target>>>);

impl Shown {
    fn set(&self, rows: BTreeMap<String, Target>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = rows;
    }

    /// The row with this label; the only one, whatever was typed.
    fn role(&self, text: &str) -> Option<Target> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (rows.get(text), rows.len()) {
            (Some(role), _) => Some(role.clone()),
            (None, 1) => rows.values().next().cloned(),
            (None, _) => None,
        }
    }

    fn judge(&self, text: &str) -> Validation {
        match self.role(text) {
            Some(_) => Validation::Valid,
            None => Validation::Invalid("Choose one of the rows with ↓, or type on.".into()),
        }
    }
}

#[derive(Clone)]
struct Search<'client> {
    /// The prompt clones what it is given; there is one connection.
    client: Arc<Mutex<&'client mut Client>>,
    several_portals: bool,
    shown: Shown,
}

impl Autocomplete for Search<'_> {
    fn get_suggestions(&mut self, input: &str) -> Result<Vec<String>, CustomUserError> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = search(&mut client, input).map_err(|failure| failure.problem.what_happened)?;
        let labelled = answer
            .rows
            .into_iter()
            .map(|row| (label(&row, self.several_portals), Target::from(row.role)));
        let rows: Vec<_> = labelled.collect();
        let labels = rows.iter().map(|(label, _)| label.clone()).collect();
        self.shown.set(rows.into_iter().collect());
        Ok(labels)
    }

    fn get_completion(
        &mut self,
        _input: &str,
        highlighted: Option<String>,
    ) -> Result<Replacement, CustomUserError> {
        Ok(highlighted.map(|label| as_search(&label)))
    }
}

fn search(client: &mut Client, words: &str) -> Result<SearchAnswer, Failure> {
    let search = SearchRequest {
        query: as_search(words),
        portal: None,
        sorted_at: None,
        offset: 0,
        limit: ROWS,
    };
    let Reply::Search(answer) = client.ask(&Operation::Search { search })? else {
        return Err(Failure::unexpected_answer());
    };
    Ok(answer)
}

/// `PORTAL:ACCOUNT/PERMISSION_SET` as the words that a search knows.
fn as_search(target: &str) -> String {
    target.replace(['/', ':', '(', ')'], " ")
}

fn label(row: &RoleRow, several_portals: bool) -> String {
    let portal = match several_portals {
        true => format!("{}:", row.portal_name),
        false => String::new(),
    };
    let (name, role) = (&row.account_name, &row.role);
    on_one_harmless_line(&match &row.chain {
        None => format!("{portal}{name}/{}  ({})", role.permission_set, role.account),
        Some(chain) => format!("{portal}{}  (from {})", chain.name, chain.from),
    })
}

fn not_chosen(error: InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => {
            ProblemView::nothing_chosen().into()
        }
        InquireError::NotTTY => ProblemView::no_target().into(),
        InquireError::IO(error) => Failure::system("Showing the list", &error),
        InquireError::InvalidConfiguration(text) => {
            Failure::system("Showing the list", &io::Error::other(text))
        }
        InquireError::Custom(error) => Failure::system("Searching", &io::Error::other(error.to_string())),
    }
}
