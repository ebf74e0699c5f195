//! The MCP origin server: HTTP/1.1 and HTTP/2 in front of MCP servers.
//!
//! One straight flow: bytes → [`listen`] → [`proto`] (the only place that knows HTTP versions) → one
//! `Request<Body>` with a [`conn::ConnInfo`] → [`middleware`] → [`router`] → [`endpoint`] ⇄ [`upstream`].

pub mod app;
pub mod body;
mod builder;
pub mod cli;
pub mod clock;
pub mod conn;
pub mod endpoint;
pub mod envelope;
pub mod health;
pub mod keys;
pub mod limits;
pub mod listen;
pub mod logging;
pub mod metrics;
pub mod middleware;
pub mod native;
pub mod proto;
pub mod router;
pub mod run;
pub mod settings;
mod signals;
pub mod snapshot;
mod stamp;
pub mod stream;
pub mod tls;
pub mod tools;
pub mod upstream;

pub use builder::{Bound, Origin, RunError};
