//! The checks of `verify`. Each has two halves: gathering asks a server through the probe and returns what was seen;
//! judging is a pure function from what was seen to a verdict.

mod aim;
mod alt_svc;
pub(crate) mod ask;
mod disconnect;
mod early_data;
mod edge;
pub(crate) mod lint;
mod mcp;
mod origin;
mod reach;
mod request_id;
mod run;
mod stream;
mod tcp_sites;
mod timeouts;
mod tls;
mod tool_api;
mod verdict;

pub(crate) use aim::{Access, admin, edge_aim, from_deployment, from_url, reachable, show};
pub(crate) use edge::gather_generation as generation;
pub(crate) use run::{Verification, verify};
pub(crate) use verdict::{Check, Status, sentence};
#[cfg(test)]
pub(crate) use verdict::{Id, Verdict};
