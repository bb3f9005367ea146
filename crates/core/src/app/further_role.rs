//! What the window and the command line see of roles that are assumed from a permission set: a part of the contract.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use zeroize::Zeroize;

/// A further role that is assumed from a permission set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ChainView {
    /// As the settings name it.
    pub name: String,
    /// The permission set, as `ACCOUNT/PERMISSION_SET` by the account's name.
    pub from: String,
    pub role_arn: String,
    /// The account that the role is in.
    pub account: String,
    /// What comes last in its ARN.
    pub role_name: String,
    /// Each time that it is assumed a code of an MFA device is needed.
    pub wants_code: bool,
}

/// What an MFA device shows, as a person types it: goes in only, and is good for one use.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MfaCode(String);

impl MfaCode {
    pub fn new(typed: String) -> Self {
        Self(typed)
    }

    /// Its six digits; people write it as 123 456 too.
    pub fn digits(&self) -> Option<String> {
        let digits: String = self.0.chars().filter(|letter| !letter.is_whitespace()).collect();
        let is_code = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_code.then_some(digits)
    }
}

impl std::fmt::Debug for MfaCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl Drop for MfaCode {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
