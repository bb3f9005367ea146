//! A simulated day's agent at its socket, for clients in real time.

use std::sync::Arc;

use anyhow::Result;
use portray_core::agent::protocol::AgentKind;
use portray_core::agent::{Host, claim};
use portray_core::paths::{Environment, Paths, SecretStore};

use crate::Simulation;

impl Simulation {
    /// Serves the application, and gives where.
    pub fn serve(&self) -> Result<Paths> {
        let home = self.settings_file().with_file_name("");
        let paths = Paths::of(&Environment::of(&[("PORTRAY_HOME", &home.to_string_lossy())]))?;
        let host = Host {
            kind: AgentKind::Headless,
            secret_store: SecretStore::Memory,
        };
        tokio::spawn(claim(&paths)?.serve(self.app.clone(), host, Arc::new(self.clock.clone())));
        Ok(paths)
    }
}
