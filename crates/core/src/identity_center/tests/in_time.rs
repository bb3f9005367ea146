//! When a call ends that gets no answer, or one that is too long: each bound by itself.

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket};

use super::*;

/// How long what happens on sockets is given before the clock goes on.
const MOMENT: Duration = Duration::from_millis(300);

const SECOND: Duration = Duration::from_secs(1);

/// After how much of the clock's time a GET ends, and how. The clock goes from one thing that is due to the next.
async fn ended(stage: &Stage, url: &Url) -> (Duration, Result<Answer, Failure>) {
    let elapsed = || crate::clock::Clock::elapsed(&stage.clock);
    let (begun, http, url) = (elapsed(), stage.http.clone(), url.clone());
    let mut call = tokio::spawn(async move { http.get("test", &url).await });
    loop {
        match tokio::time::timeout(MOMENT, &mut call).await {
            Ok(done) => return (elapsed() - begun, done.unwrap()),
            Err(_) => {
                let next = stage.clock.next_wake().expect("it waits for the clock");
                stage.clock.advance(next.saturating_sub(elapsed()));
            }
        }
    }
}

fn at(scheme: &str, listener: &TcpListener, path: &str) -> Url {
    let address = listener.local_addr().unwrap();
    Url::parse(&format!("{scheme}://{address}/{path}")).unwrap()
}

/// A server that says `beginning` to whoever connects, and nothing more, but keeps the connection.
async fn says(beginning: &'static str) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // The same listener once more: the address is needed after it has gone into its task.
    let serving = TcpListener::from_std(std_clone(&listener)).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = serving.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                    let _ = stream.write_all(beginning.as_bytes()).await;
                }
            });
        }
    });
    listener
}

#[cfg(unix)]
fn std_clone(listener: &TcpListener) -> std::net::TcpListener {
    use std::os::fd::AsFd;
    listener.as_fd().try_clone_to_owned().unwrap().into()
}

/// A listener that takes no connection any more, as a host behind a firewall that drops packets.
async fn full() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let mut waiting = Vec::new();
    let address = listener.local_addr().unwrap();
    while let Ok(Ok(stream)) = tokio::time::timeout(MOMENT, TcpStream::connect(address)).await {
        waiting.push(stream);
    }
    (listener, waiting)
}

#[tokio::test]
#[cfg(unix)]
async fn n1_connecting_the_first_byte_and_the_whole_call_have_bounds_of_their_own() {
    let stage = Stage::acme().await;
    let (full, _waiting) = full().await;
    let silent = says("").await;
    let half_a_head = says("HTTP/1.1 200 OK\r\nContent-Le").await;
    let half_a_body = says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    for (what, url, seconds) in [
        ("nobody takes the connection", at("http", &full, ""), 5),
        ("nobody takes it for TLS either", at("https", &full, ""), 5),
        ("no TLS begins", at("https", &silent, ""), 5),
        ("nothing is said", at("http", &silent, ""), 10),
        ("the head does not end", at("http", &half_a_head, ""), 10),
        ("the body does not end", at("http", &half_a_body, ""), 20),
    ] {
        let (after, answer) = ended(&stage, &url).await;
        let failure = answer.expect_err(what);
        assert_eq!(failure.meaning, Meaning::Unreachable, "{what}");
        assert_eq!(after, seconds * SECOND, "{what}");
    }
}

#[tokio::test]
async fn n1_an_answer_may_have_a_mebibyte_a_list_eight_and_neither_a_byte_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    const MEBIBYTE: usize = 1024 * 1024;
    let rows = [
        ("token", MEBIBYTE, true),
        ("token", MEBIBYTE + 1, false),
        ("assignment/accounts", 8 * MEBIBYTE, true),
        ("assignment/accounts", 8 * MEBIBYTE + 1, false),
        ("assignment/roles", 8 * MEBIBYTE, true),
        ("federation/credentials", MEBIBYTE + 1, false),
    ];
    let stage = Stage::acme().await;
    for (path, length, is_taken) in rows {
        let url = at("http", &listener, path);
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            // Whoever has enough hangs up.
            let _ = stream.write_all(&vec![b'x'; length]).await;
        };
        let (answer, ()) = tokio::join!(stage.http.get("test", &url), serve);
        match answer {
            Ok(answer) => assert!(is_taken && answer.body.len() == length, "{path}: {length}"),
            Err(failure) => {
                assert!(!is_taken, "{path}: {length}: {failure}");
                assert_eq!(
                    (failure.meaning, failure.trouble),
                    (Meaning::Unreachable, Trouble::Answer)
                );
            }
        }
    }
}
