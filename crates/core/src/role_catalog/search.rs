//! Finds roles by what a person types: words in any order, ranked by how well they match, then by use.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::{Catalogue, ListOrder, ListedAccount};
use crate::identity_center::{AccountId, PortalId, RoleKey};
use crate::role_chain::Chain;

/// What to look for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<'a> {
    pub text: &'a str,
    /// Only this portal's roles.
    pub portal: Option<&'a PortalId>,
    /// Sorted as the list was once; none: as favourites and recents are now.
    pub order: Option<&'a ListOrder>,
    pub offset: usize,
    /// How many rows at most; whoever serves others bounds it.
    pub limit: usize,
}

/// A page of what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hits {
    /// On all pages together.
    pub total: usize,
    pub offset: usize,
    /// Of the catalogue that was searched.
    pub revision: u64,
    pub rows: Vec<Hit>,
}

/// A role that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub key: RoleKey,
    pub account_name: String,
    pub email: String,
    pub favourite: bool,
    /// Which characters matched, by their index among the name's characters.
    pub account_name_matches: Vec<u32>,
    pub permission_set_matches: Vec<u32>,
}

impl Catalogue {
    /// Every word must match the account's name or id, its e-mail address, the permission set or the portal's
    /// name. The best matches come first; among equals favourites, then what was used lately, then by name.
    pub fn search(&self, query: &Query<'_>, portal_names: &BTreeMap<PortalId, String>) -> Hits {
        let words = Words::of(query.text);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let marks = match query.order {
            Some(order) => Marks::of(&order.favourites, &order.recents),
            None => self.marks(),
        };
        let mut rows = self.matching_rows(&words, query.portal, portal_names, &marks, &mut matcher);
        let total = rows.len();
        let end = total.min(query.offset.saturating_add(query.limit));
        if (1..total).contains(&end) {
            // Only what is shown needs an order.
            rows.select_nth_unstable_by_key(end - 1, |row| row.rank);
            rows.truncate(end);
        }
        rows.sort_unstable_by_key(|row| row.rank);
        let page = rows.get(query.offset.min(end)..end).unwrap_or_default();
        Hits {
            total,
            offset: query.offset,
            revision: self.revision,
            rows: page
                .iter()
                .map(|row| {
                    let favourite = match query.order {
                        Some(_) => self.favourites.contains(&row.key()),
                        None => row.is_favourite(),
                    };
                    row.hit(&words, favourite, &mut matcher)
                })
                .collect(),
        }
    }

    pub(super) fn marks(&self) -> Marks<'_> {
        Marks::of(&self.favourites, &self.recents)
    }

    /// Rows that match every word, in no order.
    pub(super) fn matching_rows<'a>(
        &'a self,
        words: &Words,
        portal: Option<&PortalId>,
        portal_names: &BTreeMap<PortalId, String>,
        marks: &Marks<'_>,
        matcher: &mut Matcher,
    ) -> Vec<Row<'a>> {
        let mut of_portals = HashMap::new();
        let mut of_permission_sets = HashMap::new();
        let mut rows = Vec::new();
        let mut place = 0;
        for (portal, listed) in self.accounts_by_name(portal) {
            let of_portal: &Scores = of_portals.entry(portal).or_insert_with(|| {
                let name = portal_names.get(portal).map_or("", String::as_str);
                words.scores(|word| word.beside(name, matcher))
            });
            let of_account = words
                .scores(|word| word.account(listed, matcher))
                .or_better(of_portal);
            for permission_set in &listed.permission_sets {
                place += 1;
                // Thousands of accounts share a handful of permission sets.
                let of_set: &Scores = of_permission_sets
                    .entry(permission_set.as_str())
                    .or_insert_with(|| words.scores(|word| word.name(permission_set, matcher)));
                let Some(score) = of_account.together(of_set) else {
                    continue;
                };
                let (favourite, recent) = marks.places(portal, listed, (permission_set, None));
                rows.push(Row {
                    portal,
                    listed,
                    permission_set,
                    chain: None,
                    rank: (Reverse(score), favourite, recent, place),
                });
            }
            for (key, chain) in self.chains_from(portal, listed) {
                place += 1;
                let of_chain = words.scores(|word| word.chain(chain, matcher));
                let Some(score) = of_account.together(&of_chain) else {
                    continue;
                };
                let (permission_set, chain) = (key.permission_set.as_str(), Some(chain.name.as_str()));
                let (favourite, recent) = marks.places(portal, listed, (permission_set, chain));
                rows.push(Row {
                    portal,
                    listed,
                    permission_set,
                    chain,
                    rank: (Reverse(score), favourite, recent, place),
                });
            }
        }
        rows
    }

    /// A listing is sorted already; several are merged.
    fn accounts_by_name(&self, portal: Option<&PortalId>) -> Vec<(&PortalId, &ListedAccount)> {
        let listings: Vec<_> = self
            .listings()
            .filter(|(id, _)| portal.is_none_or(|portal| portal == *id))
            .collect();
        let several = listings.len() > 1;
        let accounts = listings
            .into_iter()
            .flat_map(|(id, listing)| listing.accounts.iter().map(move |listed| (id, listed)));
        let mut accounts: Vec<_> = accounts.collect();
        if several {
            accounts.sort_by_cached_key(|(_, listed)| {
                (listed.account.name.to_lowercase(), listed.account.id.clone())
            });
        }
        accounts
    }
}

/// A role that matches.
pub(super) struct Row<'a> {
    pub(super) portal: &'a PortalId,
    pub(super) listed: &'a ListedAccount,
    pub(super) permission_set: &'a str,
    /// The name of a further role that is assumed from it.
    pub(super) chain: Option<&'a str>,
    /// Score, place among favourites, place among recents, place in the list.
    pub(super) rank: (Reverse<u32>, usize, usize, usize),
}

impl Row<'_> {
    pub(super) fn key(&self) -> RoleKey {
        RoleKey {
            portal: self.portal.clone(),
            account: self.listed.account.id.clone(),
            permission_set: self.permission_set.to_owned(),
            chain: self.chain.map(str::to_owned),
        }
    }

    /// As far as the order of the list says.
    fn is_favourite(&self) -> bool {
        self.rank.1 != usize::MAX
    }

    /// A word is marked where it matched best.
    fn hit(&self, words: &Words, favourite: bool, matcher: &mut Matcher) -> Hit {
        let name = &self.listed.account.name;
        let shown = self.chain.unwrap_or(self.permission_set);
        let mut account_name_matches = Vec::new();
        let mut permission_set_matches = Vec::new();
        for word in &words.0 {
            let of_name = word.name(name, matcher);
            let of_set = word.name(shown, matcher);
            if of_name.is_some() && of_name >= of_set {
                word.mark(name, matcher, &mut account_name_matches);
            }
            if of_set.is_some() && of_set >= of_name {
                word.mark(shown, matcher, &mut permission_set_matches);
            }
        }
        for matches in [&mut account_name_matches, &mut permission_set_matches] {
            matches.sort_unstable();
            matches.dedup();
        }
        Hit {
            key: self.key(),
            account_name: name.clone(),
            email: self.listed.account.email.clone(),
            favourite,
            account_name_matches,
            permission_set_matches,
        }
    }
}

/// What was typed, word by word.
pub(super) struct Words(pub(super) Vec<Word>);

pub(super) struct Word {
    pub(super) text: String,
    /// The letters in this order, with gaps.
    loose: Atom,
    /// The letters side by side.
    tight: Atom,
    /// Loose matches below this are accidents: their gaps cost more than their word starts gain.
    least: u32,
}

/// What a letter that matches is worth to the matcher, before its place is judged.
const LETTER: u32 = 16;

/// A name or an id that was typed in full goes before every partial match.
const IN_FULL: u32 = 1000;

impl Words {
    pub(super) fn of(text: &str) -> Self {
        Self(text.split_whitespace().map(Word::of).collect())
    }

    fn scores(&self, score: impl FnMut(&Word) -> Option<u32>) -> Scores {
        Scores(self.0.iter().map(score).collect())
    }
}

impl Word {
    fn of(text: &str) -> Self {
        // AWS writes account ids as 1111-2222-3333 too.
        let digits: String = text.chars().filter(|letter| *letter != '-').collect();
        let is_id = AccountId::is_one(&digits);
        let text = if is_id { digits } else { text.to_owned() };
        let atom = |kind| Atom::new(&text, CaseMatching::Ignore, Normalization::Smart, kind, false);
        let (loose, tight) = (atom(AtomKind::Fuzzy), atom(AtomKind::Substring));
        let letters = u32::try_from(loose.needle_text().len()).unwrap_or(u32::MAX);
        Self {
            least: letters.saturating_mul(LETTER),
            text,
            loose,
            tight,
        }
    }

    /// How well it matches a name that the row shows.
    fn name(&self, name: &str, matcher: &mut Matcher) -> Option<u32> {
        let mut characters = Vec::new();
        let score = self.loose.score(haystack(name, &mut characters), matcher)?;
        let score = u32::from(score);
        let in_full = name.eq_ignore_ascii_case(&self.text);
        (score >= self.least).then_some(if in_full { score + IN_FULL } else { score })
    }

    /// How well it matches something beside the names: side by side only, and worth less.
    pub(super) fn beside(&self, text: &str, matcher: &mut Matcher) -> Option<u32> {
        let mut characters = Vec::new();
        let score = self.tight.score(haystack(text, &mut characters), matcher)?;
        Some(u32::from(score) / 2)
    }

    pub(super) fn account(&self, listed: &ListedAccount, matcher: &mut Matcher) -> Option<u32> {
        let account = &listed.account;
        if account.id.0 == self.text {
            return Some(IN_FULL);
        }
        let name = self.name(&account.name, matcher);
        let id = self.beside(&account.id.0, matcher);
        let email = self.beside(&account.email, matcher);
        name.max(id).max(email)
    }

    /// Not by the permission set's name: whoever types that means the permission set.
    fn chain(&self, chain: &Chain, matcher: &mut Matcher) -> Option<u32> {
        let name = self.name(&chain.name, matcher);
        name.max(self.beside(&chain.role_name, matcher))
    }

    fn mark(&self, text: &str, matcher: &mut Matcher, matches: &mut Vec<u32>) {
        let mut characters = Vec::new();
        self.loose
            .indices(haystack(text, &mut characters), matcher, matches);
    }
}

/// One text's score for each word.
struct Scores(Vec<Option<u32>>);

impl Scores {
    fn or_better(self, other: &Self) -> Self {
        let better = self
            .0
            .into_iter()
            .zip(&other.0)
            .map(|(one, other)| one.max(*other));
        Self(better.collect())
    }

    /// Each word's better score, if every word has one.
    fn together(&self, other: &Self) -> Option<u32> {
        self.0
            .iter()
            .zip(&other.0)
            .map(|(one, other)| (*one).max(*other))
            .sum()
    }
}

/// A permission set, with the name of the further role where it is one.
type Marked<'a> = (&'a str, Option<&'a str>);

/// What is marked, its place among favourites and its place among recents.
type Mark<'a> = (Marked<'a>, usize, usize);

/// Places of favourites and recents, found by account.
pub(super) struct Marks<'a> {
    by_account: HashMap<(&'a PortalId, &'a str), Vec<Mark<'a>>>,
}

impl<'a> Marks<'a> {
    fn of(favourites: &'a [RoleKey], recents: &'a [RoleKey]) -> Self {
        let mut by_account: HashMap<_, Vec<_>> = HashMap::new();
        let mut add = |key: &'a RoleKey, favourite, recent| {
            by_account
                .entry((&key.portal, key.account.0.as_str()))
                .or_default()
                .push((
                    (key.permission_set.as_str(), key.chain.as_deref()),
                    favourite,
                    recent,
                ));
        };
        for (place, key) in favourites.iter().enumerate() {
            add(key, place, usize::MAX);
        }
        for (place, key) in recents.iter().enumerate() {
            add(key, usize::MAX, place);
        }
        Self { by_account }
    }

    /// `usize::MAX`: not among them.
    fn places(&self, portal: &PortalId, listed: &ListedAccount, marked: Marked<'_>) -> (usize, usize) {
        let marks = self.by_account.get(&(portal, listed.account.id.0.as_str()));
        let marks = marks.into_iter().flatten();
        marks
            .filter(|(name, ..)| *name == marked)
            .fold((usize::MAX, usize::MAX), |places, (_, favourite, recent)| {
                (places.0.min(*favourite), places.1.min(*recent))
            })
    }
}

/// Character by character, so that indices count characters and not clusters of them.
fn haystack<'a>(text: &'a str, characters: &'a mut Vec<char>) -> Utf32Str<'a> {
    if text.is_ascii() {
        return Utf32Str::Ascii(text.as_bytes());
    }
    characters.extend(text.chars());
    Utf32Str::Unicode(characters)
}

#[cfg(test)]
mod tests;
