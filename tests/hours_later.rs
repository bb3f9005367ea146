//! Hours later, by the wall clock, with the programs that were built for the tests.

mod story;

use anyhow::Result;

#[tokio::test]
async fn r1_for_hours_what_is_in_use_is_renewed_before_anybody_asks_and_no_browser_opens() -> Result<()> {
    story::what_is_in_use_is_renewed_before_anybody_asks().await
}

#[tokio::test]
async fn t1_after_a_suspend_what_is_in_use_is_renewed_before_anybody_asks() -> Result<()> {
    story::after_a_suspend_it_is_renewed_before_anybody_asks().await
}

#[tokio::test]
async fn t2_waking_without_a_network_is_no_loss() -> Result<()> {
    story::waking_without_a_network_loses_nothing().await
}

#[tokio::test]
async fn t4_summer_time_begins_and_ends_unnoticed() -> Result<()> {
    story::summer_time_changes_nothing().await
}
