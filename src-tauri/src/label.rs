//! Makes text from elsewhere (account names, permission sets) safe to show in a menu or a notification.

/// Longer labels make a menu that covers the screen.
const LONGEST: usize = 72;

/// A menu label that shows `text` literally: `&` marks no access key, nothing turns the reading direction of its
/// neighbours, nothing breaks the line.
pub fn menu_label(text: &str) -> String {
    // Menus take `&&` for `&`; `_` is literal to them.
    shown(text, LONGEST).replace('&', "&&")
}

/// A line of plain text of at most `longest` characters.
pub fn shown(text: &str, longest: usize) -> String {
    let visible = text.chars().map(|character| {
        if character.is_whitespace() || character.is_control() {
            ' '
        } else {
            character
        }
    });
    let visible: String = visible.filter(|character| !turns_direction(*character)).collect();
    isolated(cut(visible.trim(), longest))
}

/// Text for the body of a freedesktop notification, which may carry markup.
pub fn escaped_markup(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !turns_direction(*character)) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' => escaped.push('\n'),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut start: String = text.chars().take(longest - 1).collect();
    start.push('…');
    start
}

/// Text with letters that run from right to left is kept from reordering what stands beside it.
fn isolated(text: String) -> String {
    const FIRST_STRONG_ISOLATE: char = '\u{2068}';
    const POP_ISOLATE: char = '\u{2069}';
    if text.chars().any(runs_right_to_left) {
        format!("{FIRST_STRONG_ISOLATE}{text}{POP_ISOLATE}")
    } else {
        text
    }
}

fn runs_right_to_left(character: char) -> bool {
    matches!(
        u32::from(character),
        0x0590..=0x08FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFF | 0x10800..=0x10FFF | 0x1E800..=0x1EFFF
    )
}

/// Marks, embeddings, overrides and isolates, and characters of no width that hide among others.
fn turns_direction(character: char) -> bool {
    matches!(
        character,
        '\u{061C}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i3_ampersand_and_underscore_are_literal() {
        assert_eq!(menu_label("R&D_prod"), "R&&D_prod");
        assert_eq!(menu_label("&&"), "&&&&");
    }

    #[test]
    fn i3_long_labels_are_cut() {
        let label = menu_label(&"é".repeat(4000));
        assert_eq!(label.chars().count(), LONGEST);
        assert!(label.ends_with('…'));
    }

    #[test]
    fn i3_a_label_is_one_line_without_control_characters() {
        assert_eq!(menu_label("a\nb\u{1b}[31mc\0"), "a b [31mc");
    }

    #[test]
    fn i3_direction_cannot_leak_out_of_a_name() {
        assert_eq!(menu_label("dev\u{202E}dorp"), "devdorp");
        assert_eq!(menu_label("حساب"), "\u{2068}حساب\u{2069}");
    }

    #[test]
    fn i3_notification_bodies_carry_no_markup() {
        assert_eq!(
            escaped_markup("<a href='x'>R&D</a>\u{202E}"),
            "&lt;a href='x'&gt;R&amp;D&lt;/a&gt;"
        );
    }
}
