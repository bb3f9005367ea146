//! The machine comes into another network while Portray holds connections of the one before.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::Program;

use crate::behind_a_proxy::{IN_ADDRESS, Office, sign_in};
use crate::stage::{PORTAL, SOON};

/// Where the proxy is, in both networks.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 231, 217, 1);

const LONGEST: Duration = Duration::from_secs(5);

/// A machine of its own, as far as the network goes: one cable leads to the gateway.
struct Machine {
    name: String,
}

impl Machine {
    /// None where this is not allowed.
    fn begin() -> Option<Machine> {
        let machine = Machine {
            name: format!("portray-{}", std::process::id()),
        };
        ip(&["netns", "add", &machine.name]).ok()?;
        ip(&["-n", &machine.name, "link", "set", "lo", "up"]).ok()?;
        Some(machine)
    }

    /// The end of the cable at the gateway, and the one at the machine: 15 letters at most.
    fn ends(&self) -> [String; 2] {
        let number = std::process::id();
        [format!("ptg{number}"), format!("ptm{number}")]
    }

    /// The cable of one network goes, and that of another comes.
    fn come_into_network(&self, address: Ipv4Addr) -> Result<()> {
        let [gateway, machine] = self.ends();
        // There is none at first.
        let _ = ip(&["link", "del", &gateway]);
        let name = self.name.as_str();
        ip(&[
            "link", "add", &gateway, "type", "veth", "peer", "name", &machine, "netns", name,
        ])?;
        ip(&["addr", "add", &format!("{GATEWAY}/24"), "dev", &gateway])?;
        ip(&["link", "set", &gateway, "up"])?;
        ip(&[
            "-n",
            name,
            "addr",
            "add",
            &format!("{address}/24"),
            "dev",
            &machine,
        ])?;
        ip(&["-n", name, "link", "set", &machine, "up"])
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = ip(&["link", "del", &self.ends()[0]]);
        let _ = ip(&["netns", "del", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).output().context("ip")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {arguments:?}: {said}");
    Ok(())
}

#[tokio::test]
async fn n1_the_first_request_in_another_network_is_answered_though_nobody_told_of_it() -> Result<()> {
    let Some(machine) = Machine::begin() else {
        eprintln!("NOT SHOWN: a change of networks, because this user may make no network namespaces");
        return Ok(());
    };
    machine.come_into_network(Ipv4Addr::new(10, 231, 217, 2))?;
    let office = Office::with_proxy_at(GATEWAY.into()).await?;
    let proxy = format!("http://{IN_ADDRESS}@{}", office.proxy.address);
    let portray = office.portray().with_variable("HTTPS_PROXY", &proxy);
    portray.add_portal(PORTAL, office.emulator.addresses()).await?;
    portray.run(&["agent", "stop"]).await?;
    let agent = portray.command(Program::Portray)?;
    let mut inside = portray.system_command("nsenter");
    inside.arg(format!("--net=/run/netns/{}", machine.name));
    inside.arg(agent.get_program()).args(["agent", "--foreground"]);
    let agent = office.desktop.start_process("agent-elsewhere", inside)?;
    let runs = async || {
        Ok(portray
            .run(&["agent", "status"])
            .await?
            .expect_code(0)
            .is_ok()
            .then_some(()))
    };
    office
        .desktop
        .wait_until("the agent in its network", SOON, runs)
        .await?;
    sign_in(&portray, &office.emulator).await?;
    portray.run(&["accounts", "--sync"]).await?.expect_code(0)?;
    portray
        .run(&["credentials", "acme-dev/ReadOnly"])
        .await?
        .expect_code(0)?;
    office.proxy.take_asked();

    machine.come_into_network(Ipv4Addr::new(10, 231, 217, 3))?;
    // The old connection would keep the request for ten seconds before another one is tried.
    let first = tokio::time::timeout(LONGEST, portray.run(&["credentials", "acme-dev/Developer"]));
    first
        .await
        .context("the first request is still waiting")??
        .expect_code(0)?;
    let asked = office.proxy.take_asked();
    ensure!(asked.len() == 1, "one new tunnel: {asked:?}");
    let status = portray.status().await?;
    assert_eq!(status["agent"]["pid"], agent.id(), "the one in its own network");
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    Ok(())
}
