//! What `-v` says: who answers, about what, and how old that is. Never a secret.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use portray_core::agent::protocol::{AgentKind, CredentialsReply, PreparedReply};
use portray_core::agent::{Client, ClientError, targets};
use portray_core::app::contract::PortalView;
use portray_core::clock::{Clock, SystemClock};
use portray_core::paths::SecretStore;

use super::status::state_in_words;
use super::{Invocation, status_of};

/// Who answers.
pub fn agent(invocation: &Invocation, client: &mut Client) -> Result<(), ClientError> {
    if !invocation.printer.is_verbose() {
        return Ok(());
    }
    let agent = client.hello()?;
    let kind = match agent.kind {
        AgentKind::Tray => "the application",
        AgentKind::Headless => "an agent without a tray",
    };
    let kept = match agent.keeps_in() {
        SecretStore::Keyring => "",
        SecretStore::Memory => ", keeps sign-ins in memory only",
        SecretStore::File => ", keeps sign-ins in an encrypted file",
    };
    invocation.printer.detail(|| {
        format!(
            "Answered by {kind}: process {}, version {}, {}{kept}.",
            agent.pid,
            agent.version,
            invocation.paths.socket().display()
        )
    });
    Ok(())
}

/// A portal, and how old its list is.
pub fn portal(invocation: &Invocation, portal: &PortalView) {
    invocation.printer.detail(|| {
        let list = match portal.sync.synced_at {
            Some(at) => format!("its accounts were listed at {}", moment(at)),
            None => "its accounts have not been listed yet".to_owned(),
        };
        let whole = if portal.sync.synced_at.is_some() && !portal.sync.complete {
            ", not all of them"
        } else {
            ""
        };
        let state = state_in_words(portal.state);
        format!(
            "Portal {} ({}, {}): {state}, {list}{whole}.",
            portal.name, portal.start_url, portal.region
        )
    });
}

/// The portal that is named, or the only one.
pub fn meant_portal(
    invocation: &Invocation,
    client: &mut Client,
    named: Option<&str>,
) -> Result<(), ClientError> {
    if invocation.printer.is_verbose()
        && let Ok(meant) = targets::portal(&status_of(client)?.portals, named, None)
    {
        portal(invocation, meant);
    }
    Ok(())
}

/// Whose credentials they are, and how long they live.
pub fn credentials(invocation: &Invocation, credentials: &CredentialsReply) {
    invocation.printer.detail(|| {
        format!(
            "Credentials of {} in account {} through portal {}: good until {}.",
            credentials.role.in_words(&credentials.account_name),
            credentials.account_id(),
            credentials.portal_name,
            moment(credentials.expires_at)
        )
    });
}

/// Which role an endpoint is for.
pub fn prepared(invocation: &Invocation, prepared: &PreparedReply) {
    invocation.printer.detail(|| {
        format!(
            "An endpoint for {} in account {} through portal {}.",
            prepared.role.in_words(&prepared.account_name),
            prepared.role.account,
            prepared.portal_name
        )
    });
}

/// A moment, and how far it is from now.
pub fn moment(at: Timestamp) -> String {
    let minutes = at.duration_since(SystemClock::new().now()).as_mins();
    let from_now = match minutes {
        0 => "now".to_owned(),
        1.. => format!("in {minutes} min"),
        ..0 => format!("{} min ago", minutes.unsigned_abs()),
    };
    let at = at.to_zoned(TimeZone::system());
    format!("{} ({from_now})", at.strftime("%Y-%m-%d %H:%M"))
}
