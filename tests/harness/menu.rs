//! A tray menu as a tree of labels, read over the dbusmenu protocol.

use std::collections::HashMap;
use std::fmt;

use zbus::zvariant::OwnedValue;

/// What `GetLayout` answers for one item: its id, its properties, its children.
pub(crate) type RawItem = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

/// The whole menu of a tray item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// The items of the first level, separators included.
    pub items: Vec<MenuItem>,
}

/// One line of a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuItem {
    /// The number by which the application knows it, for as long as the line stays.
    pub(crate) id: i32,
    /// The label as a person reads it, without the marks of access keys.
    pub label: String,
    /// Can be clicked.
    pub enabled: bool,
    /// Is shown.
    pub visible: bool,
    /// Is a line between items.
    pub separator: bool,
    /// The state of a check item.
    pub checked: Option<bool>,
    /// The items of its submenu.
    pub children: Vec<MenuItem>,
}

impl Menu {
    pub(crate) fn from_raw(root: RawItem) -> Menu {
        Menu {
            items: MenuItem::from_raw(root).children,
        }
    }

    /// The item at a path of labels, from the first level down. Each element names the item with exactly that
    /// label, or else the first whose label starts with it.
    pub fn find(&self, path: &[&str]) -> Option<&MenuItem> {
        find(&self.items, path)
    }

    /// Whether there is an item at this path.
    pub fn has(&self, path: &[&str]) -> bool {
        self.find(path).is_some()
    }

    /// The path to the first item that is called `action` and below labels that contain all of `words`.
    pub fn path_to(&self, action: &str, words: &[&str]) -> Option<Vec<String>> {
        path_to(&self.items, action, words, &[])
    }

    /// The labels of the first level, separators left out.
    pub fn labels(&self) -> Vec<&str> {
        labels(&self.items)
    }
}

impl MenuItem {
    /// The labels of its submenu, separators left out.
    pub fn labels(&self) -> Vec<&str> {
        labels(&self.children)
    }

    fn from_raw((id, properties, children): RawItem) -> MenuItem {
        let text = |name: &str| {
            properties
                .get(name)
                .and_then(|value| <&str>::try_from(value).ok())
                .unwrap_or("")
        };
        // The protocol leaves out what has its default value.
        let flag = |name: &str| {
            properties
                .get(name)
                .and_then(|value| bool::try_from(value).ok())
                .unwrap_or(true)
        };
        let state = properties
            .get("toggle-state")
            .and_then(|value| i32::try_from(value).ok());
        MenuItem {
            id,
            label: without_access_keys(text("label")),
            enabled: flag("enabled"),
            visible: flag("visible"),
            separator: text("type") == "separator",
            checked: (!text("toggle-type").is_empty()).then_some(state == Some(1)),
            children: children
                .into_iter()
                .filter_map(|child| RawItem::try_from(child).ok())
                .map(MenuItem::from_raw)
                .collect(),
        }
    }
}

impl fmt::Display for Menu {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_items(formatter, &self.items, 0)
    }
}

fn find<'menu>(items: &'menu [MenuItem], path: &[&str]) -> Option<&'menu MenuItem> {
    let (first, rest) = path.split_first()?;
    let shown = || items.iter().filter(|item| item.visible && !item.separator);
    let item = shown()
        .find(|item| item.label == *first)
        .or_else(|| shown().find(|item| item.label.starts_with(first)))?;
    if rest.is_empty() {
        Some(item)
    } else {
        find(&item.children, rest)
    }
}

fn path_to(items: &[MenuItem], action: &str, words: &[&str], above: &[String]) -> Option<Vec<String>> {
    items.iter().filter(|item| item.visible).find_map(|item| {
        let mut path = above.to_vec();
        path.push(item.label.clone());
        let is_below = words
            .iter()
            .all(|word| above.iter().any(|label| label.contains(word)));
        if item.label == action && is_below {
            return Some(path);
        }
        path_to(&item.children, action, words, &path)
    })
}

fn labels(items: &[MenuItem]) -> Vec<&str> {
    items
        .iter()
        .filter(|item| item.visible && !item.separator)
        .map(|item| item.label.as_str())
        .collect()
}

fn write_items(formatter: &mut fmt::Formatter<'_>, items: &[MenuItem], depth: usize) -> fmt::Result {
    for item in items.iter().filter(|item| item.visible) {
        let indent = "  ".repeat(depth);
        let label = if item.separator {
            "────"
        } else {
            &item.label
        };
        let check = match item.checked {
            Some(true) => "[x] ",
            Some(false) => "[ ] ",
            None => "",
        };
        let disabled = if item.enabled || item.separator {
            ""
        } else {
            " (disabled)"
        };
        writeln!(formatter, "{indent}{check}{label}{disabled}")?;
        write_items(formatter, &item.children, depth + 1)?;
    }
    Ok(())
}

/// An underscore marks the access key that follows; two stand for a real one.
fn without_access_keys(label: &str) -> String {
    let mut characters = label.chars();
    let mut shown = String::with_capacity(label.len());
    while let Some(character) = characters.next() {
        if character == '_' {
            shown.extend(characters.next());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(label: &str, children: Vec<MenuItem>) -> MenuItem {
        let label = label.to_owned();
        MenuItem {
            id: 0,
            label,
            enabled: true,
            visible: true,
            separator: false,
            checked: None,
            children,
        }
    }

    #[test]
    fn a_path_prefers_the_exact_label_to_one_that_starts_with_it() {
        let menu = Menu {
            items: vec![
                item("Signed in to acme until 18:40", vec![]),
                item("acme-dev / Admin", vec![item("Open", vec![])]),
            ],
        };
        assert!(menu.has(&["acme-dev / Admin", "Open"]));
        assert_eq!(
            menu.find(&["Signed in"]).unwrap().label,
            "Signed in to acme until 18:40"
        );
        assert!(!menu.has(&["acme-dev / Admin", "Close"]));
        assert_eq!(
            menu.path_to("Open", &["acme-dev", "Admin"]).unwrap(),
            ["acme-dev / Admin", "Open"]
        );
        assert_eq!(menu.path_to("Open", &["acme-prod"]), None);
        assert_eq!(
            menu.labels(),
            ["Signed in to acme until 18:40", "acme-dev / Admin"]
        );
    }

    #[test]
    fn access_keys_are_not_part_of_a_label() {
        assert_eq!(without_access_keys("_Quit my__role"), "Quit my_role");
    }
}
