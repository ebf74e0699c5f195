//! Responses that stream: their framing, their keep-alives, and the list of those that are open.
//!
//! A stream is produced only as its body is polled, so a slow reader slows its producer. Beside the body there is no
//! task: one [`Streams::drive`] serves the keep-alives of all.

mod body;
mod framing;
mod registry;
mod wheel;

pub use body::{Ending, Endless, StreamBody};
pub use framing::{Framing, NDJSON, SSE};
pub use registry::{OpenStream, Streams, Ticket};
pub(crate) use wheel::{Turn, Wheel};
