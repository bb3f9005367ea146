//! Roles that are kept fresh: until nobody has used them for so long that they are kept for nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::app::controller::Controller;
use crate::identity_center::RoleKey;
use crate::role_catalog::KeptUse;
use crate::settings::UnusedFor;

/// How long a role is unused is written to disk when it has moved by this much: more is not forgotten by a restart.
const WRITTEN_EVERY: Duration = Duration::from_secs(30 * 60);

/// At a start tools have this long before a role counts as unused, whatever was written down.
const GRACE: Duration = Duration::from_secs(3600);

/// For how long nobody has used kept roles. By monotonic time, which a clock that is set does not change: while the
/// machine sleeps, or is off, nobody could.
#[derive(Debug, Default)]
pub struct KeptUses(BTreeMap<RoleKey, LastUse>);

#[derive(Debug, Clone, Copy)]
struct LastUse {
    /// The age of the clock at the last use, by which another one is told from it.
    asked: Duration,
    /// The monotonic time when that was known.
    seen: Duration,
    /// For how long nobody had used it then.
    idle: Duration,
}

/// What the clock shows when kept roles are looked at.
#[derive(Debug, Clone, Copy)]
struct Look {
    age: Duration,
    elapsed: Duration,
}

impl KeptUses {
    fn idle(&self, key: &RoleKey, look: Look) -> Duration {
        self.0.get(key).map_or(Duration::ZERO, |last| {
            look.elapsed.saturating_sub(last.seen) + last.idle
        })
    }

    /// Somebody used it at that age of the clock; which of two looks apart that was does not matter.
    fn used(&mut self, key: &RoleKey, asked: Duration, look: Look) {
        if self.0.get(key).is_none_or(|last| asked > last.asked) {
            let (seen, idle) = (look.elapsed, Duration::ZERO);
            self.0.insert(key.clone(), LastUse { asked, seen, idle });
        }
    }

    fn remember(&mut self, key: &RoleKey, look: Look, idle: Duration) {
        let (asked, seen) = (look.age, look.elapsed);
        self.0.insert(key.clone(), LastUse { asked, seen, idle });
    }
}

impl Controller {
    fn look_at_kept(&self) -> Look {
        Look {
            age: self.clock.age(),
            elapsed: self.clock.elapsed(),
        }
    }

    pub(super) fn keep(&mut self, key: &RoleKey, on: bool) {
        let noted = self.unused(key, Duration::ZERO);
        self.change_catalogue(|catalogue| {
            catalogue.set_kept(key, on);
            catalogue.note_kept_use(noted);
        });
        self.refresh.roles.set_kept(key, on);
        self.kept_uses.remember(key, self.look_at_kept(), Duration::ZERO);
        self.kept_no_longer.retain(|other| !(on && other == key));
        self.refresh.look.notify_one();
    }

    /// A kept further role is another one when its account's name, or the settings, name another account: that one is
    /// kept fresh from then on, and the one before it is not.
    pub(super) fn keep_what_is_meant(&self, before: &[RoleKey], now: &[RoleKey]) {
        let of_chains = |keys: &[RoleKey], others: &[RoleKey]| -> Vec<RoleKey> {
            let moved = |key: &&RoleKey| key.chain.is_some() && !others.contains(key);
            keys.iter().filter(moved).cloned().collect()
        };
        for key in of_chains(before, now) {
            self.refresh.roles.set_kept(&key, false);
        }
        for key in of_chains(now, before) {
            self.refresh.roles.set_kept(&key, true);
        }
    }

    /// Takes in for how long nobody had used kept roles, as an earlier process knew it.
    pub(super) fn take_in_kept_uses(&mut self, known: &[KeptUse]) {
        let look = self.look_at_kept();
        for used in known {
            let idle = Duration::from_secs(used.idle_seconds);
            let most = match self.settings.keep.unused_for {
                UnusedFor::Time(limit) => limit.saturating_sub(GRACE.min(limit / 2)),
                UnusedFor::Never => idle,
            };
            self.kept_uses.remember(&used.role, look, idle.min(most));
        }
    }

    /// A person has used it, without a program that asked.
    pub(super) fn kept_was_used(&mut self, key: &RoleKey) {
        let look = self.look_at_kept();
        self.kept_uses.used(key, look.age, look);
    }

    /// Stops keeping what nobody has used for long.
    pub(super) fn let_unused_go(&mut self) {
        let catalogue = self.catalogue();
        let (mut noted, mut unused) = (Vec::new(), Vec::new());
        for key in &catalogue.kept {
            let idle = self.idle(key);
            if matches!(self.settings.keep.unused_for, UnusedFor::Time(limit) if idle >= limit) {
                unused.push(key.clone());
                continue;
            }
            let written = catalogue.kept_use(key);
            let written = written.map(|written| Duration::from_secs(written.idle_seconds));
            if written.is_none_or(|written| written.abs_diff(idle) >= WRITTEN_EVERY) {
                noted.push(self.unused(key, idle));
            }
        }
        if !noted.is_empty() {
            self.change_catalogue(|catalogue| {
                for used in noted {
                    catalogue.note_kept_use(used);
                }
            });
        }
        for key in unused {
            self.keep(&key, false);
            self.kept_no_longer.push(key);
        }
    }

    fn unused(&self, key: &RoleKey, idle: Duration) -> KeptUse {
        KeptUse {
            role: key.clone(),
            at: self.clock.now(),
            idle_seconds: idle.as_secs(),
        }
    }

    /// How long nobody has used a kept role. One that nobody has counted yet begins now.
    fn idle(&mut self, key: &RoleKey) -> Duration {
        let look = self.look_at_kept();
        if !self.kept_uses.0.contains_key(key) {
            self.kept_uses.remember(key, look, Duration::ZERO);
        }
        if let Some(asked) = self.refresh.roles.asked_at(key) {
            self.kept_uses.used(key, asked, look);
        }
        self.kept_uses.idle(key, look)
    }

    /// A person wants these to be kept all the same.
    pub(super) fn keep_on(&mut self, roles: Vec<RoleKey>) {
        for key in roles {
            self.keep(&key, true);
        }
    }
}
