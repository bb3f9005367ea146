//! Problems as people read them.

use std::time::Duration;

use super::*;

#[test]
fn r5_an_unreachable_aws_is_never_called_signed_out() {
    for meaning in [Meaning::Throttled, Meaning::Unreachable] {
        let failure = Failure::new("CreateToken", meaning, "");
        assert_eq!(ProblemView::aws(&failure, "acme").code, ProblemCode::Unreachable);
    }
}

#[test]
fn r5_a_list_that_aws_refuses_is_about_no_permission_set_and_ends_with_4() {
    let said = Failure::new("ListAccounts", Meaning::NotAssigned, "HTTP 403: No access");
    for (failure, said) in [
        (RefreshFailure::Aws(said), " (HTTP 403: No access)"),
        (RefreshFailure::NotAssigned, ""),
    ] {
        let problem = ProblemView::sync(&failure, "acme");
        assert_eq!(problem.code.exit_code(), 4);
        let what_happened = format!("AWS refuses to list the accounts of acme{said}.");
        assert_eq!(problem.what_happened, what_happened);
        assert!(problem.what_to_do.contains("administrator"), "{problem:?}");
    }
}

#[test]
fn a_full_disk_is_not_taken_for_a_folder_that_cannot_be_written() {
    let advice = |kind: std::io::ErrorKind| {
        let path = "/home/b/settings.toml".into();
        let error = kind.into();
        ProblemView::settings(&SettingsError::Unwritable { path, error }).what_to_do
    };
    assert!(advice(std::io::ErrorKind::StorageFull).contains("room on the disk"));
    assert!(advice(std::io::ErrorKind::PermissionDenied).contains("folder writable"));
}

#[test]
fn a_long_time_is_told_in_hours() {
    for (minutes, words) in [
        (1, "1 minute"),
        (59, "59 minutes"),
        (120, "120 minutes"),
        (180, "3 hours"),
        (481, "8 hours and 1 minute"),
        (719, "11 hours and 59 minutes"),
    ] {
        let told = ProblemView::too_short("ReadOnly", minutes, Duration::from_secs(86_400)).what_happened;
        assert!(told.contains(&format!("only {words} left")), "{told}");
    }
}

#[test]
fn where_to_sign_in_is_named_as_it_is_typed() {
    let needed = |portal: &str| ProblemView::sign_in_needed(portal).what_to_do;
    assert!(needed("acme").contains("“portray login acme”"));
    assert!(needed("R&D lab").contains("“portray login 'R&D lab'”"));
}

#[test]
fn sentences_begin_and_end_like_sentences() {
    for (text, expected) in [
        ("the keyring is locked", "The keyring is locked."),
        ("start-up failed.", "Start-up failed."),
        ("/tmp/x is no folder", "/tmp/x is no folder."),
        ("PORTRAY_HOME is not set", "PORTRAY_HOME is not set."),
    ] {
        assert_eq!(sentence(&text), expected);
    }
}
