//! Whom the keyring may ask something for: whoever has turned its question down is asked again only for a person.

use crate::app::App;
use crate::app::contract::ProblemView;
use crate::identity_center::PortalId;
use crate::token_store::StoreFailure;
use crate::uses::Door;

impl App {
    /// Why a program that comes through this door gets nothing now: it would have a person asked who has just said no.
    /// A person's own command, or the keyring being unlocked elsewhere, ends that.
    pub async fn may_be_asked_for(&self, portal: &PortalId, door: Door) -> Result<(), ProblemView> {
        let session = self.refresh.session(portal).filter(|_| !door.is_ordered());
        match session {
            Some(session) if session.is_turned_down().await => {
                Err(ProblemView::store(StoreFailure::Dismissed))
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::unstored::tests::Machine;

    #[tokio::test]
    async fn k3_a_polling_program_does_not_have_a_person_asked_again_who_turned_the_question_down() {
        let machine = Machine::with_a_sign_in().await;
        machine.keyring.turn_down_with(Some(machine.stage.clock.clone()));
        let app = machine.start();
        app.snapshot().await.unwrap();
        let asked = machine.keyring.refusals();
        assert!(asked > 0, "the person was asked, and said no");
        let portal = machine.portal().id;
        for door in [Door::CredentialProcess, Door::Exec, Door::Socket] {
            let refused = app.may_be_asked_for(&portal, door).await.unwrap_err();
            assert_eq!(refused, ProblemView::store(StoreFailure::Dismissed), "{door:?}");
        }
        assert_eq!(machine.keyring.refusals(), asked, "looking asks nobody");
        assert_eq!(app.may_be_asked_for(&portal, Door::Credentials).await, Ok(()));
        machine.keyring.turn_down_with(None);
        assert_eq!(
            app.may_be_asked_for(&portal, Door::CredentialProcess).await,
            Ok(())
        );
        app.snapshot().await.unwrap();
        assert_eq!(app.may_be_asked_for(&portal, Door::Socket).await, Ok(()));
    }
}
