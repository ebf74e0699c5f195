//! The Model Context Protocol without I/O: messages in, messages out.
//!
//! Nothing here opens a socket, reads a clock or spawns a task; what is random comes in as a value. What passes through is raw
//! JSON: the envelope is parsed, the payload keeps its bytes.

mod base64;
pub mod caching;
pub mod capabilities;
pub mod catalog;
pub mod dispatch;
pub mod error;
pub mod filter;
pub mod forward;
pub mod headers;
pub mod jsonrpc;
pub mod legacy;
pub mod level;
pub mod listen;
mod modern;
pub mod native;
pub mod offers;
pub mod plain;
pub mod post;
mod raw;
pub mod reply;
pub mod rounds;
pub mod schema;
pub mod seal;
pub mod session;
pub mod sessions;
pub mod sse;
mod template;
pub mod tool;
pub mod upstream;
pub mod version;

pub use caching::Caching;
pub use capabilities::Capabilities;
pub use catalog::Catalog;
pub use dispatch::{Decision, Inbound, decide};
pub use error::Error;
pub use filter::Filter;
pub use forward::Forward;
pub use level::Level;
pub use offers::{Kind, List, Offers};
pub use reply::Service;
pub use seal::Seal;
pub use tool::Naming;
pub use version::{Era, Revision};
