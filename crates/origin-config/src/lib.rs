//! The one schema of the origin's TOML: what `origin` reads is what `opsctl` writes.

mod allow;
mod authority;
mod dependency;
mod expose;
mod filter;
pub mod hypercorn;
mod launch;
mod limits;
mod model;
mod parse;
mod quic;
mod read;
mod reload;
mod remote;
mod tls;
mod url;
mod write;

pub use allow::{AllowedHost, AllowedOrigin, WebOrigin};
pub use authority::Authority;
pub use dependency::{Address, Dependency, DependencyKind, Service, Web};
pub use expose::Exposed;
pub use filter::{Filter, Patterns};
pub use launch::{Launch, Limits};
pub use limits::{ClientLimits, Limit, Rate};
pub use model::{
    Bind, LogLevel, OriginConfig, ProcessMode, Server, Sessions, Timeouts, ToolNames, TrustedPeer,
};
pub use quic::Quic;
pub use read::{DEFAULTS, load, load_draft};
pub use reload::{Reload, reload};
pub use remote::Remote;
pub use tls::{Alpn, KeyPair, Tls};
pub use url::Url;
pub use write::write;
