//! TARGET as a person types it, and the words of a search.

use std::collections::BTreeMap;
use std::sync::Arc;

use portray_core::agent::protocol::Target;
use portray_core::agent::targets::Known;
use portray_core::app::state::NamedPortal;
use portray_core::refresh::standing::Standing;
use portray_core::role_catalog::{Catalogue, Query};

use crate::bounds::bounded;
use crate::scene;

pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let id = scene::portal_id();
    let mut catalogue = Catalogue::default();
    catalogue.set_listing(id.clone(), Arc::new(scene::listing()));
    let names = BTreeMap::from([(id, "acme".to_owned())]);
    let settings = scene::portal_settings();
    let portals = [NamedPortal {
        id: settings.id,
        name: settings.name,
        start_url: settings.start_url,
        region: settings.region,
        standing: Standing::SignedIn,
        store_failure: None,
        list_problem: None,
    }];
    bounded(input, || {
        let known = Known {
            portals: &portals,
            catalogue: &catalogue,
        };
        let words = Target::Words {
            words: text.to_string(),
        };
        for target in [Some(words), in_parts(&text)].into_iter().flatten() {
            match known.role(&target) {
                Ok(role) => assert!(catalogue.lists(&role) || is_named_by_id(&target), "{role:?}"),
                Err(refusal) => assert!(refusal.candidates.len() <= 101, "at most a page of candidates"),
            }
        }
        let query = Query {
            text: &text,
            limit: 100,
            ..Query::default()
        };
        let hits = catalogue.search(&query, &names);
        assert!(hits.rows.len() <= hits.total);
    });
}

/// The same text as four parts of a role.
fn in_parts(text: &str) -> Option<Target> {
    let mut parts = text.splitn(4, '\n').map(str::to_owned);
    Some(Target::Role {
        account: parts.next()?,
        permission_set: parts.next()?,
        portal: parts.next(),
        portal_region: parts.next(),
    })
}

/// An account's id is taken as it is, also where the listing does not have it.
fn is_named_by_id(target: &Target) -> bool {
    let account = match target {
        Target::Chain { chain, .. } => chain.as_str(),
        Target::Role { account, .. } => account.as_str(),
        Target::Words { words } => words.rsplit_once('/').map_or("", |(account, _)| account),
    };
    let id = account.rsplit(':').next().unwrap_or(account).trim();
    id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())
}
