//! Roles that are assumed from a permission set: taken in from the settings, shown, and given codes.

use crate::app::App;
use crate::app::command::Reply;
use crate::app::contract::{Answer, ChainView, MfaCode, ProblemView};
use crate::app::controller::{Controller, answer};
use crate::app::view;
use crate::identity_center::{Portal, RoleKey};
use crate::role_catalog::Catalogue;
use crate::role_chain::{Chain, Since, chains};
use crate::secret::Secret;
use crate::settings::Fault;

impl App {
    /// What a further role is now, for launches that begin with it.
    pub fn definition(&self, key: &RoleKey) -> Option<String> {
        Some(self.refresh.roles.chain(key)?.definition(key))
    }

    /// Refuses a launch whose further role has become another one since; one that is gone is told as that.
    pub fn is_as_begun(&self, key: &RoleKey, definition: Option<&str>) -> Result<(), ProblemView> {
        let Some(begun) = definition else {
            return Ok(());
        };
        let chain = self.refresh.roles.chain(key);
        match chain.map(|chain| (chain.since(begun, key), chain)) {
            None | Some((Since::Same, _)) => Ok(()),
            Some((Since::OtherSettings, chain)) => Err(ProblemView::another_chain(&chain.name)),
            Some((Since::OtherAccount, chain)) => {
                Err(ProblemView::chain_of_another_account(&chain.name, &chain.from()))
            }
        }
    }
}

impl Controller {
    /// Takes in what the settings say of further roles. What does not hold is told with the portals' faults.
    pub(super) fn take_in_chains(&mut self, portals: &[Portal]) -> Vec<Fault> {
        let (chains, faults) = chains(&self.settings.chains, portals);
        if *self.catalogue().chains() == chains {
            return faults;
        }
        let mut catalogue = (*self.catalogue()).clone();
        catalogue.set_chains(chains.clone());
        self.refresh.roles.set_chains(chains);
        for key in catalogue.kept.iter().filter(|key| key.chain.is_some()) {
            self.refresh.roles.set_kept(key, true);
        }
        self.set_catalogue(catalogue.into());
        self.refresh.look.notify_one();
        faults
    }

    /// Assumes a role with a code of its MFA device.
    pub(super) fn give_code(&self, key: RoleKey, code: &MfaCode, reply: Option<Reply<Answer>>) {
        let Some(session) = self.refresh.session(&key.portal) else {
            return answer(reply, Err(ProblemView::unknown_portal()));
        };
        let code = match code.digits() {
            Some(code) => Secret::new(code),
            None => return answer(reply, Err(ProblemView::not_a_code())),
        };
        if !self.refresh.roles.wants_code(&key) {
            return answer(reply, Err(ProblemView::no_code_wanted()));
        }
        let (roles, name) = (
            self.refresh.roles.clone(),
            view::role_name(&self.catalogue(), &key),
        );
        self.spawn(reply, async move {
            let given = roles.give_code(&session, &key, code).await;
            given.map_err(|failure| ProblemView::refresh(&failure, &session.portal().name, Some(&name)))?;
            Ok(Answer::Done)
        });
    }
}

/// A further role as surfaces show it; `None` for what is none, or is not in the settings any more.
pub fn chain_view(catalogue: &Catalogue, key: &RoleKey) -> Option<ChainView> {
    catalogue.chain(key).map(|chain| view_of(catalogue, key, chain))
}

fn view_of(catalogue: &Catalogue, key: &RoleKey, chain: &Chain) -> ChainView {
    ChainView {
        name: chain.name.clone(),
        from: format!("{}/{}", view::account_name(catalogue, key), key.permission_set),
        role_arn: chain.role.arn.clone(),
        account: chain.account.0.clone(),
        role_name: chain.role_name.clone(),
        wants_code: chain.role.mfa_serial.is_some(),
    }
}
