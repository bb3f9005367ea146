//! Every answer of the emulator against the service models that botocore carries.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::client::{boto3_version, python};
use super::surroundings::Surroundings;
use super::table::{Column, OF_EMULATOR, compare};

const MODELS: &str = include_str!("models.py");

/// AWS leaves these out, too.
const NEVER_FILLED: [&str; 3] = [
    "CreateToken.idToken",
    "RegisterClient.authorizationEndpoint",
    "RegisterClient.tokenEndpoint",
];

/// What belongs to a source identity, which nobody here may set, and sizes that AWS tells since 2026.
const NEVER_FILLED_OF_STS: [&str; 3] = [
    "AssumeRole.SessionTokenSize",
    "AssumeRole.SessionTokenUtilization",
    "AssumeRole.SourceIdentity",
];

/// What the checker prints.
#[derive(Debug, Deserialize)]
struct Checked {
    /// The answers that came, by operation: `success` and names of errors.
    seen: BTreeMap<String, Vec<String>>,
    /// Errors that the models list and that did not come.
    errors_unseen: BTreeMap<String, Vec<String>>,
    /// Members of answers that never had a value, as paths.
    members_unseen: Vec<String>,
    /// Members of answers that came as null.
    null: Vec<String>,
    wrong: Vec<String>,
}

#[tokio::test]
async fn conforms_23_every_answer_and_error_is_as_botocores_models_say() -> Result<()> {
    let checked = check("", &[]).await?;
    assert!(checked.wrong.is_empty(), "{:#?}", checked.wrong);
    // A scope in CreateToken has no effect, and so no error.
    let never = [
        ("CreateToken", vec!["InvalidScopeException"]),
        // All regions are on, nobody brings a context, and what has expired is the caller's: ExpiredToken.
        (
            "AssumeRole",
            vec![
                "ExpiredTokenException",
                "InvalidContextAssertionException",
                "RegionDisabledException",
            ],
        ),
    ];
    let never = never.map(|(operation, names)| {
        (
            operation.to_owned(),
            names.into_iter().map(str::to_owned).collect(),
        )
    });
    assert_eq!(checked.errors_unseen, BTreeMap::from(never));
    assert_eq!(
        checked.members_unseen,
        [NEVER_FILLED, NEVER_FILLED_OF_STS].concat()
    );
    assert_eq!(checked.null, Vec::<String>::new());
    let column = Column {
        name: "answers that botocore's models",
        heading: format!(
            "answers that botocore's models (boto3 {}) confirm",
            boto3_version()?
        ),
    };
    let cells = checked.seen.iter().map(|(operation, answers)| {
        let mut names: Vec<&str> = answers.iter().map(|name| short(name)).collect();
        names.sort_by_key(|name| *name != "success");
        (operation.as_str(), names.join(", "))
    });
    compare((OF_EMULATOR, "answers"), &column, &cells.collect::<Vec<_>>())
}

#[tokio::test]
async fn conforms_23_absent_members_may_be_null_as_botocores_models_allow() -> Result<()> {
    let checked = check("[unsettled]\nabsent_members = \"null\"\n", &[]).await?;
    assert!(checked.wrong.is_empty(), "{:#?}", checked.wrong);
    for member in NEVER_FILLED
        .iter()
        .chain(&["CreateToken.refreshToken", "ListAccounts.nextToken"])
    {
        assert!(
            checked.null.contains(&(*member).to_owned()),
            "{member}: {:?}",
            checked.null
        );
    }
    let successes = checked
        .seen
        .values()
        .filter(|answers| answers.iter().any(|name| name == "success"));
    assert_eq!(successes.count(), 9);
    Ok(())
}

/// A checker that finds nothing could be one that looks at nothing.
#[tokio::test]
async fn the_checker_of_models_finds_wrong_types_units_statuses_and_texts() -> Result<()> {
    let wrong = check("", &["spoiled"]).await?.wrong;
    for part in [
        "ListAccounts: ListAccounts.accountList is no list",
        "ListAccountRoles: unreadable",
        "GetRoleCredentials.roleCredentials.expiration is in another unit",
        "RegisterClient: InvalidRequestException with status 418, not 400",
    ] {
        assert!(wrong.iter().any(|one| one.contains(part)), "{part}: {wrong:#?}");
    }
    Ok(())
}

/// Runs the checker against an emulator with this addition to its world.
async fn check(world: &str, arguments: &[&str]) -> Result<Checked> {
    let surroundings = Surroundings::new().await?;
    // The checker signs with a date of its own making.
    let world = format!("check_signature_dates = false\n{world}");
    surroundings.emulator.amend_world(&world).await?;
    let addresses = surroundings.addresses();
    let base_url = addresses.base_url.as_str().trim_end_matches('/');
    let mut command = python(&surroundings, MODELS)?;
    command
        .args([base_url, addresses.start_url.as_str(), &addresses.region])
        .args(arguments);
    let finished = surroundings.run(command).await?.expect_code(0)?;
    serde_json::from_value(finished.json()?).context("what the checker prints")
}

/// `InvalidGrant` of `InvalidGrantException`.
fn short(name: &str) -> &str {
    name.strip_suffix("Exception").unwrap_or(name)
}
