//! HTTP/3 (RFC 9114) and QPACK (RFC 9204) as a server speaks them: bytes in, frames and requests out. No I/O, no clock.
//!
//! The table of QPACK is the static one alone: its capacity is 0 in both directions, so no stream ever waits for another, a
//! client cannot make the server remember anything, and what is left of QPACK has no state.
//!
//! ```text
//! request stream   bytes → Inbound → Piece → qpack::decode → request::head → http::request::Parts
//!                  http::response::Parts → response::headers, response::data → bytes
//! other streams    bytes → uni::Kind → Control, Instructions
//! ```

mod code;
mod fault;
mod frame;
mod inbound;
pub mod qpack;
pub mod request;
pub mod response;
mod settings;
pub mod uni;
pub mod varint;

pub use code::Code;
pub use fault::Fault;
pub use frame::goaway;
pub use inbound::{Inbound, Piece};
pub use settings::control_stream;
