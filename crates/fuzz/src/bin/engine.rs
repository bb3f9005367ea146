//! The fuzzer: one program for all targets; `FUZZ_TARGET` says which. `cargo xtask fuzz` builds and runs it.
#![no_main]

use std::sync::LazyLock;

use fuzz::{Target, named};
use libfuzzer_sys::fuzz_target;

#[expect(
    clippy::disallowed_methods,
    reason = "libFuzzer has the arguments for itself; no product code"
)]
static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    named(&name).expect("FUZZ_TARGET names a target")
});

fuzz_target!(|input: &[u8]| (TARGET.run)(input));
