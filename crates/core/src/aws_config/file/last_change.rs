//! The last change that a person made from the window, kept so that it can be taken back.

use std::io;
use std::path::PathBuf;

use super::ConfigFile;
use crate::aws_config::undo::Change;
use crate::paths::short_hash;
use crate::private_files;

impl ConfigFile {
    /// What can be taken back; `None` where nothing was changed from there.
    pub fn last_change(&self) -> io::Result<Option<Change>> {
        let path = self.last_change_file()?;
        let Some(bytes) = private_files::read(&path)? else {
            return Ok(None);
        };
        let change = Change::from_bytes(&bytes);
        let damaged = || io::Error::other(format!("{} is damaged", path.display()));
        change.map(Some).ok_or_else(damaged)
    }

    /// In the place of the one before; for this user only, as the file itself may be.
    pub fn keep_change(&self, change: &Change) -> io::Result<()> {
        private_files::replace(&self.last_change_file()?, &change.to_bytes())
    }

    /// It was taken back.
    pub fn forget_change(&self) -> io::Result<()> {
        match std::fs::remove_file(self.last_change_file()?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn last_change_file(&self) -> io::Result<PathBuf> {
        let target = private_files::target(&self.config)?;
        let hash = short_hash(target.as_os_str().as_encoded_bytes());
        Ok(self.state.join(format!("aws-config-{hash}.last-change")))
    }
}
