//! Accounts, permission sets and role credentials.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::identity_center::call::Retry;
use crate::identity_center::error::Api;
use crate::identity_center::{
    Account, AccountId, Failure, IdentityCenter, Meaning, Priority, RoleCredentials, Token, Trouble,
};
use crate::secret::Secret;

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// The most that AWS takes.
const PAGE: i32 = 100;

/// A permission set's credentials last for half a day at most; the rest is for clocks.
const LONGEST: SignedDuration = SignedDuration::from_mins(12 * 60 + 10);

/// AWS gives no credentials that end so soon: what seems to is judged by a clock that is wrong.
const SHORTEST: SignedDuration = SignedDuration::from_secs(10);

const GET_ROLE_CREDENTIALS: &str = "GetRoleCredentials";

impl IdentityCenter {
    pub async fn accounts(
        &self,
        token: &Token,
        next: Option<&str>,
        priority: Priority,
    ) -> Result<Page<Account>, Failure> {
        self.turn_to_ask(priority).await;
        let answer = self
            .call(("ListAccounts", Api::Portal), priority, Retry::Quickly, || {
                self.sso
                    .list_accounts()
                    .access_token(token.access_token.expose())
                    .max_results(PAGE)
                    .set_next_token(next.map(str::to_owned))
                    .send()
            })
            .await?;
        let listed = answer.account_list.unwrap_or_default();
        Ok(Page {
            items: listed.into_iter().filter_map(account_of).collect(),
            next: answer.next_token.filter(|next| !next.is_empty()),
        })
    }

    /// The names of the permission sets in one account.
    pub async fn permission_sets(
        &self,
        token: &Token,
        account: &AccountId,
        next: Option<&str>,
        priority: Priority,
    ) -> Result<Page<String>, Failure> {
        self.turn_to_ask(priority).await;
        let answer = self
            .call(
                ("ListAccountRoles", Api::Portal),
                priority,
                Retry::Quickly,
                || {
                    self.sso
                        .list_account_roles()
                        .access_token(token.access_token.expose())
                        .account_id(&account.0)
                        .max_results(PAGE)
                        .set_next_token(next.map(str::to_owned))
                        .send()
                },
            )
            .await?;
        let listed = answer.role_list.unwrap_or_default();
        Ok(Page {
            items: listed.into_iter().filter_map(|role| role.role_name).collect(),
            next: answer.next_token.filter(|next| !next.is_empty()),
        })
    }

    /// While the portal does not answer, a listing in the background asks once in a while, as everything there does.
    async fn turn_to_ask(&self, priority: Priority) {
        if priority == Priority::Interactive {
            return;
        }
        // Not a failure: a sync that waits for its turn has not been refused anything.
        while let Err(wait) = self.reach.turn() {
            self.clock.sleep(wait).await;
        }
    }

    pub async fn role_credentials(
        &self,
        token: &Token,
        account: &AccountId,
        permission_set: &str,
        priority: Priority,
    ) -> Result<RoleCredentials, Failure> {
        let ask = || {
            let request = || {
                self.sso
                    .get_role_credentials()
                    .access_token(token.access_token.expose())
                    .account_id(&account.0)
                    .role_name(permission_set)
                    .send()
            };
            self.call(
                (GET_ROLE_CREDENTIALS, Api::Portal),
                priority,
                Retry::Quickly,
                request,
            )
        };
        let slept = self.slept();
        let mut answer = ask().await.inspect_err(|failure| {
            if failure.meaning == Meaning::Unreachable {
                self.reach.gave_no_role(failure);
            }
        })?;
        let end = answer.role_credentials.as_ref().map(|given| given.expiration);
        let end = end.and_then(|end| Timestamp::from_millisecond(end).ok());
        // They end at a time of AWS's clock. Where the date of the answer contradicts ours, a second one settles whose
        // is right, before anybody counts on an end that may come an hour sooner.
        if self.http.skew.is_in_doubt() || self.has_slept_through(end, slept) {
            answer = ask().await?;
        }
        let given = answer.role_credentials;
        let given = given.ok_or_else(|| Failure::garbage(GET_ROLE_CREDENTIALS, "credentials"))?;
        self.believe_in_dates(given.expiration);
        credentials_of(given, self.clock.now(), self.http.skew.is_told())
    }

    /// How long the machine has slept, or its clock was set forward, since it was first looked at.
    pub(super) fn slept(&self) -> Duration {
        self.clock.age().saturating_sub(self.clock.elapsed())
    }

    /// Whether an answer was good and is over because the machine slept since it was asked for, when it had slept for so
    /// long. That says nothing of AWS.
    pub(super) fn has_slept_through(&self, end: Option<Timestamp>, slept: Duration) -> bool {
        let is_over = end.is_some_and(|end| end.duration_since(self.clock.now()) < SHORTEST);
        is_over && self.slept().saturating_sub(slept) >= SHORTEST.unsigned_abs()
    }

    /// Credentials that make sense by the machine's clock and none by the dates of AWS's answers prove those wrong.
    fn believe_in_dates(&self, expiration: i64) {
        let Ok(end) = Timestamp::from_millisecond(expiration) else {
            return;
        };
        let makes_sense = |now: Timestamp| (SHORTEST..=LONGEST).contains(&end.duration_since(now));
        let now = self.clock.now();
        if !makes_sense(now) && makes_sense(self.clock.as_shown(now)) {
            self.http.skew.disprove();
        }
    }
}

/// None for an entry without an id: nothing could be asked of it.
fn account_of(listed: aws_sdk_sso::types::AccountInfo) -> Option<Account> {
    let id = listed.account_id.filter(|id| !id.is_empty())?;
    Some(Account {
        name: listed
            .account_name
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| id.clone()),
        email: listed.email_address.unwrap_or_default(),
        id: AccountId(id),
    })
}

/// Credentials as AWS gave them, of which anything may be missing.
pub(super) struct Given {
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<String>,
    pub session_token: Option<String>,
    pub expires_at: Option<Timestamp>,
}

impl Given {
    /// All of it, where there is nothing to be said against it.
    /// `now_is_told`: answers of AWS have told the time by which that is judged.
    pub(super) fn checked(
        self,
        operation: &'static str,
        now: Timestamp,
        now_is_told: bool,
    ) -> Result<RoleCredentials, Failure> {
        let missing = |what| move || Failure::garbage(operation, what);
        let text = |value: Option<String>, what| {
            let value = value.filter(|value| !value.is_empty());
            value.ok_or_else(missing(what))
        };
        let expires_at = self.expires_at.ok_or_else(missing("expiry"))?;
        if expires_at.duration_since(now) < SHORTEST {
            if now_is_told {
                return Err(missing("expiry: they would be over already")());
            }
            // It is judged by a clock that is wrong.
            let detail = "AWS gave credentials that have expired, or all but, by this machine's clock";
            let failure = Failure::new(operation, Meaning::Unreachable, detail);
            return Err(failure.with_trouble(Trouble::Clock));
        }
        Ok(RoleCredentials {
            access_key_id: text(self.access_key_id, "access key id")?,
            secret_access_key: Secret::new(text(self.secret_access_key, "secret access key")?),
            session_token: Secret::new(text(self.session_token, "session token")?),
            expires_at,
        })
    }
}

fn credentials_of(
    given: aws_sdk_sso::types::RoleCredentials,
    now: Timestamp,
    now_is_told: bool,
) -> Result<RoleCredentials, Failure> {
    // Milliseconds, where everything else in this protocol is in seconds.
    let expires_at = Timestamp::from_millisecond(given.expiration).ok();
    let given = Given {
        access_key_id: given.access_key_id,
        secret_access_key: given.secret_access_key,
        session_token: given.session_token,
        expires_at: expires_at.filter(|_| given.expiration > 0),
    };
    given.checked(GET_ROLE_CREDENTIALS, now, now_is_told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(expiration: i64, secret: &str) -> aws_sdk_sso::types::RoleCredentials {
        aws_sdk_sso::types::RoleCredentials::builder()
            .access_key_id("ASIAEXAMPLE")
            .secret_access_key(secret)
            .session_token("token")
            .expiration(expiration)
            .build()
    }

    #[test]
    fn credentials_expire_in_milliseconds_and_never_in_the_past() {
        let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let in_an_hour = now.as_millisecond() + 3_600_000;
        let credentials = credentials_of(given(in_an_hour, "secret"), now, false).unwrap();
        assert_eq!(credentials.expires_at, "2026-03-02T13:00:00Z".parse().unwrap());
        let in_no_time = now.as_millisecond() + 9_000;
        for wrong in [
            0,
            -1,
            i64::MAX,
            now.as_millisecond(),
            in_no_time,
            in_an_hour / 1000,
        ] {
            let failure = credentials_of(given(wrong, "secret"), now, false).unwrap_err();
            assert_eq!(failure.meaning, Meaning::Unreachable, "{wrong}");
        }
        assert!(credentials_of(given(in_an_hour, ""), now, false).is_err());
    }

    #[test]
    fn t4_an_expiry_that_is_over_is_blamed_on_a_clock_that_nobody_vouches_for_else_on_the_answer() {
        let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let before = now.as_millisecond() - 3_600_000;
        for (is_told, trouble) in [(false, Trouble::Clock), (true, Trouble::Answer)] {
            let failure = credentials_of(given(before, "secret"), now, is_told).unwrap_err();
            assert_eq!(failure.trouble, trouble);
        }
    }
}
