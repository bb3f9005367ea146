//! Which portal is meant, and why it may be missing.

use super::{Refusal, among};
use crate::app::contract::{PortalView, ProblemView};
use crate::app::settings_file::MissingPortal;
use crate::app::state::NamedPortal;

/// What can be named as a portal.
pub trait Named {
    /// Its name first, then everything else that it goes by.
    fn names(&self) -> [&str; 3];
    fn region(&self) -> &str;
}

impl Named for NamedPortal {
    fn names(&self) -> [&str; 3] {
        [&self.name, &self.id, &self.start_url]
    }

    fn region(&self) -> &str {
        &self.region
    }
}

impl Named for PortalView {
    fn names(&self) -> [&str; 3] {
        [&self.name, &self.id, &self.start_url]
    }

    fn region(&self) -> &str {
        &self.region
    }
}

/// The portal with this name, id or start URL; the only one where none is named.
pub fn portal<'a, P: Named>(
    portals: &'a [P],
    named: Option<&str>,
    region: Option<&str>,
) -> Result<&'a P, Refusal> {
    match *matching(portals, named, region).as_slice() {
        [portal] => Ok(portal),
        [] => Err(no_such_portal(portals, named)),
        [_, _, ..] => Err(among(ProblemView::several_portals(), names(portals))),
    }
}

/// The same of the portal that is named, or the only one. Where it is not there, the settings may say why.
pub fn portal_or_why<'a, P: Named>(
    portals: &'a [P],
    named: Option<&str>,
    missing: &[MissingPortal],
) -> Result<&'a P, Refusal> {
    portal(portals, named, None).map_err(|refusal| {
        let meant = missing
            .iter()
            .find(|missing| named.is_some_and(|named| missing.may_be(named)));
        match (portals, meant) {
            ([], None) => missing
                .first()
                .map_or(refusal, |missing| missing.problem.clone().into()),
            ([], Some(missing)) => missing.problem.clone().into(),
            ([..], Some(missing)) => refusal.because_of(&missing.problem),
            ([..], None) => refusal,
        }
    })
}

pub(super) fn matching<'a, P: Named>(
    portals: &'a [P],
    named: Option<&str>,
    region: Option<&str>,
) -> Vec<&'a P> {
    let is_meant = |portal: &&P| {
        let is_named = |named: &str| {
            let named = named.to_lowercase();
            portal.names().iter().any(|name| name.to_lowercase() == named)
        };
        named.is_none_or(is_named) && region.is_none_or(|region| portal.region().eq_ignore_ascii_case(region))
    };
    let meant: Vec<&P> = portals.iter().filter(is_meant).collect();
    // A person may have written two names that differ only in case.
    let exactly = |portal: &&&P| named.is_some_and(|named| portal.names().contains(&named));
    let exact: Vec<&P> = meant.iter().filter(exactly).copied().collect();
    if exact.is_empty() { meant } else { exact }
}

pub(super) fn names<P: Named>(portals: &[P]) -> Vec<String> {
    let mut names: Vec<_> = portals
        .iter()
        .map(|portal| portal.names()[0].to_owned())
        .collect();
    names.sort();
    names
}

pub(super) fn no_such_portal<P: Named>(portals: &[P], named: Option<&str>) -> Refusal {
    if portals.is_empty() {
        return ProblemView::no_portal_yet().into();
    }
    among(ProblemView::no_such_portal(named), names(portals))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::protocol::Target;
    use crate::agent::targets::Known;
    use crate::agent::targets::tests::named;
    use crate::role_catalog::Catalogue;

    #[test]
    fn why_a_portal_may_be_missing_is_told_of_the_portal_that_was_asked_for() {
        let fault = |what: &str| ProblemView::chain_source_unknown(what, "its line");
        let missing = |name: Option<&str>, what: &str| MissingPortal {
            name: name.map(str::to_owned),
            start_url: None,
            problem: fault(what),
        };
        let half = [missing(Some("half"), "half"), missing(Some("other"), "other")];
        let portals = [named("acme"), named("second")];
        let told = |portals: &[NamedPortal], asked: Option<&str>, missing: &[MissingPortal]| {
            portal_or_why(portals, asked, missing).map(|_| ()).unwrap_err()
        };
        let refused = told(&portals, Some("other"), &half);
        let cause = fault("other");
        assert_eq!(refused.problem.what_happened, "There is no portal “other”.");
        assert_eq!(
            refused.problem.what_to_do,
            format!("{} {}", cause.what_happened, cause.what_to_do)
        );
        let plain = ProblemView::no_such_portal(Some("nope"));
        assert_eq!(told(&portals, Some("nope"), &half).problem, plain);
        assert_eq!(
            told(&portals, None, &half).problem,
            ProblemView::several_portals()
        );
        let nameless = [missing(None, "nameless")];
        let refused = told(&portals, Some("nope"), &nameless).problem;
        assert!(
            refused.what_to_do.starts_with(&fault("nameless").what_happened),
            "{refused:?}"
        );
        assert!(portal_or_why(&portals, Some("acme"), &nameless).is_ok());

        // Where there is none at all, the first thing that stands in its way is told.
        assert_eq!(told(&[], None, &half).problem, fault("half"));
        assert_eq!(told(&[], Some("nope"), &half).problem, fault("half"));
        assert_eq!(told(&[], Some("other"), &half).problem, fault("other"));
        assert_eq!(told(&[], Some("nope"), &[]).problem, ProblemView::no_portal_yet());
    }

    #[test]
    fn without_its_portal_a_chain_is_not_what_is_missing() {
        let told = |portals: &[NamedPortal]| {
            let catalogue = &Catalogue::default();
            let chain = Target::Chain {
                portal: Some("acme".to_owned()),
                chain: "release".to_owned(),
            };
            let refused = Known { portals, catalogue }.role(&chain).unwrap_err();
            refused.problem
        };
        assert_eq!(told(&[]), ProblemView::no_portal_yet());
        assert_eq!(told(&[named("other")]), ProblemView::no_such_portal(Some("acme")));
        assert_eq!(told(&[named("acme")]), ProblemView::no_such_chain("release"));
    }
}
