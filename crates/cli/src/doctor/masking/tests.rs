//! Texts as logs and errors have them, with values that look real.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

fn mask() -> Mask {
    let mut mask = Mask::default();
    mask.replace("/home/amara.okafor", "~");
    mask.replace("/run/user/7/portray", "RUNTIME");
    for (kind, value) in [
        (Kind::User, "amara.okafor"),
        (Kind::User, "ed"),
        (Kind::Portal, "contoso"),
        (Kind::Host, "contoso.awsapps.com"),
        (Kind::AccountName, "R&D \"Lab\" Zürich"),
        (Kind::PermissionSet, "PayrollAdmin"),
    ] {
        mask.name(kind, value);
    }
    mask
}

/// What must not be left of a text, in lower case and in no other form.
fn assert_gone(text: &str, values: &[&str]) -> String {
    let masked = mask().text(text);
    let lower = masked.to_lowercase();
    for value in values {
        assert!(!lower.contains(&value.to_lowercase()), "{value} in {masked}");
    }
    masked
}

#[test]
fn x3_nothing_that_looks_like_somebody_is_left_of_a_text() {
    for (text, values) in [
        ("account 111122223333 is suspended", &["1111"][..]),
        (
            "id 1111-2222-3333, 111122223333/ReadOnly, x111122223333y",
            &["1111", "2222"],
        ),
        ("arn:aws:iam::111122223333:role/Payroll", &["1111", "payroll"]),
        ("amara@contoso.example wrote", &["amara", "contoso"]),
        ("user=amara%40contoso.example&x=1", &["amara", "contoso"]),
        ("mail \"Amara.Okafor+aws@CONTOSO.example\"", &["amara", "contoso"]),
        ("https://contoso.awsapps.com/start/#/saml/x", &["contoso", "saml"]),
        (
            "https://user:hunter2@proxy.corp.example:3128/?a=b",
            &["hunter2", "corp", "user:"],
        ),
        ("lookup of portal.corp.example failed", &["corp"]),
        (
            "connect to 10.1.2.3:443 and [fd00::12:1]:443 and fe80::1",
            &["10.1.2.3", "fd00", "fe80"],
        ),
        ("cannot write /home/amara.okafor/.config/x", &["amara", "okafor"]),
        (
            "cannot write /Users/okafor/x and /srv/contoso/y",
            &["okafor", "contoso"],
        ),
        ("cannot write C:\\Users\\okafor\\x", &["okafor"]),
        ("the account “Zweites Labor” is gone", &["labor"]),
        ("type “portray login Zweites Labor”", &["labor"]),
        ("R&D \"Lab\" Zürich, r&d \\\"lab\\\" zürich", &["zürich", "lab"]),
        ("R%26D+%22Lab%22+Z%C3%BCrich", &["c3%bcrich", "lab"]),
        ("payrolladmin PAYROLLADMIN PayrollAdmin2", &["payrolladmin"]),
        (
            "ssoins-1234567890abcdef d-9967123456 o-abcdef1234",
            &["1234", "9967"],
        ),
        ("AKIAIOSFODNN7EXAMPLE ASIAIOSFODNN7EXAMPLE", &["iosfodnn"]),
        ("code ABCD-EFGH", &["abcd"]),
        ("token aoaAAAAAGhxN5T6kXw_3k9s1-VvA", &["ghxn5t6"]),
        (
            "YW1hcmFAY29udG9zby5leGFtcGxl 616d61726140636f6e746f736f",
            &["yw1h", "616d61"],
        ),
        ("the user ed, (ed) and “ed”", &[" ed", "(ed", "“ed"]),
        ("contoso’s portal, CONTOSO:acme", &["contoso"]),
        ("type “portray agent stop okafor”", &["okafor"]),
        ("type “portray login stop --force”", &["stop"]),
        ("type “portray exec okafor/x -- env”", &["okafor"]),
        (
            "cannot write /home/amara.okafor/okafor/notes and /run/user/7/portray/okafor@x",
            &["okafor"],
        ),
    ] {
        assert_gone(text, values);
    }
}

#[test]
fn x3_a_stand_in_is_the_same_wherever_the_value_stands() {
    let masked = mask().text("111122223333 and 444455556666, then 1111-2222-3333 of Contoso and contoso");
    assert_eq!(
        masked,
        "account-1 and account-2, then account-1 of portal-1 and portal-1"
    );
}

#[test]
fn x3_a_name_that_is_a_word_of_our_sentences_is_replaced_where_it_is_a_value_only() {
    let mut mask = mask();
    for (kind, value) in [
        (Kind::PermissionSet, "mfa"),
        (Kind::Portal, "device"),
        (Kind::AccountName, "Credentials"),
    ] {
        mask.name(kind, value);
    }
    let text = "A code of your MFA device is needed for Credentials/mfa: “portray exec mfa” of Device:x/MFA, \
                “device”, chain=mfa; Device: mfa::x";
    assert_eq!(
        mask.text(text),
        "A code of your MFA device is needed for account-name-2/permission-set-2: “portray exec permission-set-2” of \
         portal-2:x/permission-set-2, “portal-2”, chain=permission-set-2; Device: mfa::x"
    );
}

#[test]
fn words_of_our_sentences_are_words_that_we_say_and_stand_in_order_once() {
    let mut said = BTreeSet::new();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "../core/src"] {
        words_said_in(&ours.join(folder), &mut said);
    }
    assert!(!said.contains("zscaler"), "nor what only tests say");
    let words = own_words::OF_SENTENCES;
    assert!(words.is_sorted_by(|one, next| one < next));
    let unsaid: Vec<_> = words.iter().filter(|word| !said.contains(**word)).collect();
    assert!(unsaid.is_empty(), "{unsaid:?} are in no sentence");
}

/// The words, in small letters, of all texts of more than one word that the sources below a folder have for others.
fn words_said_in(folder: &Path, said: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name.ends_with("tests") {
            continue;
        }
        if path.is_dir() {
            words_said_in(&path, said);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        let texts = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
        for text in texts.filter(|text| text.contains(' ')) {
            let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '-');
            said.extend(words.map(str::to_lowercase));
        }
    }
}

#[test]
fn what_is_in_our_folders_keeps_its_name() {
    let masked = mask().text("/run/user/7/portray/agent.sock, /run/user/7/portray. (/home/amara.okafor/x/y)");
    assert_eq!(masked, "RUNTIME/agent.sock, RUNTIME. (~/path-1)");
}

#[test]
fn n2_the_issuer_of_a_certificate_that_is_not_trusted_is_named_but_for_the_words_that_are_known() {
    let text = "the certificate of oidc.eu-west-1.amazonaws.com is issued by “Zscaler Root CA”, whom this machine \
                does not trust (see AWS_CA_BUNDLE), like “Zweites Labor”";
    let masked = mask().text(text);
    assert_eq!(masked, text.replace("Zweites Labor", "name-1"));
    assert_gone(
        "it is issued by “Contoso CA a@b.example 111122223333”, whom",
        &["contoso", "b.example", "1111"],
    );
}

#[test]
fn x3_the_example_of_a_proxy_with_a_password_stays_readable_and_real_ones_do_not() {
    let advice = "the proxy proxy.contoso.example:3128 wants a user name and a password, as in \
                  HTTPS_PROXY=http://user:password@proxy.contoso.example:3128";
    let masked = mask().text(advice);
    assert!(
        masked.contains("HTTPS_PROXY=http://user:password@") && masked.ends_with(":3128"),
        "{masked}"
    );
    assert_gone(advice, &["contoso"]);
    for real in [
        "http://amara:hunter2@proxy.corp:3128",
        "http://user:password2@proxy.corp:3128",
        "http://amara:user:password@proxy.corp:3128",
        "http://amara@user:password@proxy.corp:3128",
    ] {
        assert_gone(real, &["hunter2", "amara", "password", "corp"]);
    }
}

#[test]
fn what_helps_and_tells_nobody_stays() {
    for text in [
        "2026-11-28T04:46:29.123456Z  INFO portray_core::refresh::runner: the machine slept",
        "GetRoleCredentials: Unreachable (HTTP 503: an answer that is not AWS's)",
        "https://oidc.eu-west-1.amazonaws.com cannot be reached",
        "http://127.0.0.1:4567 and settings.toml, agent.sock",
        "org.freedesktop.Notifications is missing; AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "“PORTRAY_HOME” and “portray login”",
        "a panic thread=\"tokio-runtime-worker\" place=\"crates/core/src/app/view.rs:12:5\"",
        "edit the file, education",
        "End it with “portray agent stop --force”, or “portray profiles plan”; “portray agent --foreground” shows why.",
        "“portray-app” and “portray portal list”",
    ] {
        assert_eq!(mask().text(text), text);
    }
}
