//! What the end-to-end tests share: the tools that they run, a deployment spec in a folder of its own, and the
//! deployment that `opsctl up` brings up from it.
//!
//! Nothing here is skipped when a tool is missing: the tests fail and name the command that provides it.

mod browser;
mod deployment;
mod far;
pub mod held;
mod origin;
mod running;
mod staged;
mod tools;
mod words;

pub use browser::{Browser, Screen};
pub use deployment::{Deployment, free_port_pair};
pub use far::{Far, FarKind};
pub use origin::Origin;
pub use running::{DEADLINE, Running, Verdict, children_of, opsctl, up_once};
pub use staged::Staged;
pub use tools::{NginxBuild, Tools};
pub use words::Words;
