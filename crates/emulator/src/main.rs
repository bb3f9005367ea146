//! The emulator as a program: reads a world, serves it on loopback until it is told to stop.

use std::io::{self, Write as _};
use std::net::Ipv4Addr;

use anyhow::Context as _;
use clap::Parser;
use identity_center_emulator::{Clock, Emulator, Options, World};
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// A local AWS IAM Identity Center for demos and tests
///
/// Point AWS's own clients at it:
///
///   export AWS_ENDPOINT_URL_SSO_OIDC=http://127.0.0.1:8417
///   export AWS_ENDPOINT_URL_SSO=http://127.0.0.1:8417
///   export AWS_ENDPOINT_URL_STS=http://127.0.0.1:8417
#[derive(Parser)]
#[command(name = "identity-center-emulator", version, verbatim_doc_comment)]
struct Arguments {
    /// World file, or a built-in world: acme, tour
    #[arg(long, value_name = "FILE", default_value = "acme")]
    world: String,
    /// Port on 127.0.0.1; 0 takes any free one
    #[arg(long, value_name = "N", default_value_t = 8417)]
    port: u16,
    /// Serve the control interface below /_control/
    #[arg(long)]
    control: bool,
    /// Say where it listens as one line of JSON
    #[arg(long)]
    json: bool,
    /// Stand still at this time; only the control interface moves the clock
    #[arg(long, value_name = "RFC3339")]
    now: Option<Timestamp>,
    /// Make the same identifiers, tokens and chances each time
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();

    let world = World::load(&arguments.world)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await;
    let listener = listener.with_context(|| format!("cannot listen on 127.0.0.1:{}", arguments.port))?;
    let options = Options {
        clock: arguments.now.map_or_else(Clock::system, Clock::fixed),
        seed: arguments.seed,
        control: arguments.control,
        base_url: Some(format!("http://{}", listener.local_addr()?)),
    };
    let emulator = Emulator::new(world, options);
    let stopped = stop_signal().context("cannot wait for a signal")?;
    announce(&emulator, arguments.json)?;

    tokio::select! {
        served = emulator.serve(listener) => served.context("the server stopped"),
        () = stopped => Ok(()),
    }
}

fn announce(emulator: &Emulator, as_json: bool) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    if as_json {
        let line = json!({
            "base_url": emulator.base_url(),
            "start_url": emulator.start_url(),
            "portal_url": emulator.portal_url(),
            "region": emulator.region(),
        });
        writeln!(stdout, "{line}")?;
        return stdout.flush();
    }
    let world = emulator.world();
    writeln!(
        stdout,
        "{}: a local Identity Center, until Ctrl-C\n",
        world.company
    )?;
    writeln!(stdout, "  access portal  {}", emulator.portal_url())?;
    writeln!(stdout, "  start URL      {}", emulator.start_url())?;
    writeln!(stdout, "  region         {}", emulator.region())?;
    writeln!(stdout, "  endpoint       {}\n\nSign in as", emulator.base_url())?;
    for user in world.users.iter().filter(|user| !user.disabled) {
        writeln!(
            stdout,
            "  {:<10} {:<16} {}",
            user.name,
            user.password,
            user.groups.join(", ")
        )?;
    }
    stdout.flush()
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
