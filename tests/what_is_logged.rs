//! The rule about logging where AWS is called: nothing of a call in its debug form.

use crate::sources::rust_files;

/// What is asked of AWS, and what it answers, prints with `{:?}` what AWS's model does not call sensitive: codes, for one.
#[test]
fn x2_nothing_is_logged_by_its_debug_form_where_aws_is_called() {
    let files = rust_files();
    let files = files
        .iter()
        .filter(|file| file.path.starts_with("crates/core/src/identity_center/"));
    let calls: Vec<(String, String)> = files
        .flat_map(|file| {
            let logged = log_calls(file.without_tests());
            logged.into_iter().map(|call| (file.path.clone(), call))
        })
        .collect();
    assert!(calls.len() > 2, "the calls are found: {calls:?}");
    let wrong: Vec<String> = calls
        .iter()
        .filter(|(_, call)| logs_debug_form(call))
        .map(|(path, call)| format!("{path}: {call}"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_debug_form_is_found_in_every_form() {
    for call in [
        "?input, \"x\"",
        "%a, request = ?b, \"x\"",
        "\"x {input:?}\"",
        "\"{:#?}\", input",
    ] {
        let text = format!("tracing::warn!({call});");
        assert!(
            log_calls(&text).iter().any(|call| logs_debug_form(call)),
            "{text}"
        );
    }
    let good = log_calls("tracing::warn!(%failure, \"is that so?\");\nuse tracing::Level;");
    assert_eq!(good.len(), 1);
    assert!(!logs_debug_form(&good[0]));
}

/// The arguments of every call of `tracing::…!`.
fn log_calls(text: &str) -> Vec<String> {
    let calls = text.split("tracing::").skip(1);
    let arguments = calls.filter_map(|call| {
        let (name, behind) = call.split_once("!(")?;
        let is_name = name.chars().all(char::is_alphabetic);
        is_name.then(|| behind.split(");").next().unwrap_or(behind).to_owned())
    });
    arguments.collect()
}

fn logs_debug_form(call: &str) -> bool {
    let by_field = call
        .split([',', '='])
        .any(|field| field.trim_start().starts_with('?'));
    by_field || call.contains(":?}") || call.contains(":#?}")
}
