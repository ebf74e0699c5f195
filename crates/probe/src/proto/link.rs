//! quinn under h3. h3-quinn carries the control streams; the request streams are quinn's own, because h3-quinn 0.0.10
//! panics in `stop_sending` while a read is pending, and to give up a silent stream is what this client does all the
//! time.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use h3::{
    error::Code,
    quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf},
};
use quinn::{ConnectionError, ReadError, RecvStream, SendStream, VarInt, WriteError};

/// As much as one read returns: a few full datagrams.
const READ: usize = 16 * 1024;

type Pair = Result<(SendStream, RecvStream), ConnectionError>;
type Opening = Pin<Box<dyn Future<Output = Pair> + Send + Sync>>;

/// A connection for h3.
pub(super) struct Link {
    control: h3_quinn::Connection,
    opener: Opener,
    accepting: Option<Opening>,
}

/// Opens request streams.
pub(super) struct Opener {
    connection: quinn::Connection,
    control: h3_quinn::OpenStreams,
    opening: Option<Opening>,
}

/// A request stream.
pub(super) struct Exchange {
    upload: Upload,
    download: Download,
}

/// Its sending half.
pub(super) struct Upload {
    stream: SendStream,
    writing: Option<WriteBuf<Bytes>>,
}

/// Its receiving half.
pub(super) struct Download {
    stream: RecvStream,
    buffer: Vec<u8>,
}

impl Link {
    pub(super) fn new(connection: quinn::Connection) -> Self {
        let control = h3_quinn::Connection::new(connection.clone());
        let opener = Opener {
            connection,
            control: quic::Connection::<Bytes>::opener(&control),
            opening: None,
        };
        Self {
            control,
            opener,
            accepting: None,
        }
    }
}

impl quic::Connection<Bytes> for Link {
    type RecvStream = h3_quinn::RecvStream;
    type OpenStreams = Opener;

    fn poll_accept_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::RecvStream, ConnectionErrorIncoming>> {
        quic::Connection::<Bytes>::poll_accept_recv(&mut self.control, cx)
    }

    fn poll_accept_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Exchange, ConnectionErrorIncoming>> {
        let accepting = self.accepting.get_or_insert_with(|| {
            let connection = self.opener.connection.clone();
            Box::pin(async move { connection.accept_bi().await })
        });
        let pair = ready!(accepting.as_mut().poll(cx));
        self.accepting = None;
        Poll::Ready(pair.map(Exchange::from).map_err(lost))
    }

    fn opener(&self) -> Opener {
        self.opener.clone()
    }
}

impl quic::OpenStreams<Bytes> for Link {
    type BidiStream = Exchange;
    type SendStream = h3_quinn::SendStream<Bytes>;

    fn poll_open_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Exchange, StreamErrorIncoming>> {
        self.opener.poll_open_bidi(cx)
    }

    fn poll_open_send(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::SendStream, StreamErrorIncoming>> {
        self.opener.poll_open_send(cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        quic::OpenStreams::close(&mut self.opener, code, reason);
    }
}

impl quic::OpenStreams<Bytes> for Opener {
    type BidiStream = Exchange;
    type SendStream = h3_quinn::SendStream<Bytes>;

    fn poll_open_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Exchange, StreamErrorIncoming>> {
        let opening = self.opening.get_or_insert_with(|| {
            let connection = self.connection.clone();
            Box::pin(async move { connection.open_bi().await })
        });
        let pair = ready!(opening.as_mut().poll(cx));
        self.opening = None;
        Poll::Ready(pair.map(Exchange::from).map_err(|error| {
            StreamErrorIncoming::ConnectionErrorIncoming {
                connection_error: lost(error),
            }
        }))
    }

    fn poll_open_send(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::SendStream, StreamErrorIncoming>> {
        quic::OpenStreams::<Bytes>::poll_open_send(&mut self.control, cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.connection.close(var_int(code.value()), reason);
    }
}

impl Clone for Opener {
    fn clone(&self) -> Self {
        Self {
            connection: self.connection.clone(),
            control: self.control.clone(),
            opening: None,
        }
    }
}

impl From<(SendStream, RecvStream)> for Exchange {
    fn from((send, receive): (SendStream, RecvStream)) -> Self {
        Self {
            upload: Upload {
                stream: send,
                writing: None,
            },
            download: Download {
                stream: receive,
                buffer: Vec::new(),
            },
        }
    }
}

impl quic::BidiStream<Bytes> for Exchange {
    type SendStream = Upload;
    type RecvStream = Download;

    fn split(self) -> (Upload, Download) {
        (self.upload, self.download)
    }
}

impl quic::SendStream<Bytes> for Upload {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        while let Some(writing) = &mut self.writing {
            let chunk = writing.chunk();
            if !chunk.is_empty() {
                let stream = Pin::new(&mut self.stream);
                let written = match ready!(stream.poll_write(cx, chunk)) {
                    Ok(written) => written,
                    Err(error) => {
                        // h3 would take the rest of this frame for a fault of its own and close the connection
                        self.writing = None;
                        return Poll::Ready(Err(unwritten(error)));
                    }
                };
                writing.advance(written);
            }
            if !writing.has_remaining() {
                self.writing = None;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        if self.writing.is_some() {
            return Err(StreamErrorIncoming::Unknown(
                "a frame is still being written".into(),
            ));
        }
        self.writing = Some(data.into());
        Ok(())
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        Poll::Ready(
            self.stream
                .finish()
                .map_err(|error| StreamErrorIncoming::Unknown(error.into())),
        )
    }

    fn reset(&mut self, reset_code: u64) {
        // it fails where the stream has ended already, and then there is nothing to reset
        let _ = self.stream.reset(var_int(reset_code));
    }

    fn send_id(&self) -> StreamId {
        stream_id(self.stream.id())
    }
}

impl quic::RecvStream for Download {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.buffer.resize(READ, 0);
        let read = ready!(self.stream.poll_read(cx, &mut self.buffer)).map_err(unread)?;
        let data = &self.buffer[..read];
        Poll::Ready(Ok((read > 0).then(|| Bytes::copy_from_slice(data))))
    }

    fn stop_sending(&mut self, error_code: u64) {
        // it fails where all was read already, and then there is nothing to stop
        let _ = self.stream.stop(var_int(error_code));
    }

    fn recv_id(&self) -> StreamId {
        stream_id(self.stream.id())
    }
}

impl quic::SendStream<Bytes> for Exchange {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.upload.poll_ready(cx)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.upload.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.upload.poll_finish(cx)
    }

    fn reset(&mut self, reset_code: u64) {
        self.upload.reset(reset_code);
    }

    fn send_id(&self) -> StreamId {
        self.upload.send_id()
    }
}

impl quic::RecvStream for Exchange {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.download.poll_data(cx)
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.download.stop_sending(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.download.recv_id()
    }
}

fn stream_id(id: quinn::StreamId) -> StreamId {
    // both are the 62 bits of RFC 9000, section 2.1
    StreamId::try_from(u64::from(id)).expect("quinn's stream ids have 62 bits")
}

/// HTTP/3's codes are far below the limit of 2^62.
pub(super) fn var_int(code: u64) -> VarInt {
    VarInt::from_u64(code).unwrap_or(VarInt::MAX)
}

fn lost(error: ConnectionError) -> ConnectionErrorIncoming {
    match error {
        ConnectionError::ApplicationClosed(close) => ConnectionErrorIncoming::ApplicationClose {
            error_code: close.error_code.into_inner(),
        },
        ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        error => ConnectionErrorIncoming::Undefined(std::sync::Arc::new(error)),
    }
}

fn unread(error: ReadError) -> StreamErrorIncoming {
    match error {
        ReadError::Reset(code) => StreamErrorIncoming::StreamTerminated {
            error_code: code.into_inner(),
        },
        ReadError::ConnectionLost(error) => StreamErrorIncoming::ConnectionErrorIncoming {
            connection_error: lost(error),
        },
        error => StreamErrorIncoming::Unknown(error.into()),
    }
}

fn unwritten(error: WriteError) -> StreamErrorIncoming {
    match error {
        WriteError::Stopped(code) => StreamErrorIncoming::StreamTerminated {
            error_code: code.into_inner(),
        },
        WriteError::ConnectionLost(error) => StreamErrorIncoming::ConnectionErrorIncoming {
            connection_error: lost(error),
        },
        error => StreamErrorIncoming::Unknown(error.into()),
    }
}
