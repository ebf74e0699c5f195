//! The one place that knows which version is spoken.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Request};
use hyper::body::Incoming;

use super::{
    http3::{self, Http3, Receiving},
    tcp::{self, Http1, Http2},
};
use crate::{
    Head, ProbeError, Stage, Target, Timing, Tls, Version, dial,
    wait::{Crew, Limit},
};

/// A connection that HTTP can be spoken on.
pub(crate) enum Wire {
    Http1(Http1),
    Http2(Http2),
    Http3(Http3),
}

/// A response body that is coming.
pub(crate) enum Body {
    Tcp(Incoming),
    Http3(Receiving),
}

/// A piece of it.
pub(crate) enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
}

/// A new connection and what was seen of its making.
pub(crate) struct Opened {
    pub(crate) wire: Wire,
    pub(crate) crew: Crew,
    pub(crate) tls: Option<Tls>,
    pub(crate) timing: Timing,
}

impl Wire {
    /// `manner` is for HTTP/3 alone.
    pub(crate) async fn open(
        target: &Target,
        limit: Limit,
        manner: Option<&dial::quic::Manner>,
    ) -> Result<Opened, ProbeError> {
        let start = Instant::now();
        let crew = Crew::default();
        let tasks = crew.spawner();
        let (wire, tls, connect) = if limit.version == Version::Http3 {
            let mut dialled = dial::quic::dial(target, limit, manner).await?;
            let (tls, connect) = (dialled.tls.take(), dialled.connect);
            (
                Self::Http3(http3::http3(dialled, &tasks, limit).await?),
                tls,
                connect,
            )
        } else {
            let dialled = dial::tcp::dial(target, limit).await?;
            let wire = if limit.version == Version::Http1 {
                Self::Http1(tcp::http1(dialled.io, &tasks, limit).await?)
            } else {
                Self::Http2(tcp::http2(dialled.io, &tasks, limit).await?)
            };
            (wire, dialled.tls, dialled.connect)
        };
        let total = start.elapsed();
        let timing = Timing {
            connect,
            handshake: total.saturating_sub(connect),
            total,
            ..Timing::default()
        };
        Ok(Opened {
            wire,
            crew,
            tls,
            timing,
        })
    }

    /// Sends a request with an absolute URI, and waits for the response head.
    pub(crate) async fn send(
        &mut self,
        request: Request<Bytes>,
        limit: Limit,
    ) -> Result<(Head, Body), ProbeError> {
        match self {
            Self::Http1(sender) => {
                let (head, body) = tcp::send1(sender, request, limit).await?;
                Ok((head, Body::Tcp(body)))
            }
            Self::Http2(sender) => {
                let (head, body) = tcp::send2(sender, request, limit).await?;
                Ok((head, Body::Tcp(body)))
            }
            Self::Http3(sender) => {
                let (head, body) = sender.send(request, limit).await?;
                Ok((head, Body::Http3(body)))
            }
        }
    }

    /// The QUIC connection under HTTP/3.
    pub(crate) fn http3(&self) -> Option<&Http3> {
        match self {
            Self::Http1(_) | Self::Http2(_) => None,
            Self::Http3(wire) => Some(wire),
        }
    }

    /// Says goodbye in the version's own way; over TCP the crew does the rest.
    pub(crate) async fn close(self) {
        match self {
            Self::Http1(_) | Self::Http2(_) => {}
            Self::Http3(wire) => wire.close().await,
        }
    }
}

impl Body {
    /// The next piece, nothing at the end. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self, limit: Limit) -> Result<Option<Piece>, ProbeError> {
        match self {
            Self::Tcp(body) => limit.try_on(Stage::Body, tcp::next(body)).await,
            Self::Http3(body) => limit.try_on(Stage::Body, body.next()).await,
        }
    }

    /// Gives the rest up.
    pub(crate) async fn cancel(self) {
        match self {
            // hyper sends RST_STREAM with CANCEL over HTTP/2, and closes over HTTP/1.1
            Self::Tcp(body) => drop(body),
            Self::Http3(body) => body.cancel().await,
        }
    }
}
