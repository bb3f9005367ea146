//! What stories without a display begin with: a desktop, an Identity Center, and `portray`, mostly signed in.

use anyhow::Result;
use harness::{Desktop, EmulatorProcess, Opener, Portray};

use crate::stage::{PORTAL, USER};

/// A desktop that nobody sees, and everything around Portray on it.
pub struct Headless {
    pub opener: Opener,
    pub emulator: EmulatorProcess,
    // Dropped last: the others stand on it.
    pub desktop: Desktop,
}

impl Headless {
    /// Everything but Portray.
    pub async fn set() -> Result<Headless> {
        let desktop = Desktop::without_display().await?;
        Ok(Headless {
            opener: Opener::install(&desktop)?,
            emulator: EmulatorProcess::start(&desktop, "acme").await?,
            desktop,
        })
    }

    /// Portray with a portal that nobody has signed in to.
    pub async fn with_portal() -> Result<Headless> {
        let headless = Headless::set().await?;
        let addresses = headless.emulator.addresses();
        headless.portray().add_portal(PORTAL, addresses).await?;
        Ok(headless)
    }

    /// Portray with a portal, signed in to as the developer of the demo company.
    pub async fn signed_in() -> Result<Headless> {
        let headless = Headless::with_portal().await?;
        headless.portray().sign_in(&headless.emulator, USER).await?;
        Ok(headless)
    }

    pub fn portray(&self) -> Portray<'_> {
        Portray::with_emulator(&self.desktop, self.emulator.addresses())
    }
}
