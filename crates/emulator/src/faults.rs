//! Scripted trouble: answers, delays, silence and cut connections, per operation.

mod check;
mod content;
mod made_up;
mod trouble;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::audit::{Injected, Operation};
use crate::random::Random;

pub(crate) use made_up::of_status;
pub use trouble::Trouble;

/// What happens to calls of an operation instead of, before or after the real answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub operation: Operation,
    /// One of the catalogue, by name.
    #[serde(default)]
    pub trouble: Option<Trouble>,
    /// Of a cut body: how many bytes come.
    #[serde(default)]
    pub bytes: Option<usize>,
    /// Of a slow drip: the pause before each byte.
    #[serde(default)]
    pub drip_ms: Option<u64>,
    /// So many calls pass first.
    #[serde(default)]
    pub after: u32,
    /// Only calls about this role, `ACCOUNT/PERMISSION_SET`.
    #[serde(default)]
    pub role: Option<String>,
    /// Answers with this status; without `body`, in AWS's form for that status.
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default)]
    pub delay_ms: u64,
    /// Accepts the request and never answers.
    #[serde(default)]
    pub hang: bool,
    /// Closes the connection without an answer.
    #[serde(default)]
    pub drop: bool,
    /// Does the real work first: the reply is lost or late, not the request.
    #[serde(default)]
    pub processed: bool,
    /// How many calls are hit; every one if absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// Hits a call with this probability, 0 to 1; always if absent.
    #[serde(default)]
    pub probability: Option<f64>,
}

/// Rides in the extensions of an in-process answer that stands for a connection closed without one.
/// A connector that calls the router directly turns it into an I/O error, as [`crate::Emulator::serve`] does.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionDropped;

/// Rides along likewise: when this answer breaks off, the connection is reset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionReset;

impl Fault {
    /// Does nothing yet: set the fields that you need.
    pub fn on(operation: Operation) -> Self {
        Self {
            operation,
            trouble: None,
            bytes: None,
            drip_ms: None,
            after: 0,
            role: None,
            status: None,
            headers: BTreeMap::new(),
            body: None,
            delay_ms: 0,
            hang: false,
            drop: false,
            processed: false,
            times: None,
            probability: None,
        }
    }

    /// Answers with `status` in AWS's form.
    pub fn status(operation: Operation, status: u16) -> Self {
        Self {
            status: Some(status),
            ..Self::on(operation)
        }
    }

    /// Trouble of the catalogue.
    pub fn trouble(operation: Operation, trouble: Trouble) -> Self {
        Self {
            trouble: Some(trouble),
            ..Self::on(operation)
        }
    }

    /// Never answers.
    pub fn hang(operation: Operation) -> Self {
        Self {
            hang: true,
            ..Self::on(operation)
        }
    }

    /// Closes the connection.
    pub fn drop(operation: Operation) -> Self {
        Self {
            drop: true,
            ..Self::on(operation)
        }
    }

    /// Answers as usual, later.
    pub fn delay(operation: Operation, delay: Duration) -> Self {
        Self {
            delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            ..Self::on(operation)
        }
    }

    pub fn times(self, times: u32) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    /// So many calls pass before the first is hit.
    pub fn after_calls(self, calls: u32) -> Self {
        Self { after: calls, ..self }
    }

    pub fn with_probability(self, probability: f64) -> Self {
        Self {
            probability: Some(probability),
            ..self
        }
    }

    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn with_body(self, body: &str) -> Self {
        Self {
            body: Some(body.to_owned()),
            ..self
        }
    }

    /// Only for one role.
    pub fn for_role(self, account: &str, permission_set: &str) -> Self {
        Self {
            role: Some(format!("{account}/{permission_set}")),
            ..self
        }
    }

    /// The reply is lost, not the request.
    pub fn after_processing(self) -> Self {
        Self {
            processed: true,
            ..self
        }
    }

    /// What it does to an answer.
    pub(crate) fn injects(&self) -> Injected {
        if self.replaces_answer() {
            Injected::MadeUp
        } else if self.trouble.is_some() || self.delay_ms > 0 {
            Injected::Spoiled
        } else {
            Injected::Nothing
        }
    }

    /// Whether the real answer is replaced, rather than delayed.
    pub(crate) fn replaces_answer(&self) -> bool {
        self.hang || self.drop || self.status.is_some() || self.body.is_some()
    }
}

/// The script: the first fault that fits a call hits it.
#[derive(Default)]
pub(crate) struct Faults {
    scripted: Vec<Fault>,
}

impl Faults {
    pub(crate) fn add(&mut self, mut fault: Fault) {
        if let Some(trouble) = fault.trouble {
            trouble.settle(&mut fault);
        }
        self.scripted.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.scripted.clear();
    }

    pub(crate) fn strike(
        &mut self,
        operation: Operation,
        role: Option<&str>,
        random: &mut Random,
    ) -> Option<Fault> {
        let mut hit = None;
        for (index, fault) in self.scripted.iter_mut().enumerate() {
            let fits = fault.operation == operation
                && fault.times != Some(0)
                && fault.role.as_deref().is_none_or(|wanted| Some(wanted) == role);
            if fits && fault.after > 0 {
                fault.after -= 1;
            } else if fits
                && fault
                    .probability
                    .is_none_or(|probability| random.chance(probability))
            {
                hit = Some(index);
                break;
            }
        }
        let index = hit?;
        let fault = &mut self.scripted[index];
        fault.times = fault.times.map(|times| times - 1);
        let struck = fault.clone();
        self.scripted.retain(|fault| fault.times != Some(0));
        Some(struck)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_its_operation_and_role_as_often_as_it_says() {
        let mut random = Random::from_seed(1);
        let mut faults = Faults::default();
        faults.add(
            Fault::status(Operation::GetRoleCredentials, 429)
                .for_role("1", "A")
                .times(2),
        );

        let mut strikes = |operation, role| faults.strike(operation, Some(role), &mut random).is_some();

        assert!(!strikes(Operation::ListAccounts, "1/A"));
        assert!(!strikes(Operation::GetRoleCredentials, "1/B"));
        assert!(strikes(Operation::GetRoleCredentials, "1/A"));
        assert!(strikes(Operation::GetRoleCredentials, "1/A"));
        assert!(!strikes(Operation::GetRoleCredentials, "1/A"));
    }

    #[test]
    fn a_script_lets_calls_pass_before_and_between() {
        let mut random = Random::from_seed(1);
        let mut faults = Faults::default();
        faults.add(Fault::status(Operation::CreateToken, 500).after_calls(1).times(1));
        faults.add(Fault::status(Operation::CreateToken, 429).after_calls(2).times(1));
        let mut next = || {
            faults
                .strike(Operation::CreateToken, None, &mut random)
                .and_then(|fault| fault.status)
        };
        assert_eq!(
            [next(), next(), next(), next(), next()],
            [None, Some(500), None, Some(429), None]
        );
    }

    #[test]
    fn a_probability_hits_about_that_share_of_the_calls() {
        let mut random = Random::from_seed(1);
        let mut faults = Faults::default();
        faults.add(Fault::status(Operation::ListAccounts, 500).with_probability(0.2));

        let hits = (0..1000).filter(|_| {
            faults
                .strike(Operation::ListAccounts, None, &mut random)
                .is_some()
        });

        assert!((150..250).contains(&hits.count()));
    }
}
