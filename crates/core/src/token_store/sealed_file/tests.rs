//! The encrypted file: what is in it, what it survives, and that no failure touches it.

use std::fs;
use std::io::Write;

use age::armor::{ArmoredWriter, Format};
use tempfile::TempDir;

use super::*;

/// As little work as there is: these tests are not about how long a guess takes.
const LITTLE_WORK: u8 = 1;

const KEY: &str = "acme/eu-west-1/token 0123456789abcdef";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("state/sign-ins.age")
    }

    fn create(&self) -> SealedFile {
        SealedFile::create(&self.path(), &correct(), LITTLE_WORK).unwrap()
    }

    fn open(&self) -> SealedFile {
        SealedFile::open(&self.path(), &correct()).unwrap()
    }

    fn fault(&self, passphrase: &Secret) -> SealedFault {
        SealedFile::open(&self.path(), passphrase).err().unwrap()
    }

    fn content(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path().parent().unwrap()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }
}

fn correct() -> Secret {
    Secret::from("correct horse battery staple")
}

fn record(text: &str) -> Record {
    Secret::new(text.as_bytes().to_vec())
}

fn unarmoured(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    ArmoredReader::new(text.as_bytes())
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

fn armoured(bytes: &[u8]) -> String {
    let mut writer = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).unwrap();
    writer.write_all(bytes).unwrap();
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

#[test]
fn k3_what_was_written_is_there_after_a_restart_and_what_was_deleted_is_not() {
    let folder = Folder::new();
    let mut file = folder.create();
    file.write(KEY, &record("one\ntwo")).unwrap();
    file.write("an empty one", &record("")).unwrap();
    file.write("gone", &record("x")).unwrap();
    file.delete("gone").unwrap();
    file.delete("never was").unwrap();
    let mut again = folder.open();
    assert_eq!(again.read(KEY), Ok(Some(record("one\ntwo"))));
    assert_eq!(again.read("an empty one"), Ok(Some(record(""))));
    assert_eq!(again.read("gone"), Ok(None));
    again.write(KEY, &record("three")).unwrap();
    assert_eq!(folder.open().read(KEY), Ok(Some(record("three"))));
    assert_eq!(folder.names(), ["sign-ins.age"]);
}

#[test]
fn x4_no_copy_that_a_killed_process_left_outlives_a_start_or_a_sign_out() {
    let folder = Folder::new();
    folder.create().write(KEY, &record("one")).unwrap();
    let copy = folder.path().with_file_name(".portray-sign-ins.age-AbCdEf");
    let leave = || fs::copy(folder.path(), &copy).unwrap();
    leave();
    folder.open();
    assert!(copy.exists(), "who only tries a passphrase may write nothing");
    let mut file = SealedFile::open_alone(&folder.path(), &correct()).unwrap();
    assert_eq!(folder.names(), ["sign-ins.age"]);
    leave();
    file.delete("never was").unwrap();
    assert_eq!(folder.names(), ["sign-ins.age"]);
    leave();
    file.delete(KEY).unwrap();
    assert_eq!(folder.names(), ["sign-ins.age"]);
}

#[test]
#[cfg(unix)]
fn x4_the_encrypted_file_is_private_and_says_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let mut file = folder.create();
    file.write(KEY, &record("aoa-canary")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path()), 0o600);
    assert_eq!(mode(folder.path().parent().unwrap()), 0o700);
    let text = String::from_utf8(folder.content()).unwrap();
    for secret in ["aoa-canary", "acme", "correct", "AGE-SECRET-KEY"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[test]
fn k3_the_slow_work_is_done_once_a_start_and_takes_as_much_as_it_should() {
    let folder = Folder::new();
    let mut file = SealedFile::open(&folder.path(), &correct()).unwrap();
    let text = String::from_utf8(folder.content()).unwrap();
    let locked = Parts::of(&text).unwrap().locked_identity.to_owned();
    let header = unarmoured(&locked);
    let header = String::from_utf8_lossy(&header);
    let stanza = header
        .lines()
        .find(|line| line.starts_with("-> scrypt "))
        .unwrap();
    assert!(stanza.ends_with(" 17"), "{stanza}");
    // What is locked with the passphrase stays; only the records are encrypted anew, and to an identity.
    file.write(KEY, &record("one")).unwrap();
    let text = String::from_utf8(folder.content()).unwrap();
    let parts = Parts::of(&text).unwrap();
    assert_eq!(parts.locked_identity, locked);
    let records = Decryptor::new_buffered(ArmoredReader::new(parts.records.as_bytes())).unwrap();
    assert!(!records.is_scrypt());
}

#[test]
fn k3_a_wrong_passphrase_is_told_from_damage_and_changes_nothing() {
    let folder = Folder::new();
    folder.create().write(KEY, &record("one")).unwrap();
    let before = folder.content();
    for wrong in ["", "correct horse battery", "Correct horse battery staple"] {
        let fault = folder.fault(&Secret::from(wrong));
        assert!(matches!(fault, SealedFault::WrongPassphrase), "{fault:?}");
    }
    assert_eq!(
        (folder.content(), folder.names()),
        (before, vec!["sign-ins.age".to_owned()])
    );
}

#[test]
fn k3_every_damage_to_the_encrypted_file_is_told_and_kept() {
    let folder = Folder::new();
    folder.create().write(KEY, &record("one")).unwrap();
    let whole = folder.content();
    let is_left_alone = |damaged: &[u8]| {
        fs::write(folder.path(), damaged).unwrap();
        let fault = folder.fault(&correct());
        assert!(matches!(fault, SealedFault::Damaged), "{fault:?}: {damaged:?}");
        assert_eq!(folder.content(), damaged);
    };
    for length in 0..whole.len() {
        is_left_alone(&whole[..length]);
    }
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x01;
        is_left_alone(&flipped);
    }
    is_left_alone(&[&*whole, b"\n"].concat());
    assert_eq!(folder.names(), ["sign-ins.age"]);
    fs::write(folder.path(), whole).unwrap();
    assert_eq!(folder.open().read(KEY), Ok(Some(record("one"))));
}

#[test]
fn k3_a_file_of_a_later_version_or_of_much_work_is_not_guessed_at() {
    let folder = Folder::new();
    folder.create();
    let text = String::from_utf8(folder.content()).unwrap();
    let later = text.replacen(MAGIC, "portray-sign-ins/2", 1);
    fs::write(folder.path(), &later).unwrap();
    assert!(matches!(folder.fault(&correct()), SealedFault::Damaged));

    let parts = Parts::of(&text).unwrap();
    let header = unarmoured(parts.locked_identity);
    let stanza = header.windows(3).position(|bytes| bytes == b" 1\n").unwrap();
    let hours = [&header[..stanza], b" 40\n", &header[stanza + 3..]].concat();
    let parts = format!("{}{}", armoured(&hours), parts.records);
    let framed = format!("{MAGIC} {}\n{parts}", digest(&parts));
    fs::write(folder.path(), framed).unwrap();
    assert!(matches!(folder.fault(&correct()), SealedFault::Damaged));
}

#[test]
#[cfg(unix)]
fn k3_a_file_that_cannot_be_read_is_not_an_empty_one() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path()).unwrap();
    assert!(matches!(folder.fault(&correct()), SealedFault::Unreadable(_)));
    assert!(SealedFile::exists(&folder.path()).is_err());
}

#[test]
#[cfg(target_os = "linux")]
fn k3_what_cannot_be_written_is_told_before_anybody_signs_in() {
    // Nobody makes files there.
    let path = Path::new("/proc/self/sign-ins.age");
    let fault = SealedFile::create(path, &correct(), LITTLE_WORK).err().unwrap();
    assert!(matches!(fault, SealedFault::Unwritable(_)), "{fault:?}");
}

#[test]
fn r3_a_write_to_the_file_that_failed_leaves_the_token_before_it() {
    let folder = Folder::new();
    let mut file = folder.create();
    file.write(KEY, &record("one")).unwrap();
    let before = folder.content();
    let away = folder.0.path().join("away");
    fs::rename(folder.path().parent().unwrap(), &away).unwrap();
    // A file stands where the folder was: nothing can be made in it.
    fs::write(folder.path().parent().unwrap(), b"").unwrap();
    assert_eq!(file.write(KEY, &record("two")), Err(StoreFailure::Unwritten));
    assert_eq!(file.delete(KEY), Err(StoreFailure::Unwritten));
    assert_eq!(file.read(KEY), Ok(Some(record("one"))));
    fs::remove_file(folder.path().parent().unwrap()).unwrap();
    fs::rename(away, folder.path().parent().unwrap()).unwrap();
    assert_eq!(folder.content(), before);
    file.write(KEY, &record("two")).unwrap();
    assert_eq!(folder.open().read(KEY), Ok(Some(record("two"))));
}
