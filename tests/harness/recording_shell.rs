//! A desktop that remembers what the application did to it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use portray_core::app::shell::{Notice, Opening, Shell};
use portray_core::app::tray_menu::Tray;
use portray_core::secret::Secret;

/// Remembers what the application did to the desktop.
#[derive(Default)]
pub struct RecordingShell {
    pub opened: Mutex<Vec<String>>,
    /// The menu as it is now.
    pub tray: Mutex<Option<Tray>>,
    pub notices: Mutex<Vec<Notice>>,
    pub withdrawn: Mutex<Vec<String>>,
    /// How many of the next wishes to see the window make it panic.
    pub panics: AtomicUsize,
    /// How often the window was wished for.
    pub windows: AtomicUsize,
}

impl RecordingShell {
    pub fn opened(&self) -> usize {
        self.opened.lock().expect("no panic under this lock").len()
    }

    pub fn notice_titles(&self) -> Vec<String> {
        let notices = self.notices.lock().expect("no panic under this lock");
        notices.iter().map(|notice| notice.title.clone()).collect()
    }
}

impl Shell for RecordingShell {
    fn open_url(&self, url: &Secret, _browser: Option<&str>) -> Opening {
        self.opened
            .lock()
            .expect("no panic under this lock")
            .push(url.expose().clone());
        Box::pin(async { Ok(()) })
    }

    fn show_tray(&self, tray: &Tray) {
        let mut tray_now = self.tray.lock().expect("no panic under this lock");
        *tray_now = Some(tray.clone());
    }

    fn notify(&self, notice: &Notice) {
        self.notices
            .lock()
            .expect("no panic under this lock")
            .push(notice.clone());
    }

    fn withdraw(&self, key: &str) {
        self.withdrawn
            .lock()
            .expect("no panic under this lock")
            .push(key.to_owned());
    }

    fn show_window(&self) {
        self.windows.fetch_add(1, Ordering::SeqCst);
        let left = self
            .panics
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(left.is_err(), "on purpose");
    }

    fn window_is_shown(&self) -> bool {
        false
    }

    fn quit(&self) {}
}
