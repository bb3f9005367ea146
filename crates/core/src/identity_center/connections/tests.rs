//! Connections that have died without a word, as those do that were made in another network.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Response;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::clock::ManualClock;
use crate::identity_center::{Answer, Failure, HttpStack};
use crate::paths::Environment;

/// What a person notices as a delay; here nothing has to take any.
const FIVE_SECONDS: Duration = Duration::from_secs(5);

/// Answers once on every connection, and then keeps it open and says nothing.
struct Server {
    url: Url,
    connections: Arc<AtomicUsize>,
    bundle: Option<tempfile::NamedTempFile>,
}

impl Server {
    async fn plain() -> Self {
        Self::serving("http", None, async |mut stream: TcpStream| {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            let _ = stream.write_all(answer.as_bytes()).await;
            while stream.read(&mut request).await.is_ok_and(|length| length > 0) {}
        })
        .await
    }

    /// HTTP/2, where requests share a connection, and one that is given up leaves it open.
    async fn http2() -> Self {
        let (bundle, acceptor) = certificate();
        Self::serving("https", Some(bundle), move |stream: TcpStream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    answer_the_first(stream).await;
                }
            }
        })
        .await
    }

    async fn serving<C, F>(scheme: &str, bundle: Option<tempfile::NamedTempFile>, converse: C) -> Self
    where
        C: Fn(TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}://{}/", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(converse(stream));
            }
        });
        Self {
            url: Url::parse(&url).unwrap(),
            connections,
            bundle,
        }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn answer_the_first(stream: TlsStream<TcpStream>) {
    let asked = AtomicUsize::new(0);
    let service = service_fn(move |_: http::Request<Incoming>| {
        let is_first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if !is_first {
                std::future::pending::<()>().await;
            }
            Ok::<_, Infallible>(Response::new("ok".to_owned()))
        }
    });
    let builder = http2::Builder::new(TokioExecutor::new());
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// A server's certificate, and the authority behind it in a file.
fn certificate() -> (tempfile::NamedTempFile, Arc<TlsAcceptor>) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let bundle = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(bundle.path(), pem).unwrap();
    (bundle, Arc::new(TlsAcceptor::from(Arc::new(config))))
}

/// A machine with an address that changes and a clock that is moved.
struct Machine {
    http: HttpStack,
    clock: ManualClock,
    address: Arc<AtomicUsize>,
}

impl Machine {
    fn trusting(server: &Server) -> Self {
        let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let address = Arc::new(AtomicUsize::new(1));
        let current = address.clone();
        let addresses = move || {
            let last = u8::try_from(current.load(Ordering::SeqCst)).unwrap();
            Some(BTreeSet::from([IpAddr::from([192, 168, 1, last])]))
        };
        let bundle = server
            .bundle
            .as_ref()
            .map(|bundle| bundle.path().to_str().unwrap().to_owned());
        let environment = match &bundle {
            Some(bundle) => Environment::of(&[("AWS_CA_BUNDLE", bundle)]),
            None => Environment::of(&[]),
        };
        let http = HttpStack::of(&environment, None, Box::new(addresses), Arc::new(clock.clone()));
        Self { http, clock, address }
    }

    fn start(&self, server: &Server) -> JoinHandle<Result<Answer, Failure>> {
        let (http, url) = (self.http.clone(), server.url.clone());
        tokio::spawn(async move { http.get("test", &url).await })
    }

    /// A call that is answered at once, on a clock that stands still.
    async fn is_answered(&self, server: &Server) -> bool {
        let answer = tokio::time::timeout(FIVE_SECONDS, self.start(server)).await;
        answer.is_ok_and(|answer| answer.unwrap().is_ok())
    }

    /// A call that goes to a dead connection, until it is given up.
    async fn waits_in_vain(&self, server: &Server) {
        let waiting = self.start(server);
        a_moment().await;
        assert!(
            !waiting.is_finished(),
            "nothing says yet that the connection is dead"
        );
        self.clock.advance(Duration::from_secs(10));
        assert!(waiting.await.unwrap().is_err());
    }
}

/// Long enough for a request to go out.
async fn a_moment() {
    let moment = tokio::time::timeout(Duration::from_millis(50), std::future::pending::<()>());
    moment.await.unwrap_err();
}

#[tokio::test]
async fn n1_connections_of_another_network_or_from_before_a_sleep_are_not_used_again() {
    type Change = fn(&Machine);
    let changes: [(&str, Change); 4] = [
        ("somebody says so", |machine| machine.http.forget_connections()),
        ("another address", |machine| {
            machine.address.store(2, Ordering::SeqCst)
        }),
        ("a sleep", |machine| {
            machine.clock.suspend(Duration::from_secs(3600))
        }),
        ("a sleep and another address", |machine| {
            machine.address.store(2, Ordering::SeqCst);
            machine.clock.suspend(Duration::from_secs(60));
        }),
    ];
    for server in [Server::plain().await, Server::http2().await] {
        for (what, change) in changes {
            let machine = Machine::trusting(&server);
            let before = server.connections();
            assert!(machine.is_answered(&server).await, "{what}");
            change(&machine);
            assert!(machine.is_answered(&server).await, "after {what}");
            assert_eq!(server.connections() - before, 2, "{what}");
        }
        let machine = Machine::trusting(&server);
        assert!(machine.is_answered(&server).await);
        machine.clock.advance(Duration::from_secs(3600));
        machine.waits_in_vain(&server).await;
    }
}

#[tokio::test]
async fn n1_a_connection_that_gave_no_answer_gets_no_other_request() {
    for server in [Server::plain().await, Server::http2().await] {
        let machine = Machine::trusting(&server);
        assert!(machine.is_answered(&server).await);
        machine.waits_in_vain(&server).await;
        assert_eq!(server.connections(), 1);
        assert!(machine.is_answered(&server).await, "{}", server.url);
        assert_eq!(server.connections(), 2);
    }
}

#[tokio::test]
async fn n1_whoever_waited_in_vain_ends_no_newer_connection() {
    let server = Server::http2().await;
    let machine = Machine::trusting(&server);
    assert!(machine.is_answered(&server).await);
    let waiting = machine.start(&server);
    a_moment().await;
    machine.http.forget_connections();
    assert!(machine.is_answered(&server).await);
    let generation = machine.http.connections().generation();
    waiting.abort();
    assert!(waiting.await.is_err());
    assert_eq!(machine.http.connections().generation(), generation);
}

#[tokio::test]
async fn n1_another_network_is_told_once() {
    let server = Server::plain().await;
    let machine = Machine::trusting(&server);
    assert!(!machine.http.take_moved());
    assert!(!machine.http.take_moved());
    machine.address.store(2, Ordering::SeqCst);
    // Whoever looks first, it is told to whoever asks.
    assert!(machine.is_answered(&server).await);
    assert!(machine.http.take_moved());
    assert!(!machine.http.take_moved());
}
