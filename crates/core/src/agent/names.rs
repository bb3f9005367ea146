//! Finds the role that a target names, also while the lists in which names stand are not whole.

use std::sync::Arc;
use std::time::Duration;

use crate::agent::handler::Handler;
use crate::agent::protocol::Target;
use crate::agent::targets::{Known, Refusal};
use crate::app::contract::{PortalView, ProblemView, Snapshot};
use crate::app::state::NamedPortal;
use crate::identity_center::{PortalId, RoleKey};
use crate::refresh::standing::Standing;

/// How long a name waits for the first listing: shorter than the tools that wait for an answer.
const FIRST_LISTING: Duration = Duration::from_secs(8);

impl Handler {
    /// The role that is meant. Names stand in the settings, which may have been saved a moment ago, and in the listing:
    /// one that is not there to its end goes on, and is waited for. So do free words, which half a listing could take for
    /// another role.
    pub async fn role(&self, target: &Target) -> Result<RoleKey, Refusal> {
        let mut portals = self.portals();
        let mut outcome = self.listed_role(&portals, target);
        if outcome.is_err() {
            self.app.settings_of_now().await;
            portals = self.portals();
            outcome = self.listed_role(&portals, target);
        }
        if portals.is_empty() {
            // Nothing of a further role is worth being told before there is a portal.
            let missing = self.app.settings_problems().missing_portals();
            return missing
                .into_iter()
                .next()
                .map_or(outcome, |missing| Err(missing.problem.into()));
        }
        if outcome.is_err()
            && let Some(ignored) = self.ignored_chain(&portals, target)
        {
            return Err(ignored.into());
        }
        if self.is_settled(target, &outcome) || portals.iter().all(|portal| self.is_listed(portal)) {
            return outcome;
        }
        self.list_on(&portals)?;
        let mut seen = None;
        let listed = self.first_listings(target, &mut seen);
        let is_late = tokio::time::timeout(FIRST_LISTING, listed).await.is_err();
        // The store may not say who is signed in; then this is not about the listing.
        let Some(seen) = seen else { return outcome };
        let portals = self.portals_seen(&seen);
        let outcome = self.listed_role(&portals, target);
        let is_under_way = is_late && seen.portals.iter().any(PortalView::is_soon_listed_first);
        // Where an attempt has failed before, and this one gets no answer either, that is to be said.
        let is_stuck = portals.iter().any(|portal| portal.list_problem.is_some());
        match is_under_way && !is_stuck && !self.is_settled(target, &outcome) {
            true => Err(ProblemView::being_listed().into()),
            false => outcome,
        }
    }

    /// Whether the rest of a list would not change what was found.
    fn is_settled(&self, target: &Target, outcome: &Result<RoleKey, Refusal>) -> bool {
        outcome.is_ok() && (target.names_one_role() || self.names_chain(target))
    }

    /// Whether the words are a further role's name, which no listing takes for another.
    fn names_chain(&self, target: &Target) -> bool {
        let portals = self.portals();
        let catalogue = self.app.catalogue();
        let known = Known {
            portals: &portals,
            catalogue: &catalogue,
        };
        matches!(target, Target::Words { words } if known.chain_named(words).is_some())
    }

    /// The further role that is kept, whether or not its settings hold.
    pub(super) fn kept_chain(&self, target: &Target) -> Option<RoleKey> {
        let (portals, catalogue) = (self.portals(), self.app.catalogue());
        let known = Known {
            portals: &portals,
            catalogue: &catalogue,
        };
        known.kept_chain(target).cloned()
    }

    /// Why the further role that the words name does not hold, where that is so.
    fn ignored_chain(&self, portals: &[NamedPortal], target: &Target) -> Option<ProblemView> {
        let name = match target {
            Target::Role { .. } => return None,
            Target::Chain { chain, .. } => chain,
            Target::Words { words } => without_portal(portals, words),
        };
        self.app.settings_problems().about_chain(name).cloned()
    }

    /// The portal does not wait for its first listing.
    fn is_listed(&self, portal: &NamedPortal) -> bool {
        let catalogue = self.app.catalogue();
        let listing = catalogue.listing(&PortalId(portal.id.clone()));
        listing.is_some_and(|listing| listing.synced_at.is_some())
    }

    /// Has every first listing go on that stands still.
    fn list_on(&self, portals: &[NamedPortal]) -> Result<(), ProblemView> {
        let unlisted = portals
            .iter()
            .filter(|portal| portal.standing == Standing::SignedIn && !self.is_listed(portal));
        for portal in unlisted {
            self.app.list_on(PortalId(portal.id.clone()))?;
        }
        Ok(())
    }

    /// Ends when the store has said who is signed in, and no portal is being listed for the first time that AWS answers
    /// for; or when the listing has come to what is meant. `seen` is what was last looked at.
    async fn first_listings(
        &self,
        target: &Target,
        seen: &mut Option<Arc<Snapshot>>,
    ) -> Result<(), ProblemView> {
        let mut snapshots = None;
        loop {
            let now = seen.insert(self.app.snapshot().await?);
            let is_over = !now.portals.iter().any(PortalView::is_soon_listed_first);
            if is_over || self.is_settled(target, &self.listed_role(&self.portals(), target)) {
                return Ok(());
            }
            let Some(snapshots) = &mut snapshots else {
                // Looked at once more after this: what changes in between is not missed.
                snapshots = Some(self.app.snapshots());
                continue;
            };
            let changed = snapshots.changed().await;
            changed.map_err(|_| ProblemView::stopping())?;
        }
    }

    /// The portals, each with why its list is not whole.
    fn portals_seen(&self, seen: &Snapshot) -> Vec<NamedPortal> {
        let mut portals = self.portals();
        for portal in &mut portals {
            let view = seen.portals.iter().find(|view| view.id == portal.id);
            portal.list_problem = view.and_then(|view| view.list_problem().cloned());
        }
        portals
    }

    fn listed_role(&self, portals: &[NamedPortal], target: &Target) -> Result<RoleKey, Refusal> {
        let known = Known {
            portals,
            catalogue: &self.app.catalogue(),
        };
        known.role(target)
    }
}

/// Words without the name of a portal in front.
fn without_portal<'w>(portals: &[NamedPortal], words: &'w str) -> &'w str {
    let words = words.trim();
    let is_portal = |name: &str| {
        portals
            .iter()
            .any(|portal| portal.name.eq_ignore_ascii_case(name))
    };
    match words.split_once(':') {
        Some((name, rest)) if is_portal(name.trim()) => rest.trim(),
        Some(_) | None => words,
    }
}
