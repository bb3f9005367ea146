//! The display: opened before anything else, so that its absence is said in words.

use portray_core::app::contract::ProblemView;

/// Whether GDK may look for OpenGL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenGl {
    /// The window draws with it.
    Probe,
    /// Probing maps a software renderer of some 26 MB where there is no graphics card; a menu needs none.
    Skip,
}

/// Opens the display. To be called on the main thread, before any other thread exists.
#[cfg(target_os = "linux")]
pub fn open(gl: OpenGl) -> Result<(), ProblemView> {
    use gtk::glib;
    use gtk::prelude::GtkSettingsExt as _;
    const SWITCH: &str = "GDK_GL";
    // GDK reads the variable while it opens the display. It is taken back at once: browsers that we start inherit
    // our environment. A value that the person has set stays.
    let ours = gl == OpenGl::Skip
        && glib::getenv(SWITCH).is_none()
        && glib::setenv(SWITCH, "disable", false).is_ok();
    let opened = gtk::init();
    if ours {
        glib::unsetenv(SWITCH);
    }
    opened.map_err(|_| ProblemView::no_display())?;
    if let Some(settings) = gtk::Settings::default() {
        // A blinking caret makes WebKitGTK compose the whole window all the time: a quarter of a processor core where
        // there is no graphics card. Ours is always in the search field, and stands still.
        settings.set_gtk_cursor_blink(false);
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "on Linux there may be no display")]
pub fn open(_gl: OpenGl) -> Result<(), ProblemView> {
    Ok(())
}
