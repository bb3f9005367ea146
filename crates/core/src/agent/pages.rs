//! Lists as clients get them: a page at a time.

use std::collections::HashMap;

use crate::agent::protocol::AccountLine;
use crate::app::chained::chain_view;
use crate::app::contract::{RoleRow, SearchRequest};
use crate::identity_center::PortalId;
use crate::role_catalog::{Catalogue, ListedAccount};

/// The longest page of a list.
pub const PAGE: u32 = 100;

pub fn at_most_a_page(search: SearchRequest) -> SearchRequest {
    SearchRequest {
        limit: search.limit.min(PAGE),
        ..search
    }
}

pub fn account_line(catalogue: &Catalogue, portal: &PortalId, listed: &ListedAccount) -> AccountLine {
    let chains = catalogue.chains_of(portal, &listed.account.id).into_iter();
    let keys = chains.filter_map(|chain| catalogue.chain_key(chain).ok());
    AccountLine {
        chains: keys.filter_map(|key| chain_view(catalogue, &key)).collect(),
        id: listed.account.id.0.clone(),
        name: listed.account.name.clone(),
        email: listed.account.email.clone(),
        permission_sets: listed.permission_sets.clone(),
    }
}

/// Accounts in the order of their best row, with the permission sets that were hit.
pub fn by_account(rows: Vec<RoleRow>) -> Vec<AccountLine> {
    let mut lines: Vec<AccountLine> = Vec::new();
    let mut places = HashMap::new();
    for row in rows {
        let place = *places.entry(row.role.account.clone()).or_insert_with(|| {
            lines.push(AccountLine {
                id: row.role.account,
                name: row.account_name,
                email: row.email,
                permission_sets: Vec::new(),
                chains: Vec::new(),
            });
            lines.len() - 1
        });
        match row.chain {
            Some(chain) => lines[place].chains.push(chain),
            None => lines[place].permission_sets.push(row.role.permission_set),
        }
    }
    for line in &mut lines {
        line.permission_sets.sort();
    }
    lines
}

pub fn page<T>(lines: impl Iterator<Item = T>, offset: u32, limit: u32) -> impl Iterator<Item = T> {
    lines.skip(offset as usize).take(limit.min(PAGE) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a5_no_list_is_longer_than_a_page_whatever_is_asked_for() {
        let search = SearchRequest {
            query: String::new(),
            portal: None,
            sorted_at: None,
            offset: 0,
            limit: u32::MAX,
        };
        assert_eq!(at_most_a_page(search).limit, 100);
        assert_eq!(
            page(0..1000, 100, u32::MAX).collect::<Vec<_>>(),
            (100..200).collect::<Vec<_>>()
        );
    }
}
