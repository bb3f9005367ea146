//! How often a story is told that could go well by chance.

/// As often as `PORTRAY_TEST_ROUNDS` says, which a nightly run sets to 50; else `usual`, for which there is always time.
#[expect(
    clippy::disallowed_methods,
    reason = "asks how thorough a run of the tests is to be; no product code"
)]
pub fn rounds(usual: usize) -> usize {
    let wanted = std::env::var("PORTRAY_TEST_ROUNDS").ok();
    wanted.and_then(|wanted| wanted.parse().ok()).unwrap_or(usual)
}
