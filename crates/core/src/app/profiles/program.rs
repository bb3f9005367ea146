//! How profiles call `portray`, the small program that answers tools: by a path that stays, quoted as every SDK reads it.

use std::io;
use std::path::{Path, PathBuf};

use crate::app::contract::ProblemView;
use crate::aws_config::command_line::quoted_program;
use crate::paths::Environment;

/// The tray application, which answers no tools itself.
const TRAY: &str = "portray-app";

/// The small program as the value of `credential_process` begins.
pub fn in_profiles(environment: &Environment) -> Result<String, ProblemView> {
    let own = std::env::current_exe().map_err(|error| ProblemView::unknown_program(&error))?;
    let path = lasting(environment, &small_beside(own))
        .ok_or_else(|| ProblemView::unknown_program(&io::ErrorKind::NotFound.into()))?;
    let quoted = path.to_str().and_then(quoted_program);
    quoted.ok_or_else(|| ProblemView::unquotable_program(&path.display()))
}

fn name_of_small() -> String {
    format!("portray{}", std::env::consts::EXE_SUFFIX)
}

/// The small program in the folder of this one. The full one knows the command too where it was installed alone.
fn small_beside(own: PathBuf) -> PathBuf {
    let small = own.with_file_name(name_of_small());
    match small.is_file() || own.file_stem().is_some_and(|name| name == TRAY) {
        true => small,
        false => own,
    }
}

/// The name in PATH that leads to this program, because package managers put each version into a folder of its own;
/// else the program itself. It may have been replaced since it was started.
fn lasting(environment: &Environment, own: &Path) -> Option<PathBuf> {
    let file = std::fs::canonicalize(own).ok();
    let name = name_of_small();
    let folders = environment
        .text("PATH")
        .map(std::env::split_paths)
        .into_iter()
        .flatten();
    let mut named = folders
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&name));
    let in_path = named.find(|path| match &file {
        Some(file) => std::fs::canonicalize(path).is_ok_and(|found| found == *file),
        None => path.is_file(),
    });
    in_path.or_else(|| file.is_some().then(|| own.to_owned()))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn profiles_call_the_small_program_where_it_stands_beside_the_full_one() {
        let scratch = tempfile::tempdir().unwrap();
        let full = scratch.path().join("portray-cli");
        let tray = scratch.path().join("portray-app");
        assert_eq!(small_beside(full.clone()), full);
        assert_eq!(
            small_beside(tray),
            scratch.path().join("portray"),
            "it may be in PATH"
        );
        let small = scratch.path().join("portray");
        std::fs::write(&small, "").unwrap();
        assert_eq!(small_beside(full), small);
    }

    #[test]
    fn a_name_in_path_that_leads_here_outlives_a_versioned_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let path = scratch.path().join(name);
            std::fs::create_dir(&path).unwrap();
            path
        };
        let (cellar, bin, other) = (folder("1.2.3"), folder("bin"), folder("other"));
        let own = cellar.join("portray");
        for path in [&own, &other.join("portray")] {
            std::fs::write(path, "").unwrap();
        }
        symlink(&own, bin.join("portray")).unwrap();
        let path = std::env::join_paths([Path::new("relative"), &other, &bin]).unwrap();
        let environment = Environment::of(&[("PATH", path.to_str().unwrap())]);
        assert_eq!(lasting(&environment, &own), Some(bin.join("portray")));
        assert_eq!(lasting(&Environment::of(&[]), &own), Some(own.clone()));
        std::fs::remove_file(&own).unwrap();
        assert_eq!(lasting(&Environment::of(&[]), &own), None);
        assert_eq!(lasting(&environment, &own), Some(other.join("portray")));
    }
}
