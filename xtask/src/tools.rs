//! What the demo and the tests need and a machine may not have, provided once and kept in the cache.
//!
//! Each tool has one file with an `ensure` that may be called at any time, also by two processes at once.

pub(crate) mod cargo_deny;
pub(crate) mod cargo_fuzz;
pub(crate) mod chromium;
pub(crate) mod confs;
pub(crate) mod h3i;
pub(crate) mod nextest;
pub(crate) mod nginx;
pub(crate) mod node;
pub(crate) mod plists;
pub(crate) mod python;
pub(crate) mod rmcp;
pub(crate) mod roots;
