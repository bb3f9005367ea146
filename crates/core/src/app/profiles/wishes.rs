//! Which profiles are wished for: what the settings say of them, and the roles of every portal whose list is known.

use std::path::Path;

use crate::app::contract::{ChainView, PortalState, PortalView, ProblemView};
use crate::app::profiles::program;
use crate::aws_config::names::{Template, USUAL_TEMPLATE};
use crate::aws_config::wish::{Kind, Portal, Role, Wish};
use crate::identity_center::portal::is_region;
use crate::paths::Environment;
use crate::settings::{About, ProfileKind, ProfileSettings, Settings};

/// The formats that the AWS CLI knows.
const OUTPUTS: [&str; 6] = ["json", "yaml", "yaml-stream", "text", "table", "off"];

/// What the file says now. A part of it that does not hold would make other profiles than a person wants.
pub fn settings(path: &Path) -> Result<ProfileSettings, ProblemView> {
    let settings = Settings::read(path).map_err(|error| ProblemView::settings(&error))?;
    let settings = settings.unwrap_or_default();
    match settings
        .faults
        .iter()
        .find(|fault| fault.about == About::Profiles)
    {
        Some(fault) => Err(ProblemView::settings_fault(path, fault)),
        None => Ok(settings.profiles),
    }
}

/// What profiles are to be like; without any role yet.
pub fn wish(settings: ProfileSettings, environment: &Environment) -> Result<Wish, ProblemView> {
    let template = Template::parse(settings.template.as_deref().unwrap_or(USUAL_TEMPLATE));
    let template = template.map_err(|error| ProblemView::profile_template(&error))?;
    if let Some(region) = settings.region.as_deref().filter(|region| !is_region(region)) {
        return Err(ProblemView::profile_value("region", region));
    }
    let is_unknown = |output: &&str| !OUTPUTS.contains(output);
    if let Some(output) = settings.output.as_deref().filter(is_unknown) {
        return Err(ProblemView::profile_value("output", output));
    }
    let kind = match settings.kind {
        ProfileKind::CredentialProcess => Kind::CredentialProcess {
            program: program::in_profiles(environment)?,
        },
        ProfileKind::SsoSession => Kind::SsoSession,
    };
    Ok(Wish {
        listings: Vec::new(),
        template,
        kind,
        region: settings.region,
        output: settings.output,
        only: settings.only,
    })
}

/// The roles of an account: its permission sets, then what is assumed from them.
pub fn roles(id: &str, name: &str, permission_sets: &[String], chains: &[ChainView]) -> Vec<Role> {
    let role = |permission_set: &str, chain| Role {
        account_id: id.to_owned(),
        permission_set: permission_set.to_owned(),
        account_name: name.to_owned(),
        chain,
    };
    let sets = permission_sets.iter().map(|set| role(set, None));
    let chains = chains.iter().map(|chain| {
        let set = chain.from.rsplit('/').next().unwrap_or_default();
        role(set, Some(chain.name.clone()))
    });
    sets.chain(chains).collect()
}

/// A further role that is assumed from a permission set of nobody knows which account.
pub fn unclear(chain: &str, account: &str, permission_set: &str) -> Role {
    Role {
        account_id: String::new(),
        permission_set: permission_set.to_owned(),
        account_name: account.to_owned(),
        chain: Some(chain.to_owned()),
    }
}

/// A portal as profiles name it.
pub fn portal(view: PortalView) -> Portal {
    Portal {
        id: view.id,
        name: view.name,
        start_url: view.start_url,
        region: view.region,
    }
}

/// Whether there is a list of a portal's accounts, or a part of it.
pub fn is_listed(portal: &PortalView) -> bool {
    portal.sync.synced_at.is_some() || portal.accounts > 0
}

/// Why there is no list of a portal's accounts, or no new one. `other` is what else is known to have gone wrong.
pub fn why_unlisted(portal: &PortalView, other: Option<&ProblemView>) -> ProblemView {
    let problem = portal.list_problem().or(other).cloned();
    problem.unwrap_or_else(|| match portal.state {
        PortalState::SignInNeeded => ProblemView::sign_in_needed(&portal.name),
        PortalState::SignedIn | PortalState::SigningIn | PortalState::Offline | PortalState::Unknown => {
            ProblemView::not_listed_yet(&portal.name)
        }
    })
}
