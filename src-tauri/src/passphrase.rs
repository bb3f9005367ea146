//! The passphrase of the encrypted sign-ins: from its file, or from the terminal that Portray was started in.

use inquire::{Password, PasswordDisplayMode};
use portray_core::agent::passphrase::{Ask, is_at_terminal, obtain};
use portray_core::app::contract::ProblemView;
use portray_core::paths::{Environment, Paths};
use portray_core::secret::Secret;
use portray_core::token_store::passphrase::{Question, prove};

/// None where sign-ins are kept elsewhere. It fits: nobody makes way for an application that cannot start.
pub fn proven(environment: &Environment, paths: &Paths) -> Result<Option<Secret>, ProblemView> {
    let mut ask = ask;
    let terminal = is_at_terminal().then_some(&mut ask as Ask<'_>);
    let passphrase = obtain(environment, paths, terminal)?;
    if let (Some(passphrase), Some(_)) = (&passphrase, environment.passphrase_file()) {
        let path = paths.sign_ins();
        prove(&path, passphrase).map_err(|fault| ProblemView::sealed_file(&fault, &path))?;
    }
    Ok(passphrase)
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
