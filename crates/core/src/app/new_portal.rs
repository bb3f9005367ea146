//! A portal that a person adds: what is asked for, and whether it is there already.

use crate::app::contract::{Answer, ProblemView};
use crate::identity_center::StartUrl;
use crate::identity_center::portal::{PortalError, is_region};
use crate::identity_center::start_url::shown;
use crate::settings::{PortalSettings, Settings};

/// A portal as it is asked for.
pub(super) struct NewPortal {
    start_url: StartUrl,
    region: String,
    name: Option<String>,
}

pub(super) fn new_portal(
    start_url: &str,
    region: Option<&str>,
    name: Option<String>,
) -> Result<NewPortal, PortalError> {
    let start_url = StartUrl::parse(start_url)?;
    let region = region.map(|region| region.trim().to_ascii_lowercase());
    let region = region.or_else(|| start_url.region());
    let region = region.ok_or(PortalError::RegionNeeded)?;
    if !is_region(&region) {
        return Err(PortalError::NotARegion(region));
    }
    start_url.check_region(&region)?;
    let name = name.map(|name| name.trim().to_owned());
    if let Some(name) = name.as_ref().filter(|name| !is_name(name)) {
        return Err(PortalError::NotAName(shown(name)));
    }
    Ok(NewPortal {
        start_url,
        region,
        name,
    })
}

/// Whether a portal can be told by this name: in a target a colon follows it, and a slash is behind an account.
pub(super) fn is_name(text: &str) -> bool {
    (1..=60).contains(&text.chars().count())
        && !text.starts_with('-')
        && !text.contains(|letter: char| letter.is_control() || matches!(letter, ':' | '/'))
}

impl NewPortal {
    /// Answers with the portal's id, also where it was there already under that name.
    pub(super) fn add_to(self, settings: &mut Settings) -> Result<Answer, ProblemView> {
        let (start_url, region) = (&self.start_url.0, &self.region);
        let same = |portal: &&PortalSettings| portal.start_url == *start_url && portal.region == *region;
        // A name of its own makes another portal of it: somebody may be two users there.
        let is_meant = |portal: &&PortalSettings| {
            let is_named = |name: &String| name.to_lowercase() == portal.name.to_lowercase();
            same(portal) && self.name.as_ref().is_none_or(is_named)
        };
        if let Some(known) = settings.portals.iter().find(is_meant) {
            let portal = known.id.clone();
            return Ok(Answer::Portal { portal });
        }
        let name = match self.name {
            Some(name) if settings.named(&name).is_some() => return Err(ProblemView::name_taken(&name)),
            Some(name) => name,
            None => self.start_url.suggested_name(),
        };
        let portal = settings.add_portal(&name, start_url, region).id.clone();
        Ok(Answer::Portal { portal })
    }
}
