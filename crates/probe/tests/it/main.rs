//! The client against servers of hyper, and of quinn with h3, in the same process.

mod answers;
mod failures;
mod http3;
mod quic;
mod server;
mod streams;
