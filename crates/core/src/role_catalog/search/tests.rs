//! What is found, in which order, and which characters are marked.

use std::sync::Arc;

use super::super::tests::{catalogue, listed, portal, role};
use super::super::{Listing, RoleKey};
use super::*;

fn names() -> BTreeMap<PortalId, String> {
    BTreeMap::from([
        (portal("p-acme"), "acme".to_owned()),
        (portal("p-other"), "contoso".to_owned()),
    ])
}

fn search(catalogue: &Catalogue, text: &str) -> Hits {
    let query = Query {
        text,
        limit: 100,
        ..Query::default()
    };
    catalogue.search(&query, &names())
}

fn found(catalogue: &Catalogue, text: &str) -> Vec<String> {
    let rows = search(catalogue, text).rows.into_iter();
    rows.map(|hit| format!("{}/{}", hit.account_name, hit.key.permission_set))
        .collect()
}

fn one_portal(accounts: &[ListedAccount]) -> Catalogue {
    let mut listing = Listing {
        accounts: accounts.to_vec(),
        ..Listing::default()
    };
    listing.sort();
    let mut catalogue = Catalogue::default();
    catalogue.set_listing(portal("p-acme"), Arc::new(listing));
    catalogue
}

#[test]
fn words_match_in_any_order_and_in_any_case() {
    let catalogue = catalogue();
    assert_eq!(found(&catalogue, "prod read"), ["acme-prod/ReadOnly"]);
    assert_eq!(found(&catalogue, "READ prod"), ["acme-prod/ReadOnly"]);
    assert_eq!(found(&catalogue, "  rdo   prd "), ["acme-prod/ReadOnly"]);
    assert_eq!(found(&catalogue, "prod nothing"), Vec::<String>::new());
}

#[test]
fn portal_e_mail_and_parts_of_the_id_match_too() {
    let catalogue = catalogue();
    assert_eq!(found(&catalogue, "contoso bill"), ["sandbox/Billing"]);
    assert_eq!(found(&catalogue, "prod@example read"), ["acme-prod/ReadOnly"]);
    let starts_with_it = "sandbox/Administrator";
    let has_it_inside = ["acme-prod/Administrator", "acme-prod/ReadOnly"];
    let found = found(&catalogue, "33334444");
    assert_eq!(found[0], starts_with_it);
    assert_eq!(found[1..], has_it_inside);
}

#[test]
fn a_full_account_id_comes_first_with_or_without_dashes() {
    let catalogue = one_portal(&[
        listed("111122223333", "aaa 222233334444", &["ReadOnly"]),
        listed("222233334444", "zzz", &["ReadOnly"]),
    ]);
    assert_eq!(found(&catalogue, "222233334444")[0], "zzz/ReadOnly");
    assert_eq!(found(&catalogue, "2222-3333-4444")[0], "zzz/ReadOnly");
}

#[test]
fn word_starts_go_before_the_middles_of_words() {
    let catalogue = one_portal(&[
        listed("1", "adev", &["X"]),
        listed("2", "platform-dev", &["X"]),
        listed("3", "dev", &["X"]),
    ]);
    assert_eq!(found(&catalogue, "dev"), ["dev/X", "platform-dev/X", "adev/X"]);
}

#[test]
fn letters_scattered_by_accident_do_not_match() {
    let catalogue = one_portal(&[listed("1", "supperround-tool-d", &["X"])]);
    assert_eq!(found(&catalogue, "prod"), Vec::<String>::new());
}

#[test]
fn without_a_query_favourites_come_first_then_recents_then_names() {
    let mut catalogue = catalogue();
    catalogue.mark_recent(&role("p-acme", "222233334444", "ReadOnly"));
    catalogue.mark_recent(&role("p-acme", "222233334444", "Administrator"));
    catalogue.set_favourite(&role("p-other", "444455556666", "Billing"), true);
    let expected = [
        "sandbox/Billing",
        "acme-prod/Administrator",
        "acme-prod/ReadOnly",
        "acme-dev/Administrator",
        "acme-dev/ReadOnly",
        "sandbox/Administrator",
        "sandbox/Administrator",
    ];
    assert_eq!(found(&catalogue, ""), expected);
    let favourites = search(&catalogue, "")
        .rows
        .iter()
        .filter(|it| it.favourite)
        .count();
    assert_eq!(favourites, 1);
}

#[test]
fn a_list_keeps_the_order_of_once_while_its_stars_are_those_of_now() {
    let mut catalogue = catalogue();
    catalogue.set_favourite(&role("p-other", "444455556666", "Billing"), true);
    let order = catalogue.order();
    let before = found(&catalogue, "");
    catalogue.mark_recent(&role("p-acme", "222233334444", "ReadOnly"));
    catalogue.set_favourite(&role("p-acme", "222233334444", "Administrator"), true);
    catalogue.set_favourite(&role("p-other", "444455556666", "Billing"), false);
    assert_ne!(found(&catalogue, ""), before);
    let query = Query {
        order: Some(&order),
        limit: 100,
        ..Query::default()
    };
    let rows = catalogue.search(&query, &names()).rows;
    let name = |hit: &Hit| format!("{}/{}", hit.account_name, hit.key.permission_set);
    assert_eq!(rows.iter().map(name).collect::<Vec<_>>(), before);
    let starred: Vec<_> = rows.iter().filter(|hit| hit.favourite).map(name).collect();
    assert_eq!(starred, ["acme-prod/Administrator"]);
}

#[test]
fn among_equal_matches_favourites_then_recents_come_first() {
    let mut catalogue = catalogue();
    catalogue.mark_recent(&role("p-acme", "222233334444", "ReadOnly"));
    assert_eq!(found(&catalogue, "readonly")[0], "acme-prod/ReadOnly");
    catalogue.set_favourite(&role("p-acme", "111122223333", "ReadOnly"), true);
    assert_eq!(found(&catalogue, "readonly")[0], "acme-dev/ReadOnly");
}

#[test]
fn matched_characters_are_counted_as_characters() {
    let catalogue = one_portal(&[listed("1", "Zürich e\u{301}-prod", &["ReadOnly"])]);
    let hit = search(&catalogue, "prod read").rows.remove(0);
    assert_eq!(hit.account_name_matches, [10, 11, 12, 13]);
    assert_eq!(hit.permission_set_matches, [0, 1, 2, 3]);
    assert_eq!(found(&catalogue, "zurich"), ["Zürich e\u{301}-prod/ReadOnly"]);
}

#[test]
fn pages_are_cut_out_of_one_order() {
    let accounts: Vec<_> = (0..300)
        .map(|it| listed(&format!("{it:012}"), &format!("team-{it:03}"), &["X"]))
        .collect();
    let catalogue = one_portal(&accounts);
    let page = |offset, limit| {
        let query = Query {
            text: "team",
            portal: None,
            order: None,
            offset,
            limit,
        };
        catalogue.search(&query, &names())
    };
    assert_eq!(page(0, usize::MAX).rows.len(), 300);
    let names: Vec<_> = [0, 100, 200]
        .into_iter()
        .flat_map(|offset| page(offset, 100).rows)
        .map(|it| it.account_name)
        .collect();
    let expected: Vec<_> = accounts.iter().map(|it| it.account.name.clone()).collect();
    assert_eq!(names, expected);
    for (offset, limit) in [(300, 10), (5000, 10), (0, 0), (usize::MAX, usize::MAX)] {
        assert_eq!(
            (page(offset, limit).rows.len(), page(offset, limit).total),
            (0, 300)
        );
    }
}

#[test]
fn one_portals_rows_alone() {
    let catalogue = catalogue();
    let other = portal("p-other");
    let query = Query {
        text: "",
        portal: Some(&other),
        order: None,
        offset: 0,
        limit: 100,
    };
    let hits = catalogue.search(&query, &names());
    assert_eq!(hits.total, 2);
    assert!(hits.rows.iter().all(|hit| hit.key.portal == other));
}

#[test]
fn hostile_names_are_searched_like_any_other() {
    let hostile = ["\u{202e}evil", "a\0b", "\\ \\", "👩‍👩‍👧 team", "$(rm -rf /)", ""];
    let accounts = hostile.map(|name| listed("000000000001", name, &["X"]));
    let catalogue = one_portal(&accounts);
    for text in ["👩", "\u{202e}", "\\", "$(", "\0", "!a", "^", "'x", "a\\ b"] {
        search(&catalogue, text);
    }
    assert_eq!(found(&catalogue, "$(rm").len(), 1);
}

#[test]
fn a_key_names_the_row_for_every_later_request() {
    let keys: Vec<RoleKey> = search(&catalogue(), "contoso")
        .rows
        .into_iter()
        .map(|it| it.key)
        .collect();
    assert!(keys.contains(&role("p-other", "444455556666", "Billing")));
}
