//! proto/mod
