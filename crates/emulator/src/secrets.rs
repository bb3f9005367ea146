//! The latest secrets that were handed out or came in, by kind: a test looks for them where they must not be.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// Of each kind; older ones are forgotten, so that memory stays flat over millions of calls.
const KEPT: usize = 5_000;

/// Values by what they are, in AWS's words; the latest last.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Secrets(BTreeMap<&'static str, VecDeque<String>>);

impl Secrets {
    pub(crate) fn note(&mut self, kind: &'static str, value: &str) {
        let values = self.0.entry(kind).or_default();
        if values.len() == KEPT {
            values.pop_front();
        }
        values.push_back(value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_each_kind_are_kept() {
        let mut secrets = Secrets::default();
        for number in 0..KEPT + 2 {
            secrets.note("session_token", &number.to_string());
        }
        secrets.note("code", "c");
        let tokens = &secrets.0["session_token"];
        assert_eq!(tokens.len(), KEPT);
        assert_eq!(tokens.front().map(String::as_str), Some("2"));
        assert_eq!(tokens.back(), Some(&(KEPT + 1).to_string()));
        assert_eq!(secrets.0["code"], ["c"]);
    }
}
