//! The portals that the settings have, or have had: which id one has that does not say its own, and which of them are
//! gone.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::Parts;
use crate::identity_center::{Portal, PortalId};
use crate::paths::{Paths, short_hash};
use crate::private_files;
use crate::settings::{EndpointSettings, PortalSettings};

const VERSION: u32 = 1;

/// More portals than this that are gone are not remembered.
const MOST_GONE: usize = 64;

/// One of them, as it was when the settings last had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownPortal {
    pub id: String,
    pub name: String,
    pub start_url: String,
    pub region: String,
    #[serde(default)]
    pub endpoints: EndpointSettings,
}

/// Kept in a file, because a sign-in outlives the process, and the keyring lists nothing.
#[derive(Debug, Clone, Default)]
pub struct KnownPortals {
    /// The newest last. One id may be there several times: its region or start URL was another one before.
    portals: Vec<KnownPortal>,
    /// None: what stands there could not be read, and stays.
    path: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    portals: Vec<KnownPortal>,
}

impl KnownPortals {
    /// What the process before this one knew; the settings' portals have their ids from then on, which are given too.
    pub fn begin(parts: &mut Parts) -> (Self, Vec<PortalId>) {
        let known = Self::load(&parts.paths, parts.clock.now());
        let portals = &mut parts.settings.portals;
        known.give_ids(portals);
        let ids = portals.iter().map(|portal| PortalId(portal.id.clone()));
        let ids = ids.collect();
        (known, ids)
    }

    fn load(paths: &Paths, now: Timestamp) -> Self {
        let path = paths.state.join("portals.json");
        let read = private_files::read(&path);
        let content = match &read {
            Ok(None) => Some(Vec::new()),
            Ok(Some(content)) => match serde_json::from_slice(content) {
                Ok(Content {
                    version: VERSION,
                    portals,
                }) => Some(portals),
                Ok(_) | Err(_) => private_files::set_aside(&path, now).ok().map(|_| Vec::new()),
            },
            Err(_) => None,
        };
        let Some(portals) = content else {
            tracing::warn!(error = ?read.err(), "which portals there were is not known");
            return Self::default();
        };
        Self {
            portals,
            path: Some(path),
        }
    }

    /// Gives portals without an id of their own the one that they had before, under another name too: where exactly one
    /// portal of that start URL and region is gone, and exactly one has come. An id that is written down wins.
    pub fn give_ids(&self, portals: &mut [PortalSettings]) {
        let mut taken: BTreeSet<_> = portals
            .iter()
            .filter(|portal| !portal.id_is_derived)
            .map(|portal| portal.id.clone())
            .collect();
        let mut nameless: Vec<_> = portals.iter_mut().filter(|portal| portal.id_is_derived).collect();
        nameless.retain_mut(|portal| {
            let mut known = self.portals.iter().rev();
            let had = known.find(|known| known.is_called(portal) && !taken.contains(&known.id));
            had.is_none_or(|had| {
                portal.id.clone_from(&had.id);
                !taken.insert(had.id.clone())
            })
        });
        let places: Vec<_> = nameless.iter().filter_map(|portal| place(portal)).collect();
        nameless.retain_mut(|portal| {
            let here = place(portal);
            let come = places.iter().filter(|place| here.as_ref() == Some(place)).count();
            let gone = self.portals.iter().filter(|known| known.is_at(here.as_ref()));
            let gone: BTreeSet<_> = gone.map(|known| &known.id).collect();
            let mut gone = gone.into_iter().filter(|id| !taken.contains(*id));
            match (come, gone.next(), gone.next()) {
                (1, Some(id), None) => {
                    portal.id.clone_from(id);
                    !taken.insert(id.clone())
                }
                _ => true,
            }
        });
        for portal in nameless {
            let mut round = 0;
            while taken.contains(&portal.id) {
                let text = format!("{}\n{}\n{round}", portal.name, portal.start_url);
                portal.id = short_hash(text.as_bytes());
                round += 1;
            }
            taken.insert(portal.id.clone());
        }
    }

    /// Takes in what the settings have now. True: that is to be written.
    pub fn note(&mut self, portals: &[PortalSettings]) -> bool {
        let mut next = self.portals.clone();
        for portal in portals.iter().filter_map(KnownPortal::of) {
            match next.iter_mut().find(|known| known.is_same(&portal)) {
                Some(known) => *known = portal,
                None => next.push(portal),
            }
        }
        let ids: BTreeSet<_> = portals.iter().map(|portal| &portal.id).collect();
        let mut gone = next.iter().filter(|known| !ids.contains(&known.id)).count();
        next.retain(|known| {
            let is_too_much = gone > MOST_GONE && !ids.contains(&known.id);
            gone -= usize::from(is_too_much);
            !is_too_much
        });
        let is_news = next != self.portals;
        self.portals = next;
        is_news
    }

    /// Nothing is left of this one, because a person removed it.
    pub fn forget(&mut self, portal: &Portal) {
        self.portals.retain(|known| {
            let parts = (&known.id, &known.start_url, &known.region);
            parts != (&portal.id.0, &portal.start_url.0, &portal.region)
        });
    }

    pub fn iter(&self) -> impl Iterator<Item = &KnownPortal> {
        self.portals.iter()
    }

    /// Where they are kept, and as what; none where nothing may be written.
    pub fn file(&self) -> Option<(PathBuf, Vec<u8>)> {
        let content = Content {
            version: VERSION,
            portals: self.portals.clone(),
        };
        let text = serde_json::to_vec_pretty(&content).ok()?;
        Some((self.path.clone()?, text))
    }
}

impl KnownPortal {
    /// None: it cannot be used, so that nobody has ever signed in there.
    fn of(settings: &PortalSettings) -> Option<Self> {
        let (start_url, region) = place(settings)?;
        Some(Self {
            id: settings.id.clone(),
            name: settings.name.clone(),
            start_url,
            region,
            endpoints: settings.endpoints.clone(),
        })
    }

    /// As the settings would say it.
    pub fn settings(&self) -> PortalSettings {
        PortalSettings {
            id: self.id.clone(),
            id_is_derived: false,
            name: self.name.clone(),
            start_url: self.start_url.clone(),
            region: self.region.clone(),
            endpoints: self.endpoints.clone(),
            sign_in_browser: None,
            share_aws_cli_login: None,
            line: 0,
        }
    }

    /// Whether this is the portal of that name; where its place cannot be understood, the name says it.
    fn is_called(&self, portal: &PortalSettings) -> bool {
        let here = place(portal);
        self.name == portal.name && here.is_none_or(|here| self.is_at(Some(&here)))
    }

    fn is_at(&self, place: Option<&(String, String)>) -> bool {
        place.is_some_and(|(start_url, region)| self.start_url == *start_url && self.region == *region)
    }

    fn is_same(&self, other: &Self) -> bool {
        let ours = (&self.id, &self.start_url, &self.region, &self.endpoints);
        ours == (&other.id, &other.start_url, &other.region, &other.endpoints)
    }
}

/// Start URL and region, where they can be understood.
fn place(portal: &PortalSettings) -> Option<(String, String)> {
    let (start_url, region) = Portal::place(portal).ok()?;
    Some((start_url.0, region))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::Settings;

    const HERE: &str = "https://acme.awsapps.com/start";
    const THERE: &str = "https://other.awsapps.com/start";

    /// A portal of the settings: name, start URL, region, and an id where it says its own.
    type Said<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

    fn portals(said: &[Said<'_>]) -> Vec<PortalSettings> {
        let tables = said.iter().map(|(name, start_url, region, id)| {
            let id = id.map_or_else(String::new, |id| format!("id = \"{id}\"\n"));
            format!("[[portal]]\n{id}name = \"{name}\"\nstart_url = \"{start_url}\"\nregion = \"{region}\"\n")
        });
        let text: String = tables.collect();
        Settings::parse(text.as_bytes(), Path::new("settings.toml"))
            .unwrap()
            .portals
    }

    /// The settings one after the other; the ids of the last ones.
    fn ids(all: &[&[Said<'_>]]) -> Vec<String> {
        let (mut known, mut last) = (KnownPortals::default(), Vec::new());
        for said in all {
            let mut now = portals(said);
            known.give_ids(&mut now);
            known.note(&now);
            last = now.into_iter().map(|portal| portal.id).collect();
        }
        last
    }

    fn derived(name: &str) -> String {
        short_hash(name.as_bytes())
    }

    #[test]
    fn r8_a_portal_without_an_id_of_its_own_keeps_it_under_every_further_name() {
        let acme = ("acme", HERE, "eu-west-1", None);
        let gamma = ("gamma", HERE, "eu-west-1", None);
        let delta = ("delta", "https://acme.awsapps.com/start/", "EU-west-1", None);
        assert_eq!(ids(&[&[acme]]), [derived("acme")]);
        assert_eq!(ids(&[&[acme], &[gamma]]), [derived("acme")]);
        assert_eq!(ids(&[&[acme], &[gamma], &[delta]]), [derived("acme")]);
        assert_eq!(
            ids(&[&[acme], &[], &[gamma]]),
            [derived("acme")],
            "it was gone for a while"
        );
        let new_acme = ("acme", THERE, "eu-west-1", None);
        let both = ids(&[&[acme], &[new_acme, gamma]]);
        assert_eq!(both[1], derived("acme"));
        assert_ne!(both[0], both[1], "two portals are never one");
        let twice = ids(&[&[acme], &[new_acme, gamma], &[gamma, new_acme]]);
        assert_eq!(
            twice,
            [both[1].clone(), both[0].clone()],
            "and each stays what it is"
        );
    }

    #[test]
    fn r8_who_takes_a_portals_id_is_never_guessed() {
        let here = |name| (name, HERE, "eu-west-1", None);
        let two = &[here("a"), here("b")];
        assert_eq!(
            ids(&[two, &[here("b")]]),
            [derived("b")],
            "it was there all the time"
        );
        assert_eq!(ids(&[two, &[here("c"), here("b")]]), [derived("a"), derived("b")]);
        assert_eq!(ids(&[two, &[here("c"), here("d")]]), [derived("c"), derived("d")]);
        assert_eq!(
            ids(&[&[here("a")], &[here("c"), here("d")]]),
            [derived("c"), derived("d")]
        );
        let elsewhere = ("c", HERE, "us-east-1", None);
        assert_eq!(ids(&[&[here("a")], &[elsewhere]]), [derived("c")]);
        let other = ("c", THERE, "eu-west-1", None);
        assert_eq!(ids(&[&[here("a")], &[other]]), [derived("c")]);
    }

    #[test]
    fn r8_an_id_that_is_written_down_wins() {
        let own = |name, id| (name, HERE, "eu-west-1", Some(id));
        let here = |name| (name, HERE, "eu-west-1", None);
        assert_eq!(ids(&[&[here("acme")], &[own("gamma", "x")]]), ["x"]);
        assert_eq!(
            ids(&[&[own("acme", "x")], &[here("gamma")]]),
            ["x"],
            "its portal is gone"
        );
        let copied = derived("acme");
        let both = ids(&[&[here("acme")], &[own("mine", &copied), here("acme")]]);
        assert_eq!(both[0], copied);
        assert_ne!(both[1], copied);
    }

    #[test]
    fn what_is_gone_stays_known_up_to_a_number_of_them() {
        let mut known = KnownPortals::default();
        for number in 0..MOST_GONE + 9 {
            let name = format!("p{number}");
            assert!(known.note(&portals(&[(&name, HERE, "eu-west-1", Some(&name))])));
        }
        assert_eq!(known.portals.len(), MOST_GONE + 1);
        assert_eq!(known.portals[0].id, "p8");
        let (last, count) = (known.portals[MOST_GONE].clone(), known.portals.len());
        assert!(!known.note(&[last.settings()]), "nothing new");
        known.forget(&Portal::from_settings(&last.settings(), None).unwrap());
        assert_eq!(known.portals.len(), count - 1);
    }

    #[test]
    fn r9_a_file_that_cannot_be_understood_is_set_aside() {
        let home = tempfile::tempdir().unwrap();
        let environment = crate::paths::Environment::of(&[("PORTRAY_HOME", home.path().to_str().unwrap())]);
        let paths = Paths::of(&environment).unwrap();
        std::fs::create_dir_all(&paths.state).unwrap();
        let mut known = KnownPortals::load(&paths, Timestamp::UNIX_EPOCH);
        known.note(&portals(&[("acme", HERE, "eu-west-1", None)]));
        let (path, content) = known.file().unwrap();
        private_files::replace(&path, &content).unwrap();
        let again = KnownPortals::load(&paths, Timestamp::UNIX_EPOCH);
        assert_eq!(again.portals, known.portals);
        private_files::replace(&path, b"not ours").unwrap();
        let damaged = KnownPortals::load(&paths, Timestamp::UNIX_EPOCH);
        assert!(damaged.portals.is_empty() && damaged.path.is_some());
        assert!(!path.exists());
    }
}
