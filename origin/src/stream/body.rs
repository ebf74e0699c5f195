//! The body of a streaming response.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use pin_project_lite::pin_project;

use super::framing::Framing;
use super::registry::Ticket;
use crate::body::Body;

pin_project! {
    /// The events of a producer, with keep-alives between them and last words when the origin shuts down.
    ///
    /// Nothing is produced ahead of the reader: the producer is asked only when the connection has room.
    #[derive(Debug)]
    pub struct StreamBody<P> {
        #[pin]
        producer: P,
        framing: Framing,
        ending: Ending,
        // Dropped with the end of the events, which takes the stream off the list although the body may live on.
        ticket: Option<Ticket>,
    }
}

/// What a stream does when the origin shuts down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It says the last words of its framing and ends.
    Words,
    /// It says this and ends; nothing, when this is empty.
    Text(Bytes),
    /// It goes on to its own end, which is near: the answer to a call.
    Finish,
}

/// An extension of a response that is a stream which only its client or the origin ends.
#[derive(Debug, Clone, Copy)]
pub struct Endless;

impl<P> StreamBody<P>
where
    P: Stream<Item = Bytes> + Send + 'static,
{
    /// A stream of what `producer` makes: each item one whole event in this framing.
    pub fn new(producer: P, framing: Framing, ticket: Ticket) -> Self {
        Self {
            producer,
            framing,
            ending: Ending::Words,
            ticket: Some(ticket),
        }
    }

    /// The same with another end at shutdown.
    #[must_use]
    pub fn ending(self, ending: Ending) -> Self {
        Self { ending, ..self }
    }

    /// A response with status 200 and the framing's media type.
    pub fn into_response(self) -> Response<Body> {
        let content_type: HeaderValue = self.framing.content_type();
        let endless = self.ending != Ending::Finish;
        let body = self.map_err(|never| match never {}).boxed_unsync();
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        if endless {
            response.extensions_mut().insert(Endless);
        }
        response
    }
}

impl<P: Stream<Item = Bytes>> http_body::Body for StreamBody<P> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.project();
        let Some(ticket) = this.ticket else {
            return Poll::Ready(None);
        };
        // Before the flags are read, so that no wake-up falls between.
        ticket.slot().register(cx.waker());
        if ticket.slot().is_ended() && *this.ending != Ending::Finish {
            *this.ticket = None;
            let last = match this.ending {
                Ending::Text(text) if text.is_empty() => return Poll::Ready(None),
                Ending::Text(text) => std::mem::take(text),
                Ending::Words | Ending::Finish => this.framing.end(),
            };
            return Poll::Ready(Some(Ok(Frame::data(last))));
        }
        if let Poll::Ready(event) = this.producer.poll_next(cx) {
            if event.is_some() {
                ticket.spoke();
            } else {
                *this.ticket = None;
            }
            return Poll::Ready(event.map(|bytes| Ok(Frame::data(bytes))));
        }
        ready!(due(ticket));
        ticket.spoke();
        Poll::Ready(Some(Ok(Frame::data(this.framing.keep_alive()))))
    }
}

fn due(ticket: &Ticket) -> Poll<()> {
    if ticket.slot().take_due() {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::stream;

    use super::*;
    use crate::clock::Clock;
    use crate::stream::Streams;

    async fn next<B: http_body::Body<Data = Bytes> + Unpin>(body: &mut B) -> Option<Bytes> {
        let frame = tokio::time::timeout(Duration::from_mins(1), body.frame());
        let frame = frame.await.expect("a frame in time")?.ok()?;
        frame.into_data().ok()
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_filled_with_comments() {
        let streams = Streams::new(Duration::from_secs(15), Clock::system());
        tokio::spawn(std::sync::Arc::clone(&streams).drive());
        let ticket = streams.open("a", "sse");
        let mut body = Box::pin(StreamBody::new(stream::pending(), Framing::Sse, ticket));
        for _ in 0..3 {
            assert_eq!(
                next(&mut body).await.as_deref(),
                Some(&b": keep-alive\n\n"[..])
            );
        }
    }

    #[tokio::test]
    async fn a_shutdown_ends_a_stream_with_its_last_words() {
        let streams = Streams::new(Duration::from_secs(15), Clock::system());
        let ticket = streams.open("a", "sse");
        let mut body = Box::pin(StreamBody::new(stream::pending(), Framing::Sse, ticket));
        streams.end_all();
        let last = next(&mut body).await.expect("the last words");
        assert!(last.starts_with(b"event: end\n"), "{last:?}");
        assert!(next(&mut body).await.is_none());
        assert!(streams.list().is_empty());
    }

    #[tokio::test]
    async fn a_shutdown_lets_an_answer_finish_and_ends_a_silent_stream() {
        let streams = Streams::new(Duration::from_secs(15), Clock::system());
        let open = |ending| {
            let events = stream::iter([Bytes::from_static(b"x")]);
            let body = StreamBody::new(events, Framing::Sse, streams.open("a", "mcp"));
            Box::pin(body.ending(ending))
        };
        let (mut call, mut silent) = (open(Ending::Finish), open(Ending::Text(Bytes::new())));
        let mut last = open(Ending::Text(Bytes::from_static(b"bye")));
        streams.end_all();
        assert_eq!(next(&mut call).await.as_deref(), Some(&b"x"[..]));
        assert!(next(&mut silent).await.is_none());
        assert_eq!(next(&mut last).await.as_deref(), Some(&b"bye"[..]));
        assert!(next(&mut last).await.is_none());
    }

    #[tokio::test]
    async fn a_finished_producer_leaves_the_list() {
        let streams = Streams::new(Duration::from_secs(15), Clock::system());
        let ticket = streams.open("a", "sse");
        let events = stream::iter([Bytes::from_static(b"x")]);
        let mut body = Box::pin(StreamBody::new(events, Framing::Sse, ticket));
        assert_eq!(next(&mut body).await.as_deref(), Some(&b"x"[..]));
        assert!(next(&mut body).await.is_none());
        assert!(streams.list().is_empty());
    }
}
