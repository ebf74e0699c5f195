//! The one schema of the origin's TOML.
