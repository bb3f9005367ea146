//! Launches, while they run and when they are over; and what is written down of programs that name a role and get none.

use crate::agent::hand_out::cut;
use crate::agent::handler::Handler;
use crate::agent::protocol::{Reply, Target, Terms};
use crate::agent::socket::Replies;
use crate::agent::targets::{self, Refusal, account_name};
use crate::app::contract::ProblemView;
use crate::consumers::{Launch, is_launch};
use crate::identity_center::{AccountId, PortalId, RoleKey};
use crate::programs::Program;
use crate::uses::{Door, Observed};

impl Handler {
    /// Announces a launch until its client leaves, and tells it when it is revoked or its person signs out.
    pub(super) async fn launch(&self, launch: Launch, terms: Option<Terms>, replies: &Replies) -> Reply {
        if !is_launch(&launch.id) {
            return Reply::problem(ProblemView::not_understood());
        }
        let consumers = self.app.consumers();
        let id = launch.id.clone();
        let (mut changes, mut ended) = (consumers.changes(), self.app.stays().ended());
        let _begun = consumers.begin(launch);
        loop {
            if consumers.is_launch_revoked(&id) {
                let problem = ProblemView::launch_revoked();
                return Reply::Revoked { problem };
            }
            if let Some(problem) = self.over(terms.as_ref()) {
                return Reply::Revoked { problem };
            }
            tokio::select! {
                () = replies.left() => return Reply::Done,
                changed = changes.changed() => if changed.is_err() { return Reply::Done },
                changed = ended.changed() => if changed.is_err() { return Reply::Done },
            }
        }
    }

    /// Why a launch with these terms gets nothing any more, if that is so.
    pub(super) fn over(&self, terms: Option<&Terms>) -> Option<ProblemView> {
        let terms = terms?;
        let over = self
            .app
            .stays()
            .over(&PortalId(terms.portal.clone()), &terms.stay);
        over.map(ProblemView::launch_left)
    }

    /// The role that is meant. A tool that names none that there is, is noted with what it named.
    pub(super) async fn named(
        &self,
        target: &Target,
        door: Door,
        program: Option<&Program>,
        launch: Option<&str>,
        noted: &mut Option<Observed>,
    ) -> Result<RoleKey, Refusal> {
        let found = self.role(target).await;
        if let Err(refusal) = &found {
            *noted = self.refused(target, &refusal.problem).map(|refused| Observed {
                door,
                program: program.cloned(),
                launch: launch.map(str::to_owned),
                ..refused
            });
        }
        found
    }

    /// What is written down of a refusal for which nothing was looked up, as far as it is known at once. Free words name
    /// no role.
    pub(super) fn refused(&self, target: &Target, problem: &ProblemView) -> Option<Observed> {
        let role = match target {
            Target::Words { .. } => return None,
            Target::Role {
                portal,
                account,
                permission_set,
                ..
            } => RoleKey {
                portal: named_portal(portal.as_deref()),
                account: AccountId(cut(account)),
                permission_set: cut(permission_set),
                chain: None,
            },
            Target::Chain { portal, chain } => self.chain_as_named(portal.as_deref(), chain),
        };
        Some(Observed {
            refused: Some(problem.what_happened.clone()),
            ..self.observed(role)
        })
    }

    /// That a role is asked for, with what is known of it: by nobody yet, and not refused.
    pub(super) fn observed(&self, role: RoleKey) -> Observed {
        let catalogue = self.app.catalogue();
        let portal = self.app.portal_name(&role.portal);
        Observed {
            door: Door::default(),
            program: None,
            launch: None,
            portal: portal.unwrap_or_else(|| role.portal.0.clone()),
            account_name: account_name(&catalogue, &role).to_owned(),
            assumed: catalogue.assumed(&role),
            role,
            refused: None,
        }
    }

    /// A further role: the account that it is assumed from is known where its list is there, or where the settings have
    /// its id.
    fn chain_as_named(&self, portal: Option<&str>, name: &str) -> RoleKey {
        let catalogue = self.app.catalogue();
        let portals = self.portals();
        let meant = portal.map(|named| targets::portal(&portals, Some(named), None));
        let is_meant = |id: &PortalId| match &meant {
            Some(found) => found.as_ref().is_ok_and(|found| found.id == id.0),
            None => true,
        };
        let Some(chain) = catalogue.chain_named(name, is_meant) else {
            return RoleKey {
                portal: named_portal(portal),
                account: AccountId(String::new()),
                permission_set: String::new(),
                chain: Some(cut(name)),
            };
        };
        catalogue.chain_key(chain).unwrap_or_else(|_| {
            let account = Some(&chain.source_account).filter(|account| AccountId::is_one(account));
            RoleKey {
                portal: chain.portal.clone(),
                account: AccountId(account.cloned().unwrap_or_default()),
                permission_set: chain.source_permission_set.clone(),
                chain: Some(chain.name.clone()),
            }
        })
    }
}

fn named_portal(named: Option<&str>) -> PortalId {
    PortalId(cut(named.unwrap_or_default()))
}
