//! The page of profiles: shows what would be written, writes that and nothing else, and takes it back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::app::contract::{LineSign, PortalState, SyncView};
use crate::app::state::tests as examples;
use crate::identity_center::{Account, AccountId, Portal};
use crate::role_catalog::{ListedAccount, Listing as Listed};
use crate::role_chain::chains;
use crate::settings::Settings;

const FOREIGN: &str = "# mine\n[default]\nregion = us-east-1\nno colon here\n\n[profile dev]\nregion = x\n";

/// A person with a portal, and files of AWS's in a home of their own.
struct Person {
    home: tempfile::TempDir,
    desk: Desk,
}

impl Person {
    fn with_roles(sets: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".aws")).unwrap();
        let state = home.path().join("state");
        let environment = Environment::of(&[
            ("HOME", home.path().to_str().unwrap()),
            ("XDG_STATE_HOME", state.to_str().unwrap()),
            ("XDG_RUNTIME_DIR", home.path().join("run").to_str().unwrap()),
        ]);
        let mut person = Self {
            desk: Desk {
                paths: Paths::of(&environment).unwrap(),
                environment,
                portals: vec![examples::portal(PortalState::SignedIn)],
                catalogue: Arc::default(),
            },
            home,
        };
        person.is_assigned(sets);
        person
    }

    /// A sync has come to its end.
    fn is_assigned(&mut self, sets: &[&str]) {
        let account = Account {
            id: AccountId("111122223333".to_owned()),
            name: "acme-dev".to_owned(),
            email: String::new(),
        };
        let listed = ListedAccount {
            account,
            permission_sets: sets.iter().map(ToString::to_string).collect(),
        };
        let synced_at = Some(jiff::Timestamp::UNIX_EPOCH);
        let listing = Listed {
            synced_at,
            complete: true,
            accounts: vec![listed],
        };
        let mut catalogue = Catalogue::default();
        let portal = &mut self.desk.portals[0];
        portal.sync.synced_at = synced_at;
        catalogue.set_listing(PortalId(portal.id.clone()), listing.into());
        self.desk.catalogue = catalogue.into();
    }

    fn config(&self) -> PathBuf {
        self.home.path().join(".aws/config")
    }

    fn writes(&self, content: &str) {
        fs::write(self.config(), content).unwrap();
    }

    fn reads(&self) -> String {
        fs::read_to_string(self.config()).unwrap()
    }

    fn is_shown(&self, change: ProfilesChange) -> ProfilesView {
        view(self.desk.answer(ProfilesOrder::Show { change, from: 0 }).unwrap())
    }

    fn makes(&self, shown: &ProfilesView) -> Answer {
        let order = ProfilesOrder::Make {
            change: shown.change,
            shown: shown.shown.clone().expect("a change"),
        };
        self.desk.answer(order).unwrap()
    }

    /// Shown, and made as it is shown; gives what is said of it.
    fn does(&self, change: ProfilesChange) -> String {
        let Answer::Said { words } = self.makes(&self.is_shown(change)) else {
            panic!("it is done");
        };
        words
    }
}

fn view(answer: Answer) -> ProfilesView {
    let Answer::Profiles { view } = answer else {
        panic!("it is shown");
    };
    view
}

fn lines(view: &ProfilesView, sign: LineSign) -> Vec<&str> {
    let of_sign = view.lines.iter().filter(|line| line.sign == sign);
    of_sign.map(|line| line.text.as_str()).collect()
}

#[test]
fn c4_the_page_shows_what_is_written_then_and_undo_finds_the_original_bytes() {
    let person = Person::with_roles(&["Admin", "ReadOnly"]);
    person.writes(FOREIGN);
    let shown = person.is_shown(ProfilesChange::Write);
    assert_eq!(person.reads(), FOREIGN, "a plan writes nothing");
    assert!(!shown.can_undo && !shown.can_remove, "{shown:?}");
    assert_eq!(
        (shown.removed, shown.added as usize),
        (0, lines(&shown, LineSign::Added).len())
    );
    assert_eq!(lines(&shown, LineSign::Gap), ["4 lines stay as they are"]);
    assert!(shown.summary.contains("2 new"), "{shown:?}");
    let [finding] = shown.findings.as_slice() else {
        panic!("{shown:?}");
    };
    assert_eq!(finding.place, "config, line 4");

    let Answer::Said { words } = person.makes(&shown) else {
        panic!("it was written");
    };
    assert!(words.contains("2 new"), "{words}");
    let written = person.reads();
    let ours: Vec<_> = written.strip_prefix(FOREIGN).unwrap().lines().collect();
    assert_eq!(ours, lines(&shown, LineSign::Added));

    let after = person.is_shown(ProfilesChange::Write);
    assert_eq!(
        (after.shown, after.length),
        (None, 0),
        "applying twice is applying once"
    );
    assert!(after.can_undo && after.can_remove);
    let backup = after.backup.unwrap();
    assert_eq!(fs::read_to_string(backup).unwrap(), FOREIGN);

    let words = person.does(ProfilesChange::Undo);
    assert!(words.contains("byte for byte"), "{words}");
    assert_eq!(person.reads(), FOREIGN);
    let after = person.is_shown(ProfilesChange::Undo);
    assert!(!after.can_undo && after.problem.is_some() && after.shown.is_none());
}

#[test]
fn c4_a_file_that_was_not_there_goes_with_undo_and_with_remove() {
    for change in [ProfilesChange::Undo, ProfilesChange::Remove] {
        let person = Person::with_roles(&["ReadOnly"]);
        person.does(ProfilesChange::Write);
        let mode = fs::metadata(person.config()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        person.does(change);
        assert!(!person.config().exists());
    }
}

#[test]
fn c4_a_plan_that_has_changed_since_it_was_shown_is_not_written_but_shown_anew() {
    let mut person = Person::with_roles(&["ReadOnly"]);
    person.writes(FOREIGN);
    let shown = person.is_shown(ProfilesChange::Write);

    // Somebody has written to the file.
    let edited = format!("{FOREIGN}[profile theirs]\n");
    person.writes(&edited);
    let anew = view(person.makes(&shown));
    assert_eq!(person.reads(), edited, "nothing is written");
    let problem = anew.problem.clone().unwrap();
    assert!(
        problem.what_happened.contains("nothing was written"),
        "{problem:?}"
    );
    assert!(lines(&anew, LineSign::Kept).contains(&"[profile theirs]"));

    // Something else is assigned now.
    person.is_assigned(&["Admin", "ReadOnly"]);
    let newest = view(person.makes(&anew));
    assert_eq!(person.reads(), edited);
    assert!(newest.added > anew.added, "{newest:?}");

    // Nothing is known any more.
    person.desk.catalogue = Arc::default();
    person.desk.portals[0].sync = SyncView::default();
    person.desk.portals[0].accounts = 0;
    let unknown = view(person.makes(&newest));
    assert_eq!((person.reads(), unknown.shown), (edited.clone(), None));
    assert!(unknown.problem.is_some());

    person.is_assigned(&["Admin", "ReadOnly"]);
    assert!(
        matches!(person.makes(&newest), Answer::Said { .. }),
        "as it was shown"
    );
    assert!(person.reads().starts_with(&edited));
}

#[test]
fn c4_undo_keeps_what_others_wrote_beside_our_lines_and_is_refused_where_it_would_lose_something() {
    let person = Person::with_roles(&["ReadOnly"]);
    person.writes(FOREIGN);
    person.does(ProfilesChange::Write);
    let written = person.reads();

    person.writes(&written.replace("credential_process", "region = y\ncredential_process"));
    let refused = person.is_shown(ProfilesChange::Undo);
    assert!(refused.can_undo && refused.shown.is_none());
    let problem = refused.problem.unwrap();
    assert!(problem.what_happened.contains("would lose"), "{problem:?}");
    let order = ProfilesOrder::Make {
        change: ProfilesChange::Undo,
        shown: String::new(),
    };
    assert!(view(person.desk.answer(order).unwrap()).problem.is_some());
    assert!(person.reads().contains("region = y"), "nothing was changed");

    person.writes(&format!("{written}[profile theirs]\n"));
    person.does(ProfilesChange::Undo);
    assert_eq!(person.reads(), format!("{FOREIGN}[profile theirs]\n"));
}

#[test]
fn c4_what_was_taken_out_comes_back_with_undo() {
    let mut person = Person::with_roles(&["ReadOnly"]);
    person.writes(FOREIGN);
    person.does(ProfilesChange::Write);
    let first = person.reads();
    person.is_assigned(&["Admin"]);
    person.does(ProfilesChange::Write);
    let second = person.reads();
    assert_ne!(first, second);
    person.does(ProfilesChange::Remove);
    assert_eq!(person.reads(), FOREIGN);
    person.does(ProfilesChange::Undo);
    assert_eq!(person.reads(), second, "the last change, and no other");
    assert!(!person.is_shown(ProfilesChange::Write).can_undo);
}

#[test]
fn c3_a_file_that_cannot_be_changed_is_told_in_the_words_of_the_command_line() {
    let person = Person::with_roles(&["ReadOnly"]);
    let changes = [ProfilesChange::Write, ProfilesChange::Remove];
    for change in changes {
        person.writes("\u{feff}[default]\n");
        let order = ProfilesOrder::Show { change, from: 0 };
        let problem = person.desk.answer(order).unwrap_err();
        assert!(problem.what_happened.contains("byte order mark"), "{problem:?}");
        fs::remove_file(person.config()).unwrap();
        fs::create_dir(person.config()).unwrap();
        let order = ProfilesOrder::Show { change, from: 0 };
        let problem = person.desk.answer(order).unwrap_err();
        assert!(problem.what_happened.contains("no regular file"), "{problem:?}");
        fs::remove_dir(person.config()).unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn c6_where_the_file_cannot_be_written_the_page_says_so_and_there_is_nothing_to_undo() {
    let mut person = Person::with_roles(&["ReadOnly"]);
    // Nobody makes folders there, whoever they are.
    let home = person.home.path().to_str().unwrap().to_owned();
    person.desk.environment =
        Environment::of(&[("HOME", &home), ("AWS_CONFIG_FILE", "/proc/nowhere/config")]);
    let shown = person.is_shown(ProfilesChange::Write);
    let order = ProfilesOrder::Make {
        change: ProfilesChange::Write,
        shown: shown.shown.unwrap(),
    };
    let problem = person.desk.answer(order).unwrap_err();
    assert!(problem.what_happened.contains("cannot be written"), "{problem:?}");
    assert!(problem.what_to_do.contains("by hand"), "{problem:?}");
    assert!(!person.is_shown(ProfilesChange::Write).can_undo);
}

#[test]
fn c4_a_kept_change_that_is_damaged_is_told_and_hinders_nothing_else() {
    let person = Person::with_roles(&["ReadOnly"]);
    person.does(ProfilesChange::Write);
    let entries = fs::read_dir(&person.desk.paths.state).unwrap();
    let kept = entries.map(|entry| entry.unwrap().path());
    let kept = kept.filter(|path| path.extension().is_some_and(|end| end == "last-change"));
    let kept: Vec<_> = kept.collect();
    let [kept] = kept.as_slice() else {
        panic!("{kept:?}");
    };
    assert_eq!(fs::metadata(kept).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(kept, "portray change 1 - 900\n").unwrap();
    let refused = person.is_shown(ProfilesChange::Undo);
    let problem = refused.problem.unwrap();
    assert!(problem.what_happened.contains("is damaged"), "{problem:?}");
    assert!(person.is_shown(ProfilesChange::Write).can_undo);
    person.does(ProfilesChange::Remove);
    assert!(!person.config().exists());
}

#[test]
fn c4_a_portal_of_which_nothing_is_known_keeps_its_profiles_and_a_long_difference_comes_in_parts() {
    let names: Vec<_> = (0..300).map(|number| format!("Set{number:03}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut person = Person::with_roles(&names);
    let mut other = examples::portal(PortalState::SignInNeeded);
    (other.id, other.name, other.accounts) = ("p2".to_owned(), "umbrella".to_owned(), 0);
    other.sync = SyncView::default();
    person.desk.portals.push(other);
    let first = person.is_shown(ProfilesChange::Write);
    let [note, no_region] = first.notes.as_slice() else {
        panic!("{:?}", first.notes);
    };
    assert!(no_region.contains("name no region"), "{no_region}");
    assert!(
        note.starts_with("umbrella: ") && note.ends_with("stay as they are."),
        "{note}"
    );
    assert_eq!(first.lines.len(), 500);
    let mut all = first.lines.clone();
    while all.len() < first.length as usize {
        let from = u32::try_from(all.len()).unwrap();
        let change = ProfilesChange::Write;
        let next = view(person.desk.answer(ProfilesOrder::Show { change, from }).unwrap());
        assert_eq!((next.from, &next.shown), (from, &first.shown));
        all.extend(next.lines);
    }
    assert_eq!(all.len(), first.length as usize);
    person.does(ProfilesChange::Write);
    let shown: Vec<_> = all.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(person.reads().lines().collect::<Vec<_>>(), shown);
}

#[test]
fn c4_a_further_role_from_nobody_knows_which_account_is_said_to_get_no_profile() {
    let mut person = Person::with_roles(&["ReadOnly"]);
    let text = "[[chain]]\nname = \"release\"\nfrom = \"acme-dev/ReadOnly\"\n\
                role_arn = \"arn:aws:iam::666677778888:role/ReleaseManager\"\n";
    let settings = Settings::parse(text.as_bytes(), std::path::Path::new("settings.toml")).unwrap();
    let mut portals = Settings::default();
    let mut portal = Portal::from_settings(portals.add_portal("acme", "acme", "eu-west-1"), None).unwrap();
    portal.id = PortalId(person.desk.portals[0].id.clone());
    let mut catalogue = (*person.desk.catalogue).clone();
    catalogue.set_chains(chains(&settings.chains, std::slice::from_ref(&portal)).0);
    let mut listing = (**catalogue.listing(&portal.id).unwrap()).clone();
    let mut second = listing.accounts[0].clone();
    second.account.id = AccountId("777788889999".to_owned());
    listing.accounts.push(second);
    catalogue.set_listing(portal.id, listing.into());
    person.desk.catalogue = catalogue.into();
    let shown = person.is_shown(ProfilesChange::Write);
    assert_eq!(
        shown.skipped,
        [
            "No new profile for acme-dev/release: “from” of its [[chain]] in settings.toml matches several accounts; \
             write the account's id there."
        ]
    );
}
