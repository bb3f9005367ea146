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
    /// By user or device: a code works once, and so does none of an earlier step (RFC 6238, section 5.2).
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

impl Challenges {
    /// Whether a code of this step may be used; then no other one of it or of an earlier step may.
    pub(crate) fn use_step(&mut self, of: &str, step: u64) -> bool {
        let last = self.used_steps.get(of);
        let is_new = last.is_none_or(|last| step > *last);
        if is_new {
            self.used_steps.insert(of.to_owned(), step);
        }
        is_new
    }
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
        let waiting = &mut self.challenges.waiting;
        let Some(challenge) = waiting.get_mut(id).filter(|challenge| now < challenge.expires) else {
            return Verdict::Over;
        };
        let name = challenge.user.clone();
        let user = self.world.user(&name).filter(|user| !user.disabled);
        let step = user.and_then(|user| user.mfa.step_of(code, now));
        challenge.tries += 1;
        let is_last = challenge.tries >= MOST_TRIES;
        if step.is_some_and(|step| self.challenges.use_step(&name, step)) {
            let waiting = &mut self.challenges.waiting;
            let passed = waiting.remove(id).map(|challenge| Verdict::Passed {
                user: challenge.user,
                workflow: challenge.workflow,
            });
            return passed.unwrap_or(Verdict::Over);
        }
        if !is_last {
            return Verdict::Wrong;
        }
        self.challenges.waiting.remove(id);
        Verdict::Over
    }
}
