//! Settings as people write them, and what saving leaves of them.

use proptest::prelude::*;

use super::*;

const WRITTEN_BY_HAND: &str = r#"# mine
theme = "dark"

[[portal]]
name = "acme" # the company
start_url = "https://acme.awsapps.com/start"
region = "eu-west-1"

[console]
via = "portal"
"#;

fn now() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn load(content: &str) -> (tempfile::TempDir, Result<Settings, SettingsError>) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("settings.toml");
    std::fs::write(&path, content).unwrap();
    let settings = Settings::load(&path, now());
    (scratch, settings)
}

fn add_another(settings: &mut Settings) {
    settings.add_portal("acme", "https://other.awsapps.com/start", "us-east-1");
}

#[test]
fn x4_no_sign_in_is_shared_unless_the_file_says_so_and_a_portal_has_the_last_word() {
    let one = "[[portal]]\nname = \"acme\"\nstart_url = \"a\"\nregion = \"b\"\n";
    for (content, shared) in [
        (one.to_owned(), false),
        (format!("share_aws_cli_login = true\n{one}"), true),
        (format!("{one}share_aws_cli_login = true\n"), true),
        (
            format!("share_aws_cli_login = true\n{one}share_aws_cli_login = false\n"),
            false,
        ),
        (format!("share_aws_cli_login = \"yes\"\n{one}"), false),
    ] {
        let settings = load(&content).1.unwrap();
        assert_eq!(settings.shares_login(&settings.portals[0]), shared, "{content}");
        assert!(settings.unknown_keys.is_empty(), "{settings:?}");
        let is_wrong = content.contains("yes");
        assert_eq!(settings.faults.len(), usize::from(is_wrong), "{settings:?}");
    }
}

#[test]
fn comments_and_unknown_keys_survive_a_new_portal() {
    let (scratch, settings) = load(WRITTEN_BY_HAND);
    let settings = settings.unwrap();
    let unknown = "“theme” is not known to this version; it is kept, and does nothing";
    assert_eq!(settings.unknown_keys, [fault(2, unknown)]);
    assert_eq!(settings.faults, []);
    assert_eq!(settings.console.via, Via::Portal);
    let path = scratch.path().join("settings.toml");
    let (settings, ()) = settings.change(&path, add_another).unwrap();
    let text = std::fs::read_to_string(scratch.path().join("settings.toml")).unwrap();
    assert!(
        text.contains("# mine\ntheme = \"dark\"") && text.contains("# the company"),
        "{text}"
    );
    let again = Settings::load(&scratch.path().join("settings.toml"), now()).unwrap();
    let names: Vec<_> = again.portals.iter().map(|portal| portal.name.as_str()).collect();
    assert_eq!(names, ["acme", "acme-2"]);
    assert_eq!(again.portals[1].id, settings.portals[1].id);
}

fn fault(line: usize, what: &str) -> Fault {
    Fault {
        line,
        about: About::Other,
        what: what.to_owned(),
    }
}

#[test]
fn r9_one_bad_value_takes_nothing_else_away_and_is_told_with_its_line() {
    let missing = "[[portal]]\nname = \"half\"\n";
    let again = "[[portal]]\nname = \"acme\"\nstart_url = \"b\"\nregion = \"c\"\n";
    let strange = WRITTEN_BY_HAND.replace("\"portal\"", "\"zz\"");
    let (scratch, settings) = load(&format!("{missing}{strange}{again}"));
    let mut settings = settings.unwrap();
    assert_eq!(settings.portals.len(), 1, "{settings:?}");
    assert_eq!(settings.portals[0].line, 6);
    assert_eq!(settings.console, ConsoleSettings::default());
    let told: Vec<_> = settings
        .faults
        .iter()
        .map(|fault| (fault.line, fault.what.as_str()))
        .collect();
    let [half, second, console] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(
        *half,
        (1, "the portal “half” is ignored: missing field `start_url`")
    );
    assert_eq!(*second, (13, "a second portal named “acme” is ignored"));
    assert_eq!(console.0, 12);
    assert!(console.1.contains("`zz`"), "{console:?}");
    assert_eq!(settings.set_aside, None);
    let id = settings.portals[0].id.clone();
    settings.remove_portal(&id);
    let text = settings.document.to_string();
    assert!(text.contains("half") && !text.contains("# the company"), "{text}");
    assert!(scratch.path().join("settings.toml").exists());
}

#[test]
fn what_profiles_are_like_is_a_part_of_its_own() {
    let written =
        "[profiles]\ntemplate = \"{account}\"\nkind = \"sso-session\"\nonly = [\"*dev*\"]\nsize = 1\n";
    let (_scratch, settings) = load(&format!("{WRITTEN_BY_HAND}{written}"));
    let settings = settings.unwrap();
    let profiles = &settings.profiles;
    assert_eq!(profiles.template.as_deref(), Some("{account}"));
    assert_eq!(profiles.kind, ProfileKind::SsoSession);
    assert_eq!(profiles.only, ["*dev*"]);
    assert_eq!(settings.unknown_keys.len(), 2, "{settings:?}");

    let (_scratch, settings) = load(&format!("{WRITTEN_BY_HAND}[profiles]\nkind = \"x\"\n"));
    let settings = settings.unwrap();
    assert_eq!(settings.profiles, ProfileSettings::default());
    assert_eq!((settings.faults.len(), settings.portals.len()), (1, 1));
}

#[test]
fn what_is_no_list_of_portals_is_damaged() {
    for text in ["portal = 3", "[portal]\nname = \"a\"", "portal = [1]"] {
        let damaged = Settings::parse(text.as_bytes(), Path::new("/x/settings.toml"));
        assert!(matches!(damaged, Err(SettingsError::Damaged { .. })), "{text}");
    }
}

#[test]
fn an_automatic_name_differs_in_more_than_its_case() {
    let (_scratch, settings) = load(WRITTEN_BY_HAND);
    let mut settings = settings.unwrap();
    let added = settings.add_portal("ACME", "https://b.awsapps.com/start", "us-east-1");
    assert_eq!(added.name, "ACME-2");
}

#[test]
fn a_removed_portal_leaves_the_others_as_they_were() {
    let (_scratch, settings) = load(WRITTEN_BY_HAND);
    let mut settings = settings.unwrap();
    let id = settings
        .add_portal("b", "https://b.awsapps.com/start", "us-east-1")
        .id
        .clone();
    settings.remove_portal(&id);
    assert_eq!(settings.document.to_string(), WRITTEN_BY_HAND);
}

#[test]
fn r9_a_damaged_file_is_set_aside_and_never_overwritten() {
    let (scratch, settings) = load("[[portal]]\nname = ");
    let aside = settings.unwrap().set_aside.unwrap();
    assert!(aside.reason.starts_with("line 2: "), "{aside:?}");
    assert_eq!(
        std::fs::read_to_string(aside.path).unwrap(),
        "[[portal]]\nname = "
    );
    assert!(!scratch.path().join("settings.toml").exists());
}

/// Loads whatever a good file became: as it is, or set aside, and without the loss of a byte.
fn loads_or_is_set_aside(content: &[u8]) -> bool {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("settings.toml");
    std::fs::write(&path, content).unwrap();
    let settings = Settings::load(&path, now()).unwrap();
    let kept = settings.set_aside.map_or(path, |aside| aside.path);
    let others = std::fs::read_dir(scratch.path()).unwrap().count() - 1;
    std::fs::read(kept).unwrap() == content && others == 0
}

#[test]
fn r9_every_torn_file_loads_or_is_set_aside_whole() {
    for length in 0..WRITTEN_BY_HAND.len() {
        assert!(
            loads_or_is_set_aside(&WRITTEN_BY_HAND.as_bytes()[..length]),
            "{length} bytes"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn r9_flipped_bits_load_or_are_set_aside_whole(at in 0..WRITTEN_BY_HAND.len(), bit in 0..8u8) {
        let mut content = WRITTEN_BY_HAND.as_bytes().to_vec();
        content[at] ^= 1 << bit;
        prop_assert!(loads_or_is_set_aside(&content));
    }
}

#[test]
fn r9_the_first_versions_settings_stay_readable() {
    let (_scratch, settings) = load(
        "[[portal]]\nid = \"5d2c6a1be0f4\"\nname = \"acme\"\nstart_url = \"https://acme.awsapps.com/start\"\n\
         region = \"eu-west-1\"\n\n[console]\nvia = \"federation\"\nbrowser = \"firefox {url}\"\n",
    );
    let settings = settings.unwrap();
    assert_eq!(
        (settings.faults.len(), settings.unknown_keys.len()),
        (0, 0),
        "{settings:?}"
    );
    let [portal] = settings.portals.as_slice() else {
        panic!("{settings:?}");
    };
    assert_eq!(
        (portal.id.as_str(), portal.name.as_str()),
        ("5d2c6a1be0f4", "acme")
    );
    assert_eq!(portal.region, "eu-west-1");
    assert_eq!(settings.console.browser.as_deref(), Some("firefox {url}"));
}

#[test]
fn guards_are_refused_in_words_instead_of_ignored() {
    let (_scratch, settings) = load("[[guard]]\nmatch = \"*prod*\"\n");
    assert!(matches!(settings, Err(SettingsError::GuardsNotKept { .. })));
}

#[test]
fn what_a_person_wrote_since_the_file_was_read_stays() {
    let (scratch, settings) = load(WRITTEN_BY_HAND);
    let path = scratch.path().join("settings.toml");
    let edited = format!("{WRITTEN_BY_HAND}browser = \"firefox {{url}}\" # mine too\n");
    std::fs::write(&path, &edited).unwrap();
    let (settings, ()) = settings.unwrap().change(&path, add_another).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("browser = \"firefox {url}\" # mine too"), "{text}");
    assert_eq!(settings.console.browser.as_deref(), Some("firefox {url}"));
    assert!(settings.is_from(text.as_bytes()));
}

#[test]
fn r9_what_is_damaged_or_refused_by_now_is_not_overwritten() {
    let (scratch, settings) = load(WRITTEN_BY_HAND);
    let (path, settings) = (scratch.path().join("settings.toml"), settings.unwrap());
    let guarded = format!("{WRITTEN_BY_HAND}[[guard]]\nmatch = \"*\"\n");
    for text in ["[[portal]]\nname = ", &guarded] {
        std::fs::write(&path, text).unwrap();
        settings.change(&path, add_another).unwrap_err();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let refused = settings.change(&path, add_another);
    assert!(matches!(refused, Err(SettingsError::Unreadable { .. })));
    assert!(path.is_dir());
}

#[test]
fn a_file_that_is_gone_is_written_anew_with_what_it_said() {
    let (scratch, settings) = load(WRITTEN_BY_HAND);
    let path = scratch.path().join("settings.toml");
    std::fs::remove_file(&path).unwrap();
    settings.unwrap().change(&path, add_another).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("name = \"acme\" # the company"), "{text}");
    assert!(text.contains("name = \"acme-2\""), "{text}");
}

#[test]
fn a_mistake_is_named_with_its_line() {
    let error = Settings::parse(b"[console]\nvia = \n", Path::new("/x/settings.toml")).unwrap_err();
    let told = error.to_string();
    assert!(
        told.starts_with("/x/settings.toml cannot be understood (line 2: "),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1, "{told}");
}
