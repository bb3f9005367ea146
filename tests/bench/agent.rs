//! How many requests the agent answers in a second and how fast, beside a server that only echoes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{Desktop, EmulatorProcess, Portray};
use portray_core::agent::harden::allow_many_connections;
use portray_core::agent::protocol::{Asker, Operation, RequestLine, Target, VERSION};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

use crate::figure::{Figure, stopwatch};

const CLIENTS: usize = 64;

/// How often each of them asks.
const REQUESTS: usize = 10_000;

/// How many other connections are open and say nothing.
const IDLE: usize = 1_000;

/// As many threads as the agent's runtime has.
const WORKERS: usize = 2;

const DEADLINE: Duration = Duration::from_secs(30);

const ROLES: [(&str, &str); 4] = [
    ("111122223333", "ReadOnly"),
    ("111122223333", "Developer"),
    ("222233334444", "ReadOnly"),
    ("333344445555", "ReadOnly"),
];

pub async fn measure() -> Result<Vec<Figure>> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;
    portray.sign_in(&emulator, "amara").await?;
    for (account, permission_set) in ROLES {
        let role = format!("{account}/{permission_set}");
        portray.run(&["credentials", &role]).await?.expect_code(0)?;
    }
    allow_many_connections();
    let socket = desktop.portray_home().join("run/agent.sock");
    let calls = emulator.calls("GetRoleCredentials").await?;
    let echo = Echo::start(&desktop, &socket)?;

    let alone = [crowd(&socket).await?, crowd(&echo.path).await?];
    let idle = {
        let _idle = [connect_idle(&socket)?, connect_idle(&echo.path)?];
        [crowd(&socket).await?, crowd(&echo.path).await?]
    };
    ensure!(
        emulator.calls("GetRoleCredentials").await? == calls,
        "everything was answered from memory"
    );
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let what = format!("agent: credentials from memory, {CLIENTS} clients, each {REQUESTS} times");
    Ok(vec![
        Figure::new(what, in_words(&alone)),
        Figure::new(
            format!("the same beside {IDLE} connections that say nothing"),
            in_words(&idle),
        ),
    ])
}

/// What the agent did, and beside it what the echo did.
fn in_words([agent, echo]: &[Crowd; 2]) -> String {
    let ratio = echo.rate / agent.rate;
    format!(
        "{:.0} a second, half in {}, 99 % in {}; an echo of the same bytes: {:.0} a second ({ratio:.1} times), {}, {}",
        agent.rate,
        in_milliseconds(agent.half),
        in_milliseconds(agent.most),
        echo.rate,
        in_milliseconds(echo.half),
        in_milliseconds(echo.most),
    )
}

fn in_milliseconds(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}

/// How a crowd of clients was answered.
struct Crowd {
    /// Answers a second.
    rate: f64,
    /// Within which half of the answers came, and 99 of 100.
    half: Duration,
    most: Duration,
}

/// Lets all clients ask as fast as they are answered.
async fn crowd(socket: &Path) -> Result<Crowd> {
    let socket = socket.to_owned();
    tokio::task::spawn_blocking(move || {
        let (socket, start) = (&socket, &Barrier::new(CLIENTS + 1));
        let (took, times) = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|number| scope.spawn(move || client(socket, number, start)))
                .collect();
            start.wait();
            let watch = stopwatch();
            let times: Vec<_> = clients
                .into_iter()
                .map(|client| client.join().expect("a client does not panic"))
                .collect();
            (watch.elapsed(), times)
        });
        let mut times = times.into_iter().collect::<Result<Vec<_>>>()?.concat();
        times.sort_unstable();
        let part = |percent: usize| times[(times.len() - 1) * percent / 100];
        Ok(Crowd {
            rate: times.len() as f64 / took.as_secs_f64(),
            half: part(50),
            most: part(99),
        })
    })
    .await?
}

/// One client, which asks for one role after the other; how long each answer took.
fn client(socket: &Path, number: usize, start: &Barrier) -> Result<Vec<Duration>> {
    let connected = UnixStream::connect(socket);
    start.wait();
    let mut stream = connected?;
    stream.set_read_timeout(Some(DEADLINE))?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut times = Vec::with_capacity(REQUESTS);
    let mut answer = String::new();
    for request in number..number + REQUESTS {
        let request = request_for(ROLES[request % ROLES.len()])?;
        let watch = stopwatch();
        stream.write_all(request.as_bytes())?;
        answer.clear();
        answers.read_line(&mut answer)?;
        times.push(watch.elapsed());
        ensure!(
            answer.contains("\"answer\":\"credentials\"") && answer.ends_with('\n'),
            "no credentials: {} bytes",
            answer.len()
        );
    }
    Ok(times)
}

fn request_for((account, permission_set): (&str, &str)) -> Result<String> {
    let operation = Operation::Credentials {
        role: Target::Role {
            portal: Some("acme".to_owned()),
            portal_region: None,
            account: account.to_owned(),
            permission_set: permission_set.to_owned(),
        },
        min_ttl_seconds: 0,
        asker: Asker::default(),
    };
    let request = RequestLine {
        v: VERSION,
        operation,
    };
    Ok(serde_json::to_string(&request)? + "\n")
}

fn connect_idle(socket: &Path) -> Result<Vec<UnixStream>> {
    (0..IDLE).map(|_| Ok(UnixStream::connect(socket)?)).collect()
}

/// A server that reads a line and writes a line as long as the agent's answers are.
struct Echo {
    path: PathBuf,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Echo {
    /// On a runtime of its own. The agent is asked once, for the answer.
    fn start(desktop: &Desktop, agent: &Path) -> Result<Echo> {
        let mut stream = UnixStream::connect(agent)?;
        stream.write_all(request_for(ROLES[0])?.as_bytes())?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        let path = desktop.folder().join("echo");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::UnixListener::bind(&path)?
        };
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(echo(stream, answer.clone()));
            }
        });
        Ok(Echo {
            path,
            runtime: Some(runtime),
        })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn echo(stream: tokio::net::UnixStream, answer: String) -> Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = tokio::io::BufReader::new(reading);
    let mut line = Vec::new();
    while reading.read_until(b'\n', &mut line).await? > 0 {
        writing.write_all(answer.as_bytes()).await?;
        line.clear();
    }
    Ok(())
}
