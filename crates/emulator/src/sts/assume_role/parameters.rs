//! What a call of AssumeRole asks for, and whether AWS takes it so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::AssumeRoleError;
use super::session_policies::SessionPolicies;
use crate::audit::HIDDEN;
use crate::call::Call;
use crate::role_credentials::RoleSession;

const MOST_TAGS: usize = 50;
const DURATIONS: std::ops::RangeInclusive<i64> = 900..=43_200;

pub(super) struct Parameters {
    pub(super) role_arn: String,
    pub(super) session_name: String,
    pub(super) external_id: Option<String>,
    pub(super) duration_seconds: Option<i64>,
    pub(super) serial_number: Option<String>,
    pub(super) token_code: Option<String>,
    pub(super) source_identity: Option<String>,
    pub(super) policies: SessionPolicies,
    /// As they came: a key may be there twice.
    tags: Vec<(String, String)>,
    transitive: Vec<String>,
    /// A duration that is no number.
    malformed: Option<String>,
}

impl Parameters {
    pub(super) fn of(call: &Call) -> Self {
        let text = |name: &str| call.parameter(name);
        let duration = text("DurationSeconds");
        let numbered = |form: fn(usize) -> String| {
            (1..=MOST_TAGS + 1).map_while(move |number| text(&form(number)).map(|value| (number, value)))
        };
        let tags = numbered(|number| format!("Tags.member.{number}.Key")).map(|(number, key)| {
            (
                key,
                text(&format!("Tags.member.{number}.Value")).unwrap_or_default(),
            )
        });
        Self {
            role_arn: text("RoleArn").unwrap_or_default(),
            session_name: text("RoleSessionName").unwrap_or_default(),
            external_id: text("ExternalId"),
            duration_seconds: duration.as_ref().and_then(|text| text.parse().ok()),
            malformed: duration.filter(|text| text.parse::<i64>().is_err()),
            serial_number: text("SerialNumber"),
            token_code: text("TokenCode"),
            source_identity: text("SourceIdentity"),
            policies: SessionPolicies::of(call),
            tags: tags.collect(),
            transitive: numbered(|number| format!("TransitiveTagKeys.member.{number}"))
                .map(|(_, key)| key)
                .collect(),
        }
    }

    /// Whether every value has the form that the service's model asks for.
    pub(super) fn check(&self) -> Result<(), AssumeRoleError> {
        if let Some(text) = &self.malformed {
            return Err(AssumeRoleError::Validation(format!(
                "DurationSeconds: {text:?} is no number"
            )));
        }
        text_of(Some(&self.role_arn), "roleArn", 20..=2048, None)?;
        let arn: Vec<&str> = self.role_arn.splitn(6, ':').collect();
        if !matches!(arn.as_slice(), ["arn", _, "iam", "", _, role] if role.starts_with("role/")) {
            return Err(AssumeRoleError::Validation(format!(
                "{} is invalid",
                self.role_arn
            )));
        }
        text_of(
            Some(&self.session_name),
            "roleSessionName",
            2..=64,
            Some("+=,.@-"),
        )?;
        text_of(
            self.external_id.as_ref(),
            "externalId",
            2..=1224,
            Some("+=,.@:\\/-"),
        )?;
        text_of(
            self.serial_number.as_ref(),
            "serialNumber",
            9..=256,
            Some("+=/:,.@-"),
        )?;
        text_of(self.token_code.as_ref(), "tokenCode", 6..=6, Some(""))?;
        text_of(
            self.source_identity.as_ref(),
            "sourceIdentity",
            2..=64,
            Some("+=,.@-"),
        )?;
        if let Some(seconds) = self
            .duration_seconds
            .filter(|seconds| !DURATIONS.contains(seconds))
        {
            let limit = if seconds < *DURATIONS.start() {
                format!("greater than or equal to {}", DURATIONS.start())
            } else {
                format!("less than or equal to {}", DURATIONS.end())
            };
            let broken = format!("Member must have value {limit}");
            return Err(constraint(&seconds.to_string(), "durationSeconds", &broken));
        }
        self.check_tags()?;
        self.policies.check()
    }

    fn check_tags(&self) -> Result<(), AssumeRoleError> {
        if self.tags.len() > MOST_TAGS {
            let broken = format!("Member must have length less than or equal to {MOST_TAGS}");
            return Err(constraint("[...]", "tags", &broken));
        }
        let mut keys = BTreeSet::new();
        for (number, (key, value)) in self.tags.iter().enumerate() {
            let member = format!("tags.{}.member", number + 1);
            tag_text(key, &format!("{member}.key"), 1..=128)?;
            tag_text(value, &format!("{member}.value"), 0..=256)?;
            if key.to_lowercase().starts_with("aws:") {
                let broken = "Tag keys that begin with aws: are reserved for system use";
                return Err(AssumeRoleError::Validation(broken.to_owned()));
            }
            if !keys.insert(key.to_lowercase()) {
                let broken = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
                return Err(AssumeRoleError::Validation(broken.to_owned()));
            }
        }
        if self
            .transitive
            .iter()
            .any(|key| !keys.contains(&key.to_lowercase()))
        {
            let broken = "The specified transitive tag key must be included in the requested tags.";
            return Err(AssumeRoleError::Validation(broken.to_owned()));
        }
        Ok(())
    }

    /// Those of the caller's session, which cannot be set anew, and those of this request.
    pub(super) fn transitive_tags(
        &self,
        caller: &RoleSession,
    ) -> Result<BTreeMap<String, String>, AssumeRoleError> {
        let inherited = caller.further.as_ref().map(|further| &further.transitive_tags);
        let mut tags = inherited.cloned().unwrap_or_default();
        let is_inherited = |key: &String| tags.keys().any(|one| one.eq_ignore_ascii_case(key));
        if self.tags.iter().any(|(key, _)| is_inherited(key)) {
            let broken = "One of the specified transitive tag keys can't be set because it conflicts with a transitive \
                          tag key from the calling session.";
            return Err(AssumeRoleError::Validation(broken.to_owned()));
        }
        let is_transitive = |key: &String| self.transitive.iter().any(|one| one.eq_ignore_ascii_case(key));
        let new = self.tags.iter().filter(|(key, _)| is_transitive(key));
        tags.extend(new.cloned());
        Ok(tags)
    }

    /// Of the new session: what goes on, and what this request brings.
    pub(super) fn session_tags(&self, transitive: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut tags = transitive.clone();
        tags.extend(self.tags.iter().cloned());
        tags
    }

    pub(super) fn is_packed(&self) -> bool {
        self.policies.are_there() || !self.tags.is_empty()
    }

    pub(super) fn packed_tags(&self) -> usize {
        let tags = self.tags.iter().map(|(key, value)| key.len() + value.len());
        tags.sum()
    }

    /// For the record, without the code; what comes from the caller's session is in it too.
    pub(super) fn shown(&self, caller: &RoleSession) -> Json {
        let mut shown = Map::new();
        let inherited = caller.further.as_ref().map(|further| &further.transitive_tags);
        if let Some(tags) = inherited.filter(|tags| !tags.is_empty()) {
            shown.insert("incomingTransitiveTags".to_owned(), json!(tags));
        }
        let texts = [
            ("roleArn", Some(&self.role_arn)),
            ("roleSessionName", Some(&self.session_name)),
            ("externalId", self.external_id.as_ref()),
            ("serialNumber", self.serial_number.as_ref()),
            ("sourceIdentity", self.source_identity.as_ref()),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                shown.insert(name.to_owned(), text.as_str().into());
            }
        }
        if let Some(seconds) = self.duration_seconds {
            shown.insert("durationSeconds".to_owned(), seconds.into());
        }
        if self.token_code.is_some() {
            shown.insert("tokenCode".to_owned(), HIDDEN.into());
        }
        if !self.tags.is_empty() {
            let tags = self.tags.iter();
            let tags: Vec<Json> = tags
                .map(|(key, value)| json!({ "key": key, "value": value }))
                .collect();
            shown.insert("tags".to_owned(), tags.into());
        }
        if !self.transitive.is_empty() {
            shown.insert("transitiveTagKeys".to_owned(), self.transitive.clone().into());
        }
        self.policies.show(&mut shown);
        Json::Object(shown)
    }
}

/// A text of letters, digits, `_` and these signs, of such a length.
fn text_of(
    text: Option<&String>,
    member: &str,
    length: std::ops::RangeInclusive<usize>,
    signs: Option<&str>,
) -> Result<(), AssumeRoleError> {
    let Some(text) = text else { return Ok(()) };
    if text.is_empty() && matches!(member, "roleArn" | "roleSessionName") {
        return Err(AssumeRoleError::Validation(format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        )));
    }
    of_length(text, member, &length)?;
    let Some(signs) = signs else { return Ok(()) };
    let is_digits = member == "tokenCode";
    let is_of_one = |letter: char| {
        letter.is_ascii_digit()
            || (!is_digits && (letter.is_ascii_alphabetic() || letter == '_'))
            || signs.contains(letter)
    };
    if text.chars().all(is_of_one) {
        return Ok(());
    }
    let class = if is_digits {
        "\\d".to_owned()
    } else {
        format!("\\w{signs}")
    };
    let broken = format!("Member must satisfy regular expression pattern: [{class}]*");
    Err(constraint(text, member, &broken))
}

fn tag_text(
    text: &str,
    member: &str,
    length: std::ops::RangeInclusive<usize>,
) -> Result<(), AssumeRoleError> {
    of_length(text, member, &length)?;
    let is_allowed = |letter: char| {
        letter.is_alphanumeric()
            || (letter.is_whitespace() && !letter.is_control())
            || "_.:/=+-@".contains(letter)
    };
    if text.chars().all(is_allowed) {
        return Ok(());
    }
    let broken = "Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*";
    Err(constraint(text, member, broken))
}

pub(super) fn of_length(
    text: &str,
    member: &str,
    length: &std::ops::RangeInclusive<usize>,
) -> Result<(), AssumeRoleError> {
    let letters = text.chars().count();
    if letters < *length.start() {
        let broken = format!(
            "Member must have length greater than or equal to {}",
            length.start()
        );
        return Err(constraint(text, member, &broken));
    }
    if letters > *length.end() {
        let broken = format!("Member must have length less than or equal to {}", length.end());
        return Err(constraint(text, member, &broken));
    }
    Ok(())
}

pub(super) fn constraint(value: &str, member: &str, broken: &str) -> AssumeRoleError {
    AssumeRoleError::Validation(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {broken}"
    ))
}
