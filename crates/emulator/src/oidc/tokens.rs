//! Access and refresh tokens: issued, rotated, revoked.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};

use super::{OidcError, REFRESH_TOKEN};
use crate::random::Random;
use crate::sessions::SessionId;
use crate::state::State;
use crate::world::{LoggedOutRefresh, Rotation, User};

/// Of a registration without scopes, the form before `sso-session`.
const LEGACY_ACCESS_TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(8);
/// Rounds up what is told in whole seconds.
const ALMOST_A_SECOND: SignedDuration = SignedDuration::from_millis(999);
const REUSE_GRACE: SignedDuration = SignedDuration::from_secs(60);

#[derive(Default)]
pub(crate) struct Tokens {
    sign_ins: HashMap<u64, SignIn>,
    access: HashMap<String, AccessToken>,
    refresh: HashMap<String, RefreshToken>,
    next_sign_in: u64,
}

/// What CreateToken answers with.
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) expires_in: i64,
    pub(crate) refresh_token: Option<String>,
}

/// One exchanged code: the family of all tokens that come from it.
struct SignIn {
    client_id: String,
    session: SessionId,
    has_scopes: bool,
    reaches_accounts: bool,
    revoked: bool,
}

struct AccessToken {
    sign_in: u64,
    expires: Timestamp,
}

struct RefreshToken {
    sign_in: u64,
    replaced_at: Option<Timestamp>,
}

const INVALID_REFRESH_TOKEN: OidcError = OidcError::InvalidGrant("Invalid refresh token provided");

impl State {
    /// The first tokens of a sign-in that a person approved.
    pub(crate) fn issue_tokens(
        &mut self,
        client_id: &str,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Issued, OidcError> {
        self.forget_dead_tokens(now);
        let client = self
            .registrations
            .get(client_id)
            .ok_or(OidcError::InvalidClient)?;
        let has_scopes = !client.scopes.is_empty();
        let reaches_accounts = client.reaches_accounts();
        let may_refresh = has_scopes && client.allows(REFRESH_TOKEN);
        let sign_in = self.tokens.next_sign_in;
        self.tokens.next_sign_in += 1;
        let family = SignIn {
            client_id: client_id.to_owned(),
            session,
            has_scopes,
            reaches_accounts,
            revoked: false,
        };
        self.tokens.sign_ins.insert(sign_in, family);
        let (access_token, expires_in) = self.access_token(sign_in, now)?;
        let refresh_token = may_refresh.then(|| self.refresh_token(sign_in));
        Ok(Issued {
            access_token,
            expires_in,
            refresh_token,
        })
    }

    /// New tokens for a refresh token; the session's end stays where it is.
    pub(crate) fn refresh_tokens(
        &mut self,
        client_id: &str,
        refresh_token: &str,
        now: Timestamp,
    ) -> Result<Issued, OidcError> {
        let known = self
            .tokens
            .refresh
            .get(refresh_token)
            .ok_or(INVALID_REFRESH_TOKEN)?;
        let (sign_in, replaced_at) = (known.sign_in, known.replaced_at);
        let family = self.tokens.sign_ins.get(&sign_in).ok_or(INVALID_REFRESH_TOKEN)?;
        if family.client_id != client_id {
            return Err(INVALID_REFRESH_TOKEN);
        }
        if self.sessions.was_signed_out(&family.session)
            && self.world.unsettled.logged_out_refresh == LoggedOutRefresh::InvalidClient
        {
            return Err(OidcError::InvalidClient);
        }
        if let Some(replaced_at) = replaced_at {
            self.accept_reuse(sign_in, replaced_at, now)?;
        }
        self.forget_dead_tokens(now);
        let (access_token, expires_in) = self.access_token(sign_in, now)?;
        let refresh_token = match self.world.rotation {
            Rotation::Off => refresh_token.to_owned(),
            Rotation::Grace | Rotation::Strict => self.rotate(refresh_token, sign_in, now),
        };
        Ok(Issued {
            access_token,
            expires_in,
            refresh_token: Some(refresh_token),
        })
    }

    /// Session and user behind an access token that still counts.
    pub(crate) fn signed_in(&self, access_token: &str, now: Timestamp) -> Option<(SessionId, User)> {
        let token = self
            .tokens
            .access
            .get(access_token)
            .filter(|token| now < token.expires)?;
        let family = self
            .tokens
            .sign_ins
            .get(&token.sign_in)
            .filter(|family| !family.revoked)?;
        let (_, user) = self.live_session(&family.session, now)?;
        Some((family.session.clone(), user.clone()))
    }

    /// Whether the scopes behind an access token include accounts and roles.
    pub(crate) fn reaches_accounts(&self, access_token: &str) -> bool {
        let token = self.tokens.access.get(access_token);
        let family = token.and_then(|token| self.tokens.sign_ins.get(&token.sign_in));
        family.is_some_and(|family| family.reaches_accounts)
    }

    /// A replaced refresh token came again.
    fn accept_reuse(
        &mut self,
        sign_in: u64,
        replaced_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), OidcError> {
        match self.world.rotation {
            Rotation::Off => return Ok(()),
            Rotation::Grace if now.duration_since(replaced_at) <= REUSE_GRACE => return Ok(()),
            Rotation::Grace => {}
            Rotation::Strict => {
                if let Some(family) = self.tokens.sign_ins.get_mut(&sign_in) {
                    family.revoked = true;
                }
            }
        }
        self.audit.counters.reused_refresh_tokens += 1;
        Err(INVALID_REFRESH_TOKEN)
    }

    fn access_token(&mut self, sign_in: u64, now: Timestamp) -> Result<(String, i64), OidcError> {
        let family = self
            .tokens
            .sign_ins
            .get(&sign_in)
            .filter(|family| !family.revoked);
        let family = family.ok_or(INVALID_REFRESH_TOKEN)?;
        let (session, _) = self
            .live_session(&family.session, now)
            .ok_or(INVALID_REFRESH_TOKEN)?;
        let full = if family.has_scopes {
            self.world.access_token_duration
        } else {
            LEGACY_ACCESS_TOKEN_LIFE
        };
        let rest = session.ends.duration_since(now);
        let life = if self.world.unsettled.shortened_tokens {
            full.min(rest)
        } else {
            full
        };
        let token = token("aoa", &mut self.random);
        self.secrets.note("access_token", &token);
        self.tokens.access.insert(
            token.clone(),
            AccessToken {
                sign_in,
                expires: now + life,
            },
        );
        // A moment has passed since the session began: its eight hours are still told as eight hours.
        Ok((token, (life + ALMOST_A_SECOND).as_secs()))
    }

    fn refresh_token(&mut self, sign_in: u64) -> String {
        let token = token("aor", &mut self.random);
        self.secrets.note("refresh_token", &token);
        self.tokens.refresh.insert(
            token.clone(),
            RefreshToken {
                sign_in,
                replaced_at: None,
            },
        );
        token
    }

    fn rotate(&mut self, refresh_token: &str, sign_in: u64, now: Timestamp) -> String {
        if let Some(used) = self.tokens.refresh.get_mut(refresh_token) {
            used.replaced_at = used.replaced_at.or(Some(now));
        }
        self.refresh_token(sign_in)
    }

    /// Unknown and dead tokens get the same answers, so the dead ones need not be kept.
    fn forget_dead_tokens(&mut self, now: Timestamp) {
        let (sessions, tokens) = (&self.sessions, &mut self.tokens);
        tokens.sign_ins.retain(|_, family| {
            sessions.live(&family.session, now).is_some() || sessions.was_signed_out(&family.session)
        });
        tokens
            .access
            .retain(|_, token| now < token.expires && tokens.sign_ins.contains_key(&token.sign_in));
        tokens
            .refresh
            .retain(|_, token| tokens.sign_ins.contains_key(&token.sign_in));
    }
}

/// In AWS's look: opaque, with every character that has ever broken a parser.
fn token(prefix: &str, random: &mut Random) -> String {
    let signature = [&[0x30, 0x65, 0x02, 0x31, 0x00][..], &random.bytes(98)].concat();
    format!(
        "{prefix}{}:{}",
        URL_SAFE_NO_PAD.encode(random.bytes(110)),
        STANDARD.encode(signature)
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, Registered, Reply};
    use crate::{Operation, Rotation, World};

    /// A world that rotates in the given way, and a sign-in whose refresh token was used once.
    async fn rotated(rotation: Rotation) -> (Client, Registered, String, Reply) {
        let mut client = Client::of(World {
            rotation,
            ..World::acme()
        });
        let (registered, tokens) = client.signed_in("amara").await;
        let first = tokens["refreshToken"].as_str().unwrap().to_owned();
        let second = client.refresh(&registered, &first).await;
        (client, registered, first, second)
    }

    #[tokio::test]
    async fn without_rotation_the_refresh_token_stays() {
        let (_, _, first, second) = rotated(Rotation::Off).await;
        assert_eq!(second.member("refreshToken"), first);
    }

    #[tokio::test]
    async fn with_grace_a_replaced_refresh_token_works_for_another_minute() {
        let (mut client, registered, first, second) = rotated(Rotation::Grace).await;
        assert_ne!(second.member("refreshToken"), first);
        client.advance(60);
        assert_eq!(client.refresh(&registered, &first).await.status, 200);
        client.advance(1);
        assert_eq!(
            client.refresh(&registered, &first).await.exception(),
            "InvalidGrantException"
        );
        assert_eq!(
            client
                .refresh(&registered, &second.member("refreshToken"))
                .await
                .status,
            200
        );
        assert_eq!(client.emulator.counters().reused_refresh_tokens, 1);
    }

    #[tokio::test]
    async fn r2_strict_rotation_revokes_everything_when_a_token_is_used_again() {
        let (mut client, registered, first, second) = rotated(Rotation::Strict).await;
        let access_token = second.member("accessToken");
        assert_eq!(
            client.get_as("/assignment/accounts", &access_token).await.status,
            200
        );

        assert_eq!(
            client.refresh(&registered, &first).await.exception(),
            "InvalidGrantException"
        );

        assert_eq!(
            client
                .refresh(&registered, &second.member("refreshToken"))
                .await
                .exception(),
            "InvalidGrantException"
        );
        assert_eq!(
            client.get_as("/assignment/accounts", &access_token).await.status,
            401
        );
        let counters = client.emulator.counters();
        assert_eq!(counters.reused_refresh_tokens, 1);
        assert_eq!(
            counters.errors(Operation::CreateToken, "InvalidGrantException"),
            2
        );
    }
}
