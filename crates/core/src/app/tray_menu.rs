//! The tray as a value: icon, tooltip and menu, derived from the state.

use crate::app::contract::{Mood, Request};

/// What the tray shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tray {
    pub mood: Mood,
    /// The state in words.
    pub tooltip: String,
    pub menu: Vec<MenuItem>,
}

/// One line of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MenuItem {
    /// A line that cannot be clicked.
    Text(String),
    Action {
        label: String,
        enabled: bool,
        request: Request,
    },
    Check {
        label: String,
        checked: bool,
        request: Request,
    },
    Submenu {
        label: String,
        items: Vec<MenuItem>,
    },
    Separator,
}
