//! The origin from outside: in-process over real sockets and in-memory pipes, and as a process of its own.

mod attend;
mod browser;
mod errors;
mod forwarded;
mod frames;
mod hostile;
mod hostile_h2;
mod http3;
mod idle;
mod keys;
mod life;
mod limits;
mod metrics;
mod native;
mod page;
mod panics;
mod readiness;
mod refused;
mod request_id;
mod sockets;
mod starved;
mod streams;
mod support;
mod tls;
mod tool_api;
mod victim;
