//! What one process has at a time, with locks and without.

use std::process::{Command, Stdio};

use super::*;

/// A lock's path in a folder of its own.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.lock");
    (folder, path)
}

#[test]
fn a3_the_lock_says_which_process_has_it_and_only_while_that_lives() {
    let (_folder, path) = place();
    assert_eq!(holder(&path), None);
    std::fs::write(&path, "a much longer text of an earlier version").unwrap();
    let hold = Hold::take(&path).unwrap();
    assert_eq!(holder(&path), Some(std::process::id()));
    assert!(matches!(Hold::take(&path), Err(NotTaken::Held)));
    assert!(hold.is_of(&path));
    std::fs::rename(&path, path.with_extension("moved")).unwrap();
    assert!(!hold.is_of(&path));
    std::fs::write(&path, "1 of-another-start\n").unwrap();
    assert_eq!(holder(&path), None, "the number is somebody else's by now");
}

#[test]
fn r2_where_there_are_no_locks_a_mark_keeps_the_second_away_for_as_long_as_the_first_lives() {
    let (folder, path) = place();
    let mark = mark_of(&path);
    let mut other = Command::new("sleep")
        .arg("600")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let named = format!("{} {}\n", other.id(), programs::identity(other.id()).unwrap());
    std::fs::write(&mark, &named).unwrap();
    assert!(matches!(Mark::make(&mark), Err(NotTaken::Held)));
    assert_eq!(holder(&path), Some(other.id()));
    assert_eq!(std::fs::read_to_string(&mark).unwrap(), named);

    // It is not waited for by its parent yet, so its number is still taken.
    other.kill().unwrap();
    other.wait().unwrap();
    let ours = Mark::make(&mark).unwrap();
    assert_eq!(holder(&path), Some(std::process::id()));
    assert!(matches!(Mark::make(&mark), Err(NotTaken::Held)), "we live");
    drop(ours);
    assert!(
        std::fs::read_dir(folder.path()).unwrap().next().is_none(),
        "nothing is left"
    );
}

#[test]
fn r2_of_many_that_find_a_dead_mark_one_makes_its_own() {
    let (folder, path) = place();
    let mark = mark_of(&path);
    for _ in 0..20 {
        std::fs::write(&mark, "1 dead\n").unwrap();
        let made: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| Mark::make(&mark).ok())).collect();
            makers
                .into_iter()
                .filter_map(|maker| maker.join().unwrap())
                .collect()
        });
        assert_eq!(made.len(), 1);
        drop(made);
    }
    assert!(
        std::fs::read_dir(folder.path()).unwrap().next().is_none(),
        "nothing is left"
    );
}

#[test]
fn r2_a_mark_that_was_replaced_is_not_taken_away() {
    let (_folder, path) = place();
    let mark = mark_of(&path);
    let ours = Mark::make(&mark).unwrap();
    std::fs::write(&mark, "1 somebody\n").unwrap();
    assert!(!Hold::Mark(ours).is_of(&path));
    assert_eq!(std::fs::read_to_string(&mark).unwrap(), "1 somebody\n");
}

#[test]
fn r2_a_mark_that_was_made_while_a_dead_one_was_cleared_away_stays() {
    let (_folder, path) = place();
    let mark = mark_of(&path);
    std::fs::write(&mark, "1 somebody\n").unwrap();
    clear(&mark, Some("1 dead\n")).unwrap();
    assert_eq!(std::fs::read_to_string(&mark).unwrap(), "1 somebody\n");
    // One that died while it cleared is in nobody's way for long.
    std::fs::write(mark.with_extension("clearing"), "1 dead\n").unwrap();
    assert!(Mark::make(&mark).is_ok());
}

/// What a wait in the background comes to, when it is over.
fn waiting(
    path: &Path,
    wait: impl Fn(&Path) -> io::Result<()> + Send + 'static,
) -> std::sync::mpsc::Receiver<io::Result<()>> {
    let (free, is_free) = std::sync::mpsc::channel();
    let path = path.to_owned();
    std::thread::spawn(move || free.send(wait(&path)));
    is_free
}

#[test]
fn a3_who_waits_for_the_end_of_a_lock_waits_until_it_is_let_go() {
    let (_folder, path) = place();
    let hold = Hold::take(&path).unwrap();
    let is_free = waiting(&path, wait_until_free);
    assert!(is_free.recv_timeout(4 * LOOK).is_err(), "it is held");
    hold.let_go();
    is_free.recv().unwrap().unwrap();
}

#[test]
fn a3_nobody_has_the_lock_of_a_folder_that_is_gone_or_that_a_file_has_replaced() {
    let (folder, path) = place();
    let runtime = folder.path().join("run");
    let lock = runtime.join(path.file_name().unwrap());
    wait_until_free(&lock).unwrap();
    std::fs::write(&runtime, "x").unwrap();
    wait_until_free(&lock).unwrap();
}

#[test]
fn r2_who_waits_for_the_end_of_a_mark_waits_until_its_process_has_ended() {
    let (_folder, path) = place();
    let mark = mark_of(&path);
    let mut other = Command::new("sleep");
    other
        .arg("60")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut other = other.spawn().unwrap();
    let named = format!("{} {}\n", other.id(), programs::identity(other.id()).unwrap());
    std::fs::write(&mark, &named).unwrap();
    let is_free = waiting(&mark, wait_until_unmarked);
    let early = is_free.recv_timeout(4 * LOOK);
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(early.is_err(), "its process lived");
    is_free.recv().unwrap().unwrap();
    // It is for whoever comes next to take it away. None is none.
    assert_eq!(std::fs::read_to_string(&mark).unwrap(), named);
    std::fs::remove_file(&mark).unwrap();
    waiting(&mark, wait_until_unmarked).recv().unwrap().unwrap();
}
