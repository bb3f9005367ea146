//! Texts of others that cannot move a cursor, end a line or turn what stands beside them around.

/// The same text with a sign in place of every control character but line breaks, bidirectional ones among them.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\n' => '\n',
            letter if letter.is_control() || turns_text(letter) => char::REPLACEMENT_CHARACTER,
            letter => letter,
        })
        .collect()
}

/// A text as a part of something else that is shown.
pub fn on_one_harmless_line(text: &str) -> String {
    harmless(&text.replace('\n', " "))
}

/// Bidirectional controls.
pub fn turns_text(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
