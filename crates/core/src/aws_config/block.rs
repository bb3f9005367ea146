//! What stands between the markers, section by section: ours, and what a person has put there.

use super::document::{Document, Ending, Kind, Line, Name, Section, at_margin, bytes_of, without_blank_end};
use super::wish::SESSION;

/// The keys that lead a tool to credentials. A profile of ours has those of one way and none of another.
const WAYS: [&str; 7] = [
    "credential_process",
    "sso_session",
    "sso_account_id",
    "sso_role_name",
    "sso_start_url",
    "sso_region",
    "sso_registration_scopes",
];

/// Everything between the markers.
#[derive(Debug, Clone, Default)]
pub struct Inside<'a> {
    /// In front of the first section.
    above: Vec<Line<'a>>,
    pub pieces: Vec<Piece<'a>>,
}

/// A section with the comments right above it, and without blank lines below.
#[derive(Debug, Clone)]
pub struct Piece<'a> {
    pub name: Name,
    pub owner: Owner,
    /// Lines of it stood behind our end marker.
    pub is_gathered: bool,
    above: Vec<Line<'a>>,
    header: Line<'a>,
    body: Vec<Line<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Ours, for this role.
    Profile(NamedRole),
    /// Ours, a `[sso-session …]`.
    Session,
    Foreign,
}

/// A role as a profile names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRole {
    pub portal: String,
    pub account_id: String,
    pub permission_set: String,
    /// A further role; then account and permission set are not named.
    pub chain: Option<String>,
}

impl<'a> Inside<'a> {
    /// The lines of our block, the last ones of them from behind its end marker.
    pub fn read(body: &'a [u8], is_gathered: bool) -> Self {
        let lines = Document::read(body).lines;
        let sections = Document { lines: lines.clone() }.sections();
        let starts: Vec<_> = sections
            .iter()
            .map(|section| with_comments(&lines, section.header))
            .collect();
        let first = starts.first().copied().unwrap_or(lines.len());
        let ends = starts.iter().skip(1).copied().chain([lines.len()]);
        let pieces = sections.into_iter().zip(&starts).zip(ends);
        let mut pieces: Vec<_> = pieces
            .map(|((section, start), end)| Piece::of(&lines, section, *start, end))
            .collect();
        if let Some(last) = pieces.last_mut() {
            last.is_gathered = is_gathered;
        }
        Self {
            above: without_blank_end(&lines[..first]).to_vec(),
            pieces,
        }
    }

    /// What a person has written in front of the first section.
    pub fn leading(&self) -> Vec<Vec<u8>> {
        match self.above.is_empty() {
            true => Vec::new(),
            false => vec![bytes_of(&self.above)],
        }
    }

    /// The sections that are not ours.
    pub fn foreign(&self) -> impl Iterator<Item = &Piece<'a>> {
        self.pieces.iter().filter(|piece| piece.owner == Owner::Foreign)
    }

    /// All that is not ours, as it would stand alone.
    pub fn without_ours(&self, ending: Ending) -> Vec<u8> {
        let mut all = self.leading();
        all.extend(self.foreign().map(Piece::bytes));
        all.join(ending.bytes())
    }

    /// The names of our profiles.
    pub fn profile_names(&self) -> impl Iterator<Item = &str> {
        let ours = self
            .pieces
            .iter()
            .filter(|piece| matches!(piece.owner, Owner::Profile(_)));
        ours.filter_map(Piece::profile_name)
    }

    pub fn session(&self, name: &str) -> Option<&Piece<'a>> {
        let mut ours = self.pieces.iter().filter(|piece| piece.owner == Owner::Session);
        ours.find(|piece| piece.name == Name::SsoSession(name.to_owned()))
    }
}

impl<'a> Piece<'a> {
    fn of(lines: &[Line<'a>], section: Section, start: usize, end: usize) -> Self {
        let mut piece = Self {
            owner: Owner::Foreign,
            is_gathered: false,
            name: section.name,
            above: lines[start..section.header].to_vec(),
            header: lines[section.header],
            body: without_blank_end(&lines[section.header + 1..end]).to_vec(),
        };
        piece.owner = piece.find_owner();
        piece
    }

    fn find_owner(&self) -> Owner {
        let role = match &self.name {
            Name::SsoSession(name) if name.starts_with(SESSION) => return Owner::Session,
            Name::Profile(_) => self.process_role().or_else(|| self.session_role()),
            Name::SsoSession(_) | Name::Services(_) | Name::Other(_) => None,
        };
        role.map_or(Owner::Foreign, Owner::Profile)
    }

    fn process_role(&self) -> Option<NamedRole> {
        let (_, arguments) = self
            .value("credential_process")?
            .rsplit_once(" credential-process ")?;
        let after = |option: &str| {
            let mut words = arguments.split_ascii_whitespace();
            words.find(|word| *word == option)?;
            words.next().map(str::to_owned)
        };
        if let Some(chain) = after("--chain") {
            return Some(NamedRole {
                portal: after("--portal")?,
                account_id: String::new(),
                permission_set: String::new(),
                chain: Some(chain),
            });
        }
        Some(NamedRole {
            portal: after("--portal")?,
            account_id: after("--account")?,
            permission_set: after("--permission-set")?,
            chain: None,
        })
    }

    fn session_role(&self) -> Option<NamedRole> {
        Some(NamedRole {
            portal: self.value("sso_session")?.strip_prefix(SESSION)?.to_owned(),
            account_id: self.value("sso_account_id")?.to_owned(),
            permission_set: self.value("sso_role_name")?.to_owned(),
            chain: None,
        })
    }

    pub fn profile_name(&self) -> Option<&str> {
        match &self.name {
            Name::Profile(name) => Some(name),
            Name::SsoSession(_) | Name::Services(_) | Name::Other(_) => None,
        }
    }

    /// The value of a key, whatever its case.
    pub fn value(&self, key: &str) -> Option<&'a str> {
        let mut properties = self.body.iter().filter_map(Line::property);
        let property = properties.find(|property| is_key(property.key, key))?;
        std::str::from_utf8(property.value).ok()
    }

    /// As it stands, wherever it is put: indented, it would be a part of what comes before it.
    pub fn bytes(&self) -> Vec<u8> {
        let header = at_margin(&self.header);
        [self.comments(), bytes_of(&[header]), bytes_of(&self.body)].concat()
    }

    /// The comments right above it.
    fn comments(&self) -> Vec<u8> {
        let comments: Vec<_> = self.above.iter().map(at_margin).collect();
        bytes_of(&comments)
    }

    /// Whether it says this as we would have written it, and leads to credentials in no other way.
    pub fn says(&self, header: &str, pairs: &[(&str, String)]) -> bool {
        let says_pair = |(key, value): &(&str, String)| {
            let mut lines = self
                .body
                .iter()
                .enumerate()
                .filter(|(_, line)| names_key(line, key));
            match (lines.next(), lines.next()) {
                (Some((place, line)), None) => {
                    line.content == format!("{key} = {value}").as_bytes() && !self.goes_on_below(place)
                }
                (None, _) | (Some(_), Some(_)) => false,
            }
        };
        let other_ways = WAYS
            .iter()
            .filter(|way| !pairs.iter().any(|(key, _)| key == *way));
        self.header.content == header.as_bytes()
            && pairs.iter().all(says_pair)
            && !other_ways
                .into_iter()
                .any(|way| self.body.iter().any(|line| names_key(line, way)))
    }

    /// Whether the value of the property in this line has lines below it.
    fn goes_on_below(&self, place: usize) -> bool {
        let mut below = self.body[place + 1..].iter();
        let next = below.find(|line| !matches!(line.kind, Kind::Blank | Kind::Comment));
        next.is_some_and(|line| line.kind == Kind::Nested)
    }

    /// A section that says this, with what a person has added to the one before it.
    pub fn written(
        before: Option<&Self>,
        header: &str,
        pairs: &[(&'static str, String)],
        ending: Ending,
    ) -> Vec<u8> {
        if let Some(before) = before.filter(|before| before.says(header, pairs)) {
            return before.bytes();
        }
        let mut lines = vec![header.to_owned()];
        lines.extend(pairs.iter().map(|(key, value)| format!("{key} = {value}")));
        let lines = lines
            .iter()
            .flat_map(|line| [line.as_bytes(), ending.bytes()].concat());
        let above = before.map(Piece::comments).unwrap_or_default();
        let added = before.map(|before| before.added(pairs)).unwrap_or_default();
        above.into_iter().chain(lines).chain(added).collect()
    }

    /// The lines that are not ours to write.
    fn added(&self, pairs: &[(&'static str, String)]) -> Vec<u8> {
        let is_ours = |key: &[u8]| {
            let mut keys = WAYS.iter().chain(pairs.iter().map(|(key, _)| key));
            keys.any(|ours| is_key(key, ours))
        };
        let mut is_in_ours = false;
        let mut added = Vec::new();
        for line in &self.body {
            match line.kind {
                Kind::Property(property) => is_in_ours = is_ours(property.key),
                Kind::Nested if is_in_ours => continue,
                Kind::Blank | Kind::Comment | Kind::Section(_) | Kind::Nested | Kind::Unclear => {}
            }
            if is_in_ours && line.property().is_some() {
                continue;
            }
            // Below a key of ours, an indented line would be a part of its value.
            added.push(match line.kind {
                Kind::Property(_) | Kind::Unclear | Kind::Comment => at_margin(line),
                Kind::Blank | Kind::Section(_) | Kind::Nested => *line,
            });
        }
        bytes_of(without_blank_end(&added))
    }
}

fn names_key(line: &Line<'_>, key: &str) -> bool {
    line.property().is_some_and(|property| is_key(property.key, key))
}

fn is_key(name: &[u8], key: &str) -> bool {
    name.eq_ignore_ascii_case(key.as_bytes())
}

/// The first of the comments right above a header.
fn with_comments(lines: &[Line<'_>], header: usize) -> usize {
    let above = lines[..header].iter().rev();
    header - above.take_while(|line| line.kind == Kind::Comment).count()
}
