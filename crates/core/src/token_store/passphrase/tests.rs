//! Where a passphrase may come from, and how often a person is asked.

use std::convert::Infallible;

use super::*;

fn text_of(bytes: &[u8]) -> Result<String, String> {
    let read = from_reader(bytes).map_err(|fault| fault.to_string());
    read.map(|passphrase| passphrase.expose().clone())
}

#[test]
fn k3_one_line_break_at_the_end_does_not_count_and_everything_else_does() {
    for (bytes, passphrase) in [
        ("secret", "secret"),
        ("secret\n", "secret"),
        ("secret\r\n", "secret"),
        (" two words \n", " two words "),
        ("two\nlines\n\n", "two\nlines\n"),
        ("grün 🔑", "grün 🔑"),
    ] {
        assert_eq!(text_of(bytes.as_bytes()), Ok(passphrase.to_owned()));
    }
    for (bytes, fault) in [
        (&b""[..], "is empty"),
        (b"\n", "is empty"),
        (b"\r\n", "is empty"),
        (b"\xff\xfe", "is no text"),
    ] {
        assert_eq!(text_of(bytes), Err(fault.to_owned()));
    }
    assert_eq!(text_of(&[b'a'; LONGEST]).map(|text| text.len()), Ok(LONGEST));
    for length in [LONGEST + 1, LONGEST + 2, 1 << 20] {
        let long = text_of(&vec![b'a'; length]);
        assert_eq!(long, Err("is longer than 1,024 bytes".to_owned()));
    }
}

#[test]
#[cfg(unix)]
fn k3_a_passphrase_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passphrase");
    std::fs::write(&path, "secret\n").unwrap();
    let with_mode = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        from_file(&path)
    };
    for mode in [0o600, 0o400, 0o700] {
        assert_eq!(with_mode(mode).unwrap(), Secret::from("secret"), "{mode:o}");
    }
    for mode in [0o640, 0o604, 0o644, 0o620, 0o601, 0o610] {
        assert!(matches!(with_mode(mode), Err(PassphraseFault::Open)), "{mode:o}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn k3_what_is_no_plain_file_of_ours_is_refused_without_waiting_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    for path in [pipe.as_path(), folder.path(), Path::new("/dev/null")] {
        assert!(
            matches!(from_file(path), Err(PassphraseFault::NoFile)),
            "{path:?}"
        );
    }
    let absent = from_file(&folder.path().join("absent"));
    assert!(matches!(absent, Err(PassphraseFault::OutOfReach(_))));
}

#[test]
fn k3_a_person_may_mistype_it_twice_and_the_file_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sign-ins.age");
    let answers = |answers: &[&str]| {
        let mut asked = Vec::new();
        let mut left = answers.iter();
        let given = from_person(&path, |question| {
            asked.push(question);
            Ok::<_, Infallible>(Secret::from(*left.next().unwrap()))
        });
        (given.map_err(|not| format!("{not:?}")), asked)
    };
    assert_eq!(
        answers(&["made up"]),
        (Ok(Secret::from("made up")), vec![Question::New])
    );
    assert!(!path.exists(), "asking writes nothing");

    SealedFile::open(&path, &Secret::from("right")).unwrap();
    let before = std::fs::read(&path).unwrap();
    let (given, asked) = answers(&["wrong", "right"]);
    assert_eq!(given, Ok(Secret::from("right")));
    assert_eq!(asked, [Question::Known, Question::Again]);
    let (given, asked) = answers(&["wrong"; 3]);
    assert!(given.unwrap_err().contains("WrongPassphrase"));
    assert_eq!(asked, [Question::Known, Question::Again, Question::Again]);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}
