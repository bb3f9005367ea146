//! What AWS cannot have is refused, and most of it allowed in a hostile world.

use super::parse;
use super::tests::SMALL;

#[test]
fn what_aws_cannot_have_is_refused_unless_the_world_is_hostile() {
    let long = "x".repeat(701);
    for (from, to, expected) in [
        ("name = \"ada\"", "name = \"\"".to_owned(), "line 5, user.name: "),
        (
            "password = \"demo\"",
            "password = \"\"".to_owned(),
            "line 8, user.password: ",
        ),
        (
            "email = \"ada@example.com\"",
            "email = \"nope\"".to_owned(),
            "line 7, user.email: \"nope\"",
        ),
        (
            "name = \"ReadOnly\"\n",
            "name = \"ReadOnly\"\nrelay_state = \"javascript:x\"\n".to_owned(),
            "line 16, permission_set.relay_state: ",
        ),
        (
            "name = \"ReadOnly\"\n",
            format!("name = \"ReadOnly\"\ndescription = \"{long}\"\n"),
            "line 16, permission_set.description: has 701",
        ),
        (
            "ReadOnly",
            "has space".to_owned(),
            "line 15, permission_set.name: \"has space\"",
        ),
        (
            "company = \"One\"",
            "company = \"\"".to_owned(),
            "line 1, company: ",
        ),
        (
            "company = \"One\"",
            "company = \"a\\u0007b\"".to_owned(),
            "line 1, company: ",
        ),
        ("ReadOnly", "x".repeat(33), "line 15, permission_set.name: "),
        (
            "[[user]]",
            "attributes_for_access_control = { Team = \"${path:nope.x}\" }\n[[user]]".to_owned(),
            "line 4, attributes_for_access_control: \"nope.x\"",
        ),
        (
            "password = \"demo\"",
            "password = \"demo\"\nattributes = { \"enterprise.costCentre\" = \"1\" }".to_owned(),
            "line 9, user.attributes: \"enterprise.costCentre\"",
        ),
        (
            "name = \"only\"",
            format!("name = \"{}\"", "x".repeat(51)),
            "line 11, account.name: ",
        ),
    ] {
        // The name of a permission set stands in two places.
        let text = SMALL
            .replace(from, &to)
            .replace("[\"only\"]", "[\"000000000001\"]");
        let text = text.replace(
            "user = \"ada\"",
            if to == "name = \"\"" {
                "user = \"\""
            } else {
                "user = \"ada\""
            },
        );
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
        assert!(error.contains("hostile = true"), "{error}");
        let hostile = parse(&format!("hostile = true\n{text}"));
        assert!(hostile.is_ok(), "{to}: {hostile:?}");
    }
    let mut world = parse(SMALL).unwrap();
    let odd = "[[permission_set]]\nname = \"has space\"\n";
    assert!(world.amend(odd).is_err());
    assert!(world.amend(&format!("hostile = true\n{odd}")).is_ok());
}

#[test]
fn a_second_factor_that_is_none_is_answered_with_the_forms_that_it_has() {
    for mfa in ["\"totp\"", "{ secret = \"x\" }", "{}", "true"] {
        let text = SMALL.replace(
            "password = \"demo\"",
            &format!("password = \"demo\"\nmfa = {mfa}"),
        );
        let error = parse(&text).unwrap_err().to_string();
        assert!(
            error.contains("line 9") && error.contains("expected \"none\", or { totp = \"…\" }"),
            "{error}"
        );
    }
    let none = SMALL.replace("password = \"demo\"", "password = \"demo\"\nmfa = \"none\"");
    assert!(parse(&none).is_ok());
}

#[test]
fn what_would_do_nothing_or_twice_the_same_is_refused() {
    let policy = "\"arn:aws:iam::aws:policy/ReadOnlyAccess\"";
    for (from, to, expected) in [
        (
            "permission_sets = [\"ReadOnly\"]",
            "permission_sets = []".to_owned(),
            "line 18, assignment.permission_sets: is empty",
        ),
        (
            "name = \"ReadOnly\"\n",
            format!("name = \"ReadOnly\"\nmanaged_policies = [{policy}, {policy}]\n"),
            "line 16, permission_set.managed_policies: \"arn:aws:iam::aws:policy/ReadOnlyAccess\" is there twice",
        ),
    ] {
        let error = parse(&SMALL.replace(from, &to)).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
    }
}

#[test]
fn a_start_url_has_a_form_of_aws_even_in_a_hostile_world() {
    for url in [
        "https://sso.acme.example/start",
        "https://acme.awsapps.com/start?x=1",
        "https://acme.awsapps.com",
    ] {
        let text = SMALL.replace("https://d-1234567890.awsapps.com/start/", url);
        for text in [text.clone(), format!("hostile = true\n{text}")] {
            let error = parse(&text).unwrap_err().to_string();
            let expected =
                format!("start_url: {url:?} does not look like https://d-1234567890.awsapps.com/start, ");
            assert!(error.contains(&expected), "{error}");
        }
    }
}

#[test]
fn a_region_is_one_even_in_a_hostile_world() {
    let text = SMALL.replace("eu-west-1", "mars");
    for text in [text.clone(), format!("hostile = true\n{text}")] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(
            error.contains("region: \"mars\" is no region") && !error.contains("hostile"),
            "{error}"
        );
    }
}

#[test]
fn two_users_never_have_the_same_address() {
    let eve = |address: &str| {
        format!(
            "[[user]]\nname = \"eve\"\ndisplay_name = \"Eve\"\nemail = \"{address}\"\npassword = \"demo\"\n"
        )
    };
    let mut world = parse(SMALL).unwrap();
    let error = world.amend(&eve("ADA@example.com")).unwrap_err().to_string();
    assert!(
        error.contains("line 4, user.email: \"ADA@example.com\" is the address of ada too"),
        "{error}"
    );
    world.amend(&eve("eve@example.com")).unwrap();
    world.amend(&eve("Eve@example.com")).unwrap();
    assert!(parse(&format!("hostile = true\n{SMALL}{}", eve("ada@example.com"))).is_ok());
}

#[test]
fn two_accounts_never_have_the_same_address() {
    let twin = |address: &str| {
        format!("[[account]]\nid = \"000000000002\"\nname = \"two\"\nemail = \"{address}\"\n")
    };
    let text = format!("{SMALL}{}", twin("Only@Example.com"));
    let error = parse(&text).unwrap_err().to_string();
    assert!(
        error.contains("account.email: \"only@example.com\" is the address of 000000000002 too"),
        "{error}"
    );
    assert!(parse(&format!("hostile = true\n{text}")).is_ok());

    let mut world = parse(SMALL).unwrap();
    let error = world.amend(&twin("only@example.com")).unwrap_err().to_string();
    assert!(
        error.contains("line 4, account.email: ") && error.contains("000000000001"),
        "{error}"
    );
    world.amend(&twin("two@example.com")).unwrap();
    world.amend(&twin("TWO@example.com")).unwrap();
    assert_eq!(world.accounts.len(), 2);
}

#[test]
fn who_keeps_the_passwords_has_a_name_that_can_be_typed() {
    for (source, expected) in [
        (
            "kind = \"active_directory\"\ndomain = \"\"",
            "identity_source.domain: \"\" is no domain",
        ),
        (
            "kind = \"active_directory\"\ndomain = \"corp acme\"",
            "identity_source.domain: \"corp acme\"",
        ),
        (
            "kind = \"external_idp\"\nname = \"\"",
            "identity_source.name: is 1 to 128 characters",
        ),
    ] {
        let text = SMALL.replace("[[user]]", &format!("[identity_source]\n{source}\n[[user]]"));
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
