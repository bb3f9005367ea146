//! AWS's SDK for JavaScript.

use anyhow::Result;

use super::assume_role::signs_in_and_assumes_a_role;
use super::cache_files;
use super::client::{Client, javascript};
use super::every_operation::assert_every_operation;
use super::surroundings::Surroundings;
use super::table::compare_operations;

#[tokio::test]
async fn conforms_25_the_sdk_for_javascript_calls_every_operation_and_signs_in_both_ways() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let script = || javascript(&surroundings, "every_operation.mjs");
    assert_every_operation(&surroundings, script).await?;
    signs_in_and_assumes_a_role(&surroundings, Client::JavaScript).await?;
    let records = surroundings.records().await?;
    compare_operations(&Client::JavaScript.column()?, "aws-sdk-js/3.", &records)
}

#[tokio::test]
async fn conforms_28_the_sdk_for_javascript_makes_the_expected_calls_with_every_cache_file() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    cache_files::judge(&surroundings, Client::JavaScript, false).await
}
