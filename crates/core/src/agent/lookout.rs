//! Looks now and then whether the agent's socket still stands, aside: a disk that hangs keeps nobody from being served.

use std::time::Duration;

use tokio::task::JoinHandle;

use crate::agent::claim::{ClaimError, Place};
use crate::agent::listener::Listener;
use crate::clock::{SharedClock, Sleep};
use crate::identity_center::deadline::within;

/// How often. Until then nobody can reach an agent that has lost its socket.
const LOOK: Duration = Duration::from_secs(2);

/// Whoever looks has the place.
pub(super) struct Lookout {
    clock: SharedClock,
    next: Sleep,
    place: Option<Place>,
    looking: Option<JoinHandle<(Place, Found)>>,
    /// What is wrong is said once, and not at every look.
    is_lost: bool,
}

type Found = Result<Option<Listener>, ClaimError>;

impl Lookout {
    pub fn over(place: Place, clock: SharedClock) -> Self {
        Self {
            next: clock.sleep(LOOK),
            clock,
            place: Some(place),
            looking: None,
            is_lost: false,
        }
    }

    /// Comes with a new socket where the old one was gone. May be dropped and asked again at any time.
    pub async fn new_socket(&mut self) -> Listener {
        loop {
            let found = self.look().await;
            match found {
                Ok(Some(again)) => return again,
                Ok(None) => self.is_lost = false,
                Err(error) if !self.is_lost => {
                    tracing::warn!(%error, "the socket is gone, and there is no new one yet");
                    self.is_lost = true;
                }
                Err(_) => {}
            }
        }
    }

    /// The place, unless a look at it does not come to its end within `patience`.
    pub async fn end(self, patience: Duration) -> Option<Place> {
        let looked = match self.looking {
            Some(looking) => within(&self.clock, patience, looking).await?.ok(),
            None => None,
        };
        looked.map(|(place, _)| place).or(self.place)
    }

    async fn look(&mut self) -> Found {
        if self.looking.is_none() {
            self.next.as_mut().await;
            self.next = self.clock.sleep(LOOK);
            self.looking = self.place.take().map(|mut place| {
                tokio::task::spawn_blocking(move || {
                    let found = place.found_again();
                    (place, found)
                })
            });
        }
        let looked = match &mut self.looking {
            Some(looking) => looking.await,
            // It went with a panic, which was told.
            None => std::future::pending().await,
        };
        self.looking = None;
        match looked {
            Ok((place, found)) => {
                self.place = Some(place);
                found
            }
            Err(error) => {
                tracing::error!(%error, "the socket is not looked after any more");
                Ok(None)
            }
        }
    }
}
