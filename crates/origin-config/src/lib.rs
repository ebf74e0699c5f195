//! The one schema of the origin's TOML: what `origin` reads is what `opsctl` writes.

mod allow;
mod authority;
mod launch;
mod model;
mod parse;
mod read;
mod remote;
mod write;

pub use allow::{AllowedHost, AllowedOrigin, WebOrigin};
pub use authority::Authority;
pub use launch::{Launch, Limits};
pub use model::{
    Bind, LogLevel, OriginConfig, ProcessMode, Server, Sessions, Timeouts, ToolNames, TrustedPeer,
};
pub use read::{DEFAULTS, load};
pub use remote::{Remote, Url};
pub use write::write;
