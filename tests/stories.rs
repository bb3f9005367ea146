//! One binary for every story.
