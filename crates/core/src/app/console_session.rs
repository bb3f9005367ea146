//! Opens console sessions and pages: builds the URL and hands the browser a one-time link to it.

use std::sync::Arc;
use std::time::Duration;

use crate::app::contract::{ConsoleVia, ProblemView};
use crate::app::shell::Shell;
use crate::app::{ConsoleRequest, PATIENCE};
use crate::clock::SharedClock;
use crate::console::{destinations, doorway, url};
use crate::identity_center::HttpStack;
use crate::identity_center::deadline::within;
use crate::refresh::session::Session;
use crate::refresh::{Refresh, RefreshFailure};
use crate::secret::Secret;

/// What opening a page needs.
#[derive(Clone)]
pub struct Opener {
    pub shell: Arc<dyn Shell>,
    pub clock: SharedClock,
    pub http: HttpStack,
    pub refresh: Refresh,
}

impl Opener {
    /// The URL that signs a browser in to the console.
    pub async fn console_url(
        &self,
        session: &Arc<Session>,
        request: &ConsoleRequest,
        via: ConsoleVia,
    ) -> Result<Secret, ProblemView> {
        let (portal, key) = (session.portal(), &request.role);
        let asked = (request.destination.as_deref(), request.region.as_deref());
        let destination = || {
            destinations::destination(portal, asked.0, asked.1)
                .map_err(|error| ProblemView::destination(&error))
        };
        check_duration(request.duration_seconds, via)?;
        check_chain(request, via)?;
        if via == ConsoleVia::Portal {
            let wanted = if asked == (None, None) {
                None
            } else {
                Some(destination()?)
            };
            let link = url::shortcut(portal, &key.account, Some(&key.permission_set), wanted.as_ref());
            return Ok(Secret::new(link.to_string()));
        }
        let destination = destination()?;
        let role = match &key.chain {
            None => format!("{}/{}", key.account, key.permission_set),
            Some(name) => format!("{name} (from {}/{})", key.account, key.permission_set),
        };
        let asked = self.refresh.roles.credentials(session, key, Duration::ZERO);
        let answer = within(&self.clock, PATIENCE, asked).await;
        let credentials = answer
            .unwrap_or_else(|| Err(RefreshFailure::no_answer("GetRoleCredentials")))
            .map_err(|failure| ProblemView::refresh(&failure, &portal.name, Some(&role)))?;
        url::federation(
            &self.http,
            portal,
            &credentials,
            &destination,
            request.duration_seconds,
        )
        .await
        .map_err(|failure| ProblemView::aws(&failure, &portal.name))
    }

    /// Opens a console session in the browser.
    pub async fn open_console(
        &self,
        session: &Arc<Session>,
        request: &ConsoleRequest,
        via: ConsoleVia,
        browser: Option<&str>,
    ) -> Result<(), ProblemView> {
        let url = self.console_url(session, request, via).await?;
        match via {
            ConsoleVia::Federation => self.open_hidden(url, browser).await,
            ConsoleVia::Portal => self.open(&url, browser).await,
        }
    }

    /// Opens a URL that must not stand in any process's arguments: the browser gets a link of ours that works once.
    pub async fn open_hidden(&self, url: Secret, browser: Option<&str>) -> Result<(), ProblemView> {
        let link = doorway::open(url, self.clock.clone())
            .await
            .map_err(|error| ProblemView::loopback(&error))?;
        self.open(&Secret::new(link.to_string()), browser).await
    }

    pub async fn open(&self, url: &Secret, browser: Option<&str>) -> Result<(), ProblemView> {
        self.shell
            .open_url(url, browser)
            .await
            .map_err(|error| ProblemView::browser(&error))
    }
}

/// What AWS would not do is said, not done differently.
fn check_duration(seconds: Option<u32>, via: ConsoleVia) -> Result<(), ProblemView> {
    match (seconds, via) {
        (None, _) => Ok(()),
        (Some(_), ConsoleVia::Portal) => Err(ProblemView::duration_of_portal_link()),
        (Some(seconds), ConsoleVia::Federation) if url::SESSION_SECONDS.contains(&seconds) => Ok(()),
        (Some(_), ConsoleVia::Federation) => Err(ProblemView::session_duration()),
    }
}

/// What AWS does not do for a role that is assumed from a role.
fn check_chain(request: &ConsoleRequest, via: ConsoleVia) -> Result<(), ProblemView> {
    match (&request.role.chain, via, request.duration_seconds) {
        (None, _, _) | (Some(_), ConsoleVia::Federation, None) => Ok(()),
        (Some(name), ConsoleVia::Portal, _) => Err(ProblemView::no_portal_link_of_chain(name)),
        (Some(name), ConsoleVia::Federation, Some(_)) => Err(ProblemView::duration_of_chain(name)),
    }
}

/// The browser's command line from the settings, with the account's names filled in. None: the desktop's browser.
/// Names come from AWS and may hold anything: only harmless characters go into a command.
pub fn browser_command(setting: Option<&str>, account: &str, permission_set: &str) -> Option<String> {
    let setting = setting.filter(|command| *command != "default")?;
    let harmless = |name: &str| -> String {
        name.chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() {
                    letter
                } else {
                    '-'
                }
            })
            .collect()
    };
    let command = setting.replace("{account}", &harmless(account));
    Some(command.replace("{permission_set}", &harmless(permission_set)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_aws_does_not_give_is_refused() {
        let refused = |seconds, via| check_duration(seconds, via).is_err();
        for seconds in [900, 3600, 43_200] {
            assert!(!refused(Some(seconds), ConsoleVia::Federation), "{seconds}");
            assert!(refused(Some(seconds), ConsoleVia::Portal), "{seconds}");
        }
        for seconds in [0, 899, 43_201] {
            assert!(refused(Some(seconds), ConsoleVia::Federation), "{seconds}");
        }
        assert!(!refused(None, ConsoleVia::Portal));
    }

    #[test]
    fn i1_names_in_a_browser_command_are_harmless() {
        let command = browser_command(
            Some("firefox -P {account}-{permission_set} {url}"),
            "R&D $(id)",
            "-x",
        );
        assert_eq!(command.unwrap(), "firefox -P R-D---id---x {url}");
        assert_eq!(browser_command(Some("default"), "a", "b"), None);
    }
}
