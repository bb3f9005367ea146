//! The emulator as a program: reads a world, serves it on loopback until it is told to stop.

use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Parser;
use identity_center_emulator::{Certificates, Clock, Emulator, Mfa, Options, World};
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
    /// World file, or a built-in world: acme, tour, one, hostile
    #[arg(long, value_name = "FILE", default_value = "acme")]
    world: String,
    /// A big world in place of a file: so many accounts with so many permission sets, such as 10000x5
    #[arg(long, value_name = "ACCOUNTSxSETS", conflicts_with = "world", value_parser = size)]
    generate: Option<(u32, u32)>,
    /// Print the world file and end: a start for one of your own
    #[arg(long)]
    print_world: bool,
    /// Port on 127.0.0.1; 0 takes any free one
    #[arg(long, value_name = "N", default_value_t = 8417)]
    port: u16,
    /// Serve TLS too, on this port; 0 takes any free one
    #[arg(long, value_name = "N", requires = "ca_out")]
    tls_port: Option<u16>,
    /// Where to write the certificate of the authority that signed the one of the TLS port
    #[arg(long, value_name = "FILE", requires = "tls_port")]
    ca_out: Option<PathBuf>,
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

    let text = match arguments.generate {
        Some((accounts, permission_sets)) => World::generated(accounts, permission_sets),
        None => World::text(&arguments.world)?,
    };
    let world = World::from_toml(&text)?;
    if arguments.print_world {
        return Ok(io::stdout().lock().write_all(text.as_bytes())?);
    }
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
    announce(&emulator, tls.as_ref(), arguments.json)?;

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
        let certificates = Certificates::new(&emulator.region())?;
        let listener = listen(port).await?;
        std::fs::write(ca_file, certificates.ca_pem())
            .with_context(|| format!("cannot write {}", ca_file.display()))?;
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

async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    listener.with_context(|| format!("cannot listen on 127.0.0.1:{port}"))
}

/// `10000x5`
fn size(text: &str) -> Result<(u32, u32), String> {
    let parsed = text
        .split_once(['x', '×'])
        .and_then(|(accounts, sets)| Some((accounts.parse().ok()?, sets.parse().ok()?)));
    parsed.ok_or_else(|| "is written like 10000x5".to_owned())
}

fn announce(emulator: &Emulator, tls: Option<&Tls>, as_json: bool) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    if as_json {
        let mut line = json!({
            "base_url": emulator.base_url(),
            "start_url": emulator.start_url(),
            "portal_url": emulator.portal_url(),
            "region": emulator.region(),
        });
        if let Some(tls) = tls {
            line["tls_url"] = tls.url.as_str().into();
            line["ca_file"] = tls.ca_file.to_string_lossy().into();
        }
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
    writeln!(stdout, "  endpoint       {}", emulator.base_url())?;
    if let Some(tls) = tls {
        writeln!(
            stdout,
            "  with TLS       {} (CA in {})",
            tls.url,
            tls.ca_file.display()
        )?;
    }
    writeln!(stdout, "\nSign in as")?;
    for user in world.users.iter().filter(|user| !user.disabled) {
        writeln!(
            stdout,
            "  {:<10} {:<16} {}{}",
            user.name,
            user.password,
            user.groups.join(", "),
            match &user.mfa {
                Mfa::None => String::new(),
                Mfa::Totp { secret } => format!("  authenticator app: {secret}"),
            }
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
