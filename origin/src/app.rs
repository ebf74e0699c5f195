//! What every request can reach.

use std::sync::Arc;

use origin_config::OriginConfig;

use crate::clock::Clock;
use crate::stream::Streams;
use crate::upstream::Upstreams;

/// The state of a running origin, shared by all requests.
#[derive(Debug)]
pub struct App {
    /// The configuration, checked.
    pub config: Arc<OriginConfig>,
    /// The MCP servers behind this origin.
    pub upstreams: Arc<Upstreams>,
    /// The streams that are open now.
    pub streams: Arc<Streams>,
    /// Where the time comes from.
    pub clock: Clock,
}
