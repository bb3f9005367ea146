//! Takes out of a text what tells who somebody is: accounts, people, companies, hosts, paths, and whatever looks random.
//!
//! Each value has the same stand-in throughout a report (`account-1`, `host-2`), so that a reader can follow it. They
//! are counted and not computed: of a number with twelve digits even a hash tells which one it is.

mod own_words;
mod words;

use std::collections::BTreeMap;

use url::form_urlencoded::byte_serialize;

/// What a value is; its stand-in is named after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Portal,
    Host,
    Account,
    AccountName,
    PermissionSet,
    Email,
    User,
    /// A person's text, of whatever kind.
    Name,
    Path,
    /// An instance, a directory, a resource.
    Identifier,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Host => "host",
            Self::Account => "account",
            Self::AccountName => "account-name",
            Self::PermissionSet => "permission-set",
            Self::Email => "email",
            Self::User => "user",
            Self::Name => "name",
            Self::Path => "path",
            Self::Identifier => "id",
        }
    }
}

/// What stands before the issuer of a certificate that is not trusted. Who it is has to be known to mend it.
const ISSUED_BY: &str = " is issued by ";

/// The stand-ins of one report.
#[derive(Debug, Default)]
pub struct Mask {
    given: BTreeMap<(Kind, String), usize>,
    counts: BTreeMap<Kind, usize>,
    /// What is replaced wherever it stands, in lower case, and by what.
    known: Vec<(String, String)>,
}

/// Shorter values stand in other words by accident: they are known only as words of their own.
const SHORT: usize = 4;

impl Mask {
    /// The stand-in of a value, which is replaced by it in every text from now on.
    pub fn name(&mut self, kind: Kind, value: &str) -> String {
        let stand_in = self.stand_in(kind, value);
        self.replace(value, &stand_in);
        stand_in
    }

    /// Has `value` replaced by `by` in every text from now on.
    pub fn replace(&mut self, value: &str, by: &str) {
        let json = serde_json::Value::from(value).to_string();
        let percent: String = byte_serialize(value.as_bytes()).collect();
        let forms = [
            value.to_owned(),
            json.trim_matches('"').to_owned(),
            percent.replace('+', "%20"),
            percent,
        ];
        for form in forms {
            let form = form.to_lowercase();
            if !form.trim().is_empty() && !self.known.iter().any(|(known, _)| *known == form) {
                self.known.push((form, by.to_owned()));
            }
        }
        self.known.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
    }

    /// A text that others wrote, or in which something of theirs is.
    pub fn text(&mut self, text: &str) -> String {
        let mut masked = String::new();
        let mut is_issuer = false;
        // What stands in our quotation marks is somebody's text, and mostly a name.
        for (index, part) in text.split(['“', '”']).enumerate() {
            let is_quoted = index % 2 == 1;
            if index > 0 {
                masked.push(if is_quoted { '“' } else { '”' });
            }
            masked.push_str(&match is_quoted && !is_issuer {
                true => self.quoted(part),
                false => self.unquoted(part),
            });
            is_issuer = !is_quoted && part.ends_with(ISSUED_BY);
        }
        masked
    }

    fn quoted(&mut self, text: &str) -> String {
        let replaced = self.with_known_replaced(text);
        if let Some(rest) = replaced.iter().all(Piece::is_open).then_some(text) {
            return match rest.split_once(' ') {
                // A command to be typed: its own words say something, and what follows them is the person's.
                Some(("portray", words)) => format!("portray {}", self.command(words)),
                Some(_) | None if is_ours(rest) => rest.to_owned(),
                Some(_) | None => self.somebody_s(rest),
            };
        }
        self.masked_pieces(replaced)
    }

    /// A text that is a value as a whole.
    fn somebody_s(&mut self, text: &str) -> String {
        let form = text.to_lowercase();
        let known = self.known.iter().find(|(known, _)| *known == form);
        match known {
            Some((_, by)) => by.clone(),
            None => self.stand_in(Kind::Name, text),
        }
    }

    /// Words of our own grammar stay, and what follows them may be anybody's.
    fn command(&mut self, words: &str) -> String {
        let rest = own_words::behind(words);
        let own = words[..words.len() - rest.len()].trim_end();
        match (own.is_empty(), rest.is_empty()) {
            (_, true) => own.to_owned(),
            (true, false) => self.somebody_s(rest),
            (false, false) => format!("{own} {}", self.somebody_s(rest)),
        }
    }

    fn unquoted(&mut self, text: &str) -> String {
        let pieces = self.with_known_replaced(text);
        self.masked_pieces(pieces)
    }

    fn masked_pieces(&mut self, pieces: Vec<Piece>) -> String {
        let mut masked = String::new();
        let mut folder = None;
        for piece in pieces {
            match piece {
                Piece::Replaced(text) => {
                    masked.push_str(&text);
                    folder = Some(text);
                }
                // What was found twice in a row has nothing between.
                Piece::Open(text) if text.is_empty() => {}
                Piece::Open(text) => {
                    let folder = folder.take().filter(|_| text.starts_with(['/', '\\']));
                    masked.push_str(&match folder {
                        Some(folder) => words::masked_behind(self, &folder, &text),
                        None => words::masked(self, &text),
                    });
                }
            }
        }
        masked
    }

    fn with_known_replaced(&self, text: &str) -> Vec<Piece> {
        let mut pieces = vec![Piece::Open(text.to_owned())];
        for (form, by) in &self.known {
            pieces = pieces
                .into_iter()
                .flat_map(|piece| piece.split(form, by))
                .collect();
        }
        pieces
    }

    fn stand_in(&mut self, kind: Kind, value: &str) -> String {
        let key = (kind, value.to_lowercase());
        let number = match self.given.get(&key) {
            Some(number) => *number,
            None => {
                let count = self.counts.entry(kind).or_default();
                *count += 1;
                self.given.insert(key, *count);
                *count
            }
        };
        format!("{}-{number}", kind.word())
    }
}

/// A part of a text.
enum Piece {
    Open(String),
    /// Nothing more is to be replaced in it.
    Replaced(String),
}

impl Piece {
    fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// Takes `form`, in whatever case, out of what is open.
    fn split(self, form: &str, by: &str) -> Vec<Self> {
        let Self::Open(text) = self else { return vec![self] };
        let (is_short, is_ours) = (form.chars().count() < SHORT, own_words::is_of_sentences(form));
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        let mut from = 0;
        while let Some((start, end)) = find(&rest[from..], form) {
            let (start, end) = (start + from, end + from);
            let is_a_word =
                ends_word(rest[..start].chars().next_back()) && ends_word(rest[end..].chars().next());
            if (is_short && !is_a_word) || (is_ours && !is_value(&rest[..start], &rest[end..])) {
                from = end;
                continue;
            }
            pieces.push(Self::Open(rest[..start].to_owned()));
            pieces.push(Self::Replaced(by.to_owned()));
            rest = &rest[end..];
            from = 0;
        }
        pieces.push(Self::Open(rest.to_owned()));
        pieces
    }
}

/// Where `form` (in lower case) stands in `text`, in whatever case; in bytes of `text`.
fn find(text: &str, form: &str) -> Option<(usize, usize)> {
    let is_there = |start: usize| {
        let mut wanted = form.chars().peekable();
        for (index, letter) in text[start..].char_indices() {
            if wanted.peek().is_none() {
                return Some((start, start + index));
            }
            for lower in letter.to_lowercase() {
                if wanted.next() != Some(lower) {
                    return None;
                }
            }
        }
        wanted.peek().is_none().then_some((start, text.len()))
    };
    text.char_indices().find_map(|(start, _)| is_there(start))
}

/// Whether what stands between these is a value by its place: a part of `ACCOUNT/ROLE`, or behind a sign.
fn is_value(before: &str, after: &str) -> bool {
    let is_led_to = before.ends_with(['/', ':', '=', '@', '"', '\'', '“', '%', '\\']);
    let mut after = after.chars();
    match after.next() {
        Some('/' | '@') => true,
        Some(':') => {
            is_led_to
                || after
                    .next()
                    .is_some_and(|next| !next.is_whitespace() && next != ':')
        }
        Some(_) | None => is_led_to,
    }
}

fn ends_word(letter: Option<char>) -> bool {
    !letter.is_some_and(char::is_alphanumeric)
}

/// Names of our own that stand in quotation marks.
fn is_ours(text: &str) -> bool {
    let settings = [
        "portal",
        "console",
        "guard",
        "endpoints",
        "keyring",
        "memory",
        "file",
        "portray",
        "portray-app",
    ];
    settings.contains(&text) || text.starts_with("PORTRAY_") || text.starts_with("AWS_")
}

#[cfg(test)]
mod tests;
