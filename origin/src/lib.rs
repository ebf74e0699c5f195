//! The MCP origin server: HTTP/1.1, HTTP/2 and HTTP/3 in front of MCP servers.
//!
//! One straight flow: bytes → [`listen`] → [`proto`] (the only place that knows HTTP versions) → one
//! `Request<Body>` with a [`conn::ConnInfo`] → [`middleware`] → [`router`] → [`endpoint`] ⇄ [`upstream`].

pub mod app;
pub mod attend;
pub mod body;
mod builder;
pub mod cli;
pub mod clock;
pub mod conn;
pub mod current;
pub mod endpoint;
pub mod envelope;
pub mod health;
mod heed;
pub mod keys;
pub mod limits;
pub mod listen;
pub mod logging;
pub mod metrics;
pub mod middleware;
pub mod native;
pub mod proto;
pub mod quic_key;
pub mod reload;
pub mod router;
pub mod run;
pub mod settings;
mod shards;
mod signals;
pub mod snapshot;
mod stamp;
mod state_key;
mod stop;
pub mod stream;
pub mod tls;
pub mod tools;
pub mod upstream;
mod watchdog;
mod within;

pub use builder::{Bound, Origin, RunError};
