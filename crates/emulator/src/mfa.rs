//! The second factor of a sign-in: a challenge after the password, answered by a code that works once.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::state::State;

const CHALLENGE_LIFE: SignedDuration = SignedDuration::from_mins(5);
const MOST_TRIES: u32 = 5;

/// Sign-ins that wait for a code.
#[derive(Default)]
pub(crate) struct Challenges {
    waiting: HashMap<String, Challenge>,
    /// By user: a code works once, and so does none of an earlier step (RFC 6238, section 5.2).
    used_steps: HashMap<String, u64>,
}

struct Challenge {
    user: String,
    /// The sign-in's, for the audit log.
    workflow: String,
    expires: Timestamp,
    tries: u32,
}

/// What became of a code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed {
        user: String,
        workflow: String,
    },
    Wrong,
    /// Too late, too often wrong, or never asked for.
    Over,
}

impl State {
    /// The password was right; gives the challenge's id.
    pub(crate) fn challenge(&mut self, user: &str, workflow: String, now: Timestamp) -> String {
        let id = self.random.base64url(32);
        let challenge = Challenge {
            user: user.to_owned(),
            workflow,
            expires: now + CHALLENGE_LIFE,
            tries: 0,
        };
        let waiting = &mut self.challenges.waiting;
        waiting.retain(|_, challenge| now < challenge.expires);
        waiting.insert(id.clone(), challenge);
        id
    }

    /// User and workflow of a challenge that still waits.
    pub(crate) fn challenged(&self, id: &str, now: Timestamp) -> Option<(String, String)> {
        let challenge = self.challenges.waiting.get(id)?;
        (now < challenge.expires).then(|| (challenge.user.clone(), challenge.workflow.clone()))
    }

    pub(crate) fn verify(&mut self, id: &str, code: &str, now: Timestamp) -> Verdict {
        let Challenges { waiting, used_steps } = &mut self.challenges;
        let Some(challenge) = waiting.get_mut(id).filter(|challenge| now < challenge.expires) else {
            return Verdict::Over;
        };
        let user = self.world.user(&challenge.user).filter(|user| !user.disabled);
        let step = user.and_then(|user| user.mfa.step_of(code, now));
        let last = used_steps.get(&challenge.user);
        if let Some(step) = step.filter(|step| last.is_none_or(|last| step > last)) {
            used_steps.insert(challenge.user.clone(), step);
            let passed = waiting.remove(id).map(|challenge| Verdict::Passed {
                user: challenge.user,
                workflow: challenge.workflow,
            });
            return passed.unwrap_or(Verdict::Over);
        }
        challenge.tries += 1;
        if challenge.tries < MOST_TRIES {
            return Verdict::Wrong;
        }
        waiting.remove(id);
        Verdict::Over
    }
}
