//! The profiles in `~/.aws/config` as the window has them: shown as a difference, then written, taken back or taken out
//! exactly as they were shown.

mod intent;
mod page;
pub mod program;
pub mod wishes;
pub mod words;

use std::sync::Arc;

use crate::app::aws_cli::off_the_loop;
use crate::app::chained::chain_view;
use crate::app::command::Reply;
use crate::app::contract::{Answer, PortalView, ProblemView, ProfilesChange, ProfilesOrder, ProfilesView};
use crate::app::controller::Controller;
use crate::aws_config::difference::fingerprint;
use crate::aws_config::edit::Content;
use crate::aws_config::file::{ConfigFile, FileError, Files};
use crate::aws_config::undo::Change;
use crate::aws_config::wish::{Listing, Wish};
use crate::identity_center::PortalId;
use crate::paths::{AwsFiles, Environment, Paths};
use crate::role_catalog::Catalogue;
use intent::{Intent, Proposal, Refusal};
use page::Page;

impl Controller {
    pub(super) fn order_of_profiles(&self, order: ProfilesOrder, reply: Option<Reply<Answer>>) {
        let desk = Desk {
            environment: self.environment.clone(),
            paths: self.paths.clone(),
            portals: self.state().portals,
            catalogue: self.catalogue(),
        };
        self.spawn(reply, off_the_loop(move || desk.answer(order)));
    }
}

/// What is known when a person orders something, and where the files are.
struct Desk {
    environment: Environment,
    paths: Paths,
    portals: Vec<PortalView>,
    catalogue: Arc<Catalogue>,
}

/// What was shown, and is made.
struct Accepted {
    change: Change,
    done: String,
}

impl Desk {
    fn answer(&self, order: ProfilesOrder) -> Result<Answer, ProblemView> {
        let files = AwsFiles::of(&self.environment).map_err(|error| ProblemView::environment(&error))?;
        let file = ConfigFile::of(&files, &self.paths);
        match order {
            ProfilesOrder::Show { change, from } => {
                let view = self.show(&file, change, from)?;
                Ok(Answer::Profiles { view })
            }
            ProfilesOrder::Make { change, shown } => self.make(&file, change, &shown),
        }
    }

    fn show(
        &self,
        file: &ConfigFile,
        change: ProfilesChange,
        from: u32,
    ) -> Result<ProfilesView, ProblemView> {
        let files = file.read().map_err(|error| ProblemView::aws_config(&error))?;
        let mut page = Page::of(file, &files, change);
        let proposed = match self.intent(file, change, &mut page.notes) {
            Ok(intent) => intent.propose(file.path(), &files),
            Err(problem) => Err(Refusal::Problem(problem)),
        };
        match proposed {
            Ok(proposal) => Ok(page.proposing(&proposal, &self.environment, from)),
            Err(Refusal::Problem(problem)) => Ok(page.refusing(problem)),
            Err(Refusal::Unclear(unclear)) => Err(ProblemView::aws_config(&FileError::Unclear {
                path: file.path().to_owned(),
                unclear,
            })),
        }
    }

    /// Whatever has changed since then, the file or what is wished for: then nothing is written, and that is shown.
    fn make(&self, file: &ConfigFile, change: ProfilesChange, shown: &str) -> Result<Answer, ProblemView> {
        let accepted = match self.intent(file, change, &mut Vec::new()) {
            Ok(intent) => make(file, &intent, shown)?,
            // What is shown says why.
            Err(_) => None,
        };
        let Some(Accepted { change: made, done }) = accepted else {
            let mut view = self.show(file, change, 0)?;
            let stale = || ProblemView::stale_profiles(&file.path().display());
            view.problem = view.problem.or_else(|| Some(stale()));
            return Ok(Answer::Profiles { view });
        };
        let kept = match change {
            _ if made.before == made.after => Ok(()),
            ProfilesChange::Write | ProfilesChange::Remove => file.keep_change(&made),
            ProfilesChange::Undo => file.forget_change(),
        };
        let words = match kept {
            Ok(()) => done,
            Err(error) => format!("{done} It cannot be undone from here: {error}."),
        };
        Ok(Answer::Said { words })
    }

    fn intent(
        &self,
        file: &ConfigFile,
        change: ProfilesChange,
        notes: &mut Vec<String>,
    ) -> Result<Intent, ProblemView> {
        Ok(match change {
            ProfilesChange::Write => {
                let wish = wishes::wish(wishes::settings(&self.paths.settings())?, &self.environment)?;
                let listings = self.listings(notes)?;
                Intent::Write(Box::new(Wish { listings, ..wish }))
            }
            ProfilesChange::Undo => {
                let last = file.last_change();
                Intent::Undo(last.map_err(|error| ProblemView::last_change_unread(&error))?)
            }
            ProfilesChange::Remove => Intent::Remove,
        })
    }

    /// What every portal lists. One that nothing is known of makes a note, if it is not the only one.
    fn listings(&self, notes: &mut Vec<String>) -> Result<Vec<Listing>, ProblemView> {
        let first = self.portals.first().ok_or_else(ProblemView::no_portal_yet)?;
        if !self.portals.iter().any(wishes::is_listed) {
            return Err(wishes::why_unlisted(first, None));
        }
        let mut listings = Vec::new();
        for portal in &self.portals {
            let id = PortalId(portal.id.clone());
            let Some(listing) = self.catalogue.listing(&id).filter(|_| wishes::is_listed(portal)) else {
                notes.push(words::unlisted(&portal.name, &wishes::why_unlisted(portal, None)));
                continue;
            };
            if !listing.complete {
                notes.push(words::partly_listed(&portal.name));
            }
            let roles = listing.accounts.iter().flat_map(|listed| {
                let chains = self.catalogue.chains_of(&id, &listed.account.id).into_iter();
                let keys = chains.filter_map(|chain| self.catalogue.chain_key(chain).ok());
                let chains: Vec<_> = keys.filter_map(|key| chain_view(&self.catalogue, &key)).collect();
                let account = &listed.account;
                wishes::roles(&account.id.0, &account.name, &listed.permission_sets, &chains)
            });
            let unclear = self.catalogue.ambiguous_chains_of(&id).map(|chain| {
                let (account, set) = (&chain.source_account, &chain.source_permission_set);
                wishes::unclear(&chain.name, account, set)
            });
            listings.push(Listing {
                roles: roles.collect(),
                unclear: unclear.collect(),
                is_complete: listing.complete,
                portal: wishes::portal(portal.clone()),
            });
        }
        Ok(listings)
    }
}

/// Writes what was shown; `None` where it would be something else by now, and nothing was written.
fn make(file: &ConfigFile, intent: &Intent, shown: &str) -> Result<Option<Accepted>, ProblemView> {
    let mut accepted = None;
    let changed = file.change(|files| {
        accepted = None;
        let before = content(files);
        let Proposal { after, done, .. } = match intent.propose(file.path(), files) {
            Ok(proposal) => proposal,
            Err(Refusal::Problem(_)) => return Ok(before),
            Err(Refusal::Unclear(unclear)) => return Err(unclear),
        };
        if fingerprint(file.path(), files.config.as_deref(), &after) != shown {
            return Ok(before);
        }
        let change = Change {
            before,
            after: after.clone(),
        };
        accepted = Some(Accepted { change, done });
        Ok(after)
    });
    match changed {
        Ok(_) => Ok(accepted),
        Err(error) => {
            // It stands in the file, so it can be taken back.
            if let (FileError::Unconfirmed { .. }, Some(accepted)) = (&error, &accepted)
                && let Err(error) = file.keep_change(&accepted.change)
            {
                tracing::warn!(%error, "a change of the profiles cannot be undone");
            }
            Err(ProblemView::aws_config(&error))
        }
    }
}

fn content(files: &Files) -> Content {
    files.config.clone().map_or(Content::Absent, Content::Bytes)
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
