//! `~/.aws/config`: the profiles that we write there between two marker lines, and nothing else of it. The sign-ins
//! that stand there, and the AWS CLI's cache of them.

mod block;
pub mod command_line;
#[cfg(test)]
mod corpus;
pub mod default_profile;
pub mod difference;
pub mod document;
pub mod edit;
pub mod file;
pub mod findings;
pub mod logins;
pub mod names;
pub mod profiles;
mod shell_words;
pub mod sso_cache;
mod trouble;
pub mod undo;
pub mod wish;

use std::collections::BTreeSet;

use block::Inside;
use document::{Document, Name};
use edit::{Content, Unclear};
use findings::Finding;
use profiles::{Profile, Skipped};
use wish::Wish;

/// What would become of the file, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub after: Content,
    /// Every profile that would stand between the markers, by name.
    pub profiles: Vec<Profile>,
    /// Names of our profiles that would be no more.
    pub removed: Vec<String>,
    /// Roles that get no profile.
    pub skipped: Vec<Skipped>,
}

impl Plan {
    /// Whether profiles come that name no region. Those that were there before may have got one by hand.
    pub fn lacks_region(&self, wish: &Wish) -> bool {
        let is_new = |profile: &Profile| profile.change == profiles::Change::New;
        wish.region.is_none() && self.profiles.iter().any(is_new)
    }
}

/// What a wish makes of the file. `None` is a file that is not there.
pub fn plan(config: Option<&[u8]>, credentials: Option<&[u8]>, wish: &Wish) -> Result<Plan, Unclear> {
    let bytes = config.unwrap_or_default();
    let block = edit::block_of(bytes)?;
    let (lines, outside) = match &block {
        Some(block) => (
            block.lines(bytes),
            [&bytes[..block.whole.start], &bytes[block.whole.end..]].concat(),
        ),
        None => (Vec::new(), bytes.to_vec()),
    };
    let is_gathered = block.is_some_and(|block| !block.behind.is_empty());
    let inside = Inside::read(&lines, is_gathered);
    let taken = Taken::of(&outside, credentials.unwrap_or_default(), &inside);
    let ending = Document::read(bytes).usual_ending();
    let composed = profiles::compose(wish, &inside, &taken, ending);
    let after = match composed.profiles.is_empty() {
        true => edit::without_block(config, &inside.without_ours(ending))?,
        false => edit::with_block(config, &composed.body)?,
    };
    Ok(Plan {
        after,
        profiles: composed.profiles,
        removed: composed.removed,
        skipped: composed.skipped,
    })
}

/// The file without what we put there. What else stands between the markers stays.
pub fn taken_back(config: Option<&[u8]>) -> Result<Content, Unclear> {
    let bytes = config.unwrap_or_default();
    let ending = Document::read(bytes).usual_ending();
    let lines = edit::block_of(bytes)?.map(|block| block.lines(bytes));
    let foreign = lines.map(|lines| Inside::read(&lines, false).without_ours(ending));
    edit::without_block(config, &foreign.unwrap_or_default())
}

/// The lines between the markers of such a file, for a person who writes them there by hand.
pub fn text_to_paste(config: &[u8]) -> Option<&[u8]> {
    let block = edit::block_of(config).ok().flatten()?;
    Some(&config[block.whole])
}

/// What in both files keeps one tool or another from reading them as they are meant.
pub fn findings(config: Option<&[u8]>, credentials: Option<&[u8]>) -> Vec<Finding> {
    findings::of(config.unwrap_or_default(), credentials.unwrap_or_default())
}

/// Names that are somebody else's.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    pub profiles: BTreeSet<String>,
    pub sessions: BTreeSet<String>,
}

impl Taken {
    fn of(outside: &[u8], credentials: &[u8], inside: &Inside<'_>) -> Self {
        // Some tools give these a meaning of their own.
        let reserved = ["default", "DEFAULT", "__proto__"].map(str::to_owned);
        let mut taken = Self {
            profiles: BTreeSet::from(reserved),
            sessions: BTreeSet::new(),
        };
        let files = [outside, credentials];
        let sections = files.iter().flat_map(|file| Document::read(file).sections());
        let names = sections.map(|section| section.name);
        for name in names.chain(inside.foreign().map(|piece| piece.name.clone())) {
            taken
                .profiles
                .extend(name.profile_for_others().map(str::to_owned));
            match name {
                // A section without `profile ` is one in the credentials file.
                Name::Profile(name) | Name::Other(name) => taken.profiles.insert(name),
                Name::SsoSession(name) => taken.sessions.insert(name),
                Name::Services(_) => false,
            };
        }
        taken
    }
}

#[cfg(test)]
mod tests;
