//! Set-up, run, test and checks of this repository.

fn main() {}
