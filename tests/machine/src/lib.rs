//! A whole Debian with systemd as its first process, made for a test and gone with it: the kit is installed on it as on a
//! server, and clients reach its ports from outside.
//!
//! Nothing here is skipped when a tool is missing: the tests fail and name the command that provides it.

mod cgroup;
mod deployed;
mod kit;
mod layer;
mod machine;
mod network;
mod runbook;
mod said;
mod traffic;
mod wait;

pub use deployed::{Deployed, NAME, SERVER_NAME, call};
pub use kit::Kit;
pub use machine::Machine;
pub use runbook::{Block, Way, blocks};
pub use said::{Said, show};
pub use traffic::{Served, Traffic, served_meanwhile};
pub use wait::{DEADLINE, until};
