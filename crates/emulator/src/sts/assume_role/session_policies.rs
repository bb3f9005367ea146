//! The policies that a session is narrowed by: whether AWS takes them. Nothing here evaluates them.

use std::ops::RangeInclusive;

use serde_json::{Map, Value as Json, json};

use super::AssumeRoleError;
use super::parameters::{constraint, of_length};
use crate::call::Call;
use crate::world::World;

const MOST_ARNS: usize = 10;
/// Of the document as it was sent.
const LENGTHS: RangeInclusive<usize> = 1..=2048;
const LENGTHS_OF_ARNS: RangeInclusive<usize> = 20..=2048;
/// A policy takes more room than its text says: some 1,700 letters of actions were seen to take half as much again as
/// there is.
const PACKED_TO_A_LETTER: usize = 4;

const NO_JSON: AssumeRoleError =
    AssumeRoleError::MalformedPolicyDocument("The policy is not in the valid JSON format.");
const NO_POLICY: AssumeRoleError = AssumeRoleError::MalformedPolicyDocument("Syntax errors in policy.");

pub(super) struct SessionPolicies {
    document: Option<String>,
    arns: Vec<String>,
}

impl SessionPolicies {
    pub(super) fn of(call: &Call) -> Self {
        let arn = |number: usize| call.parameter(&format!("PolicyArns.member.{number}.arn"));
        Self {
            document: call.parameter("Policy"),
            arns: (1..=MOST_ARNS + 1).map_while(arn).collect(),
        }
    }

    pub(super) fn are_there(&self) -> bool {
        self.document.is_some() || !self.arns.is_empty()
    }

    /// Whether they have the form that the service's model, and the language of policies, ask for.
    pub(super) fn check(&self) -> Result<(), AssumeRoleError> {
        if self.arns.len() > MOST_ARNS {
            let broken = format!("Member must have length less than or equal to {MOST_ARNS}");
            return Err(constraint("[...]", "policyArns", &broken));
        }
        for (number, arn) in self.arns.iter().enumerate() {
            of_length(
                arn,
                &format!("policyArns.{}.member.arn", number + 1),
                &LENGTHS_OF_ARNS,
            )?;
        }
        let Some(document) = &self.document else {
            return Ok(());
        };
        of_length(document, "policy", &LENGTHS)?;
        let is_allowed = |letter: char| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{ff}');
        if !document.chars().all(is_allowed) {
            let broken =
                "Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+";
            return Err(constraint(document, "policy", broken));
        }
        let policy: Json = serde_json::from_str(document).map_err(|_| NO_JSON)?;
        if is_policy(&policy) {
            Ok(())
        } else {
            Err(NO_POLICY)
        }
    }

    /// Managed policies are AWS's, of which all names are taken, or of the role's account, where one is there if a permission
    /// set names it.
    pub(super) fn check_arns(&self, world: &World, account: &str) -> Result<(), AssumeRoleError> {
        let (partition, sets) = (world.partition(), &world.permission_sets);
        let aws = format!("arn:{partition}:iam::aws:policy/");
        let own = format!("arn:{partition}:iam::{account}:policy/");
        for arn in &self.arns {
            let is_named = || sets.iter().any(|set| set.managed_policies.contains(arn));
            let of_aws = arn.strip_prefix(&aws).is_some_and(|name| !name.is_empty());
            let is_there = of_aws || arn.starts_with(&own) && is_named();
            if !is_there {
                let problem = format!("Policy {arn} does not exist or is not attachable.");
                return Err(AssumeRoleError::Validation(problem));
            }
        }
        Ok(())
    }

    /// In the units of tags.
    pub(super) fn packed(&self) -> usize {
        let document = self.document.as_deref().unwrap_or_default();
        let letters = serde_json::from_str::<Json>(document).map_or(0, |policy| policy.to_string().len());
        letters * PACKED_TO_A_LETTER + self.arns.iter().map(String::len).sum::<usize>()
    }

    pub(super) fn show(&self, shown: &mut Map<String, Json>) {
        if let Some(document) = &self.document {
            shown.insert("policy".to_owned(), document.as_str().into());
        }
        if !self.arns.is_empty() {
            let arns: Vec<Json> = self.arns.iter().map(|arn| json!({ "arn": arn })).collect();
            shown.insert("policyArns".to_owned(), arns.into());
        }
    }
}

/// Whether it is one that belongs to an identity: it names no principal.
fn is_policy(policy: &Json) -> bool {
    let Some(members) = policy.as_object() else {
        return false;
    };
    let is_known = |name: &String| matches!(name.as_str(), "Version" | "Id" | "Statement");
    let has_version = match members.get("Version") {
        None => true,
        Some(version) => matches!(version.as_str(), Some("2012-10-17" | "2008-10-17")),
    };
    let has_statements = match members.get("Statement") {
        Some(Json::Array(statements)) => !statements.is_empty() && statements.iter().all(is_statement),
        Some(statement) => is_statement(statement),
        None => false,
    };
    members.keys().all(is_known) && has_version && has_statements
}

fn is_statement(statement: &Json) -> bool {
    let Some(members) = statement.as_object() else {
        return false;
    };
    let names = [
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    let one_of =
        |one: &str, other: &str, is_right: fn(&str) -> bool| match (members.get(one), members.get(other)) {
            (Some(value), None) | (None, Some(value)) => are_texts(value, is_right),
            (Some(_), Some(_)) | (None, None) => false,
        };
    members.keys().all(|name| names.contains(&name.as_str()))
        && matches!(
            members.get("Effect").and_then(Json::as_str),
            Some("Allow" | "Deny")
        )
        && members.get("Sid").is_none_or(Json::is_string)
        && members.get("Condition").is_none_or(Json::is_object)
        && one_of("Action", "NotAction", |action| {
            action == "*" || action.contains(':')
        })
        && one_of("Resource", "NotResource", |resource| {
            resource == "*" || resource.starts_with("arn:")
        })
}

/// One text, or a list of some.
fn are_texts(value: &Json, is_right: fn(&str) -> bool) -> bool {
    let is_text = |value: &Json| value.as_str().is_some_and(is_right);
    match value.as_array() {
        Some(values) => !values.is_empty() && values.iter().all(is_text),
        None => is_text(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOW: &str = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#;

    fn checked(document: &str) -> Result<(), AssumeRoleError> {
        SessionPolicies {
            document: Some(document.to_owned()),
            arns: Vec::new(),
        }
        .check()
    }

    #[test]
    fn a_policy_is_json_in_the_language_of_policies() {
        for document in [
            format!(r#"{{"Version":"2012-10-17","Statement":[{ALLOW},{ALLOW}]}}"#),
            format!(r#"{{"Statement":{ALLOW}}}"#),
            r#"{"Statement":{"Sid":"a","Effect":"Deny","NotAction":["*"],"NotResource":["arn:aws:s3:::b/*"],"Condition":{}}}"#
                .to_owned(),
        ] {
            assert_eq!(checked(&document), Ok(()), "{document}");
        }
        for document in ["x", "{", "\"", "{} {}"] {
            assert_eq!(checked(document), Err(NO_JSON), "{document}");
        }
        for (before, after) in [
            ("Allow", "allow"),
            ("Effect", "effect"),
            ("s3:GetObject", "GetObject"),
            ("\"Resource\":\"*\"", "\"Resource\":\"b\""),
            ("\"Resource\":\"*\"", "\"Resource\":[]"),
            ("\"Resource\":\"*\"", "\"Sid\":\"a\""),
            ("\"Resource\"", "\"Principal\":\"*\",\"Resource\""),
            ("\"Action\"", "\"NotAction\":\"*\",\"Action\""),
            ("\"Action\"", "\"Sid\":1,\"Action\""),
        ] {
            let document = format!(r#"{{"Statement":{}}}"#, ALLOW.replace(before, after));
            assert_eq!(checked(&document), Err(NO_POLICY), "{document}");
        }
        for document in ["1", "[]", "{}", r#"{"Statement":[]}"#, r#"{"Statement":1}"#] {
            assert_eq!(checked(document), Err(NO_POLICY), "{document}");
        }
        let of_version = format!(r#"{{"Version":"2020-01-01","Statement":{ALLOW}}}"#);
        assert_eq!(checked(&of_version), Err(NO_POLICY));
    }

    #[test]
    fn a_policy_has_a_length_and_an_alphabet() {
        for document in [String::new(), " ".repeat(2049), "\"\u{100}\"".to_owned()] {
            assert!(
                matches!(checked(&document), Err(AssumeRoleError::Validation(_))),
                "{document}"
            );
        }
    }
}
