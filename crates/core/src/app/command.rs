//! Everything that happens, as one closed enum.
