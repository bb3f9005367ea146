//! Keeps tokens and role credentials fresh.
