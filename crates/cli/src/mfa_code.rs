//! Asks a person at the terminal for a code of an MFA device, and gives it to the agent.

use inquire::{Password, PasswordDisplayMode};
use portray_core::agent::ClientError;
use portray_core::agent::protocol::{Operation, Target};
use portray_core::app::contract::{MfaCode, ProblemCode, ProblemView};

use crate::commands::Invocation;

/// So many codes a person may mistype.
const TRIES: usize = 3;

/// Ends when AWS has taken a code.
pub fn give(invocation: &Invocation, role: &Target) -> Result<(), ClientError> {
    let mut tries = 1;
    loop {
        let given = asked(tries > 1).map_err(refused)?;
        // A connection of its own each time: the agent closes one on which nothing is said for long.
        let asked = invocation.reconnect()?.ask(&Operation::MfaCode {
            role: role.clone(),
            code: given,
        });
        match asked {
            Err(ClientError::Problem { problem, .. }) if tries < TRIES && is_about_the_code(&problem) => {
                invocation.printer.note(&problem.what_happened);
                tries += 1;
            }
            outcome => return outcome.map(drop),
        }
    }
}

fn is_about_the_code(problem: &ProblemView) -> bool {
    matches!(problem.code, ProblemCode::Denied | ProblemCode::WrongUse)
}

fn asked(again: bool) -> Result<MfaCode, ProblemView> {
    let question = if again {
        "The next code of your MFA device:"
    } else {
        "Code of your MFA device:"
    };
    let prompt = Password::new(question)
        .without_confirmation()
        .with_display_mode(PasswordDisplayMode::Hidden);
    let given = prompt.prompt().ok().filter(|given| !given.trim().is_empty());
    given.map(MfaCode::new).ok_or_else(ProblemView::code_not_given)
}

fn refused(problem: ProblemView) -> ClientError {
    ClientError::Problem {
        problem,
        candidates: Vec::new(),
    }
}
