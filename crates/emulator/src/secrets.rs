//! Every secret that was handed out or came in, by kind: a test looks for them where they must not be.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// Values by what they are, in AWS's words.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Secrets(BTreeMap<&'static str, BTreeSet<String>>);

impl Secrets {
    pub(crate) fn note(&mut self, kind: &'static str, value: &str) {
        self.0.entry(kind).or_default().insert(value.to_owned());
    }
}
