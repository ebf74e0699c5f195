//! The Model Context Protocol without I/O: messages in, messages out.
//!
//! Nothing here opens a socket, reads a clock or spawns a task. What passes through is raw JSON: the envelope is parsed,
//! the payload keeps its bytes.

pub mod catalog;
pub mod dispatch;
pub mod error;
pub mod headers;
pub mod jsonrpc;
mod raw;
pub mod reply;
pub mod tool;
pub mod upstream;
pub mod version;

pub use catalog::Catalog;
pub use dispatch::{Decision, Inbound, decide};
pub use error::Error;
pub use reply::Service;
pub use tool::Naming;
pub use version::{Era, Revision};
