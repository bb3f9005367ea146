//! The sentences about where sign-ins are kept: the keyring, memory, or a file that a passphrase encrypts.

use std::path::Path;

use crate::app::contract::{ProblemCode, ProblemView};
use crate::app::problem::{is_disk_full, sentence};
use crate::paths::SecretStore;
use crate::token_store::passphrase::PassphraseFault;
use crate::token_store::{SealedFault, StoreFailure};

/// What a person may choose where the keyring does not serve. Portray takes neither by itself.
const ELSEWHERE: &str = "run Portray with PORTRAY_SECRET_STORE=memory to keep sign-ins in memory only, or with \
                         PORTRAY_SECRET_STORE=file to keep them in a file that a passphrase encrypts.";

/// What is wrong with a place.
impl ProblemView {
    /// The store did not do what it should. Nothing was lost and nothing was written elsewhere.
    pub fn store(failure: StoreFailure) -> Self {
        let what_to_do = match failure {
            StoreFailure::Locked | StoreFailure::Dismissed => {
                "Unlock the keyring, then try again.".to_owned()
            }
            StoreFailure::Absent => {
                format!("Start a Secret Service (for instance gnome-keyring); or {ELSEWHERE}")
            }
            StoreFailure::NoKeyring => format!(
                "Make one (on Linux in “Passwords and Keys”, seahorse) and set it as default; or {ELSEWHERE}"
            ),
            StoreFailure::TimedOut => {
                format!("See whether the keyring waits for an answer; or {ELSEWHERE}")
            }
            StoreFailure::TooLarge | StoreFailure::Failed => format!("Try again; or {ELSEWHERE}"),
            StoreFailure::Corrupt => "Sign out and sign in again to write it anew.".to_owned(),
            StoreFailure::Unwritten => {
                "Make room on the disk, or its folder writable for you; then try again.".to_owned()
            }
        };
        Self::new(ProblemCode::SecretStore, sentence(&failure), what_to_do)
    }

    /// The encrypted file at `path` cannot be opened, and stays as it is.
    pub fn sealed_file(fault: &SealedFault, path: &Path) -> Self {
        let path = path.display();
        let (what_happened, what_to_do) = match fault {
            SealedFault::WrongPassphrase => (
                format!("This is not the passphrase of the encrypted sign-ins in {path}."),
                "Try again; if it is lost, move that file away and sign in anew.",
            ),
            SealedFault::Damaged => (
                format!("The encrypted sign-ins in {path} are damaged, or of another version."),
                "Bring back a copy of that file, or move it away and sign in anew.",
            ),
            SealedFault::Unreadable(error) => (
                format!("The encrypted sign-ins in {path} cannot be read: {error}."),
                "Make that file readable for you, then try again.",
            ),
            SealedFault::Unwritable(error) => (
                format!("The encrypted sign-ins cannot be written to {path}: {error}."),
                if is_disk_full(error) {
                    "Make room on the disk, then try again."
                } else {
                    "Make the folder writable for you, then try again."
                },
            ),
        };
        Self::new(ProblemCode::SecretStore, what_happened, what_to_do)
    }
}

/// Where the passphrase comes from.
impl ProblemView {
    /// Nobody can be asked for the passphrase here.
    pub fn no_passphrase() -> Self {
        Self::new(
            ProblemCode::SecretStore,
            "Sign-ins are kept in an encrypted file, and without a terminal nobody can be asked for its passphrase.",
            "Run “portray agent” in a terminal first, or name a file that holds it in PORTRAY_PASSPHRASE_FILE.",
        )
    }

    /// The person gave none.
    pub fn passphrase_not_given() -> Self {
        Self::new(
            ProblemCode::Cancelled,
            "No passphrase was given, so the encrypted sign-ins stay closed.",
            "Run it again; or leave PORTRAY_SECRET_STORE=file out to use the keyring.",
        )
    }

    /// PORTRAY_PASSPHRASE_FILE cannot be used.
    pub fn passphrase_file(fault: &PassphraseFault, path: &Path) -> Self {
        let path = path.display();
        let what_to_do = match fault {
            PassphraseFault::Open => {
                format!("Make it yours alone (chmod 600 {path}), and see who may have read it.")
            }
            PassphraseFault::Foreign => "Name a file of your own.".to_owned(),
            PassphraseFault::OutOfReach(_) => "Correct the path, or make it readable for you.".to_owned(),
            PassphraseFault::NoFile => "Name a plain file that holds it.".to_owned(),
            PassphraseFault::Empty | PassphraseFault::TooLong | PassphraseFault::NoText => {
                "Write the passphrase into it, on one line and nothing else.".to_owned()
            }
        };
        Self::new(
            ProblemCode::SecretStore,
            format!("PORTRAY_PASSPHRASE_FILE names {path}, which {fault}."),
            what_to_do,
        )
    }

    /// What came from the command that started the agent was no passphrase.
    pub fn passphrase_handed_over(fault: &PassphraseFault) -> Self {
        Self::new(
            ProblemCode::SecretStore,
            format!("The passphrase that the agent was given {fault}."),
            "Try again; without a terminal, name a file that holds it in PORTRAY_PASSPHRASE_FILE.",
        )
    }
}

/// Who keeps sign-ins elsewhere than was asked for, or not at all.
impl ProblemView {
    /// Somebody asked for the agent to end, which has what AWS gave last in its memory only.
    pub fn unsaved_sign_in(portal: &str) -> Self {
        Self::new(
            ProblemCode::SecretStore,
            format!(
                "The renewed sign-in of {portal} could not be stored yet, and would be lost with the agent."
            ),
            "“portray status” says why; mend that, or end the agent all the same: portray agent stop --force",
        )
    }

    /// Somebody asked for the agent to end, and with the next one an ended sign-in would live again.
    pub fn undeleted_sign_in(portal: &str) -> Self {
        Self::new(
            ProblemCode::SecretStore,
            format!(
                "The ended sign-in of {portal} could be neither deleted nor noted as such: the next agent would sign \
                 you in again."
            ),
            "“portray status” says why; mend that, or end the agent all the same: portray agent stop --force",
        )
    }

    /// The application does not end an agent whose sign-ins would be lost.
    pub fn agent_in_memory(process: u32) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("“portray agent” (process {process}) keeps sign-ins in its memory only."),
            "Run “portray agent stop” and start Portray again; you will have to sign in anew.",
        )
    }

    /// Nor one whose sign-ins it would not find.
    pub fn agent_keeps_apart(process: u32, kept: SecretStore) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "“portray agent” (process {process}) keeps sign-ins in {}, where this application would not look.",
                place(kept)
            ),
            "Run “portray agent stop” and start Portray again, or start it with the agent's PORTRAY_SECRET_STORE.",
        )
    }

    /// The agent that runs has sign-ins in one place, and PORTRAY_SECRET_STORE asks for another.
    pub fn agent_keeps_elsewhere(process: u32, kept: SecretStore, wanted: SecretStore) -> Self {
        Self::new(
            ProblemCode::SecretStore,
            format!(
                "The agent that runs (process {process}) keeps sign-ins in {}, and PORTRAY_SECRET_STORE asks for {}.",
                place(kept),
                place(wanted)
            ),
            "Run “portray agent stop” first, then this again; or leave PORTRAY_SECRET_STORE out.",
        )
    }

    /// The same of the tray application.
    pub fn application_keeps_elsewhere(process: u32, kept: SecretStore, wanted: SecretStore) -> Self {
        Self::new(
            ProblemCode::SecretStore,
            format!(
                "The Portray application (process {process}) keeps sign-ins in {}, and PORTRAY_SECRET_STORE asks for {}.",
                place(kept),
                place(wanted)
            ),
            "Quit it from the tray menu and run this again, or leave PORTRAY_SECRET_STORE out.",
        )
    }
}

fn place(store: SecretStore) -> &'static str {
    match store {
        SecretStore::Keyring => "the keyring",
        SecretStore::Memory => "memory only",
        SecretStore::File => "an encrypted file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k3_without_a_keyring_the_choice_is_offered_and_not_taken() {
        for failure in [
            StoreFailure::Absent,
            StoreFailure::NoKeyring,
            StoreFailure::TimedOut,
            StoreFailure::Failed,
        ] {
            let problem = ProblemView::store(failure);
            assert_eq!(problem.code.exit_code(), 7);
            for choice in ["PORTRAY_SECRET_STORE=memory", "PORTRAY_SECRET_STORE=file"] {
                assert!(problem.what_to_do.contains(choice), "{problem:?}");
            }
        }
    }

    #[test]
    fn k3_every_failure_of_the_store_is_told_in_two_sentences_of_its_own() {
        let failures = [
            StoreFailure::Locked,
            StoreFailure::Absent,
            StoreFailure::NoKeyring,
            StoreFailure::Dismissed,
            StoreFailure::TooLarge,
            StoreFailure::Corrupt,
            StoreFailure::TimedOut,
            StoreFailure::Failed,
            StoreFailure::Unwritten,
        ];
        let mut told: Vec<_> = failures.map(ProblemView::store).into();
        let path = Path::new("/p/sign-ins.age");
        let faults = [
            SealedFault::WrongPassphrase,
            SealedFault::Damaged,
            SealedFault::Unreadable(std::io::ErrorKind::PermissionDenied.into()),
            SealedFault::Unwritable(std::io::ErrorKind::StorageFull.into()),
        ];
        told.extend(faults.iter().map(|fault| ProblemView::sealed_file(fault, path)));
        for problem in &told {
            assert_eq!(problem.code.exit_code(), 7, "{problem:?}");
            for sentence in [&problem.what_happened, &problem.what_to_do] {
                assert!(sentence.ends_with('.') && !sentence.contains('\n'), "{problem:?}");
            }
        }
        let mut sentences: Vec<_> = told.iter().map(|problem| &problem.what_happened).collect();
        sentences.sort();
        sentences.dedup();
        assert_eq!(sentences.len(), told.len(), "each is told apart");
    }
}
