//! AWS's SDK for Python.

use anyhow::Result;
use serde_json::json;

use super::assume_role::signs_in_and_assumes_a_role;
use super::cache_files;
use super::client::{Client, boto3_version, python};
use super::every_operation::assert_every_operation;
use super::surroundings::Surroundings;
use super::table::compare_operations;

const EVERY_OPERATION: &str = include_str!("every_operation.py");
const PRESIGNED: &str = include_str!("presigned.py");

#[tokio::test]
async fn conforms_23_boto3_calls_every_operation_and_signs_in_both_ways() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    assert_every_operation(&surroundings, || python(&surroundings, EVERY_OPERATION)).await?;
    signs_in_and_assumes_a_role(&surroundings, Client::Boto3).await?;
    let agent = format!("Boto3/{} ", boto3_version()?);
    compare_operations(&Client::Boto3.column()?, &agent, &surroundings.records().await?)
}

#[tokio::test]
async fn conforms_28_boto3_makes_the_expected_calls_with_every_cache_file() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    cache_files::judge(&surroundings, Client::Boto3, false).await
}

#[tokio::test]
async fn conforms_19_requests_that_botocore_presigns_say_who_signed_them_and_only_unchanged() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let finished = surroundings.run(python(&surroundings, PRESIGNED)?).await?;
    let expected = json!({
        "get": [200, 403], "post": [200, 403], "cluster": [200, 403, 403], "vault": 200, "account": "111122223333",
    });
    assert_eq!(finished.expect_code(0)?.json()?, expected);
    Ok(())
}
