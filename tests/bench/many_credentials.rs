//! What live credentials cost: memory, and the time of an answer and of a look at the state, as their number grows.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Desktop, EmulatorProcess, Portray, Program};
use portray_core::agent::Client;
use portray_core::agent::protocol::{Asker, Operation, Reply, Target};
use portray_core::paths::{Environment, Paths};

use crate::figure::{Durations, Figure, stopwatch};
use crate::memory::proportional_share;

const NUMBERS: [usize; 4] = [1, 10, 100, 1_000];
const ACCOUNTS: u32 = 100;
const SETS: usize = 10;
const USER: &str = "amara";

/// Answers from which the time of one is taken, and looks at the state.
const ANSWERS: usize = 4_000;
const LOOKS: usize = 30;

/// What one number of live credentials cost.
struct Cost {
    memory: u64,
    answer: Duration,
    look: Duration,
}

pub async fn measure() -> Result<Vec<Figure>> {
    let desktop = Desktop::without_display().await?;
    let mut command = desktop.command(Program::Emulator)?;
    command.args(["--generate", &format!("{ACCOUNTS}x{SETS}")]);
    let emulator = EmulatorProcess::start_command(&desktop, command).await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("big", emulator.addresses()).await?;
    portray.sign_in(&emulator, USER).await?;
    let listed = desktop.wait_until("the whole list", Duration::from_secs(60), async || {
        let status = portray.status().await?;
        Ok((status["portals"][0]["accounts"] == ACCOUNTS).then_some(()))
    });
    listed.await?;
    let agent = portray.status().await?["agent"]["pid"]
        .as_i64()
        .context("an agent")?;
    let agent = i32::try_from(agent)?;
    let listing = portray
        .run(&["accounts", "--json"])
        .await?
        .expect_code(0)?
        .json()?;
    let accounts = listing["accounts"].as_array().context("accounts")?.iter();
    let roles: Vec<_> = accounts
        .flat_map(|account| {
            let sets = account["permission_sets"].as_array().into_iter().flatten();
            sets.filter_map(|set| Some((account["id"].as_str()?.to_owned(), set.as_str()?.to_owned())))
        })
        .collect();
    ensure!(roles.len() == ACCOUNTS as usize * SETS, "{} roles", roles.len());
    let home = desktop.portray_home();
    let home = home.to_str().context("a plain path")?;
    let paths = Paths::of(&Environment::of(&[("PORTRAY_HOME", home)]))?;
    let costs = tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(&paths)?;
        let costs = NUMBERS
            .iter()
            .map(|number| cost(&mut client, agent, &roles[..*number]));
        costs.collect::<Result<Vec<_>>>()
    });
    Ok(figures(&costs.await??))
}

fn cost(client: &mut Client, agent: i32, roles: &[(String, String)]) -> Result<Cost> {
    let mut ask = |role: &(String, String)| -> Result<()> {
        let (account, permission_set) = role.clone();
        let role = Target::Role {
            portal: Some("big".to_owned()),
            portal_region: None,
            account,
            permission_set,
        };
        let answer = client.ask(&Operation::Credentials {
            role,
            min_ttl_seconds: 0,
            asker: Asker::default(),
        })?;
        ensure!(matches!(answer, Reply::Credentials(_)), "{answer:?}");
        Ok(())
    };
    // Fetches what is not there yet.
    roles.iter().try_for_each(&mut ask)?;
    let watch = stopwatch();
    roles.iter().cycle().take(ANSWERS).try_for_each(&mut ask)?;
    let answer = watch.elapsed() / u32::try_from(ANSWERS)?;
    let mut looks = Durations::default();
    for _ in 0..LOOKS {
        let watch = stopwatch();
        let answer = client.ask(&Operation::Status)?;
        ensure!(matches!(answer, Reply::Status(_)), "{answer:?}");
        looks.add(watch.elapsed());
    }
    Ok(Cost {
        memory: proportional_share(agent)?,
        answer,
        look: looks.median(),
    })
}

fn figures(costs: &[Cost]) -> Vec<Figure> {
    let numbers = NUMBERS.map(|number| number.to_string()).join(", ");
    let each = |value: &dyn Fn(&Cost) -> String| -> String {
        let values: Vec<_> = costs.iter().map(value).collect();
        values.join(", ")
    };
    let (Some(first), Some(last)) = (costs.first(), costs.last()) else {
        return Vec::new();
    };
    let more = last.memory.saturating_sub(first.memory);
    let per_credential = more as f64 / (NUMBERS[3] - NUMBERS[0]) as f64;
    let ratio = |of: fn(&Cost) -> Duration| of(last).as_secs_f64() / of(first).as_secs_f64();
    vec![
        Figure::new(
            format!("memory of the agent (PSS) with {numbers} live credentials"),
            format!(
                "{} MiB ({per_credential:.1} KiB each)",
                each(&|cost| format!("{:.1}", cost.memory as f64 / 1024.0))
            ),
        ),
        Figure::new(
            format!("one answer of the agent with {numbers} live credentials"),
            format!(
                "{} µs ({:.1} times from first to last)",
                each(&|cost| format!("{:.0}", cost.answer.as_secs_f64() * 1e6)),
                ratio(|cost| cost.answer)
            ),
        ),
        Figure::new(
            format!("a look at the whole state with {numbers} live credentials"),
            format!(
                "{} ms ({:.0} times from first to last)",
                each(&|cost| format!("{:.2}", cost.look.as_secs_f64() * 1e3)),
                ratio(|cost| cost.look)
            ),
        ),
    ]
}
