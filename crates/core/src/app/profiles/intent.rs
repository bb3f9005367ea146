//! What a person wants to have done to the file, and what that would make of it.

use std::path::Path;

use crate::app::contract::ProblemView;
use crate::app::profiles::words;
use crate::aws_config::edit::{Content, Unclear};
use crate::aws_config::file::Files;
use crate::aws_config::profiles::Skipped;
use crate::aws_config::undo::{Change, Undone};
use crate::aws_config::wish::Wish;
use crate::aws_config::{self};

/// A change of the file that does not depend on what is in it.
pub enum Intent {
    Write(Box<Wish>),
    /// The change to take back, where there is one.
    Undo(Option<Change>),
    Remove,
}

/// What the file would be, and how that is told.
pub struct Proposal {
    pub after: Content,
    /// Before it is done.
    pub summary: String,
    /// Afterwards.
    pub done: String,
    pub skipped: Vec<Skipped>,
    /// Profiles come that name no region.
    pub lacks_region: bool,
}

/// Why nothing can be proposed.
pub enum Refusal {
    /// The file itself cannot be changed.
    Unclear(Unclear),
    Problem(ProblemView),
}

impl From<Unclear> for Refusal {
    fn from(unclear: Unclear) -> Self {
        Self::Unclear(unclear)
    }
}

impl Intent {
    pub fn propose(&self, path: &Path, files: &Files) -> Result<Proposal, Refusal> {
        let config = files.config.as_deref();
        match self {
            Self::Write(wish) => {
                let plan = aws_config::plan(config, files.credentials.as_deref(), wish)?;
                let counts = words::counts(&plan.profiles, &plan.removed);
                Ok(Proposal {
                    lacks_region: plan.lacks_region(wish),
                    summary: words::planned(path, &counts),
                    done: words::written(path, &counts),
                    after: plan.after,
                    skipped: plan.skipped,
                })
            }
            Self::Remove => Ok(Proposal {
                after: aws_config::taken_back(config)?,
                summary: format!("Portray's profiles are taken out of {}.", path.display()),
                done: words::taken_back(path),
                skipped: Vec::new(),
                lacks_region: false,
            }),
            Self::Undo(change) => undo(change.as_ref(), path, config),
        }
    }
}

fn undo(change: Option<&Change>, path: &Path, config: Option<&[u8]>) -> Result<Proposal, Refusal> {
    let Some(change) = change.filter(|change| !change.is_undone_in(config)) else {
        return Err(Refusal::Problem(ProblemView::nothing_to_undo(path)));
    };
    let path = path.display();
    let (after, summary, done) = match change.undone(config)? {
        Undone::Whole(after) => (
            after,
            format!("{path} becomes what it was before the last change from here, byte for byte."),
            format!("{path} is what it was before, byte for byte."),
        ),
        Undone::Ours(after) => (
            after,
            format!(
                "Portray's lines in {path} become what they were before the last change from here. \
                 What was written beside them since then stays."
            ),
            format!(
                "Portray's lines in {path} are what they were before; what was written beside them stays."
            ),
        ),
        Undone::Overtaken => return Err(Refusal::Problem(ProblemView::undo_overtaken(&path))),
    };
    Ok(Proposal {
        after,
        summary,
        done,
        skipped: Vec::new(),
        lacks_region: false,
    })
}
