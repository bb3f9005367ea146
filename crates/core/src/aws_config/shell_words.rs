//! Words as Python's `shlex.split` takes a line apart, by which botocore reads the headers of sections.

/// None: a quote is not closed, or nothing follows a backslash.
pub fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => loop {
                match letters.next()? {
                    '\'' => {
                        word.get_or_insert_default();
                        break;
                    }
                    other => word.get_or_insert_default().push(other),
                }
            },
            '"' => quoted(&mut letters, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(letters.next()?),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

/// To the closing quote. In front of anything else than a quote or a backslash, a backslash is one.
fn quoted(letters: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match letters.next()? {
            '"' => return Some(()),
            '\\' => match letters.next()? {
                special @ ('"' | '\\') => word.push(special),
                other => word.extend(['\\', other]),
            },
            other => word.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c2_words_are_those_of_python() {
        // Each row is what `shlex.split` said.
        for (line, expected) in [
            ("profile a", Some(&["profile", "a"][..])),
            (" profile\t\ta ", Some(&["profile", "a"])),
            ("profile 'a \\ b'c", Some(&["profile", "a \\ bc"])),
            ("profile \"a \\\" \\\\ \\x\"", Some(&["profile", "a \" \\ \\x"])),
            ("profile a\\ b\\\\", Some(&["profile", "a b\\"])),
            ("profile ''", Some(&["profile", ""])),
            ("profile \"\"''", Some(&["profile", ""])),
            ("profile a#b # c", Some(&["profile", "a#b", "#", "c"])),
            ("profile\u{b}a", Some(&["profile\u{b}a"])),
            ("", Some(&[])),
            ("profile 'a", None),
            ("profile \"a", None),
            ("profile \"a\\", None),
            ("profile a\\", None),
        ] {
            let expected = expected.map(|words| words.iter().map(ToString::to_string).collect());
            assert_eq!(words(line), expected, "{line:?}");
        }
    }
}
