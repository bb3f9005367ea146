//! What profiles are called: templates, the characters that every tool reads, and which roles are wanted.

use std::collections::BTreeMap;

use crate::paths::short_hash;

/// The longest name of a profile.
pub const LONGEST: usize = 64;

/// How many of a role's possible names say what the role is; those behind them only tell it from others.
pub const TELLING: usize = 4;

/// The longest of what is put behind a name to tell it from another's.
const LONGEST_SUFFIX: usize = LONGEST / 2;

/// How names are made where nobody says otherwise.
pub const USUAL_TEMPLATE: &str = "{account}-{permission_set}";

/// `{account}-{permission_set}` and the like, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Account,
    AccountId,
    PermissionSet,
    Portal,
}

/// A template that makes no names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("the template of profile names is empty")]
    Empty,
    #[error("the template of profile names has a brace without its counterpart")]
    Unbalanced,
    #[error("the template of profile names has “{{{0}}}”, which is not known")]
    Unknown(String),
    #[error("the template of profile names has “{0}”, which not every AWS tool reads in a name")]
    Unsafe(char),
}

/// What a template is filled with.
#[derive(Debug, Clone, Copy)]
pub struct Filling<'a> {
    pub account: &'a str,
    pub account_id: &'a str,
    pub permission_set: &'a str,
    pub portal: &'a str,
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(place) = rest.find(['{', '}']) {
            let (before, behind) = rest.split_at(place);
            parts.push(Part::Text(before.to_owned()));
            let behind = behind.strip_prefix('{').ok_or(TemplateError::Unbalanced)?;
            let (name, behind) = behind.split_once('}').ok_or(TemplateError::Unbalanced)?;
            parts.push(match name {
                "account" => Part::Account,
                "account_id" => Part::AccountId,
                "permission_set" => Part::PermissionSet,
                "portal" => Part::Portal,
                _ => return Err(TemplateError::Unknown(name.to_owned())),
            });
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        let texts = parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Account | Part::AccountId | Part::PermissionSet | Part::Portal => None,
        });
        if let Some(letter) = texts
            .flat_map(|text| text.chars())
            .find(|letter| !is_safe(*letter))
        {
            return Err(TemplateError::Unsafe(letter));
        }
        match parts.is_empty() {
            true => Err(TemplateError::Empty),
            false => Ok(Self(parts)),
        }
    }

    /// The names that a role may have, the best first; they do not run out. `role` tells it from all others.
    pub fn names(&self, filling: &Filling<'_>, role: &str) -> impl Iterator<Item = String> + use<> {
        let name = self.name(filling);
        let telling = [filling.account_id, filling.permission_set, filling.portal];
        let telling = telling.map(|own| match safe(own).is_empty() {
            true => with(&name, filling.account_id),
            false => with(&name, own),
        });
        let role = role.to_owned();
        let by_hash = {
            let name = name.clone();
            (0..).map(move |round: u32| with(&name, &short_hash(format!("{role}\n{round}").as_bytes())[..8]))
        };
        [name].into_iter().chain(telling).chain(by_hash)
    }

    /// Whether the best name has everything as AWS calls it: nothing was replaced, left out or cut.
    pub fn is_exact(&self, filling: &Filling<'_>) -> bool {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Account => filling.account,
            Part::AccountId => filling.account_id,
            Part::PermissionSet => filling.permission_set,
            Part::Portal => filling.portal,
        });
        parts.collect::<String>() == self.name(filling)
    }

    fn name(&self, filling: &Filling<'_>) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Account => match safe(filling.account) {
                name if name.is_empty() => safe(filling.account_id),
                name => name,
            },
            Part::AccountId => safe(filling.account_id),
            Part::PermissionSet => safe(filling.permission_set),
            Part::Portal => safe(filling.portal),
        });
        let name: String = parts.collect();
        // One that begins with a dash is an option to most programs.
        let name = cut(name.trim_start_matches('-'), LONGEST);
        match name.is_empty() {
            true => "portray".to_owned(),
            false => name.to_owned(),
        }
    }
}

/// A name that a role wishes for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wished {
    pub name: String,
    /// It is what the role is really called.
    pub is_exact: bool,
}

/// Which of these may have their name. Where several wish for the same one, it would lead people to a role that they do
/// not mean: only the one that is really called so may have it, and of several such, none.
pub fn undisputed(wishes: &[Wished]) -> impl Iterator<Item = bool> {
    let mut counts: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    for wished in wishes {
        *counts.entry((&wished.name, wished.is_exact)).or_default() += 1;
    }
    wishes.iter().map(move |wished| {
        let count = |is_exact| counts.get(&(wished.name.as_str(), is_exact)).copied();
        let same = count(wished.is_exact).unwrap_or_default();
        same == 1 && (wished.is_exact || count(true).is_none())
    })
}

/// What every tool reads in a name of a profile.
pub fn is_safe(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '@' | '/' | '+' | '-')
}

/// A name of AWS's with a dash for everything that is not safe. Slashes are for templates only.
fn safe(name: &str) -> String {
    let is_kept = |letter: &char| is_safe(*letter) && *letter != '/';
    let words = name
        .split(|letter: char| !is_kept(&letter))
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").trim_matches('-').to_owned()
}

fn with(name: &str, suffix: &str) -> String {
    let suffix = safe(suffix);
    let suffix = cut(&suffix, LONGEST_SUFFIX);
    format!("{}-{suffix}", cut(name, LONGEST.saturating_sub(suffix.len() + 1)))
}

/// Names are ASCII by now.
fn cut(name: &str, longest: usize) -> &str {
    name.get(..longest).unwrap_or(name)
}

/// Whether `pattern` (with `*` and `?`, capital or not) matches all of `text`.
pub fn matches(pattern: &str, text: &str) -> bool {
    let letters = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    let (pattern, text) = (letters(pattern), letters(text));
    let (mut place, mut read) = (0, 0);
    // Where the last star stands, and how much of the text it has taken.
    let mut star = None;
    while read < text.len() {
        match pattern.get(place) {
            Some('*') => {
                star = Some((place, read));
                place += 1;
            }
            Some(letter) if *letter == '?' || *letter == text[read] => {
                place += 1;
                read += 1;
            }
            Some(_) | None => match star {
                None => return false,
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    place = at + 1;
                    read = taken + 1;
                }
            },
        }
    }
    pattern[place..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILLING: Filling<'_> = Filling {
        account: "Acme Dev",
        account_id: "111122223333",
        permission_set: "ReadOnly",
        portal: "acme",
    };

    fn name(template: &str, filling: &Filling<'_>) -> String {
        Template::parse(template)
            .unwrap()
            .names(filling, "role")
            .next()
            .unwrap()
    }

    #[test]
    fn i1_a_template_is_filled_with_safe_characters() {
        for (template, expected) in [
            (USUAL_TEMPLATE, "Acme-Dev-ReadOnly"),
            (
                "{portal}/{account_id}.{permission_set}",
                "acme/111122223333.ReadOnly",
            ),
            ("x", "x"),
            ("--{account}", "Acme-Dev"),
        ] {
            assert_eq!(name(template, &FILLING), expected);
        }
        let strange = Filling {
            account: "../R&D (\u{202e}größe)",
            ..FILLING
        };
        assert_eq!(name("{account}", &strange), "..-R-D-gr-e");
        let nothing = Filling {
            account: "日本",
            ..FILLING
        };
        assert_eq!(name("{account}", &nothing), "111122223333");
        let long = Filling {
            account: &"x".repeat(4096),
            ..FILLING
        };
        let names = Template::parse("{account}")
            .unwrap()
            .names(&long, "role")
            .take(4)
            .collect::<Vec<_>>();
        assert!(names.iter().all(|name| name.len() == LONGEST), "{names:?}");
        let suffixes = Filling {
            permission_set: &"y".repeat(99),
            portal: "日本",
            ..FILLING
        };
        let names = Template::parse("{account}").unwrap().names(&suffixes, "role");
        let expected = [
            "Acme-Dev",
            "Acme-Dev-111122223333",
            "Acme-Dev-yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
            "Acme-Dev-111122223333",
        ];
        assert_eq!(names.take(TELLING).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn i1_a_name_is_exact_where_nothing_was_replaced_left_out_or_cut() {
        let exact = |template: &str, account: &str| {
            let filling = Filling { account, ..FILLING };
            Template::parse(template).unwrap().is_exact(&filling)
        };
        let long = "x".repeat(LONGEST);
        assert!(exact("{account}", "acme-prod") && exact("{account}", &long));
        assert!(exact("{portal}/{account_id}", "acme prod"));
        for account in [
            "acme prod",
            "acme/prod",
            "-acme",
            "größe",
            "",
            &format!("{long}x"),
        ] {
            assert!(!exact("{account}", account), "{account}");
        }
    }

    #[test]
    fn i1_a_name_that_several_wish_for_goes_to_the_one_that_is_called_so_or_to_none() {
        let may = |exact: &[bool]| {
            let wished = |is_exact: &bool| Wished {
                name: "acme".to_owned(),
                is_exact: *is_exact,
            };
            let mut wishes: Vec<_> = exact.iter().map(wished).collect();
            wishes.push(Wished {
                name: "other".to_owned(),
                is_exact: false,
            });
            let mut may: Vec<_> = undisputed(&wishes).collect();
            assert_eq!(may.pop(), Some(true), "nobody else wishes for it");
            may
        };
        for (exact, expected) in [
            (vec![true], vec![true]),
            (vec![false, true, false], vec![false, true, false]),
            (vec![false, false], vec![false, false]),
            (vec![true, false, true], vec![false, false, false]),
        ] {
            assert_eq!(may(&exact), expected, "{exact:?}");
        }
    }

    #[test]
    fn a_template_that_makes_no_names_is_refused() {
        for (template, error) in [
            ("", TemplateError::Empty),
            ("{account", TemplateError::Unbalanced),
            ("account}", TemplateError::Unbalanced),
            ("{user}", TemplateError::Unknown("user".to_owned())),
            ("{account} {permission_set}", TemplateError::Unsafe(' ')),
            ("{account}]", TemplateError::Unsafe(']')),
        ] {
            assert_eq!(Template::parse(template), Err(error), "{template}");
        }
    }

    #[test]
    fn patterns_match_whole_texts_whatever_the_case() {
        for (pattern, text, expected) in [
            ("*dev*", "Acme Dev/ReadOnly", true),
            ("*/readonly", "Acme Dev/ReadOnly", true),
            ("acme", "Acme Dev/ReadOnly", false),
            ("acme ???/*", "Acme Dev/ReadOnly", true),
            ("*a*b*", "xaxxbx", true),
            ("*a*b", "xaxxbx", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
