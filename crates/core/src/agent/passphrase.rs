//! How a process that is to be the agent, or is to start it, comes by the passphrase of the encrypted sign-ins.

use std::io::{self, IsTerminal};

use inquire::{Password, PasswordDisplayMode};

use crate::app::contract::ProblemView;
use crate::paths::{Environment, Paths, SecretStore};
use crate::secret::Secret;
use crate::token_store::passphrase::{self, NotOpened, Question};

/// Asks the person at the terminal. Fails where the person gives no answer.
type Ask<'terminal> = &'terminal mut dyn FnMut(Question) -> Result<Secret, ProblemView>;

/// The passphrase, where one is needed: from the file that the environment names, else from the person at the
/// terminal, where there is one. Nothing is written.
pub fn obtain(environment: &Environment, paths: &Paths) -> Result<Option<Secret>, ProblemView> {
    let mut ask = ask;
    obtain_with(
        environment,
        paths,
        is_at_terminal().then_some(&mut ask as Ask<'_>),
    )
}

/// The same for a tool in whose way no question may stand: from the file, or not at all.
pub fn obtain_unasked(environment: &Environment, paths: &Paths) -> Result<Option<Secret>, ProblemView> {
    obtain_with(environment, paths, None)
}

fn obtain_with(
    environment: &Environment,
    paths: &Paths,
    terminal: Option<Ask<'_>>,
) -> Result<Option<Secret>, ProblemView> {
    let store = environment.secret_store();
    match store.map_err(|error| ProblemView::environment(&error))? {
        SecretStore::Keyring | SecretStore::Memory => return Ok(None),
        SecretStore::File => {}
    }
    if let Some(path) = environment.passphrase_file() {
        let read = passphrase::from_file(path);
        return read
            .map(Some)
            .map_err(|fault| ProblemView::passphrase_file(&fault, path));
    }
    let ask = terminal.ok_or_else(ProblemView::no_passphrase)?;
    let path = paths.sign_ins();
    match passphrase::from_person(&path, ask) {
        Ok(passphrase) => Ok(Some(passphrase)),
        Err(NotOpened::NotGiven(problem)) => Err(problem),
        Err(NotOpened::Fault(fault)) => Err(ProblemView::sealed_file(&fault, &path)),
    }
}

fn ask(question: Question) -> Result<Secret, ProblemView> {
    let prompt = match question {
        Question::New => Password::new("New passphrase for your sign-ins:")
            .with_custom_confirmation_message("The same again:")
            .with_custom_confirmation_error_message("These two differ."),
        Question::Known => Password::new("Passphrase of your sign-ins:").without_confirmation(),
        Question::Again => {
            Password::new("That is not it. Passphrase of your sign-ins:").without_confirmation()
        }
    };
    let answer = prompt.with_display_mode(PasswordDisplayMode::Hidden).prompt();
    let given = answer.ok().filter(|answer| !answer.is_empty());
    given
        .map(Secret::new)
        .ok_or_else(ProblemView::passphrase_not_given)
}

/// Whether a person can be asked where this process was started: keys come from standard input, questions go to
/// standard error, and the shell has not sent it to the background, where reading would stop it.
fn is_at_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal() && is_in_foreground()
}

#[cfg(unix)]
fn is_in_foreground() -> bool {
    // A terminal that is not the one of this session stops nobody, and does not say who has it.
    let has_it = rustix::termios::tcgetpgrp(io::stdin());
    has_it.map_or(true, |group| group == rustix::process::getpgrp())
}

#[cfg(windows)]
fn is_in_foreground() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k3_a_passphrase_is_asked_for_only_where_the_encrypted_file_is_wanted_and_somebody_can_answer() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().to_str().unwrap();
        let obtained = |store: &str, passphrase_file: &str, terminal: bool| {
            let environment = Environment::of(&[
                ("PORTRAY_HOME", home),
                ("PORTRAY_SECRET_STORE", store),
                ("PORTRAY_PASSPHRASE_FILE", passphrase_file),
            ]);
            let paths = Paths::of(&environment).unwrap();
            let mut asked = Vec::new();
            let mut ask = |question| {
                asked.push(question);
                Ok(Secret::from("typed"))
            };
            let answer = obtain_with(&environment, &paths, terminal.then_some(&mut ask as Ask<'_>));
            (answer, asked)
        };
        for elsewhere in ["", "keyring", "memory"] {
            assert_eq!(obtained(elsewhere, "/nowhere", true), (Ok(None), vec![]));
        }
        let typed = Ok(Some(Secret::from("typed")));
        assert_eq!(obtained("file", "", true), (typed, vec![Question::New]));
        let nobody = obtained("file", "", false).0.unwrap_err();
        assert_eq!(nobody.code.exit_code(), 7);
        assert!(
            nobody.what_to_do.contains("PORTRAY_PASSPHRASE_FILE"),
            "{nobody:?}"
        );
        // Whoever names a file wants it read: a person is not asked instead.
        let (absent, asked) = obtained("file", "/nowhere", true);
        assert!(absent.unwrap_err().what_happened.contains("/nowhere"));
        assert_eq!(asked, []);
        assert!(
            !Paths::of(&Environment::of(&[("PORTRAY_HOME", home)]))
                .unwrap()
                .sign_ins()
                .exists()
        );
    }
}
