//! What is wrong with an input, where, and the way out; and the TOML reader that finds it.
