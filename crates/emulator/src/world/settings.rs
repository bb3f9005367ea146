//! The part of a world file that is not a list: lifetimes, quotas, identity source, the unsettled questions.

use jiff::SignedDuration;
use toml::Spanned;

use super::checker::Checker;
use super::directory::generator;
use super::start_url::{FORMS, is_start_url};
use super::tables::{IdentitySourceTable, MfaTable, SourceKind, UnsettledTable, WorldFile};
use super::{IdentitySource, Mfa, Unsettled, World, WorldError};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

impl World {
    /// With AWS's own settings.
    pub(super) fn without_anybody() -> Self {
        Self {
            company: String::new(),
            region: String::new(),
            start_url: String::new(),
            identity_source: IdentitySource::default(),
            short_lifetimes: false,
            session_duration: HOUR * 8,
            access_token_duration: HOUR,
            rotation: super::Rotation::default(),
            unsettled: Unsettled::default(),
            requests_per_second: 20,
            page_size: 20,
            hostile: false,
            check_signature_dates: true,
            users: Vec::new(),
            groups: Vec::new(),
            accounts: Vec::new(),
            permission_sets: Vec::new(),
            applications: Vec::new(),
            roles: Vec::new(),
            attributes_for_access_control: std::collections::BTreeMap::new(),
            assignments: super::Assignments::default(),
            deleted_sets: std::collections::BTreeSet::new(),
            deleted_roles: super::deletions::DeletedRoles::default(),
        }
    }
}

impl Checker<'_> {
    pub(super) fn settings(&self, file: &mut WorldFile, world: &mut World) -> Result<(), WorldError> {
        if let Some(duration) = &file.session_duration {
            world.session_duration =
                self.lifetime("session_duration", duration, MINUTE * 15, HOUR * 24 * 90)?;
        }
        if let Some(duration) = &file.access_token_duration {
            world.access_token_duration = self.lifetime("access_token_duration", duration, HOUR, HOUR)?;
        }
        if let Some(size) = &file.page_size {
            if !(1..=100).contains(size.get_ref()) {
                return Err(self.invalid("page_size", size, "must be 1 to 100".to_owned()));
            }
            world.page_size = *size.get_ref();
        }
        if let Some(attributes) = file.attributes_for_access_control.take() {
            for source in attributes.values() {
                self.attribute_source(source)?;
            }
            let attributes = attributes
                .into_iter()
                .map(|(tag, source)| (tag, source.into_inner()));
            world.attributes_for_access_control = attributes.collect();
        }
        world.check_signature_dates = file.check_signature_dates.unwrap_or(world.check_signature_dates);
        world.rotation = file.rotation.unwrap_or(world.rotation);
        world.requests_per_second = file.requests_per_second.unwrap_or(world.requests_per_second);
        match &file.unsettled {
            Some(table) => self.unsettled(table, &mut world.unsettled),
            None => Ok(()),
        }
    }

    pub(super) fn start_url(&self, start_url: &Spanned<String>) -> Result<String, WorldError> {
        let text = start_url.get_ref().trim_end_matches('/');
        if !is_start_url(text) {
            let problem = format!("{:?} does not look like {FORMS}", start_url.get_ref());
            return Err(self.invalid("start_url", start_url, problem));
        }
        Ok(text.to_owned())
    }

    pub(super) fn identity_source(
        &self,
        at: &Spanned<IdentitySourceTable>,
    ) -> Result<IdentitySource, WorldError> {
        let table = at.get_ref();
        let is = |kind| table.kind == kind;
        for (key, owner) in [
            (&table.name, SourceKind::ExternalIdp),
            (&table.domain, SourceKind::ActiveDirectory),
        ] {
            if let Some(value) = key.as_ref().filter(|_| !is(owner)) {
                let problem = format!("{:?} does not belong to this kind", value.get_ref());
                return Err(self.invalid("identity_source", value, problem));
            }
        }
        let session_duration = match &table.session_duration {
            Some(value) if !is(SourceKind::ExternalIdp) => {
                let problem = "only an external_idp has a session duration of its own".to_owned();
                return Err(self.invalid("identity_source.session_duration", value, problem));
            }
            Some(value) => {
                Some(self.lifetime("identity_source.session_duration", value, MINUTE, HOUR * 24 * 90)?)
            }
            None => None,
        };
        if let Some(domain) = &table.domain {
            self.domain(domain)?;
        }
        if let Some(name) = &table.name {
            self.text("identity_source.name", name, 128)?;
        }
        let missing = |name: &str| self.invalid("identity_source", at, format!("this kind needs a {name}"));
        let text = |value: &Spanned<String>| value.get_ref().clone();
        match table.kind {
            SourceKind::IdentityCenter => Ok(IdentitySource::IdentityCenter),
            SourceKind::ActiveDirectory => Ok(IdentitySource::ActiveDirectory {
                domain: table.domain.as_ref().map(text).ok_or_else(|| missing("domain"))?,
            }),
            SourceKind::ExternalIdp => Ok(IdentitySource::ExternalIdp {
                name: table.name.as_ref().map(text).ok_or_else(|| missing("name"))?,
                session_duration,
            }),
        }
    }

    pub(super) fn mfa(&self, table: MfaTable, source: &IdentitySource) -> Result<Mfa, WorldError> {
        let MfaTable::Totp(secret) = table else {
            return Ok(Mfa::None);
        };
        if matches!(source, IdentitySource::ExternalIdp { .. }) {
            let problem =
                "with an external_idp the provider asks for a second factor, not Identity Center".to_owned();
            return Err(self.invalid("user.mfa", &secret, problem));
        }
        Ok(Mfa::Totp {
            secret: self.totp_secret("user.mfa", &secret)?,
        })
    }

    pub(super) fn totp_secret(
        &self,
        key: &'static str,
        secret: &Spanned<String>,
    ) -> Result<String, WorldError> {
        if generator(secret.get_ref()).is_none() {
            let problem =
                "a TOTP secret is base32 of at least 16 bytes (26 letters and digits 2 to 7)".to_owned();
            return Err(self.invalid(key, secret, problem));
        }
        Ok(secret.get_ref().clone())
    }

    /// What a running world cannot change: clients and pages have it already.
    pub(super) fn refuse_what_stays(&self, file: &WorldFile) -> Result<(), WorldError> {
        let stays = || "stays as it is while the world runs".to_owned();
        let texts = [
            ("company", &file.company),
            ("region", &file.region),
            ("start_url", &file.start_url),
        ];
        for (key, value) in texts {
            if let Some(value) = value {
                return Err(self.invalid(key, value, stays()));
            }
        }
        match &file.identity_source {
            Some(table) => Err(self.invalid("identity_source", table, stays())),
            None => Ok(()),
        }
    }

    fn unsettled(&self, table: &UnsettledTable, unsettled: &mut Unsettled) -> Result<(), WorldError> {
        let now = unsettled.clone();
        *unsettled = Unsettled {
            double_grant: table.double_grant.unwrap_or(now.double_grant),
            absent_members: table.absent_members.unwrap_or(now.absent_members),
            unassigned_role: table.unassigned_role.unwrap_or(now.unassigned_role),
            logged_out_refresh: table.logged_out_refresh.unwrap_or(now.logged_out_refresh),
            role_credentials: table.role_credentials.unwrap_or(now.role_credentials),
            verification_uri: table.verification_uri.unwrap_or(now.verification_uri),
            authorization_code_duration: match &table.authorization_code_duration {
                None => now.authorization_code_duration,
                Some(value) => {
                    let key = "unsettled.authorization_code_duration";
                    self.lifetime(key, value, MINUTE, MINUTE * 10)?
                }
            },
            shortened_tokens: table.shortened_tokens.unwrap_or(now.shortened_tokens),
            bare_redirect: table.bare_redirect.unwrap_or(now.bare_redirect),
            missing_scope: table.missing_scope.unwrap_or(now.missing_scope),
            foreign_destinations: table.foreign_destinations.unwrap_or(now.foreign_destinations),
            federation_post: table.federation_post.unwrap_or(now.federation_post),
            mfa_of_role_sessions: table.mfa_of_role_sessions.unwrap_or(now.mfa_of_role_sessions),
        };
        Ok(())
    }
}
