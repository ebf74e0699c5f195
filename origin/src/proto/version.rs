//! Which version a connection of TCP speaks, and hyper's connection for it.
//!
//! "the client connection preface starts with a sequence of 24 octets" that no request of HTTP/1.1 begins with (RFC 9113
//! section 3.4). They are read before a version is chosen, and are the first that its reader gets, together with what has
//! come after them: hyper's buffer for HTTP/1.1 is twice as large for the life of a connection whose first read was short.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::HttpService;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Tracked;
use super::flow::{Metered, Starter};
use super::tcp::Limits;
use crate::body::BoxError;

/// A connection whose client says with its first bytes which version it speaks.
pub(super) enum Connection<S, V: HttpService<Incoming>> {
    /// It has not said it yet.
    Undecided(Box<Undecided<S, V>>),
    /// Each in a box of its own: neither keeps room for the other.
    Http1(Pin<Box<Http1<S, V>>>),
    Http2(Pin<Box<Http2<S, V>>>),
    /// It was to end before a word was said.
    Ended,
}

type Http1<S, V> = http1::Connection<TokioIo<Begun<S>>, V>;
type Http2<S, V> = http2::Connection<TokioIo<Begun<S>>, V, Starter>;

impl<S, V> Connection<S, V>
where
    S: AsyncRead + AsyncWrite + Unpin,
    V: HttpService<Incoming, ResBody = Tracked<Metered>, Error: Into<BoxError>>,
    V::Future: Send + 'static,
{
    pub(super) fn new(io: S, service: V, limits: Limits, starter: Starter) -> Self {
        Self::Undecided(Box::new(Undecided {
            io: Begun::new(io),
            service,
            limits,
            starter,
        }))
    }

    /// Asks it to end with its last request.
    pub(super) fn close(&mut self) {
        match self {
            Self::Undecided(_) => *self = Self::Ended,
            Self::Http1(connection) => connection.as_mut().graceful_shutdown(),
            Self::Http2(connection) => connection.as_mut().graceful_shutdown(),
            Self::Ended => {}
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if let Self::Undecided(undecided) = self {
            let is_http2 = ready!(undecided.io.poll_begin(cx))?;
            if let Self::Undecided(undecided) = std::mem::replace(self, Self::Ended) {
                *self = undecided.decided(is_http2);
            }
        }
        match self {
            Self::Http1(connection) => connection.as_mut().poll(cx).map_err(BoxError::from),
            Self::Http2(connection) => connection.as_mut().poll(cx).map_err(BoxError::from),
            Self::Undecided(_) | Self::Ended => Poll::Ready(Ok(())),
        }
    }
}

pub(super) struct Undecided<S, V> {
    io: Begun<S>,
    service: V,
    limits: Limits,
    starter: Starter,
}

impl<S, V> Undecided<S, V>
where
    S: AsyncRead + AsyncWrite + Unpin,
    V: HttpService<Incoming, ResBody = Tracked<Metered>, Error: Into<BoxError>>,
    V::Future: Send + 'static,
{
    fn decided(self, is_http2: bool) -> Connection<S, V> {
        let io = TokioIo::new(self.io);
        if is_http2 {
            let builder = http2(self.limits, self.starter);
            Connection::Http2(Box::pin(builder.serve_connection(io, self.service)))
        } else {
            let builder = http1(self.limits);
            Connection::Http1(Box::pin(builder.serve_connection(io, self.service)))
        }
    }
}

fn http1(limits: Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // hyper's own clock for a head also runs while a connection is idle: `Activity` keeps the two apart.
        .header_read_timeout(None)
        .max_buf_size(limits.h1_head)
        // The end of what a client sends is the end of the client: a stream hears of it no other way.
        .half_close(false);
    builder
}

fn http2(limits: Limits, starter: Starter) -> http2::Builder<Starter> {
    let mut builder = http2::Builder::new(starter);
    builder
        .max_concurrent_streams(limits.h2_streams)
        .max_header_list_size(limits.h2_header_list)
        // h2's defaults, which are its answer to rapid resets (CVE-2023-44487) and to streams that it has to reset itself
        // (RUSTSEC-2024-0003); what is accepted before it is reset is `Activity`'s.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(1024)
        .timer(TokioTimer::new());
    builder
}

/// A socket whose first bytes have been looked at: whoever reads it gets them first.
pub(super) struct Begun<S> {
    socket: S,
    start: [u8; PREFACE.len()],
    /// How many bytes of `start` are there.
    read: usize,
    /// How many of them were given out.
    given: usize,
}

impl<S: AsyncRead + Unpin> Begun<S> {
    fn new(socket: S) -> Self {
        Self {
            socket,
            start: [0; PREFACE.len()],
            read: 0,
            given: 0,
        }
    }

    /// Reads until it is known whether HTTP/2's preface is there. The end of the socket is no preface.
    fn poll_begin(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            let start = &self.start[..self.read];
            if start != &PREFACE[..self.read] {
                return Poll::Ready(Ok(false));
            }
            if self.read == PREFACE.len() {
                return Poll::Ready(Ok(true));
            }
            let mut rest = ReadBuf::new(&mut self.start[self.read..]);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut rest))?;
            match rest.filled().len() {
                0 => return Poll::Ready(Ok(false)),
                read => self.read += read,
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.given == this.read {
            return Pin::new(&mut this.socket).poll_read(cx, buffer);
        }
        let given = buffer.remaining().min(this.read - this.given);
        buffer.put_slice(&this.start[this.given..this.given + given]);
        this.given += given;
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        // In the same reading what follows, if it has come.
        match Pin::new(&mut this.socket).poll_read(cx, buffer) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// RFC 9113 section 3.4.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    async fn begun(bytes: &[u8]) -> (bool, Begun<DuplexStream>, DuplexStream) {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(bytes).await.expect("room for it");
        let mut io = Begun::new(ours);
        let is_http2 = poll_fn(|cx| io.poll_begin(cx)).await.expect("a socket");
        (is_http2, io, theirs)
    }

    #[tokio::test]
    async fn a_request_is_read_in_one_piece_with_its_first_bytes() {
        let request = b"POST /mcp HTTP/1.1\r\nHost: a.example\r\n\r\n";
        let (is_http2, mut io, _theirs) = begun(request).await;
        assert!(!is_http2);
        let mut first = [0; 100];
        let read = io.read(&mut first).await.expect("a socket");
        assert_eq!(&first[..read], request);
    }

    #[tokio::test]
    async fn the_first_bytes_are_given_out_whatever_room_there_is() {
        let (_, mut io, theirs) = begun(b"GET / HTTP/1.0\r\n\r\n").await;
        drop(theirs);
        let mut whole = Vec::new();
        while let Ok(byte) = io.read_u8().await {
            whole.push(byte);
        }
        assert_eq!(whole, b"GET / HTTP/1.0\r\n\r\n");
    }

    #[tokio::test]
    async fn a_preface_that_comes_byte_by_byte_is_http_2() {
        let (ours, mut theirs) = tokio::io::duplex(1);
        let sending = tokio::spawn(async move { theirs.write_all(PREFACE).await });
        let mut io = Begun::new(ours);
        assert!(poll_fn(|cx| io.poll_begin(cx)).await.expect("a socket"));
        assert!(sending.await.is_ok());
    }

    #[tokio::test]
    async fn what_only_begins_like_a_preface_is_http_1() {
        for bytes in [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\t"[..], b"PRX", b"PRI"] {
            let (ours, mut theirs) = tokio::io::duplex(1024);
            theirs.write_all(bytes).await.expect("room for it");
            drop(theirs);
            let mut io = Begun::new(ours);
            assert!(
                !poll_fn(|cx| io.poll_begin(cx)).await.expect("a socket"),
                "{bytes:?}"
            );
        }
    }
}
