//! The one place that waits: asks again until a condition holds or its deadline has passed.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, anyhow};

/// First pause between two questions; each further one is half as long again, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Asks `condition` until it answers `Ok(Some(value))`, and returns that value.
///
/// `Ok(None)` means "not yet"; an error means that too, and the last one is told when `within` has passed, together
/// with `what` was waited for (words that fit behind "waited 5s for …").
pub async fn wait_until<T, Answer>(
    what: &str,
    within: Duration,
    mut condition: impl FnMut() -> Answer,
) -> Result<T>
where
    Answer: Future<Output = Result<Option<T>>>,
{
    let mut last_error = None;
    let attempts = async {
        let mut pause = FIRST_PAUSE;
        loop {
            match condition().await {
                Ok(Some(value)) => return value,
                Ok(None) => last_error = None,
                Err(error) => last_error = Some(error),
            }
            rest(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    };
    if let Ok(value) = tokio::time::timeout(within, attempts).await {
        return Ok(value);
    }
    let waited = format!("waited {within:?} for {what}");
    Err(match last_error {
        Some(error) => error.context(waited),
        None => anyhow!(waited),
    })
}

/// Lets real time pass, for programs that run in real time.
#[expect(
    clippy::disallowed_methods,
    reason = "the programs under test live in real time; only this place waits for them"
)]
pub(crate) async fn rest(pause: Duration) {
    tokio::time::sleep(pause).await;
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use anyhow::bail;

    use super::*;

    #[tokio::test]
    async fn a_condition_that_comes_true_late_is_seen() {
        let asked = Cell::new(0);
        let value = wait_until("three questions", Duration::from_secs(5), async || {
            asked.set(asked.get() + 1);
            Ok((asked.get() == 3).then_some("yes"))
        });
        assert_eq!(value.await.unwrap(), "yes");
    }

    #[tokio::test]
    async fn the_failure_says_what_was_waited_for_and_the_last_error() {
        let never = wait_until::<(), _>("the tray", Duration::from_millis(30), async || bail!("no bus"));
        let message = format!("{:#}", never.await.unwrap_err());
        assert_eq!(message, "waited 30ms for the tray: no bus");
    }
}
