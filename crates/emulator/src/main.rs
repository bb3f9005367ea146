//! The emulator as a program: reads a world, serves it on loopback until it is told to stop.

mod announcement;
mod arguments;

use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use identity_center_emulator::{Certificates, Clock, Emulator, Options, World};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use self::announcement::{announce, harmless};
use self::arguments::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let lines = format!("{error:#}");
            let lines: Vec<String> = lines.lines().map(harmless).collect();
            // Nobody is left to tell if this fails.
            let _ = writeln!(
                io::stderr().lock(),
                "identity-center-emulator: {}",
                lines.join("\n")
            );
            ExitCode::FAILURE
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let text = match arguments.generate {
        Some((accounts, permission_sets)) => World::generated(accounts, permission_sets),
        None => World::text(&arguments.world)?,
    };
    let world = World::from_toml(&text).with_context(|| arguments.world.clone())?;
    if arguments.print_world {
        return Ok(io::stdout().lock().write_all(text.as_bytes())?);
    }
    allow_many_connections();
    let listener = listen(arguments.port).await?;
    let options = Options {
        clock: arguments.now.map_or_else(Clock::system, Clock::fixed),
        seed: arguments.seed,
        control: arguments.control,
        base_url: Some(format!("http://{}", listener.local_addr()?)),
    };
    let emulator = Emulator::new(world, options);
    let tls = match (arguments.tls_port, &arguments.ca_out) {
        (Some(port), Some(ca_file)) => Some(Tls::prepare(&emulator, port, ca_file).await?),
        _ => None,
    };
    let stopped = stop_signal().context("cannot wait for a signal")?;
    announce(&emulator, tls.as_ref(), &arguments)?;

    tokio::select! {
        served = emulator.serve(listener) => served.context("the server stopped"),
        served = serve_tls(&emulator, tls) => served.context("the TLS server stopped"),
        () = stopped => Ok(()),
    }
}

/// The second port.
struct Tls {
    listener: TcpListener,
    certificates: Certificates,
    url: String,
    ca_file: PathBuf,
}

impl Tls {
    async fn prepare(emulator: &Emulator, port: u16, ca_file: &Path) -> anyhow::Result<Self> {
        let certificates = Certificates::kept_in(ca_file, &emulator.region())?;
        let listener = listen(port).await?;
        Ok(Self {
            url: format!("https://{}", listener.local_addr()?),
            ca_file: std::path::absolute(ca_file)?,
            listener,
            certificates,
        })
    }
}

async fn serve_tls(emulator: &Emulator, tls: Option<Tls>) -> io::Result<()> {
    match tls {
        Some(tls) => emulator.serve_tls(tls.listener, tls.certificates).await,
        None => std::future::pending().await,
    }
}

/// Shells usually allow 1,024 open files, and a test may well open more connections.
#[cfg(unix)]
fn allow_many_connections() {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

#[cfg(not(unix))]
fn allow_many_connections() {}

async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    listener.with_context(|| format!("cannot listen on 127.0.0.1:{port}"))
}

/// Listens from the call on, not from the first poll: whoever reads our line may stop us at once.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(windows)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
