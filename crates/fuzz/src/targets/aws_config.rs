//! `~/.aws/config` as any program may have left it, and what profiles of ours make of it.

use portray_core::aws_config::document::Document;
use portray_core::aws_config::edit::{Content, block_of};
use portray_core::aws_config::logins::logins;
use portray_core::aws_config::names::{Template, USUAL_TEMPLATE};
use portray_core::aws_config::wish::{Kind, Listing, Portal, Role, Wish};
use portray_core::aws_config::{findings, plan, sso_cache, taken_back};

use crate::bounds::bounded;

pub fn run(input: &[u8]) {
    let written = bounded(input, || Document::read(input).to_bytes());
    assert_eq!(written, input, "every byte is kept");
    let lines = input.iter().filter(|byte| **byte == b'\n').count() + 1;
    for finding in bounded(input, || findings(Some(input), Some(input))) {
        assert!(
            (1..=lines).contains(&finding.line),
            "{finding:?} of {lines} lines"
        );
    }
    for login in bounded(input, || logins(input)) {
        assert!(
            !login.start_url.is_empty() && !login.region.is_empty(),
            "{login:?}"
        );
    }
    // The AWS CLI's cache is another file of its; whatever stands there is read or told.
    let _ = bounded(input, || sso_cache::parse(input));
    let wish = wish();
    let Ok(planned) = bounded(input, || plan(Some(input), None, &wish)) else {
        assert!(block_of(input).is_err(), "what is clear is planned for");
        return;
    };
    let Content::Bytes(once) = planned.after else {
        panic!("a profile is wished for");
    };
    let block = block_of(&once).expect("what was written can be read");
    assert!(
        block.is_some_and(|block| block.behind.is_empty()),
        "no setting of ours is left behind the end marker"
    );
    let again = plan(Some(&once), None, &wish).expect("what was written can be read");
    assert_eq!(
        again.after,
        Content::Bytes(once.clone()),
        "applying twice is applying once"
    );
    let back = taken_back(Some(&once)).expect("what was written can be taken back");
    if block_of(input) == Ok(None) {
        assert_eq!(back, Content::Bytes(input.to_vec()), "every byte comes back");
    }
}

fn wish() -> Wish {
    let portal = Portal {
        id: "0123456789abcdef".to_owned(),
        name: "acme".to_owned(),
        start_url: "https://acme.awsapps.com/start".to_owned(),
        region: "eu-west-1".to_owned(),
    };
    let role = Role {
        account_id: "111122223333".to_owned(),
        permission_set: "ReadOnly".to_owned(),
        account_name: "acme-dev".to_owned(),
        chain: None,
    };
    Wish {
        listings: vec![Listing {
            portal,
            is_complete: true,
            roles: vec![role],
            unclear: Vec::new(),
        }],
        template: Template::parse(USUAL_TEMPLATE).expect("the usual template is one"),
        kind: Kind::CredentialProcess {
            program: "/opt/portray".to_owned(),
        },
        region: None,
        output: None,
        only: Vec::new(),
    }
}
