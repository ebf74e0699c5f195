//! Responses that stream.

/// The streams that are open now.
#[derive(Debug, Default)]
pub struct Streams {}
