//! The kit on a whole machine: what an operator installs, and what is there again after a boot.

mod acme;
mod apart;
mod applied;
mod boots;
mod confirmed;
mod cut_off;
mod hardened;
mod lost;
mod package;
mod page;
mod passed;
mod refused;
mod reloaded;
mod runbook;
mod services;
mod under_load;
