//! Clients that leave, and clients that have only nothing more to say.

use super::*;

#[tokio::test]
async fn a5_what_a_client_asked_for_that_has_given_up_is_not_begun() {
    let scene = scene();
    let paths = scene.paths.clone();
    // One that was there first keeps the agent, which has one thread here, from hearing of it before it has left.
    let request = b"{\"v\":1,\"op\":\"stop\"}\n{\"v\":1,\"op\":\"stop\"}\n";
    let impatient = connect(&paths);
    (&impatient).write_all(request).unwrap();
    drop(impatient);
    // Whoever is served after it shows that it was heard.
    aside(move || Client::connect(&paths).unwrap().hello().unwrap()).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!scene.served.is_finished(), "it goes on");

    // One that waits, but has nothing more to say.
    let paths = scene.paths.clone();
    let answer = aside(move || {
        let mut stream = connect(&paths);
        stream.write_all(b"{\"v\":1,\"op\":\"stop\"}").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(answer.await.contains("done"));
    scene.served.await.unwrap();
}

#[tokio::test]
async fn a5_a_half_closed_client_gets_its_answer() {
    let scene = scene();
    let paths = scene.paths.clone();
    let answer = aside(move || {
        let mut stream = connect(&paths);
        stream
            .write_all(b"{\"v\":1,\"op\":\"hello\",\"version\":\"x\"}")
            .unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    })
    .await;
    assert!(answer.contains("\"answer\":\"hello\""), "{answer}");
}
