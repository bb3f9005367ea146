//! Files as people have them: linked, read-only, shared with others who write, and not to be read.

use std::cell::Cell;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

/// A home with a folder `.aws`.
struct Home {
    scratch: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        std::fs::create_dir(scratch.path().join(".aws")).unwrap();
        Self { scratch }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn config(&self) -> PathBuf {
        self.path(".aws/config")
    }

    fn write(&self, content: &str) {
        std::fs::write(self.config(), content).unwrap();
    }

    fn reads(&self) -> String {
        std::fs::read_to_string(self.config()).unwrap()
    }

    fn file(&self) -> ConfigFile {
        ConfigFile {
            config: self.config(),
            credentials: self.path(".aws/credentials"),
            runtime: self.path("run"),
            state: self.path("state"),
            patience: PATIENCE,
        }
    }

    /// Names in the folder of the configuration.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(".aws")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

fn appending(line: &str) -> impl FnMut(&Files) -> Result<Content, Unclear> {
    move |files| {
        let before = files.config.clone().unwrap_or_default();
        Ok(Content::Bytes([&before, line.as_bytes()].concat()))
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn c6_links_stay_and_what_they_lead_to_keeps_mode_owner_and_attributes() {
    let home = Home::new();
    let dotfiles = home.path("dotfiles");
    std::fs::create_dir(&dotfiles).unwrap();
    let real = dotfiles.join("aws-config");
    std::fs::write(&real, "one\n").unwrap();
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o640)).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        std::os::unix::fs::chown(&real, Some(65_534), Some(65_534)).unwrap();
    }
    let attribute = rustix::fs::setxattr(&real, "user.note", b"mine", rustix::fs::XattrFlags::empty());
    symlink("aws-config", dotfiles.join("current")).unwrap();
    symlink("../dotfiles/current", home.config()).unwrap();

    home.file().change(appending("two\n")).unwrap();
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "one\ntwo\n");
    assert!(home.config().is_symlink() && dotfiles.join("current").is_symlink());
    assert_eq!(mode(&real), 0o640);
    let found = std::fs::metadata(&real).unwrap();
    assert!(!is_root || (found.uid(), found.gid()) == (65_534, 65_534));
    if attribute.is_ok() {
        let mut value = [0; 16];
        let length = rustix::fs::getxattr(&real, "user.note", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"mine");
    }
}

#[test]
fn c6_a_dangling_link_gets_its_file_and_loses_it_again() {
    let home = Home::new();
    symlink("../dotfiles/aws/config", home.config()).unwrap();
    home.file().change(appending("one\n")).unwrap();
    let real = home.path("dotfiles/aws/config");
    assert_eq!((home.reads(), mode(&real)), ("one\n".to_owned(), 0o600));
    home.file().change(|_| Ok(Content::Absent)).unwrap();
    assert!(!real.exists() && home.config().is_symlink());
}

#[test]
fn c6_hard_links_are_counted() {
    let home = Home::new();
    assert_eq!(home.file().other_names(), 0);
    home.write("one\n");
    assert_eq!(home.file().other_names(), 0);
    std::fs::hard_link(home.config(), home.path("second")).unwrap();
    assert_eq!(home.file().other_names(), 1);
}

#[test]
fn c3_what_cannot_be_read_is_no_empty_file() {
    let home = Home::new();
    let refused = |matches: fn(&FileError) -> bool| {
        let error = home
            .file()
            .change(|_| panic!("nothing is to be edited"))
            .unwrap_err();
        assert!(matches(&error), "{error:?}");
    };
    std::fs::create_dir(home.config()).unwrap();
    refused(|error| matches!(error, FileError::NoRegularFile { .. }));
    std::fs::remove_dir(home.config()).unwrap();
    symlink("config", home.config()).unwrap();
    refused(|error| matches!(error, FileError::Unreadable { .. }));
    assert!(home.config().is_symlink());
    std::fs::remove_file(home.config()).unwrap();
    symlink("/dev/null", home.config()).unwrap();
    refused(|error| matches!(error, FileError::NoRegularFile { .. }));
    std::fs::remove_file(home.config()).unwrap();
    std::fs::create_dir(home.path(".aws/credentials")).unwrap();
    refused(|error| matches!(error, FileError::NoRegularFile { .. }));
}

#[test]
fn c3_what_is_unclear_is_not_written() {
    let home = Home::new();
    home.write("one\n");
    let inode = std::fs::metadata(home.config()).unwrap().ino();
    let error = home.file().change(|_| Err(Unclear::ByteOrderMark)).unwrap_err();
    assert!(matches!(error, FileError::Unclear { .. }));
    assert_eq!(std::fs::metadata(home.config()).unwrap().ino(), inode);
    assert_eq!(home.names(), ["config"]);
}

#[test]
fn c4_the_file_is_kept_as_it_was_before_us_and_so_are_its_older_copies() {
    let home = Home::new();
    home.write("one\n");
    let apply = |files: &Files| edit::with_block(files.config.as_deref(), b"[profile a]\n");
    let changed = home.file().change(apply).unwrap();
    let backup = changed.backup.unwrap();
    assert_eq!(
        (std::fs::read(&backup).unwrap(), mode(&backup)),
        (b"one\n".to_vec(), 0o600)
    );
    let inode = std::fs::metadata(home.config()).unwrap().ino();
    let again = home.file().change(apply).unwrap();
    assert_eq!(again.backup.as_ref(), Some(&backup));
    assert_eq!(
        std::fs::metadata(home.config()).unwrap().ino(),
        inode,
        "nothing to write"
    );
    home.file().change(appending("[profile b]\n")).unwrap();
    assert_eq!(std::fs::read(&backup).unwrap(), b"one\n");
    let reads = |number: u32| std::fs::read_to_string(backup.with_extension(format!("before-{number}"))).ok();
    for text in ["one\n", "two\n", "three\n"] {
        home.write(text);
        home.file().change(apply).unwrap();
        assert_eq!(std::fs::read_to_string(&backup).unwrap(), text);
    }
    assert_eq!(
        [reads(1), reads(2)],
        [Some("one\n".to_owned()), Some("two\n".to_owned())]
    );
    std::fs::remove_file(home.config()).unwrap();
    assert_eq!(
        home.file().change(apply).unwrap().backup,
        None,
        "there was no file"
    );
    assert_eq!((reads(3), backup.exists()), (Some("three\n".to_owned()), false));
    home.write("four\n");
    home.file().change(apply).unwrap();
    std::fs::remove_file(&backup).unwrap();
    let later = home.file().change(appending("[profile b]\n")).unwrap();
    assert_eq!(later.backup, None, "by now it holds something of ours");
    assert!(!backup.exists());
    assert_eq!(home.names(), ["config"]);
}

#[test]
fn c5_what_a_killed_writer_left_goes_with_the_next_change() {
    let home = Home::new();
    home.write("one\n");
    std::fs::write(home.path(".aws/.config.portray-Ab12Cd"), "half").unwrap();
    std::fs::write(home.path(".aws/.config.mine"), "").unwrap();
    home.file().change(appending("")).unwrap();
    assert_eq!(home.names(), [".config.mine", "config"]);
}

#[test]
fn c7_who_writes_between_reading_and_writing_loses_nothing() {
    let home = Home::new();
    home.write("one\n");
    let calls = Cell::new(0);
    let overtaken = |times: usize| {
        calls.set(0);
        home.file().change(|files| {
            calls.set(calls.get() + 1);
            let before = String::from_utf8(files.config.clone().unwrap()).unwrap();
            if calls.get() <= times {
                home.write(&format!("{before}theirs {}\n", calls.get()));
            }
            Ok(Content::Bytes(format!("{before}ours\n").into_bytes()))
        })
    };
    overtaken(2).unwrap();
    assert_eq!(
        (home.reads(), calls.get()),
        ("one\ntheirs 1\ntheirs 2\nours\n".to_owned(), 3)
    );
    let error = overtaken(3).unwrap_err();
    assert!(matches!(error, FileError::Changing { .. }), "{error:?}");
    assert!(
        home.reads().ends_with("ours\ntheirs 1\ntheirs 2\ntheirs 3\n"),
        "{}",
        home.reads()
    );
    assert_eq!(home.names(), ["config"]);
}

#[test]
fn c7_a_file_or_a_link_that_appears_meanwhile_is_not_written_over() {
    let home = Home::new();
    let calls = Cell::new(0);
    home.file()
        .change(|files| {
            calls.set(calls.get() + 1);
            if files.config.is_none() {
                std::fs::write(home.path("elsewhere"), "theirs\n").unwrap();
                symlink("../elsewhere", home.config()).unwrap();
            }
            let before = files.config.clone().unwrap_or_default();
            Ok(Content::Bytes([&before[..], b"ours\n"].concat()))
        })
        .unwrap();
    assert!(home.config().is_symlink());
    assert_eq!((home.reads(), calls.get()), ("theirs\nours\n".to_owned(), 2));
}

#[test]
fn c7_a_link_that_leads_elsewhere_meanwhile_is_followed() {
    let home = Home::new();
    for name in ["one", "two"] {
        std::fs::write(home.path(name), "same\n").unwrap();
    }
    symlink("../one", home.config()).unwrap();
    let mut is_first = true;
    home.file()
        .change(|files| {
            if std::mem::take(&mut is_first) {
                std::fs::remove_file(home.config()).unwrap();
                symlink("../two", home.config()).unwrap();
            }
            appending("ours\n")(files)
        })
        .unwrap();
    let reads = |name| std::fs::read_to_string(home.path(name)).unwrap();
    assert_eq!(
        (reads("one").as_str(), reads("two").as_str()),
        ("same\n", "same\nours\n")
    );
}

#[test]
fn c7_four_writers_of_ours_lose_no_edit() {
    let home = Home::new();
    home.write("");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let file = home.file();
            scope.spawn(move || {
                for edit in 0..50 {
                    file.change(appending(&format!("[profile {writer}-{edit}]\n")))
                        .unwrap();
                }
            });
        }
    });
    let text = home.reads();
    for (writer, edit) in (0..4).flat_map(|writer| (0..50).map(move |edit| (writer, edit))) {
        let line = format!("[profile {writer}-{edit}]\n");
        assert_eq!(text.matches(&line).count(), 1, "{line}");
    }
}

#[test]
fn c7_a_writer_that_never_ends_is_waited_for_with_a_limit() {
    let home = Home::new();
    home.write("one\n");
    let mut file = home.file();
    assert!(file.patience <= Duration::from_secs(5));
    file.patience = Duration::from_millis(50);
    let lock = file.lock(&home.config()).unwrap();
    let error = file.change(appending("two\n")).unwrap_err();
    assert!(matches!(error, FileError::Busy { .. }), "{error:?}");
    drop(lock);
    file.change(appending("two\n")).unwrap();
    assert_eq!(home.reads(), "one\ntwo\n");
    assert!(home.names() == ["config"], "the lock is elsewhere");
}

#[test]
fn x4_the_lock_is_its_owners_alone() {
    let home = Home::new();
    home.file().change(appending("[profile a]\n")).unwrap();
    let locks: Vec<_> = std::fs::read_dir(home.path("run"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().mode() & 0o777)
        .collect();
    assert_eq!(locks, [0o600]);
}
