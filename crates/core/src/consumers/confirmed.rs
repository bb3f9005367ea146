//! Which roles wait for a person's word, as the settings say it, and until when such a word counts at most.

use super::{Asking, Consumers};
use crate::aws_config::names::matches;
use crate::identity_center::{AccountId, PortalId};
use crate::settings::Confirm;

impl Consumers {
    /// A person leaves this portal: what was answered or asked about its roles is nothing that the next one has said.
    pub fn forget_answers(&self, portal: &PortalId) {
        self.change(|state| {
            state.answers.retain(|(_, role), _| role.portal != *portal);
            state.waiting.retain(|waiting| waiting.role.portal != *portal);
        });
    }
}

/// Whether the settings want a person's word for this role: by the permission set's account, or by that of the role
/// which is assumed from it; with the portal in front, or without.
pub(super) fn is_confirmed(confirm: &Confirm, asking: Asking<'_>) -> bool {
    let role = asking.role;
    let source =
        [asking.account_name, &role.account.0].map(|account| (account, role.permission_set.as_str()));
    let further = asking.assumed.into_iter().flat_map(|assumed| {
        [&assumed.account_name, &assumed.account]
            .map(|account| (account.as_str(), assumed.role_name.as_str()))
    });
    let texts: Vec<String> = source
        .into_iter()
        .chain(further)
        .map(|(account, name)| format!("{account}/{name}"))
        .collect();
    // `*prod*` means every permission set of such accounts.
    let is_hit = |given: &String| {
        let with_any_set = (!given.contains('/')).then(|| format!("{given}/*"));
        let pattern = with_any_set.as_ref().unwrap_or(given);
        let is_like = |pattern: &str, text: &str| {
            // Without a colon it speaks of no portal, so that “*prod*” means none of that name.
            let with_portal = || matches(pattern, &format!("{}:{text}", asking.portal));
            matches(pattern, text) || (pattern.contains(':') && with_portal())
        };
        let is_chain = role.chain.as_deref().is_some_and(|chain| is_like(given, chain));
        let mut nameless = nameless(asking);
        is_chain
            || texts.iter().any(|text| is_like(pattern, text))
            || nameless.any(|name| may_be_named(pattern, asking.portal, name))
    };
    match confirm {
        Confirm::Never => false,
        Confirm::Always | Confirm::Unreadable => true,
        Confirm::Roles(patterns) => patterns.iter().any(is_hit),
    }
}

/// What is asked for in accounts of which nobody knows here what they are called: the list is not there yet, or does not
/// have them.
fn nameless(asking: Asking<'_>) -> impl Iterator<Item = &str> {
    let source = (asking.account_name, asking.role.permission_set.as_str());
    let further = asking
        .assumed
        .map(|it| (it.account_name.as_str(), it.role_name.as_str()));
    let both = [Some(source), further].into_iter().flatten();
    both.filter_map(|(account, name)| account.is_empty().then_some(name))
}

/// Whether a pattern may mean such an account by its name: it is asked about once too often rather than not at all.
fn may_be_named(pattern: &str, portal: &str, name: &str) -> bool {
    let Some((account, names)) = pattern.rsplit_once('/') else {
        return false;
    };
    let (portals, account) = account.split_once(':').unwrap_or(("*", account));
    !AccountId::is_one(account) && matches(portals, portal) && matches(names, name)
}
