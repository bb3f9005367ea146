//! Roles that are kept fresh: until nobody has used them for so long that they are kept for nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;

use crate::app::controller::Controller;
use crate::identity_center::RoleKey;
use crate::refresh::life::until;
use crate::role_catalog::KeptUse;
use crate::settings::UnusedFor;

/// The last use is written to disk when it has moved by this much.
const WRITTEN_EVERY: Duration = Duration::from_secs(3600);

/// At a start tools have this long before a role counts as unused, whatever the machine's clock says by then.
const GRACE: Duration = Duration::from_secs(3600);

/// When kept roles were used last. By the age of the clock, which a clock that is set does not change.
#[derive(Debug, Default)]
pub struct KeptUses(BTreeMap<RoleKey, LastUse>);

#[derive(Debug, Clone, Copy)]
struct LastUse {
    /// The age of the clock when that was known.
    seen: Duration,
    /// How long nobody had used it then.
    idle: Duration,
}

impl KeptUses {
    fn idle(&self, key: &RoleKey, age: Duration) -> Duration {
        self.0
            .get(key)
            .map_or(Duration::ZERO, |last| age.saturating_sub(last.seen) + last.idle)
    }

    fn used(&mut self, key: &RoleKey, seen: Duration) {
        let last = self.0.entry(key.clone()).or_insert(LastUse {
            seen,
            idle: Duration::ZERO,
        });
        if seen > last.seen {
            (last.seen, last.idle) = (seen, Duration::ZERO);
        }
    }

    fn remember(&mut self, key: &RoleKey, seen: Duration, idle: Duration) {
        self.0.insert(key.clone(), LastUse { seen, idle });
    }
}

impl Controller {
    pub(super) fn keep(&mut self, key: &RoleKey, on: bool) {
        let now = self.clock.now();
        self.change_catalogue(|catalogue| {
            catalogue.set_kept(key, on);
            catalogue.note_kept_use(key, now);
        });
        self.refresh.roles.set_kept(key, on);
        self.kept_uses.remember(key, self.clock.age(), Duration::ZERO);
        self.kept_no_longer.retain(|other| !(on && other == key));
        self.refresh.look.notify_one();
    }

    /// Takes in when kept roles were used last, as an earlier process knew it.
    pub(super) fn take_in_kept_uses(&mut self, known: &[KeptUse]) {
        let (now, age) = (self.clock.now(), self.clock.age());
        for used in known {
            let idle = until(used.at, now);
            let most = match self.settings.keep.unused_for {
                UnusedFor::Time(limit) => limit.saturating_sub(GRACE.min(limit / 2)),
                UnusedFor::Never => idle,
            };
            self.kept_uses.remember(&used.role, age, idle.min(most));
        }
    }

    /// A person has used it, without a program that asked.
    pub(super) fn kept_was_used(&mut self, key: &RoleKey) {
        self.kept_uses.used(key, self.clock.age());
    }

    /// Stops keeping what nobody has used for long.
    pub(super) fn let_unused_go(&mut self) {
        let (now, age) = (self.clock.now(), self.clock.age());
        let catalogue = self.catalogue();
        let (mut used, mut unused) = (Vec::new(), Vec::new());
        for key in &catalogue.kept {
            let idle = self.idle(key, age);
            if matches!(self.settings.keep.unused_for, UnusedFor::Time(limit) if idle >= limit) {
                unused.push(key.clone());
                continue;
            }
            let idle = SignedDuration::try_from(idle).unwrap_or_default();
            let at = now.checked_sub(idle).unwrap_or(now);
            let written = catalogue.kept_use(key);
            if written.is_none_or(|written| until(written, at) >= WRITTEN_EVERY) {
                used.push((key.clone(), at));
            }
        }
        if !used.is_empty() {
            self.change_catalogue(|catalogue| {
                for (key, at) in &used {
                    catalogue.note_kept_use(key, *at);
                }
            });
        }
        for key in unused {
            self.keep(&key, false);
            self.kept_no_longer.push(key);
        }
    }

    /// How long nobody has used a kept role. One that nobody has counted yet begins now.
    fn idle(&mut self, key: &RoleKey, age: Duration) -> Duration {
        if !self.kept_uses.0.contains_key(key) {
            self.kept_uses.remember(key, age, Duration::ZERO);
        }
        if let Some(asked) = self.refresh.roles.asked_at(key) {
            self.kept_uses.used(key, asked);
        }
        self.kept_uses.idle(key, age)
    }

    /// A person wants these to be kept all the same.
    pub(super) fn keep_on(&mut self, roles: Vec<RoleKey>) {
        for key in roles {
            self.keep(&key, true);
        }
    }
}
