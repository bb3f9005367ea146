//! What the client makes of answers, and of an agent that gives none.

use super::*;
use crate::app::contract::ProblemCode;
use crate::paths::Environment;

#[test]
fn w6_an_agent_of_another_version_is_named() {
    let answer = parse_reply(br#"{"v":3,"answer":"something_new"}"#);
    assert!(matches!(answer, Err(ClientError::OtherVersion(3))));
    let problem = br#"{"v":3,"answer":"problem","problem":{"code":"wrong_use","what_happened":"Old.","what_to_do":"Update."}}"#;
    let Err(ClientError::Problem { problem, .. }) = parse_reply(problem) else {
        panic!("a problem can be read whatever the version");
    };
    assert_eq!(problem.what_to_do, "Update.");
    for (version, older) in [(0, "Portray that runs is older"), (3, "program is older")] {
        let problem = ClientError::OtherVersion(version).into_problem();
        assert_eq!(problem.code, ProblemCode::NoAgent);
        assert!(problem.what_happened.contains(older), "{version}: {problem:?}");
    }
    let done = parse_reply(br#"{"v":3,"answer":"done"}"#);
    assert!(matches!(done, Ok(Reply::Done)), "{done:?}");
}

#[test]
fn p3_a_socket_that_cannot_be_reached_is_said_to_be_so() {
    let paths = Paths::of(&Environment::of(&[("PORTRAY_HOME", "/home/b")])).unwrap();
    for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::InvalidInput] {
        let problem = ClientError::not_opened(&paths, kind.into()).into_problem();
        assert_eq!(problem.code, ProblemCode::NoAgent);
        assert!(
            problem.what_happened.contains("/home/b/run/agent.sock"),
            "{problem:?}"
        );
        assert!(problem.what_to_do.contains("PORTRAY_HOME"), "{problem:?}");
    }
}

#[test]
fn x2_an_answer_that_is_not_understood_is_not_repeated() {
    let error = parse_reply(br#"{"v":1,"answer":"credentials","secret_access_key":"aoa-canary"}"#);
    assert!(!format!("{error:?}").contains("canary"));
}

#[cfg(unix)]
mod silence {
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::{UnixListener, UnixStream};

    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

    use super::*;
    use crate::agent::claim::make_runtime_folder;
    use crate::agent::double::paths_in;

    /// A socket, and nobody yet who serves it.
    fn socket() -> (tempfile::TempDir, Paths, UnixListener) {
        let home = tempfile::tempdir().unwrap();
        let paths = paths_in(home.path());
        make_runtime_folder(&paths.runtime).unwrap();
        let listener = UnixListener::bind(paths.socket()).unwrap();
        bound_at(&paths, 0);
        (home, paths, listener)
    }

    /// Lets the socket be as old as a file can be, or new.
    fn bound_at(paths: &Paths, seconds: i64) {
        let at = Timespec {
            tv_sec: seconds,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: at,
            last_modification: at,
        };
        utimensat(CWD, paths.socket(), &times, AtFlags::empty()).unwrap();
    }

    /// The next client and what it asks.
    fn heard(listener: &UnixListener) -> (UnixStream, String) {
        let (stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        (stream, line)
    }

    const DONE: &[u8] = b"{\"v\":1,\"answer\":\"done\"}\n";

    const KEPT: &[u8] = b"{\"v\":1,\"answer\":\"command\",\"outcome\":{\"answer\":\"done\"}}\n";

    const HELLO: &[u8] = b"{\"v\":1,\"answer\":\"hello\",\"version\":\"0\",\"pid\":7,\"kind\":\"tray\",\"memory_store\":false}\n";

    #[test]
    fn a5_an_agent_that_says_nothing_at_all_hangs_and_its_process_is_named() {
        let (_home, paths, _listener) = socket();
        let answer = Client::connect(&paths).unwrap().ask(&Operation::Status);
        let Err(ClientError::Hung { pid }) = answer else {
            panic!("{answer:?}");
        };
        #[cfg(target_os = "linux")]
        assert_eq!(pid, Some(std::process::id()));
        let problem = ClientError::Hung { pid }.into_problem();
        assert_eq!(problem.code, ProblemCode::NoAgent);
        assert!(problem.what_to_do.contains("portray agent stop"), "{problem:?}");
        let hello = Client::connect(&paths).unwrap().hello();
        assert!(matches!(hello, Err(ClientError::Hung { .. })), "{hello:?}");
    }

    #[test]
    fn a5_an_agent_that_lives_is_waited_for_and_asked_once() {
        let (_home, paths, listener) = socket();
        let agent = std::thread::spawn(move || {
            let (mut waiting, request) = heard(&listener);
            assert!(request.contains("status"), "{request}");
            waiting.write_all(&DONE[..10]).unwrap();
            let (mut other, request) = heard(&listener);
            assert!(request.contains("hello"), "{request}");
            other.write_all(HELLO).unwrap();
            waiting.write_all(&DONE[10..]).unwrap();
            // The next request on the same connection.
            let mut line = String::new();
            BufReader::new(&waiting).read_line(&mut line).unwrap();
            waiting.write_all(DONE).unwrap();
        });
        let mut client = Client::connect(&paths).unwrap();
        assert!(matches!(client.ask(&Operation::Status), Ok(Reply::Done)));
        assert!(matches!(client.ask(&Operation::Status), Ok(Reply::Done)));
        agent.join().unwrap();
    }

    #[test]
    fn a5_a_stream_that_falls_silent_tells_a_person_who_takes_time_from_an_agent_that_hangs() {
        let (_home, paths, listener) = socket();
        let agent = std::thread::spawn(move || {
            let (mut stream, _) = heard(&listener);
            stream.write_all(KEPT).unwrap();
            // It lives, as often as it is asked; one question that it misses is no hang.
            for answers in [true, true, false, true, false, false] {
                let (mut other, request) = heard(&listener);
                assert!(request.contains("hello"), "{request}");
                if answers {
                    other.write_all(HELLO).unwrap();
                } else {
                    assert_eq!(io::Read::read(&mut other, &mut [0]).unwrap(), 0);
                }
            }
            // Whoever has not given it up by now never would.
            let _further = listener.accept();
            drop(stream);
        });
        let client = Client::connect(&paths).unwrap();
        let often = Duration::from_millis(20);
        let mut stream = client.stream_with_looks(&Operation::Subscribe, often).unwrap();
        let first = stream.next();
        assert!(matches!(first, Some(Ok(Reply::Command { .. }))), "{first:?}");
        let last = stream.next();
        assert!(matches!(last, Some(Err(ClientError::Hung { .. }))), "{last:?}");
        assert!(stream.next().is_none());
        drop(UnixStream::connect(paths.socket()).unwrap());
        agent.join().unwrap();
    }

    #[test]
    fn a5_an_answer_that_comes_while_the_agent_is_asked_counts_more_than_its_silence() {
        let (_home, paths, listener) = socket();
        let agent = std::thread::spawn(move || {
            let (mut waiting, _) = heard(&listener);
            let other = heard(&listener);
            waiting.write_all(DONE).unwrap();
            (waiting, other)
        });
        let answer = Client::connect(&paths).unwrap().ask(&Operation::Status);
        assert!(matches!(answer, Ok(Reply::Done)), "{answer:?}");
        agent.join().unwrap();
    }

    #[test]
    fn a5_an_agent_that_has_just_begun_has_time_to_serve() {
        let (_home, paths, listener) = socket();
        bound_at(&paths, SystemClock::new().now().as_second());
        let agent = std::thread::spawn(move || {
            let waiting = heard(&listener);
            let (mut other, _) = heard(&listener);
            // Who asked has gone by the time that this connection ends.
            assert_eq!(io::Read::read(&mut other, &mut [0]).unwrap(), 0);
            (&waiting.0).write_all(DONE).unwrap();
            waiting
        });
        let answer = Client::connect(&paths).unwrap().ask(&Operation::Status);
        assert!(matches!(answer, Ok(Reply::Done)), "{answer:?}");
        agent.join().unwrap();
    }

    #[test]
    fn a5_an_agent_that_hangs_in_its_beginning_is_given_up_when_that_is_over() {
        let (_home, paths, _listener) = socket();
        bound_at(&paths, SystemClock::new().now().as_second() - 8);
        let mut client = Client::connect(&paths).unwrap();
        client.wait_at_most(Some(Duration::from_secs(14))).unwrap();
        let answer = client.ask(&Operation::Status);
        assert!(matches!(answer, Err(ClientError::Hung { .. })), "{answer:?}");
    }

    #[test]
    fn h5_whoever_has_less_patience_than_a_second_asks_nobody_else() {
        let (_home, paths, listener) = socket();
        let mut client = Client::connect(&paths).unwrap();
        client.wait_at_most(Some(Duration::from_millis(50))).unwrap();
        let answer = client.ask(&Operation::Status);
        assert!(matches!(answer, Err(ClientError::TimedOut)), "{answer:?}");
        let _first = heard(&listener);
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "there is no second one");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a5_a_socket_at_which_too_many_wait_is_given_up() {
        let (_home, paths, listener) = socket();
        rustix::net::listen(&listener, 0).unwrap();
        let _waits = UnixStream::connect(paths.socket()).unwrap();
        let refused = Client::connect(&paths);
        assert!(matches!(refused, Err(ClientError::Hung { .. })), "{refused:?}");
    }
}
