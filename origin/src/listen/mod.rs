//! listen/mod
