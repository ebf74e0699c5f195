//! The body of a request, read when it is asked for: what is not read is not acknowledged, and the client's window closes.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http3::{Fault, Piece, request};

use super::connection::Session;
use super::inbound::{Broken, Receiver};
use crate::body::BoxError;

/// What is wrong with a request whose head was sound; told to whoever answers it.
pub(super) type Verdict = Arc<OnceLock<Fault>>;

/// A request body.
pub(super) struct Incoming {
    receiver: Option<Receiver>,
    /// What is left of a declared length.
    left: Option<u64>,
    largest_section: u64,
    verdict: Verdict,
    session: Arc<Session>,
}

impl Incoming {
    pub(super) fn new(
        receiver: Receiver,
        length: Option<u64>,
        session: Arc<Session>,
        verdict: Verdict,
    ) -> Self {
        Self {
            receiver: Some(receiver),
            left: length,
            largest_section: session.limits.section,
            verdict,
            session,
        }
    }

    fn fail(&mut self, broken: Broken) -> BoxError {
        self.receiver = None;
        if let Broken::Fault(fault) = broken {
            self.session.punish(fault);
            // The first fault is the one that counts.
            let _ = self.verdict.set(fault);
        }
        broken.into()
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Some(receiver) = &mut this.receiver else {
            return Poll::Ready(None);
        };
        Poll::Ready(match ready!(receiver.poll_piece(cx)) {
            Ok(Some(Piece::Data(data))) => {
                this.left = this.left.map(|left| left.saturating_sub(data.len() as u64));
                Some(Ok(Frame::data(data)))
            }
            Ok(Some(Piece::Trailers(section) | Piece::Head(section))) => {
                match request::trailers(&section, this.largest_section) {
                    Ok(fields) => Some(Ok(Frame::trailers(fields))),
                    Err(fault) => Some(Err(this.fail(fault.into()))),
                }
            }
            Ok(None) => {
                this.receiver = None;
                None
            }
            Err(broken) => Some(Err(this.fail(broken))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.receiver.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.receiver, self.left) {
            (None, _) => SizeHint::with_exact(0),
            (_, Some(left)) => SizeHint::with_exact(left),
            _ => SizeHint::default(),
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let Some(receiver) = self.receiver.take() else {
            return;
        };
        let session = Arc::clone(&self.session);
        // It ends with the connection, like every other one of its streams.
        self.session.streams.spawn(async move {
            if let Err(fault) = receiver.discard().await {
                session.punish(fault);
            }
        });
    }
}
