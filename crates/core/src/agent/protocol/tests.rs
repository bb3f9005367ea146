//! Requests and answers on the wire, those of other versions too.

use super::*;
use crate::app::contract::ProblemCode;

fn round_trip(operation: Operation) {
    let line = RequestLine {
        v: VERSION,
        operation,
    };
    let text = serde_json::to_vec(&line).unwrap();
    assert_eq!(parse_request(&text).unwrap(), line);
}

fn words() -> Target {
    Target::Words {
        words: "acme prod".to_owned(),
    }
}

#[test]
fn every_kind_of_request_survives_the_wire() {
    round_trip(Operation::Hello {
        version: "0.1.0".to_owned(),
    });
    round_trip(Operation::Credentials {
        role: words(),
        min_ttl_seconds: 900,
        asker: Asker::through(Door::Env),
    });
    round_trip(Operation::Prepare {
        role: words(),
        door: Door::Serve,
    });
    round_trip(Operation::Uses {
        after: 1_772_452_800_000,
        follow: true,
    });
    round_trip(Operation::Accounts {
        portal: None,
        query: "dev".to_owned(),
        offset: 100,
        limit: 100,
    });
    round_trip(Operation::Console {
        role: words(),
        destination: Some("s3".to_owned()),
        region: None,
        duration_seconds: Some(3600),
        via: Some(ConsoleVia::Portal),
        open_browser: false,
        browser: None,
    });
    round_trip(Operation::Command {
        request: Request::RenewNow,
    });
    round_trip(Operation::Subscribe);
}

#[test]
fn w6_a_client_of_an_earlier_version_asks_for_itself() {
    let line = br#"{"v":1,"op":"credentials","role":{"words":"acme"}}"#;
    let Operation::Credentials { asker, .. } = parse_request(line).unwrap().operation else {
        panic!("credentials are credentials");
    };
    assert_eq!(asker, Asker::through(Door::Socket));
}

#[test]
fn a_portal_named_or_not_the_target_is_read_as_a_role() {
    for text in [
        r#"{"portal":null,"account":"1","permission_set":"p"}"#,
        r#"{"portal":"acme","account":"1","permission_set":"p"}"#,
    ] {
        assert!(matches!(serde_json::from_str(text).unwrap(), Target::Role { .. }));
    }
}

#[test]
fn w6_another_version_is_told_what_to_do() {
    let newer = parse_request(br#"{"v":2,"op":"something_new"}"#).unwrap_err();
    assert!(
        newer.what_happened.contains("Portray that runs is older"),
        "{newer:?}"
    );
    assert!(newer.what_to_do.contains("Restart"), "{newer:?}");
    let older = parse_request(br#"{"v":0,"op":"hello"}"#).unwrap_err();
    assert!(older.what_happened.contains("This program is older"), "{older:?}");
    assert_eq!(
        (newer.code, older.code),
        (ProblemCode::NoAgent, ProblemCode::NoAgent)
    );
}

#[test]
fn w6_every_version_can_end_an_agent_of_another_one() {
    let stop = parse_request(br#"{"v":7,"op":"stop"}"#).unwrap();
    assert_eq!(stop.operation, Operation::Stop);
    parse_request(br#"{"v":7,"op":"hello","version":"9.0.0"}"#).unwrap();
}

#[test]
fn x2_an_answer_to_nonsense_does_not_repeat_it() {
    for line in [
        &b"aoa-canary"[..],
        br#"{"v":1,"op":"aoa-canary"}"#,
        b"",
        b"\xff\xfe",
    ] {
        let problem = parse_request(line).unwrap_err();
        assert!(!format!("{problem:?}").contains("canary"));
    }
}

#[test]
fn x2_debug_of_an_answer_hides_its_secrets() {
    let secret = WireSecret::from(&Secret::from("aoa-canary"));
    let replies = [
        Reply::Console {
            url: Some(secret.clone()),
        },
        Reply::SignIn {
            url: secret.clone(),
            user_code: None,
            expires_at: Timestamp::UNIX_EPOCH,
            joined: false,
            signed_out_of: None,
        },
        Reply::Credentials(CredentialsReply {
            chain: None,
            access_key_id: "AKID".to_owned(),
            secret_access_key: secret.clone(),
            session_token: secret,
            expires_at: Timestamp::UNIX_EPOCH,
            role: Role {
                portal: "p".to_owned(),
                account: "1".to_owned(),
                permission_set: "s".to_owned(),
                chain: None,
            },
            portal_name: "acme".to_owned(),
            account_name: String::new(),
        }),
    ];
    for reply in replies {
        assert!(!format!("{reply:?}").contains("canary"));
        assert!(serde_json::to_string(&reply).unwrap().contains("canary"));
    }
}

#[test]
fn x2_what_holds_secrets_can_be_neither_printed_nor_serialised_nor_shown_in_the_window() {
    use std::fmt::Display;

    use ts_rs::TS;

    use crate::identity_center::{Registration, RoleCredentials, Token};
    use crate::secret::has;
    use crate::token_store::SignIn;

    assert!(has!(Snapshot: Serialize) && has!(Snapshot: TS));
    let inside = [
        has!(RoleCredentials: Serialize),
        has!(Token: Serialize),
        has!(Registration: Serialize),
        has!(SignIn: Serialize),
        has!(RoleCredentials: Display),
        has!(Token: Display),
    ];
    let on_the_wire = [
        has!(WireSecret: Display),
        has!(WireSecret: TS),
        has!(CredentialsReply: TS),
        has!(Reply: TS),
    ];
    assert_eq!((inside, on_the_wire), ([false; 6], [false; 4]));
}
