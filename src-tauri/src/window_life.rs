//! How long a window's process lives: hidden it lingers, and without its resident it ends.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use portray_core::agent::protocol::AgentKind;
use portray_core::clock::{Clock, SystemClock};

/// What happens to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Shown,
    Hidden,
    /// The resident that could show the window again, or end it, is gone.
    Abandoned,
    /// Who answers at the agent's socket. None: nobody.
    Agent(Option<AgentKind>),
}

/// Why a window's process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Nobody looks at it.
    Forgotten,
    /// Somebody looks at it, and a new resident is there to show a window of its own.
    HandedOver,
}

/// How long a window's process goes on.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// A hidden window stays ready, before its process gives its memory back.
    hidden: Duration,
    /// An abandoned window says that Portray has ended, and looks for a new resident.
    alone: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            hidden: Duration::from_secs(180),
            alone: Duration::from_secs(15),
        }
    }
}

/// What is known of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Life {
    hidden: bool,
    abandoned: bool,
    agent: Option<AgentKind>,
    /// Nobody answered at the socket since the window came up: who answers now is somebody else.
    was_alone: bool,
}

impl Life {
    fn take(&mut self, change: Change) {
        match change {
            Change::Shown => self.hidden = false,
            Change::Hidden => self.hidden = true,
            Change::Abandoned => self.abandoned = true,
            Change::Agent(agent) => {
                self.agent = agent;
                self.was_alone |= agent.is_none();
            }
        }
    }

    fn end(&self) -> Option<End> {
        if self.abandoned && self.hidden {
            return Some(End::Forgotten);
        }
        // An agent without a tray shows no window: this one stays with it.
        let has_successor = self.was_alone && self.agent == Some(AgentKind::Tray);
        (self.abandoned && has_successor).then_some(End::HandedOver)
    }

    /// None: for as long as nothing happens.
    fn patience(&self, patience: Patience) -> Option<Duration> {
        if self.hidden {
            return Some(patience.hidden);
        }
        (self.abandoned && self.was_alone && self.agent.is_none()).then_some(patience.alone)
    }
}

/// Blocks until the window's process has nothing to do any more.
pub fn wait_until_over(changed: &Receiver<Change>, patience: Patience) -> End {
    let clock = SystemClock::new();
    let (mut life, mut since) = (Life::default(), clock.elapsed());
    loop {
        if let Some(end) = life.end() {
            return end;
        }
        let change = match life.patience(patience) {
            Some(pause) => changed.recv_timeout((since + pause).saturating_sub(clock.elapsed())),
            None => changed.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let before = life;
        match change {
            Ok(change) => life.take(change),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return End::Forgotten,
        }
        // What says nothing new gives no more time.
        if life != before {
            since = clock.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const TRAY: Change = Change::Agent(Some(AgentKind::Tray));
    const HEADLESS: Change = Change::Agent(Some(AgentKind::Headless));
    const NOBODY: Change = Change::Agent(None);

    /// How it ends by itself after these changes; none: it goes on.
    fn end_after(changes: &[Change]) -> Option<End> {
        let (sender, receiver) = channel();
        for change in changes {
            sender.send(*change).unwrap();
        }
        let patience = Patience {
            hidden: Duration::ZERO,
            alone: Duration::ZERO,
        };
        let (ended, end) = channel();
        std::thread::spawn(move || {
            let _ = ended.send(wait_until_over(&receiver, patience));
        });
        // One that has taken everything in and goes on waits for the next change, which is that nobody sends any more.
        let taken_in = end.recv_timeout(Duration::from_millis(200)).ok();
        drop(sender);
        taken_in
    }

    #[test]
    fn a_hidden_window_is_forgotten_in_the_end() {
        for changes in [
            &[Change::Hidden][..],
            &[Change::Hidden, Change::Shown, Change::Hidden],
        ] {
            assert_eq!(end_after(changes), Some(End::Forgotten), "{changes:?}");
        }
        assert_eq!(end_after(&[TRAY]), None);
    }

    #[test]
    fn a_window_that_nobody_can_show_again_ends_with_its_closing() {
        for changes in [
            [Change::Abandoned, Change::Hidden],
            [Change::Hidden, Change::Abandoned],
        ] {
            assert_eq!(end_after(&changes), Some(End::Forgotten), "{changes:?}");
        }
    }

    #[test]
    fn w6_a_window_whose_resident_is_gone_ends_soon_or_hands_over_to_the_next() {
        for changes in [
            [TRAY, NOBODY, Change::Abandoned],
            [TRAY, Change::Abandoned, NOBODY],
        ] {
            assert_eq!(end_after(&changes), Some(End::Forgotten), "{changes:?}");
            let with_another = [&changes[..], &[TRAY]].concat();
            assert_eq!(end_after(&with_another), Some(End::HandedOver));
            let without_a_tray = [&changes[..], &[HEADLESS]].concat();
            assert_eq!(end_after(&without_a_tray), None);
        }
    }
}
