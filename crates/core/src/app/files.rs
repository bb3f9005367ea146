//! What the application keeps on disk: written one after the other, on a thread of its own.

use std::io;
use std::sync::{Arc, mpsc};

use tokio::sync::mpsc::UnboundedSender;

use crate::app::command::Command;
use crate::app::contract::{ProblemCode, ProblemView};
use crate::app::controller::Controller;
use crate::identity_center::RoleKey;
use crate::role_catalog::{Catalogue, CatalogueFiles, Marks, MarksFile};

/// Reads and writes files in the order in which it was asked: a slow disk holds up nobody. Clones are the same.
#[derive(Clone)]
pub struct Writer(mpsc::Sender<Write>);

/// Something to be read or written.
type Write = Box<dyn FnOnce() -> io::Result<()> + Send>;

impl Writer {
    /// Ends when everything is written that was to be written by now.
    pub async fn written(&self) {
        let (done, written) = tokio::sync::oneshot::channel();
        let tell = Box::new(move || {
            let _ = done.send(());
            Ok(())
        });
        // Where the thread has ended, nothing more will be written.
        if self.0.send(tell).is_ok() {
            let _ = written.await;
        }
    }

    /// Does something after everything that was asked for before.
    pub fn write(&self, write: impl FnOnce() -> io::Result<()> + Send + 'static) {
        if self.0.send(Box::new(write)).is_err() {
            tracing::error!("the thread that writes files has ended");
        }
    }

    pub fn start(commands: UnboundedSender<Command>) -> Self {
        let (sender, writes) = mpsc::channel::<Write>();
        std::thread::spawn(move || {
            for write in writes {
                if let Err(error) = write() {
                    let _ = commands.send(Command::Failed(ProblemView::file(&error)));
                }
            }
        });
        Self(sender)
    }
}

impl Controller {
    /// Does something with files of ours, after everything that was asked for before. A failure is told to everybody.
    pub(super) fn write(&self, write: impl FnOnce() -> io::Result<()> + Send + 'static) {
        self.writer.write(write);
    }

    /// Brings to the disk which stays have ended, where that is not there yet.
    pub(super) fn note_stays(&self) {
        let stays = self.stays.clone();
        self.write(move || {
            stays.save();
            Ok(())
        });
    }

    pub(super) fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.read().expect("no panic under this lock").clone()
    }

    pub(super) fn set_catalogue(&self, catalogue: Arc<Catalogue>) {
        let before = {
            let mut known = self.catalogue.write().expect("no panic under this lock");
            std::mem::replace(&mut *known, catalogue)
        };
        self.keep_what_is_meant(&before.kept, &self.catalogue().kept);
    }

    /// Changes the catalogue and keeps what a person made of it.
    pub(super) fn change_catalogue(&mut self, change: impl FnOnce(&mut Catalogue)) {
        let mut catalogue = (*self.catalogue()).clone();
        change(&mut catalogue);
        let catalogue = Arc::new(catalogue);
        self.set_catalogue(catalogue);
        match self.marks {
            MarksFile::Read | MarksFile::SetAside(_) => self.save_marks(),
            // Only what was read may be written over.
            MarksFile::Unreadable(..) => self.read_marks(CatalogueFiles::of(&self.paths)),
        }
    }

    /// Reads what could not be read at the start.
    pub(super) fn look_for_marks(&self) {
        if matches!(self.marks, MarksFile::Unreadable(..)) {
            let files = CatalogueFiles::of(&self.paths);
            self.read_marks(files);
        }
    }

    fn read_marks(&self, files: CatalogueFiles) {
        let (now, commands) = (self.clock.now(), self.commands.clone());
        self.write(move || {
            // Why not has been told.
            if let Ok((marks, _)) = files.load_marks(now) {
                let _ = commands.send(Command::MarksRead(marks));
            }
            Ok(())
        });
    }

    pub(super) fn marks_read(&mut self, marks: Marks) {
        let problem = self.marks_problem();
        if !matches!(std::mem::take(&mut self.marks), MarksFile::Unreadable(..)) {
            return;
        }
        if self.problem == problem {
            self.problem = None;
        }
        let is_there = |key: &&RoleKey| self.refresh.session(&key.portal).is_some();
        for key in marks.kept.iter().filter(is_there) {
            self.refresh.roles.set_kept(key, true);
        }
        self.take_in_kept_uses(&marks.kept_uses);
        self.change_catalogue(|catalogue| catalogue.add_marks(marks));
    }

    pub(super) fn marks_problem(&self) -> Option<ProblemView> {
        let (what_happened, what_to_do) = match &self.marks {
            MarksFile::Read => return None,
            MarksFile::SetAside(aside) => (
                "Your favourites could not be understood.".to_owned(),
                format!("They were moved to {}; nothing else is lost.", aside.display()),
            ),
            MarksFile::Unreadable(path, error) => (
                format!("Your favourites cannot be read ({error})."),
                format!(
                    "Make {} readable for you; Portray leaves it as it is and looks again.",
                    path.display()
                ),
            ),
        };
        Some(ProblemView::new(ProblemCode::Failed, what_happened, what_to_do))
    }
}
