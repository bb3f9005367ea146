//! A local Identity Center.
