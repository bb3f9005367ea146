//! The built programs with credentials of a minute, asked for all the time by clients that stay and helpers that come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Desktop, EmulatorProcess, Portray, Program};
use identity_center_emulator::World;
use jiff::SignedDuration;
use portray_core::agent::Client;
use portray_core::agent::protocol::{Asker, Operation, Reply, Target};
use portray_core::clock::{Clock as _, SystemClock};
use portray_core::paths::{Environment, Paths};
use serde_json::json;

use crate::process::Process;
use crate::seen::Seen;

const USER: &str = "amara";
const ACCOUNTS: u32 = 20;
const SETS: u32 = 10;

/// Clients that keep their connection.
const CLIENTS: u32 = 64;

/// Programs that are started, ask once and end, one after the other in so many rows.
const HELPERS: usize = 4;

/// Between two requests of a client. All of them together ask for each role three times a second.
const PAUSE: Duration = Duration::from_millis(100);

/// How often the agent's process is looked at.
const LOOKS: u32 = 60;

/// What the emulator was asked for.
struct Calls {
    credentials: u64,
    tokens: u64,
    registrations: u64,
    reused: u64,
    peak: u64,
    refused_by_quota: u64,
    refused_on_purpose: u64,
}

/// Runs for so long and prints a table; an error if anything was wrong.
pub async fn run(minutes: u32) -> Result<()> {
    ensure!(minutes > 0, "at least a minute");
    let desktop = Desktop::without_display().await?;
    let emulator = start_emulator(&desktop).await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;
    portray.sign_in(&emulator, USER).await?;
    let agent = portray.status().await?["agent"]["pid"]
        .as_u64()
        .context("an agent")?;
    let agent = agent.to_string();
    let roles = Arc::new(roles()?);
    // At 18 a second: everybody who asks from now on finds credentials.
    println!("Fetching {} credentials once.", roles.len());
    warm_up(&desktop, &roles).await?;
    add_faults(&emulator).await?;

    println!("Asking for {minutes} minutes.");
    let is_over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (paths, roles, is_over) = (paths(&desktop)?, roles.clone(), is_over.clone());
            anyhow::Ok(tokio::task::spawn_blocking(move || {
                client(number, &paths, &roles, &is_over)
            }))
        })
        .collect::<Result<_>>()?;
    let helpers = (0..HELPERS).map(|number| helper(&portray, &roles, number, &is_over));
    let helpers = futures_util::future::join_all(helpers);
    let looks = watch(&agent, Duration::from_secs(60) * minutes, &is_over);
    let (helped, looks) = tokio::join!(helpers, looks);
    let mut seen = Seen::default();
    for client in clients {
        seen.add(client.await??);
    }
    let mut helped_seen = Seen::default();
    for one in helped {
        helped_seen.add(one?);
    }
    let calls = calls(&emulator).await?;
    ensure!(
        portray.status().await?["portals"][0]["state"] == "signed_in",
        "the sign-in is lost"
    );
    tell(minutes, [&seen, &helped_seen], &calls, &looks?)
}

/// Short lives, strict rotation, AWS's quota.
async fn start_emulator(desktop: &Desktop) -> Result<EmulatorProcess> {
    let text = World::generated(ACCOUNTS, SETS)
        .replacen(
            "region = ",
            "short_lifetimes = true\naccess_token_duration = \"3m\"\nsession_duration = \"30d\"\n\
             rotation = \"strict\"\nregion = ",
            1,
        )
        .replace(
            "[[permission_set]]\n",
            "[[permission_set]]\nsession_duration = \"60s\"\n",
        );
    let world = desktop.folder().join("soak.toml");
    std::fs::write(&world, text)?;
    let mut command = desktop.command(Program::Emulator)?;
    command.arg("--world").arg(&world);
    EmulatorProcess::start_command(desktop, command).await
}

async fn add_faults(emulator: &EmulatorProcess) -> Result<()> {
    for operation in [
        "GetRoleCredentials",
        "ListAccounts",
        "ListAccountRoles",
        "CreateToken",
    ] {
        for (trouble, probability) in [("throttled", 0.01), ("unavailable", 0.005)] {
            let fault = json!({ "operation": operation, "trouble": trouble, "probability": probability });
            emulator.add_fault(&fault).await?;
        }
    }
    Ok(())
}

fn paths(desktop: &Desktop) -> Result<Paths> {
    let home = desktop.portray_home();
    let home = home.to_str().context("a plain path")?;
    Ok(Paths::of(&Environment::of(&[("PORTRAY_HOME", home)]))?)
}

/// Account and permission set of each role.
fn roles() -> Result<Vec<(String, String)>> {
    let world = World::from_toml(&World::generated(ACCOUNTS, SETS))?;
    let accounts = world.accounts.iter();
    let all = accounts.flat_map(|account| {
        let sets = world.permission_sets.iter();
        sets.map(|set| (account.id.clone(), set.name.clone()))
    });
    Ok(all.collect())
}

fn operation((account, permission_set): &(String, String)) -> Operation {
    Operation::Credentials {
        role: Target::Role {
            portal: Some("acme".to_owned()),
            portal_region: None,
            account: account.clone(),
            permission_set: permission_set.clone(),
        },
        min_ttl_seconds: 0,
        asker: Asker::default(),
    }
}

async fn warm_up(desktop: &Desktop, roles: &Arc<Vec<(String, String)>>) -> Result<()> {
    let (paths, roles) = (paths(desktop)?, roles.clone());
    tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(&paths)?;
        for role in roles.iter() {
            client.ask(&operation(role))?;
        }
        anyhow::Ok(())
    })
    .await?
}

/// Asks for one role after the other on one connection.
fn client(number: u32, paths: &Paths, roles: &[(String, String)], is_over: &AtomicBool) -> Result<Seen> {
    let (clock, mut seen) = (SystemClock::new(), Seen::default());
    let mut client = Client::connect(paths)?;
    // Nobody asks for the same at the same time.
    let first = number as usize * roles.len() / CLIENTS as usize;
    for role in roles.iter().cycle().skip(first) {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        match client.ask(&operation(role)) {
            Ok(Reply::Credentials(given)) => {
                let now = clock.now();
                let left = given.expires_at.duration_since(now);
                seen.serve((now, given.expires_at), left, Some(SignedDuration::ZERO));
            }
            Ok(other) => anyhow::bail!("credentials are answered by {other:?}"),
            Err(error) => seen.refuse(clock.now(), &error.to_string()),
        }
        wait(PAUSE);
    }
    Ok(seen)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client that paces its requests, in real time"
)]
fn wait(pause: Duration) {
    std::thread::sleep(pause);
}

/// Starts `portray credential-process` again and again.
async fn helper(
    portray: &Portray<'_>,
    roles: &[(String, String)],
    number: usize,
    is_over: &AtomicBool,
) -> Result<Seen> {
    let (clock, mut seen) = (SystemClock::new(), Seen::default());
    for (account, permission_set) in roles.iter().cycle().skip(number * roles.len() / HELPERS) {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let mut command = portray.command(Program::Portray)?;
        command.args([
            "credential-process",
            "--portal",
            "acme",
            "--account",
            account.as_str(),
        ]);
        command.args(["--permission-set", permission_set.as_str()]);
        // Not one of the desktop's processes: their output is kept.
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let now = clock.now();
        if !output.status.success() {
            seen.refuse(now, String::from_utf8_lossy(&output.stderr).trim());
            continue;
        }
        let told: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let end = told["Expiration"].as_str().context("an expiration")?.parse()?;
        let left = now
            .until(end)?
            .to_duration(jiff::SpanRelativeTo::days_are_24_hours())?;
        seen.serve((now, end), left, Some(SignedDuration::ZERO));
    }
    Ok(seen)
}

/// Looks at the agent until the time is over.
async fn watch(agent: &str, time: Duration, is_over: &AtomicBool) -> Result<Vec<Process>> {
    let clock = SystemClock::new();
    let mut looks = Vec::new();
    let outcome = async {
        for _ in 0..LOOKS {
            clock.sleep(time / LOOKS).await;
            looks.push(Process::look(agent)?);
        }
        anyhow::Ok(())
    }
    .await;
    is_over.store(true, Ordering::Relaxed);
    outcome.map(|()| looks)
}

async fn calls(emulator: &EmulatorProcess) -> Result<Calls> {
    let counters = emulator.read("counters").await?;
    let number = |pointer: &str| {
        let found = counters.pointer(pointer).and_then(serde_json::Value::as_u64);
        found.unwrap_or_default()
    };
    let refused = |field: &str| {
        ["GetRoleCredentials", "ListAccounts", "ListAccountRoles"]
            .map(|operation| number(&format!("/{field}/{operation}/TooManyRequestsException")))
            .into_iter()
            .sum()
    };
    Ok(Calls {
        credentials: number("/operations/GetRoleCredentials"),
        tokens: number("/operations/CreateToken"),
        registrations: number("/operations/RegisterClient"),
        reused: number("/reused_refresh_tokens"),
        peak: number("/peak_portal_calls_per_second"),
        refused_by_quota: refused("errors"),
        refused_on_purpose: refused("injected"),
    })
}

/// A line of the table: what, what was seen of it, and whether that is as it should be.
type Row = (&'static str, String, bool);

/// Prints the table and judges it.
fn tell(minutes: u32, seen: [&Seen; 2], calls: &Calls, looks: &[Process]) -> Result<()> {
    let rows = [answers(seen), upstream(minutes, calls), machine(looks)].concat();
    println!("\n| {minutes} minutes | seen | |\n|---|---|---|");
    for (what, value, is_right) in &rows {
        println!(
            "| {what} | {value} | {} |",
            if *is_right { "ok" } else { "WRONG" }
        );
    }
    let wrong = rows.iter().filter(|(.., is_right)| !is_right);
    let wrong: Vec<_> = wrong.map(|(what, ..)| *what).collect();
    let examples: Vec<_> = seen.iter().flat_map(|seen| seen.examples.clone()).collect();
    ensure!(
        wrong.is_empty(),
        "wrong: {}\n{}",
        wrong.join(", "),
        examples.join("\n")
    );
    Ok(())
}

fn answers([clients, helpers]: [&Seen; 2]) -> Vec<Row> {
    let none =
        |what, clients: u64, helpers: u64| (what, (clients + helpers).to_string(), clients + helpers == 0);
    vec![
        (
            "answers to clients",
            clients.served.to_string(),
            clients.served > 0,
        ),
        (
            "answers to helpers",
            helpers.served.to_string(),
            helpers.served > 0,
        ),
        none("expired ones", clients.expired, helpers.expired),
        none("refusals", clients.refused, helpers.refused),
    ]
}

fn upstream(minutes: u32, calls: &Calls) -> Vec<Row> {
    let at_most = |what, seen: u64, most: u64| (what, format!("{seen} of at most {most}"), seen <= most);
    // Renewed after 30 seconds of a minute at the earliest, and a tenth for what fails.
    let renewals = u64::from(ACCOUNTS * SETS) * (u64::from(minutes) * 2 + 2) * 11 / 10;
    vec![
        at_most("GetRoleCredentials", calls.credentials, renewals),
        ("CreateToken", calls.tokens.to_string(), calls.tokens > 0),
        at_most("RegisterClient", calls.registrations, 1),
        at_most("reused refresh tokens", calls.reused, 0),
        // 18 in any second when they begin; on their way some fall into the next one.
        at_most("portal calls in the busiest second", calls.peak, 20),
        at_most("calls that the quota refused", calls.refused_by_quota, 0),
        // One in a hundred.
        at_most(
            "calls refused on purpose",
            calls.refused_on_purpose,
            calls.credentials / 50 + 10,
        ),
    ]
}

/// Early and late in the run: the first fifth is for caches and allocators.
fn machine(looks: &[Process]) -> Vec<Row> {
    let fifth = looks.len() / 5;
    let (early, late) = (middle(&looks[fifth..2 * fifth]), middle(&looks[4 * fifth..]));
    let growth = late.growth_since(&early);
    let memory = format!("{} KiB, then {} KiB ({growth:+.1} %)", early.memory, late.memory);
    // One more for each helper that is just being answered.
    let files = late.open_files <= early.open_files + HELPERS;
    let then = |early: String, late: String| format!("{early}, then {late}");
    vec![
        ("memory of the agent (RSS)", memory, growth < 10.0),
        (
            "its open files",
            then(early.open_files.to_string(), late.open_files.to_string()),
            files,
        ),
        (
            "its threads",
            then(early.threads.to_string(), late.threads.to_string()),
            late.threads <= early.threads,
        ),
    ]
}

/// The look with the middle of the memory, and the most files and threads.
fn middle(looks: &[Process]) -> Process {
    let mut memory: Vec<_> = looks.iter().map(|look| look.memory).collect();
    memory.sort_unstable();
    Process {
        memory: memory.get(memory.len() / 2).copied().unwrap_or_default(),
        open_files: looks.iter().map(|look| look.open_files).max().unwrap_or_default(),
        threads: looks.iter().map(|look| look.threads).max().unwrap_or_default(),
    }
}
