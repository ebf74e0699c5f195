//! What must hold for any bytes that reach a reader of this project.
//!
//! Each function takes bytes and panics when its rule is broken. `fuzz/` gives them bytes without end; the tests of this
//! package give them the seeds of `fuzz/seeds` and random bytes, with no tool but cargo.

mod conf;
mod envelope;
mod events;
mod headers;
mod http3;
mod proxy;

pub use conf::conf;
pub use envelope::envelope;
pub use events::events;
pub use headers::headers;
pub use http3::http3;
pub use proxy::proxy;

/// A fuzz target: its name, which is also the folder of its seeds, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every fuzz target.
pub const TARGETS: [Target; 6] = [
    ("envelope", envelope),
    ("headers", headers),
    ("events", events),
    ("conf", conf),
    ("http3", http3),
    ("proxy", proxy),
];
