//! HTTP/3 over QUIC: quinn carries the streams, `crates/http3` reads and writes what is in them.

mod body;
mod connection;
mod endpoint;
mod exchange;
mod inbound;
mod outbound;
mod room;
mod runtime;
mod sent;
mod socket;
mod uni;

pub use connection::serve;
pub use endpoint::Endpoint;

use ::http3::Code;
use quinn::VarInt;

/// A code as quinn takes it.
fn var_int(code: Code) -> VarInt {
    VarInt::from_u32(code.number())
}
