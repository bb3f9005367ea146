//! Which profiles stand between the markers: for which roles, under which names, with which lines.

use std::collections::{BTreeMap, BTreeSet};

use super::Taken;
use super::block::{Inside, Owner, Piece};
use super::command_line::is_plain;
use super::document::Ending;
use super::names::{TELLING, Wished, undisputed};
use super::wish::{Kind, Portal, Role, Wish};

/// How many of a role's possible names a profile may have and keep; one behind them was not made by us.
const KNOWN_NAMES: usize = TELLING + 6;

/// A profile that would stand in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    /// The portal's name.
    pub portal: String,
    pub role: Role,
    pub change: Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    New,
    Changed,
    Same,
}

/// A role that gets no profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The portal's name.
    pub portal: String,
    pub role: Role,
    pub reason: SkipReason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    #[error("its account's id is not twelve digits")]
    AccountId,
    #[error("the permission set's name cannot stand in a command line of every shell")]
    PermissionSet,
    #[error("a role that is assumed from a permission set needs kind = \"credential-process\"")]
    Chain,
    #[error(
        "“from” of its [[chain]] in settings.toml matches several accounts; write the account's id there"
    )]
    SeveralAccounts,
    #[error("neither the portal's name nor its id can stand in a command line of every shell")]
    Portal,
}

/// What stands between the markers, and what it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Composed {
    pub body: Vec<u8>,
    /// By name.
    pub profiles: Vec<Profile>,
    /// Names of profiles that are no more.
    pub removed: Vec<String>,
    pub skipped: Vec<Skipped>,
}

/// A profile that is to be, on its way to a name.
struct Wanted<'a> {
    portal: &'a Portal,
    role: &'a Role,
    before: Option<&'a Piece<'a>>,
    name: Option<String>,
}

pub(super) fn compose(wish: &Wish, inside: &Inside<'_>, taken: &Taken, ending: Ending) -> Composed {
    let mut skipped = Vec::new();
    let mut wanted = wanted(wish, inside, &mut skipped);
    let kept: Vec<_> = inside
        .pieces
        .iter()
        .filter(|piece| is_kept(piece, wish))
        .collect();
    name_all(wish, &mut wanted, &kept, taken);

    let sessions = sessions(wish, &wanted, taken);
    let mut sections = BTreeMap::new();
    let mut profiles = Vec::new();
    for wanted in wanted {
        let name = wanted.name.clone().unwrap_or_default();
        let pairs = pairs(wish, &wanted, &sessions);
        let same_name = wanted.before.filter(|piece| piece.profile_name() == Some(&name));
        let header = format!("[profile {name}]");
        let change = match same_name {
            Some(piece) if piece.says(&header, &pairs) && !piece.is_gathered => Change::Same,
            Some(_) => Change::Changed,
            None => Change::New,
        };
        sections.insert(
            name.clone(),
            Piece::written(wanted.before, &header, &pairs, ending),
        );
        profiles.push(Profile {
            name,
            portal: wanted.portal.name.clone(),
            role: wanted.role.clone(),
            change,
        });
    }
    for piece in &kept {
        if let Some(profile) = kept_profile(piece) {
            sections.insert(profile.name.clone(), piece.bytes());
            profiles.push(profile);
        }
    }
    profiles.sort_by(|one, other| one.name.cmp(&other.name));
    let removed = inside
        .profile_names()
        .filter(|name| !sections.contains_key(*name));
    let removed = removed.map(str::to_owned).collect();
    let body = if sections.is_empty() {
        Vec::new()
    } else {
        let mut all = inside.leading();
        all.extend(session_sections(inside, &sessions, &kept, ending));
        all.extend(sections.into_values());
        all.extend(inside.foreign().map(Piece::bytes));
        all.join(ending.bytes())
    };
    Composed {
        body,
        profiles,
        removed,
        skipped,
    }
}

/// A profile that stays as it is, with all of its lines. What its account is called is not known.
fn kept_profile(piece: &Piece<'_>) -> Option<Profile> {
    let Owner::Profile(role) = &piece.owner else {
        return None;
    };
    Some(Profile {
        name: piece.profile_name()?.to_owned(),
        portal: role.portal.clone(),
        role: Role {
            account_id: role.account_id.clone(),
            permission_set: role.permission_set.clone(),
            account_name: String::new(),
            chain: role.chain.clone(),
        },
        change: match piece.is_gathered {
            true => Change::Changed,
            false => Change::Same,
        },
    })
}

fn wanted<'a>(wish: &'a Wish, inside: &'a Inside<'a>, skipped: &mut Vec<Skipped>) -> Vec<Wanted<'a>> {
    let mut by_role: BTreeMap<_, Vec<&Piece<'_>>> = BTreeMap::new();
    for piece in &inside.pieces {
        if let Owner::Profile(named) = &piece.owner {
            let role = match named.chain.as_deref() {
                Some(chain) => ("", chain),
                None => (named.account_id.as_str(), named.permission_set.as_str()),
            };
            by_role.entry(role).or_default().push(piece);
        }
    }
    let mut all = Vec::new();
    for listing in &wish.listings {
        let portal = &listing.portal;
        let unclear = listing.unclear.iter().filter(|role| wish.is_wanted(role));
        skipped.extend(unclear.map(|role| Skipped {
            portal: portal.name.clone(),
            role: role.clone(),
            reason: SkipReason::SeveralAccounts,
        }));
        let roles: BTreeSet<_> = listing.roles.iter().filter(|role| wish.is_wanted(role)).collect();
        for role in roles {
            if let Some(reason) = reason_to_skip(wish, portal, role) {
                skipped.push(Skipped {
                    portal: portal.name.clone(),
                    role: role.clone(),
                    reason,
                });
                continue;
            }
            let key = match role.chain.as_deref() {
                Some(chain) => ("", chain),
                None => (role.account_id.as_str(), role.permission_set.as_str()),
            };
            let pieces = by_role.get(&key);
            let before = pieces.into_iter().flatten().copied();
            let before = before.filter(|piece| is_for(piece, portal, role));
            all.push((portal, role, before.collect::<Vec<_>>()));
        }
    }
    let all = all.into_iter().map(|(portal, role, pieces)| {
        let mut wanted = Wanted {
            portal,
            role,
            before: None,
            name: None,
        };
        let names: Vec<_> = wish.names(portal, role).take(KNOWN_NAMES).collect();
        // Under a name that it may keep, else under any.
        let fitting = pieces.iter().find(|piece| {
            piece
                .profile_name()
                .is_some_and(|name| names.iter().any(|one| one == name))
        });
        wanted.before = fitting.or(pieces.first()).copied();
        wanted
    });
    all.collect()
}

fn reason_to_skip(wish: &Wish, portal: &Portal, role: &Role) -> Option<SkipReason> {
    let is_id = role.account_id.len() == 12 && role.account_id.bytes().all(|byte| byte.is_ascii_digit());
    if !is_id {
        return Some(SkipReason::AccountId);
    }
    if !is_plain(role.shown()) {
        return Some(SkipReason::PermissionSet);
    }
    if role.chain.is_some() && wish.kind == Kind::SsoSession {
        return Some(SkipReason::Chain);
    }
    portal.word().is_none().then_some(SkipReason::Portal)
}

fn is_for(piece: &Piece<'_>, portal: &Portal, role: &Role) -> bool {
    match &piece.owner {
        Owner::Profile(named) => {
            let is_same = match (&named.chain, &role.chain) {
                (None, None) => {
                    named.account_id == role.account_id && named.permission_set == role.permission_set
                }
                (named, role) => named == role,
            };
            is_same && portal.is_called(&named.portal)
        }
        Owner::Session | Owner::Foreign => false,
    }
}

/// Whether a profile of ours is about what nobody knows for sure just now.
fn is_kept(piece: &Piece<'_>, wish: &Wish) -> bool {
    let Owner::Profile(named) = &piece.owner else {
        return false;
    };
    match wish
        .listings
        .iter()
        .find(|listing| listing.portal.is_called(&named.portal))
    {
        None => true,
        Some(listing) => {
            let is_among = |roles: &[Role]| roles.iter().any(|role| is_for(piece, &listing.portal, role));
            is_among(&listing.unclear) || (!listing.is_complete && !is_among(&listing.roles))
        }
    }
}

/// Whoever has a name keeps it, if it is one of theirs; the others get the first that is free and meant by nobody else.
fn name_all(wish: &Wish, wanted: &mut [Wanted<'_>], kept: &[&Piece<'_>], taken: &Taken) {
    let mut taken = taken.profiles.clone();
    taken.extend(
        kept.iter()
            .filter_map(|piece| piece.profile_name())
            .map(str::to_owned),
    );
    for wanted in &mut *wanted {
        let before = wanted.before.and_then(Piece::profile_name);
        let mut names = wish.names(wanted.portal, wanted.role).take(KNOWN_NAMES);
        let name = before.filter(|before| names.any(|name| name == *before) && !taken.contains(*before));
        wanted.name = name.map(str::to_owned);
        taken.extend(wanted.name.clone());
    }
    for place in 0..TELLING {
        name_undisputed(wish, wanted, place, &mut taken);
    }
    for wanted in wanted.iter_mut().filter(|wanted| wanted.name.is_none()) {
        let mut names = wish.names(wanted.portal, wanted.role).skip(TELLING);
        wanted.name = names.find(|name| !taken.contains(name));
        taken.extend(wanted.name.clone());
    }
}

/// Gives out the names that stand at this place, to roles that have none yet. That a role has another name already
/// changes nothing for the others: who has which name hangs on nothing that comes and goes.
fn name_undisputed(wish: &Wish, wanted: &mut [Wanted<'_>], place: usize, taken: &mut BTreeSet<String>) {
    let wishes = wanted.iter().map(|Wanted { portal, role, .. }| Wished {
        name: wish.names(portal, role).nth(place).unwrap_or_default(),
        is_exact: wish.is_exact(portal, role),
    });
    let wishes: Vec<_> = wishes.collect();
    for ((wanted, wished), may_have_it) in wanted.iter_mut().zip(&wishes).zip(undisputed(&wishes)) {
        if wanted.name.is_none() && may_have_it && taken.insert(wished.name.clone()) {
            wanted.name = Some(wished.name.clone());
        }
    }
}

/// By portal: the name of its session, and what it says.
type Sessions<'a> = BTreeMap<&'a str, (String, Vec<(&'static str, String)>)>;

fn sessions<'a>(wish: &Wish, wanted: &[Wanted<'a>], taken: &Taken) -> Sessions<'a> {
    if wish.kind != Kind::SsoSession {
        return Sessions::new();
    }
    let sessions = wanted.iter().map(|wanted| {
        let portal = wanted.portal;
        let [usual, other] = portal.sessions();
        let name = if taken.sessions.contains(&usual) {
            other
        } else {
            usual
        };
        let pairs = vec![
            ("sso_start_url", portal.start_url.clone()),
            ("sso_region", portal.region.clone()),
            ("sso_registration_scopes", "sso:account:access".to_owned()),
        ];
        (portal.id.as_str(), (name, pairs))
    });
    sessions.collect()
}

/// The sections of the sessions: those that are wanted, and those that kept profiles name.
fn session_sections(
    inside: &Inside<'_>,
    sessions: &Sessions<'_>,
    kept: &[&Piece<'_>],
    ending: Ending,
) -> Vec<Vec<u8>> {
    let mut sections = BTreeMap::new();
    for (name, pairs) in sessions.values() {
        let before = inside.session(name);
        sections.insert(
            name.as_str(),
            Piece::written(before, &format!("[sso-session {name}]"), pairs, ending),
        );
    }
    for name in kept.iter().filter_map(|piece| piece.value("sso_session")) {
        if let Some(session) = inside.session(name) {
            sections.entry(name).or_insert_with(|| session.bytes());
        }
    }
    sections.into_values().collect()
}

fn pairs(wish: &Wish, wanted: &Wanted<'_>, sessions: &Sessions<'_>) -> Vec<(&'static str, String)> {
    let Wanted { portal, role, .. } = wanted;
    let Role {
        account_id,
        permission_set,
        ..
    } = role;
    let mut pairs = match &wish.kind {
        Kind::CredentialProcess { program } => {
            let portal = portal.word().unwrap_or_default();
            let role = match &role.chain {
                Some(chain) => format!("--chain {chain}"),
                None => format!("--account {account_id} --permission-set {permission_set}"),
            };
            let arguments = format!("--portal {portal} {role}");
            vec![(
                "credential_process",
                format!("{program} credential-process {arguments}"),
            )]
        }
        Kind::SsoSession => {
            let session = sessions.get(portal.id.as_str()).map(|(name, _)| name.clone());
            vec![
                ("sso_session", session.unwrap_or_default()),
                ("sso_account_id", account_id.clone()),
                ("sso_role_name", permission_set.clone()),
            ]
        }
    };
    pairs.extend(wish.region.clone().map(|region| ("region", region)));
    pairs.extend(wish.output.clone().map(|output| ("output", output)));
    pairs
}
