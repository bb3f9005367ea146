//! Words that stand in a command line for every shell and every SDK alike.

/// A word that every shell and every splitter of command lines leaves as it is.
pub fn is_plain(word: &str) -> bool {
    let is_safe = |letter: char| letter.is_ascii_alphanumeric() || "_.@+=,-".contains(letter);
    (1..=128).contains(&word.len()) && !word.starts_with(['-', '@', '=', ',']) && word.chars().all(is_safe)
}

/// An absolute path as the first word of a command line, where every SDK and its shell read the same.
pub fn quoted_program(path: &str) -> Option<String> {
    const BACKSLASHES: bool = cfg!(windows);
    let is_plain = |letter: char| {
        letter.is_ascii_alphanumeric() || "/._+@:-".contains(letter) || BACKSLASHES && letter == '\\'
    };
    if path.chars().all(is_plain) {
        return Some(path.to_owned());
    }
    let is_special =
        |letter: char| letter.is_control() || "\"$`%".contains(letter) || !BACKSLASHES && letter == '\\';
    // Some take what follows for a comment, quotes or not.
    let is_cut = [" #", " ;"].iter().any(|comment| path.contains(comment));
    (!is_cut && !path.contains(is_special)).then(|| format!("\"{path}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn i1_a_path_is_quoted_where_that_is_enough_and_refused_where_not() {
        for (path, quoted) in [
            ("/opt/portray/bin/portray", Some("/opt/portray/bin/portray")),
            ("/home/Jo Doe/portray", Some("\"/home/Jo Doe/portray\"")),
            ("/home/größe/portray", Some("\"/home/größe/portray\"")),
            ("/opt/(x86)/portray", Some("\"/opt/(x86)/portray\"")),
            ("/opt/a&b/portray", Some("\"/opt/a&b/portray\"")),
            ("/opt/$HOME/portray", None),
            ("/opt/a\"b/portray", None),
            ("/home/o'brien/portray", Some("\"/home/o'brien/portray\"")),
            ("/opt/a\\b/portray", None),
            ("/opt/a #1/portray", None),
            ("/opt/%PATH%/portray", None),
            ("/opt/a\nb/portray", None),
        ] {
            assert_eq!(quoted_program(path).as_deref(), quoted, "{path}");
        }
    }

    #[test]
    fn i1_words_of_a_command_line_are_the_same_in_every_shell() {
        for word in ["acme", "ReadOnly", "a.b@c", "a=b", "Billing,2"] {
            assert!(is_plain(word), "{word}");
        }
        for word in [
            "", "-rf", "@file", "a b", "a;b", "$(id)", "%PATH%", "a'b", "a\"b", "a\nb", "größe", "a#b", "~",
        ] {
            assert!(!is_plain(word), "{word}");
        }
    }
}
