//! An HTTP/1.1, HTTP/2 and HTTP/3 client that says what it saw and judges nothing.
//!
//! [`fetch`] makes a fresh connection, sends one [`Ask`] and returns the whole [`Answer`]; [`open`] returns as soon as
//! the head is there and hands out the body piece by piece, each with the instant of its arrival; a [`Connection`]
//! carries as many requests as its version allows. Every wait has a deadline, and whatever is dropped closes.
//!
//! What an answer means is for the caller to say: a 500 is an answer, a certificate that expired tomorrow is a fact.
//! The readers beside the client ([`sse`], [`alt_svc`], [`certificate`], [`mcp`]) do no I/O.

pub mod alt_svc;
pub mod certificate;
pub mod mcp;
pub mod quic;

mod answer;
mod ask;
mod connection;
mod dial;
mod error;
mod hold;
mod proto;
mod stream;
mod target;
mod upgrade;
mod version;
mod wait;

pub use answer::{Answer, Head, Timing, Tls};
pub use ask::Ask;
pub use connection::{Connection, MAX_BODY, fetch, handshakes, open};
pub use error::{ProbeError, Stage};
pub use hold::{End, Held, Holding, hold};
pub use stream::Stream;
pub use target::{Connect, ReadRoots, Scheme, Target, Trust};
pub use upgrade::{Upgrade, upgrade};
pub use version::Version;

/// The reader of event streams.
pub use ::mcp::sse;

/// One certificate in DER, the first of a chain being the leaf.
pub use rustls::pki_types::CertificateDer;
