//! The tray's menu as it is drawn. Its lines change in place: panels know a line by a number, and a click on one that
//! was made anew since would be lost.

use portray_core::app::contract::Request;
use portray_core::app::tray_menu::{MenuItem, Step, steps};
use tauri::menu::{
    CheckMenuItem, IsMenuItem, Menu, MenuEvent, MenuItem as Line, MenuItemKind, PredefinedMenuItem, Submenu,
};
use tauri::{AppHandle, Wry};

use crate::label::menu_label;

/// What a click in the menu asks for.
///
/// The identifier of a line is its request, written as JSON: a click means what the line said when it was drawn,
/// however often the menu has changed since it was opened.
pub fn clicked(event: &MenuEvent) -> Option<Request> {
    serde_json::from_str(event.id().as_ref()).ok()
}

/// A menu with these lines.
pub fn drawn(app: &AppHandle, items: &[MenuItem]) -> tauri::Result<Menu<Wry>> {
    let menu = Menu::new(app)?;
    for item in items {
        menu.append(&*line(app, item)?)?;
    }
    Ok(menu)
}

/// Makes `now` of a menu that shows `before`.
pub fn redraw(app: &AppHandle, menu: &Menu<Wry>, before: &[MenuItem], now: &[MenuItem]) -> tauri::Result<()> {
    Level::Menu(menu).redraw(app, before, now)
}

enum Level<'a> {
    Menu(&'a Menu<Wry>),
    Submenu(&'a Submenu<Wry>),
}

impl Level<'_> {
    fn redraw(&self, app: &AppHandle, before: &[MenuItem], now: &[MenuItem]) -> tauri::Result<()> {
        for step in steps(before, now) {
            match step {
                Step::Update { at, before, now } => {
                    let drawn = self.lines()?.into_iter().nth(at);
                    update(app, &drawn.ok_or_else(not_as_drawn)?, before, now)?;
                }
                Step::Remove { at } => self.remove(at)?,
                Step::Insert { at, item } => self.insert(at, &*line(app, item)?)?,
            }
        }
        Ok(())
    }

    fn lines(&self) -> tauri::Result<Vec<MenuItemKind<Wry>>> {
        match self {
            Self::Menu(menu) => menu.items(),
            Self::Submenu(submenu) => submenu.items(),
        }
    }

    fn remove(&self, at: usize) -> tauri::Result<()> {
        let removed = match self {
            Self::Menu(menu) => menu.remove_at(at)?,
            Self::Submenu(submenu) => submenu.remove_at(at)?,
        };
        removed.map(drop).ok_or_else(not_as_drawn)
    }

    fn insert(&self, at: usize, line: &dyn IsMenuItem<Wry>) -> tauri::Result<()> {
        match self {
            Self::Menu(menu) => menu.insert(line, at),
            Self::Submenu(submenu) => submenu.insert(line, at),
        }
    }
}

/// The line means what it meant; it shows what is new about it.
fn update(
    app: &AppHandle,
    drawn: &MenuItemKind<Wry>,
    before: &MenuItem,
    now: &MenuItem,
) -> tauri::Result<()> {
    match (drawn, now) {
        (MenuItemKind::MenuItem(line), MenuItem::Text(label)) => {
            if before != now {
                line.set_text(menu_label(label))?;
            }
        }
        (MenuItemKind::MenuItem(line), MenuItem::Action { label, enabled, .. }) => {
            if before != now {
                line.set_text(menu_label(label))?;
                line.set_enabled(*enabled)?;
            }
        }
        (MenuItemKind::Check(line), MenuItem::Check { label, checked, .. }) => {
            if before != now {
                line.set_text(menu_label(label))?;
            }
            // A click has changed the mark before anybody knew whether the request would be granted.
            if line.is_checked()? != *checked {
                line.set_checked(*checked)?;
            }
        }
        (MenuItemKind::Submenu(submenu), MenuItem::Submenu { items, .. }) => {
            let MenuItem::Submenu { items: before, .. } = before else {
                return Err(not_as_drawn());
            };
            Level::Submenu(submenu).redraw(app, before, items)?;
        }
        (MenuItemKind::Predefined(_), MenuItem::Separator) => {}
        (
            _,
            MenuItem::Text(_)
            | MenuItem::Action { .. }
            | MenuItem::Check { .. }
            | MenuItem::Submenu { .. }
            | MenuItem::Separator,
        ) => return Err(not_as_drawn()),
    }
    Ok(())
}

fn not_as_drawn() -> tauri::Error {
    std::io::Error::other("the menu is not as it was drawn").into()
}

fn line(app: &AppHandle, item: &MenuItem) -> tauri::Result<Box<dyn IsMenuItem<Wry>>> {
    Ok(match item {
        MenuItem::Text(label) => Box::new(Line::new(app, menu_label(label), false, None::<&str>)?),
        MenuItem::Action {
            label,
            enabled,
            request,
        } => Box::new(Line::with_id(
            app,
            identifier(request)?,
            menu_label(label),
            *enabled,
            None::<&str>,
        )?),
        MenuItem::Check {
            label,
            checked,
            request,
        } => Box::new(CheckMenuItem::with_id(
            app,
            identifier(request)?,
            menu_label(label),
            true,
            *checked,
            None::<&str>,
        )?),
        MenuItem::Submenu { label, items } => Box::new(submenu(app, label, items)?),
        MenuItem::Separator => Box::new(PredefinedMenuItem::separator(app)?),
    })
}

fn submenu(app: &AppHandle, label: &str, items: &[MenuItem]) -> tauri::Result<Submenu<Wry>> {
    let submenu = Submenu::new(app, menu_label(label), true)?;
    for item in items {
        submenu.append(&*line(app, item)?)?;
    }
    Ok(submenu)
}

fn identifier(request: &Request) -> tauri::Result<String> {
    Ok(serde_json::to_string(request)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_means_what_the_line_said() {
        let request = Request::OpenPortal {
            portal: "p&_\"1".to_owned(),
        };
        let event = MenuEvent {
            id: identifier(&request).unwrap().into(),
        };
        assert_eq!(clicked(&event), Some(request));
        let text = MenuEvent { id: "17".into() };
        assert_eq!(clicked(&text), None);
    }
}
