//! Makes text from elsewhere (account names, permission sets) literal where menus and notifications read it.
//! Core has cut it, and kept its reading direction to itself.

/// A menu label in which `&` marks no access key. `_` is literal to Tauri's menus, also on GTK.
pub fn menu_label(text: &str) -> String {
    text.replace('&', "&&")
}

/// Text for the body of a freedesktop notification, which may carry markup.
#[cfg(target_os = "linux")]
pub fn escaped_markup(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' => escaped.push('\n'),
            control if control.is_control() => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i3_ampersands_and_underscores_are_literal_in_menus() {
        assert_eq!(menu_label("R&D_prod"), "R&&D_prod");
        assert_eq!(menu_label("&&"), "&&&&");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn i3_notification_bodies_carry_no_markup() {
        assert_eq!(
            escaped_markup("<a href='x'>R&D</a>\u{1b}\n2"),
            "&lt;a href='x'&gt;R&amp;D&lt;/a&gt;\n2"
        );
    }
}
