//! Which portal and which role a person or a profile means. Pure.

use crate::agent::protocol::{Reply, Target};
use crate::app::contract::{
    PortalState, PortalView, ProblemCode, ProblemView, RoleRow, SearchAnswer, SearchRequest,
};
use crate::identity_center::{AccountId, PortalId, RoleKey};
use crate::role_catalog::{Catalogue, ListedAccount};

/// How many candidates an answer names.
const CANDIDATES: u32 = 20;

/// A target that names nothing, or too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    pub problem: ProblemView,
    pub candidates: Vec<String>,
}

impl From<Unresolved> for Reply {
    fn from(unresolved: Unresolved) -> Self {
        Self::Problem {
            problem: unresolved.problem,
            candidates: unresolved.candidates,
        }
    }
}

/// What targets are looked up in.
pub struct Known<'a, S> {
    pub portals: &'a [PortalView],
    pub catalogue: &'a Catalogue,
    pub search: S,
}

/// The portal with this name, id or start URL; the only one where none is named.
pub fn portal<'a>(
    portals: &'a [PortalView],
    named: Option<&str>,
    region: Option<&str>,
) -> Result<&'a PortalView, Unresolved> {
    match *matching(portals, named, region).as_slice() {
        [portal] => Ok(portal),
        [] => Err(no_such_portal(portals, named)),
        [_, _, ..] => Err(wrong_use(
            "There are several portals.",
            "Say which one is meant.",
            portals.iter().map(|portal| portal.name.clone()).collect(),
        )),
    }
}

impl<S: Fn(&SearchRequest) -> SearchAnswer> Known<'_, S> {
    pub fn role(&self, target: &Target) -> Result<RoleKey, Unresolved> {
        match target {
            Target::Role {
                portal,
                portal_region,
                account,
                permission_set,
            } => {
                let portals = matching(self.portals, portal.as_deref(), portal_region.as_deref());
                if portals.is_empty() {
                    return Err(no_such_portal(self.portals, portal.as_deref()));
                }
                self.named(&portals, account, permission_set)
            }
            Target::Words { words } => self.words(words.trim()),
        }
    }

    fn words(&self, words: &str) -> Result<RoleKey, Unresolved> {
        let (portals, rest) = self.split_portal(words);
        // A permission set's name never holds a slash, an account's may.
        match rest.rsplit_once('/') {
            Some((account, permission_set)) => self.named(&portals, account.trim(), permission_set.trim()),
            None => self.search(&portals, rest),
        }
    }

    fn split_portal<'w>(&self, words: &'w str) -> (Vec<&PortalView>, &'w str) {
        let everywhere = || (self.portals.iter().collect(), words);
        let Some((name, rest)) = words.split_once(':') else {
            return everywhere();
        };
        let portals = matching(self.portals, Some(name.trim()), None);
        if portals.is_empty() {
            return everywhere();
        }
        (portals, rest.trim())
    }

    fn named(
        &self,
        portals: &[&PortalView],
        account: &str,
        permission_set: &str,
    ) -> Result<RoleKey, Unresolved> {
        let hits = self.listed(portals, account, permission_set);
        match (hits.as_slice(), portals) {
            ([hit], _) => Ok(hit.clone()),
            // The listing may be older than the assignment, or not be there yet: AWS decides.
            ([], [portal]) if is_account_id(account) && !permission_set.is_empty() => Ok(RoleKey {
                portal: PortalId(portal.id.clone()),
                account: AccountId(account.to_owned()),
                permission_set: permission_set.to_owned(),
            }),
            ([], _) => {
                let words = format!("{account} {permission_set}");
                Err(self.nothing(portals, &self.rows(portals, &words)))
            }
            ([_, _, ..], _) => Err(wrong_use(
                "The target names several roles.",
                "Name the portal or the account's id.",
                hits.iter().map(|hit| self.label(hit)).collect(),
            )),
        }
    }

    fn listed(&self, portals: &[&PortalView], account: &str, permission_set: &str) -> Vec<RoleKey> {
        let mut hits = Vec::new();
        for portal in portals {
            let id = PortalId(portal.id.clone());
            let Some(listing) = self.catalogue.listings.get(&id) else {
                continue;
            };
            for listed in listing
                .accounts
                .iter()
                .filter(|listed| is_called(listed, account))
            {
                let sets = listed.permission_sets.iter();
                hits.extend(
                    sets.filter(|set| set.eq_ignore_ascii_case(permission_set))
                        .map(|set| RoleKey {
                            portal: id.clone(),
                            account: listed.account.id.clone(),
                            permission_set: set.clone(),
                        }),
                );
            }
        }
        hits
    }

    fn search(&self, portals: &[&PortalView], words: &str) -> Result<RoleKey, Unresolved> {
        let rows = self.rows(portals, words);
        match rows.as_slice() {
            [row] => Ok(row.role.clone().into()),
            [] => Err(self.nothing(portals, &rows)),
            [_, _, ..] => Err(wrong_use(
                "The words match several roles.",
                "Write more of the name, or ACCOUNT/PERMISSION_SET.",
                rows.iter().map(|row| self.row_label(row)).collect(),
            )),
        }
    }

    fn rows(&self, portals: &[&PortalView], words: &str) -> Vec<RoleRow> {
        let only = match portals {
            [portal] => Some(portal.id.clone()),
            _ => None,
        };
        let answer = (self.search)(&SearchRequest {
            query: words.to_owned(),
            portal: only,
            offset: 0,
            limit: CANDIDATES,
        });
        answer.rows
    }

    fn nothing(&self, portals: &[&PortalView], similar: &[RoleRow]) -> Unresolved {
        let unlisted = portals.iter().find(|portal| portal.sync.synced_at.is_none());
        match (portals, unlisted) {
            ([], _) => no_such_portal(self.portals, None),
            (_, Some(portal)) if portal.state == PortalState::SignInNeeded => sign_in_first(portal),
            (_, Some(_) | None) => wrong_use(
                "No account and permission set match this target.",
                "List them with “portray accounts”; a new assignment shows after “portray accounts --sync”.",
                similar.iter().map(|row| self.row_label(row)).collect(),
            ),
        }
    }

    /// A role as it can be given as a target, with the account's name behind.
    fn label(&self, key: &RoleKey) -> String {
        let portal = self.portals.iter().find(|portal| portal.id == key.portal.0);
        let name = account_name(self.catalogue, key);
        self.target_text(
            portal.map_or("", |portal| &portal.name),
            &key.account.0,
            &key.permission_set,
            name,
        )
    }

    fn row_label(&self, row: &RoleRow) -> String {
        self.target_text(
            &row.portal_name,
            &row.role.account,
            &row.role.permission_set,
            &row.account_name,
        )
    }

    fn target_text(&self, portal: &str, account: &str, permission_set: &str, name: &str) -> String {
        let prefix = match self.portals {
            [_] => String::new(),
            _ => format!("{portal}:"),
        };
        format!("{prefix}{account}/{permission_set}  ({name})")
    }
}

/// An account's name, as far as the listing knows it.
pub fn account_name<'a>(catalogue: &'a Catalogue, key: &RoleKey) -> &'a str {
    let listing = catalogue.listings.get(&key.portal);
    let listed = listing.and_then(|listing| {
        let mut accounts = listing.accounts.iter();
        accounts.find(|listed| listed.account.id == key.account)
    });
    listed.map_or("", |listed| &listed.account.name)
}

fn matching<'a>(portals: &'a [PortalView], named: Option<&str>, region: Option<&str>) -> Vec<&'a PortalView> {
    let is_meant = |portal: &&PortalView| {
        let by_name = named.is_none_or(|named| {
            let names = [&portal.name, &portal.id, &portal.start_url];
            names.iter().any(|name| name.eq_ignore_ascii_case(named))
        });
        by_name && region.is_none_or(|region| portal.region == region)
    };
    portals.iter().filter(is_meant).collect()
}

fn is_called(listed: &ListedAccount, account: &str) -> bool {
    listed.account.id.0 == account || listed.account.name.eq_ignore_ascii_case(account)
}

fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn no_such_portal(portals: &[PortalView], named: Option<&str>) -> Unresolved {
    if portals.is_empty() {
        return wrong_use(
            "No portal has been added yet.",
            "Add yours: portray portal add https://YOUR-COMPANY.awsapps.com/start",
            Vec::new(),
        );
    }
    let what_happened = named.map_or_else(
        || "No portal matches.".to_owned(),
        |named| format!("There is no portal “{named}”."),
    );
    wrong_use(
        what_happened,
        "Name one of those that were added (“portray portal list”).",
        portals.iter().map(|portal| portal.name.clone()).collect(),
    )
}

fn sign_in_first(portal: &PortalView) -> Unresolved {
    Unresolved {
        problem: ProblemView::new(
            ProblemCode::SignInNeeded,
            format!(
                "Nobody is signed in to {}, so its accounts are not known.",
                portal.name
            ),
            format!("Sign in: portray login {}", portal.name),
        ),
        candidates: Vec::new(),
    }
}

fn wrong_use(what_happened: impl Into<String>, what_to_do: &str, candidates: Vec<String>) -> Unresolved {
    Unresolved {
        problem: ProblemView::new(ProblemCode::WrongUse, what_happened, what_to_do),
        candidates,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::contract::{Role, SyncView};
    use crate::identity_center::Account;
    use crate::role_catalog::Listing;

    fn portal_view(name: &str) -> PortalView {
        PortalView {
            id: format!("id-{name}"),
            name: name.to_owned(),
            start_url: format!("https://{name}.awsapps.com/start"),
            region: "eu-west-1".to_owned(),
            state: PortalState::SignedIn,
            access_token_expires_at: None,
            session_ends_at: None,
            session_end_is_estimate: false,
            accounts: 0,
            permission_sets: 0,
            sync: SyncView {
                synced_at: Some("2026-03-02T12:00:00Z".parse().unwrap()),
                complete: true,
                running: None,
            },
            sign_in: None,
            problem: None,
        }
    }

    fn catalogue(portals: &[&str]) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for portal in portals {
            let accounts = [("111122223333", "acme-dev"), ("444455556666", "R&D/lab")];
            let accounts = accounts.map(|(id, name)| ListedAccount {
                account: Account {
                    id: AccountId(id.to_owned()),
                    name: name.to_owned(),
                    email: String::new(),
                },
                permission_sets: vec!["Admin".to_owned(), "ReadOnly".to_owned()],
            });
            let listing = Listing {
                accounts: accounts.to_vec(),
                ..Listing::default()
            };
            catalogue
                .listings
                .insert(PortalId(format!("id-{portal}")), listing);
        }
        catalogue
    }

    /// Finds the rows whose account name holds the query.
    fn resolve(portals: &[&str], target: &Target) -> Result<String, Unresolved> {
        let views: Vec<_> = portals.iter().map(|name| portal_view(name)).collect();
        let catalogue = catalogue(portals);
        let row = |set: &str| RoleRow {
            role: Role {
                portal: "id-acme".to_owned(),
                account: "111122223333".to_owned(),
                permission_set: set.to_owned(),
            },
            portal_name: "acme".to_owned(),
            account_name: "acme-dev".to_owned(),
            email: String::new(),
            favourite: false,
            account_name_matches: Vec::new(),
            permission_set_matches: Vec::new(),
            credentials: None,
            credentials_expire_at: None,
        };
        let search = |asked: &SearchRequest| {
            let rows: Vec<_> = match asked.query.as_str() {
                "dev" => vec![row("Admin"), row("ReadOnly")],
                "dev read" => vec![row("ReadOnly")],
                _ => Vec::new(),
            };
            SearchAnswer {
                total: u32::try_from(rows.len()).unwrap(),
                offset: 0,
                catalogue_revision: 1,
                rows,
            }
        };
        let known = Known {
            portals: &views,
            catalogue: &catalogue,
            search,
        };
        let key = known.role(target)?;
        Ok(format!("{}:{}/{}", key.portal.0, key.account, key.permission_set))
    }

    fn words(portals: &[&str], words: &str) -> Result<String, Unresolved> {
        let words = words.to_owned();
        resolve(portals, &Target::Words { words })
    }

    #[test]
    fn account_and_permission_set_are_found_by_id_and_name() {
        let found = Ok("id-acme:111122223333/ReadOnly".to_owned());
        for target in [
            "111122223333/ReadOnly",
            "acme-dev/ReadOnly",
            "ACME-DEV/readonly",
            "acme:acme-dev/ReadOnly",
            "dev read",
        ] {
            assert_eq!(words(&["acme"], target), found, "{target}");
        }
        assert_eq!(
            words(&["acme"], "R&D/lab/Admin"),
            Ok("id-acme:444455556666/Admin".to_owned())
        );
    }

    #[test]
    fn an_account_that_is_not_listed_yet_is_left_to_aws() {
        let found = words(&["acme"], "999988887777/Auditor");
        assert_eq!(found, Ok("id-acme:999988887777/Auditor".to_owned()));
    }

    #[test]
    fn what_matches_several_roles_names_them() {
        let ambiguous = words(&["acme"], "dev").unwrap_err();
        assert_eq!(ambiguous.problem.code, ProblemCode::WrongUse);
        assert_eq!(
            ambiguous.candidates,
            [
                "111122223333/Admin  (acme-dev)",
                "111122223333/ReadOnly  (acme-dev)"
            ]
        );
        let two_portals = words(&["acme", "other"], "acme-dev/Admin").unwrap_err();
        assert_eq!(
            two_portals.candidates,
            [
                "acme:111122223333/Admin  (acme-dev)",
                "other:111122223333/Admin  (acme-dev)"
            ]
        );
        assert!(words(&["acme", "other"], "other:acme-dev/Admin").is_ok());
    }

    #[test]
    fn what_matches_nothing_is_wrong_use() {
        for target in ["nothing", "nobody/Admin", "acme-dev/", "/", ""] {
            let problem = words(&["acme"], target).unwrap_err().problem;
            assert_eq!(problem.code, ProblemCode::WrongUse, "{target}");
        }
        let none = words(&[], "111122223333/ReadOnly").unwrap_err().problem;
        assert!(none.what_to_do.contains("portray portal add"), "{none:?}");
    }

    #[test]
    fn a_profile_names_its_portal_by_name_id_or_start_url() {
        for (name, region, found) in [
            ("acme", None, true),
            ("id-acme", None, true),
            ("https://acme.awsapps.com/start", Some("eu-west-1"), true),
            ("acme", Some("us-east-1"), false),
            ("nobody", None, false),
        ] {
            let target = Target::Role {
                portal: Some(name.to_owned()),
                portal_region: region.map(str::to_owned),
                account: "111122223333".to_owned(),
                permission_set: "Admin".to_owned(),
            };
            assert_eq!(resolve(&["acme", "other"], &target).is_ok(), found, "{name}");
        }
    }
}
