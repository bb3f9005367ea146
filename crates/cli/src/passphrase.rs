//! The passphrase of the encrypted sign-ins, for the agent that is to be started: from its file, else asked for here.

use inquire::{Password, PasswordDisplayMode};
use portray_core::agent::passphrase;
use portray_core::app::contract::ProblemView;
use portray_core::paths::{Environment, Paths};
use portray_core::secret::Secret;
use portray_core::token_store::passphrase::Question;

use crate::failure::Failure;

/// None where sign-ins are kept elsewhere.
pub fn obtain(environment: &Environment, paths: &Paths) -> Result<Option<Secret>, Failure> {
    let mut ask = ask;
    let terminal = passphrase::is_at_terminal().then_some(&mut ask as passphrase::Ask<'_>);
    Ok(passphrase::obtain(environment, paths, terminal)?)
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
