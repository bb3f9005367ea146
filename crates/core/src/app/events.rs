//! What the loop does when something happens that nobody asked for: time passes, the machine wakes up, AWS refuses.

use std::time::Duration;

use crate::app::controller::Controller;
use crate::identity_center::RoleKey;
use crate::refresh::Change;

impl Controller {
    pub(super) fn refreshed(&mut self, change: Change) {
        match change {
            // What was kept, or asked for, may be obtainable now.
            Change::Session(_) => {
                self.note_unstored(false);
                self.refresh.look.notify_one();
            }
            // Whoever made the store be read: the list goes on.
            Change::SignInRead(portal) => self.sync(portal),
            Change::Role(key) => self.notice_lost_role(&key),
            Change::SignInWanted(portal) => {
                self.sign_in_wanted.insert(portal.0);
            }
            Change::ClockCorrected => {
                self.clock_problem_dismissed &= self.clock_problem().is_some();
                self.refresh.look.notify_one();
            }
            Change::ClockJumped => {
                self.syncs.try_again();
                self.sync_stale(Duration::from_secs(60));
            }
        }
    }

    /// 403: this one permission set was taken away. The list learns it at once, and the whole of it by a sync.
    fn notice_lost_role(&mut self, key: &RoleKey) {
        if self.refresh.roles.is_refused(key) && self.catalogue().lists(key) {
            self.change_catalogue(|catalogue| catalogue.remove(key));
            self.sync(key.portal.clone());
        }
    }

    pub(super) fn used(&mut self, key: &RoleKey) {
        self.kept_was_used(key);
        self.change_catalogue(|catalogue| catalogue.mark_recent(key));
    }

    pub(super) fn watched(&mut self) {
        self.look_at_settings(None);
        self.sync_stale(Duration::from_secs(60));
    }

    pub(super) fn woke(&mut self) {
        self.problem = None;
        self.look_at_settings(None);
        self.http.forget_connections();
        self.load_sessions();
        self.refresh.try_again();
        self.syncs.try_again();
        self.sync_stale(Duration::from_secs(60));
    }

    pub(super) fn tick(&mut self) {
        self.look_at_settings(None);
        self.look_for_marks();
        self.shared_logins.look_again();
        self.take_back_again();
        self.load_sessions();
        for session in self.refresh.every_session() {
            tokio::spawn(async move { session.mend_store().await });
        }
        self.list_to_the_end();
        self.sync_in_use();
        self.let_unused_go();
        self.look_after_records();
        self.save_again();
        self.note_stays();
    }
}
