//! A response whose body is still coming.

use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::HeaderMap;

use crate::{
    Answer, Connection, Head, ProbeError, Timing, Tls, Version,
    proto::{Body, Piece},
    wait::Limit,
};

/// A response whose head was seen. Dropping it gives the rest up; a stream that came from [`open`](crate::open) closes
/// its connection too.
pub struct Stream {
    head: Head,
    // dropped before the connection, so that the peer hears of the stream first
    body: Body,
    connection: Option<Connection>,
    version: Version,
    tls: Option<Tls>,
    timing: Timing,
    idle: Duration,
    trailers: Option<HeaderMap>,
    ended: bool,
}

/// What a stream begins with.
pub(crate) struct Opening {
    pub(crate) head: Head,
    pub(crate) body: Body,
    pub(crate) version: Version,
    pub(crate) tls: Option<Tls>,
    pub(crate) timing: Timing,
    pub(crate) idle: Duration,
}

impl Stream {
    pub(crate) fn new(opening: Opening) -> Self {
        Self {
            head: opening.head,
            body: opening.body,
            connection: None,
            version: opening.version,
            tls: opening.tls,
            timing: opening.timing,
            idle: opening.idle,
            trailers: None,
            ended: false,
        }
    }

    /// Takes the connection over, which nothing else uses; it all took `total`.
    pub(crate) fn own(&mut self, connection: Connection, total: Duration) {
        self.connection = Some(connection);
        self.timing.total = total;
    }

    /// The head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The TLS session of its connection; nothing for `http`.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// How long it took to the head, where `total` ends too.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// The trailers, once `chunk` has returned nothing; nothing where there were none.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// Sets how long `chunk` waits for a piece; the target's `timeout` unless set.
    pub fn set_idle_timeout(&mut self, idle: Duration) {
        self.idle = idle;
    }

    /// The next piece of the body and the instant at which it was taken; nothing at its end. Pieces are never empty,
    /// and are what the connection delivered: they need not be what the server wrote. The instant is that of the
    /// arrival only for a caller who waits here when it comes.
    ///
    /// Errors: the body's stage; a timeout after the idle time. After a timeout the stream is as it was and may be
    /// asked again, and dropping the future loses nothing.
    pub async fn chunk(&mut self) -> Result<Option<(Instant, Bytes)>, ProbeError> {
        self.chunk_within(Limit::new(self.version, self.idle)).await
    }

    pub(crate) async fn chunk_within(
        &mut self,
        limit: Limit,
    ) -> Result<Option<(Instant, Bytes)>, ProbeError> {
        while !self.ended {
            match self.body.next(limit).await? {
                Some(Piece::Data(data)) if data.is_empty() => {}
                Some(Piece::Data(data)) => return Ok(Some((Instant::now(), data))),
                Some(Piece::Trailers(trailers)) => self.trailers = Some(trailers),
                None => self.ended = true,
            }
        }
        Ok(None)
    }

    /// Gives the rest up and says so to the server: RST_STREAM with CANCEL over HTTP/2, STOP_SENDING with
    /// H3_REQUEST_CANCELLED over HTTP/3; HTTP/1.1 can only close its connection. A connection of the stream's own is
    /// closed after that; on a [`Connection`] of yours the others go on.
    pub async fn reset(self) {
        let Self {
            body, connection, ..
        } = self;
        body.cancel().await;
        if let Some(connection) = connection {
            connection.close().await;
        }
    }

    /// Closes the connection, if it is the stream's own, without a word about the stream where the version allows that
    /// (HTTP/3); else as `reset`.
    pub async fn close(self) {
        let Self {
            body, connection, ..
        } = self;
        match (body, connection) {
            (body @ Body::Http3(_), Some(connection)) => {
                connection.close().await;
                drop(body);
            }
            (body, connection) => {
                body.cancel().await;
                if let Some(connection) = connection {
                    connection.close().await;
                }
            }
        }
    }

    pub(crate) fn into_answer(self, body: Bytes) -> Answer {
        Answer {
            head: self.head,
            body,
            trailers: self.trailers,
            timing: self.timing,
            tls: self.tls,
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("version", &self.version)
            .field("head", &self.head)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
