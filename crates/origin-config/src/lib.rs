//! The one schema of the origin's TOML: what `origin` reads is what `opsctl` writes.

mod model;
mod parse;
mod read;
mod write;

pub use model::{Bind, LogLevel, OriginConfig, Server, Timeouts, ToolNames, TrustedPeer};
pub use read::{DEFAULTS, load};
pub use write::write;
