//! The passphrase of the encrypted sign-ins: from its file, or from the terminal that Portray was started in.

use portray_core::agent::passphrase::obtain;
use portray_core::app::contract::ProblemView;
use portray_core::paths::{Environment, Paths};
use portray_core::secret::Secret;
use portray_core::token_store::passphrase::prove;

/// None where sign-ins are kept elsewhere. It fits: nobody makes way for an application that cannot start.
pub fn proven(environment: &Environment, paths: &Paths) -> Result<Option<Secret>, ProblemView> {
    let passphrase = obtain(environment, paths)?;
    if let (Some(passphrase), Some(_)) = (&passphrase, environment.passphrase_file()) {
        let path = paths.sign_ins();
        prove(&path, passphrase).map_err(|fault| ProblemView::sealed_file(&fault, &path))?;
    }
    Ok(passphrase)
}
