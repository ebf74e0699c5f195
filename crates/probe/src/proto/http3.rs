//! HTTP/3 by h3 over quinn.

use std::{future::poll_fn, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Buf, Bytes};
use h3::{
    client::{RequestStream, SendRequest},
    error::{Code, StreamError},
};
use http::{HeaderValue, Method, Request, header};
use tokio::{task::JoinHandle, time::timeout};

use super::{
    Piece,
    link::{Download, Link, Opener, Upload, var_int},
};
use crate::{
    Head, ProbeError, Stage,
    dial::{
        quic::{Dialled, any},
        socket::{Seen, Watched},
    },
    wait::{FAREWELL, Limit, Spawner},
};

/// The longest field section that is taken: 64 KiB, of which every field has 32 bytes beside its own (RFC 9114, section
/// 4.2.2), so that no peer can fill a header map to the point where it panics.
const FIELD_SECTION: u64 = 64 * 1024;

/// A connection, closed with H3_NO_ERROR when it is dropped.
pub(crate) struct Http3 {
    sender: SendRequest<Opener, Bytes>,
    connection: quinn::Connection,
    /// It owns the UDP socket; what it still has to send it sends after it is dropped.
    endpoint: quinn::Endpoint,
    seen: Arc<Seen>,
}

/// A response body that is coming, given up when it is dropped before its end.
pub(crate) struct Receiving {
    stream: RequestStream<Download, Bytes>,
    /// The request body on its way: a server may answer before it has it all.
    upload: Option<JoinHandle<()>>,
    connection: quinn::Connection,
    ended: bool,
}

struct Sending {
    stream: RequestStream<Upload, Bytes>,
    ended: bool,
}

pub(super) async fn http3(
    dialled: Dialled,
    tasks: &Spawner,
    limit: Limit,
) -> Result<Http3, ProbeError> {
    let connection = dialled.connection;
    let mut builder = h3::client::builder();
    builder.max_field_section_size(FIELD_SECTION);
    // h3 0.0.8 ends a request with a reserved frame that declares more than it carries; NGINX 1.28.3 answered every
    // such GET with 400, and the same one without that frame with 200
    builder.send_grease(false);
    let build = builder.build::<_, _, Bytes>(Link::new(connection.clone()));
    let (mut driver, sender) = limit.try_on(Stage::Http, build).await?;
    // what goes wrong on the connection reaches the request that waits for it
    tasks.spawn(async move {
        poll_fn(|cx| driver.poll_close(cx)).await;
    });
    Ok(Http3 {
        sender,
        connection,
        endpoint: dialled.endpoint,
        seen: dialled.seen,
    })
}

impl Http3 {
    pub(super) async fn send(
        &mut self,
        request: Request<Bytes>,
        limit: Limit,
    ) -> Result<(Head, Receiving), ProbeError> {
        let (mut parts, body) = request.into_parts();
        let has_body =
            !body.is_empty() || [Method::POST, Method::PUT, Method::PATCH].contains(&parts.method);
        if has_body && !parts.headers.contains_key(header::CONTENT_LENGTH) {
            let length = HeaderValue::from(body.len());
            parts.headers.insert(header::CONTENT_LENGTH, length);
        }
        let request = self.sender.send_request(Request::from_parts(parts, ()));
        let stream = limit.try_on(Stage::Request, request).await?;
        let (upload, download) = stream.split();
        let sending = Sending {
            stream: upload,
            ended: false,
        };
        let mut receiving = Receiving {
            stream: download,
            upload: Some(tokio::spawn(sending.run(body))),
            connection: self.connection.clone(),
            ended: false,
        };
        let head = limit.try_on(Stage::Response, receiving.head()).await?;
        Ok((head, receiving))
    }

    /// Goes on from a new socket.
    pub(crate) fn rebind(&self) -> io::Result<SocketAddr> {
        let socket = Watched::bind(any(self.remote_address()), &self.seen)?;
        self.endpoint.rebind_abstract(socket)?;
        self.endpoint.local_addr()
    }

    pub(crate) fn remote_address(&self) -> SocketAddr {
        self.connection.remote_address()
    }

    /// How many Retry packets came.
    pub(crate) fn retries(&self) -> u32 {
        self.seen.retries()
    }

    /// Closes, and waits until that is sent.
    pub(super) async fn close(self) {
        let connection = self.connection.clone();
        let before = connection.stats().udp_tx.datagrams;
        drop(self);
        until(|| connection.stats().udp_tx.datagrams > before).await;
    }
}

impl Drop for Http3 {
    fn drop(&mut self) {
        self.connection
            .close(var_int(Code::H3_NO_ERROR.value()), b"");
    }
}

impl Receiving {
    async fn head(&mut self) -> Result<Head, StreamError> {
        loop {
            let (parts, ()) = self.stream.recv_response().await?.into_parts();
            // RFC 9110, section 15.2: "A client MUST be able to parse one or more 1xx responses received prior to a
            // final response"
            if !parts.status.is_informational() {
                return Ok(Head {
                    version: http::Version::HTTP_3,
                    status: parts.status,
                    headers: parts.headers,
                });
            }
        }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Piece>, StreamError> {
        if self.ended {
            return Ok(None);
        }
        if let Some(mut data) = self.stream.recv_data().await? {
            return Ok(Some(Piece::Data(data.copy_to_bytes(data.remaining()))));
        }
        let trailers = self.stream.recv_trailers().await?;
        self.ended = true;
        Ok(trailers.map(Piece::Trailers))
    }

    /// Gives the rest up, and waits until that is sent.
    pub(super) async fn cancel(self) {
        let connection = self.connection.clone();
        let before = connection.stats().frame_tx.stop_sending;
        let ended = self.ended;
        drop(self);
        if !ended {
            until(|| connection.stats().frame_tx.stop_sending > before).await;
        }
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            upload.abort();
        }
        if !self.ended {
            // RFC 9114, section 4.1.1, names this code for a client that no longer wants the response
            self.stream.stop_sending(Code::H3_REQUEST_CANCELLED);
        }
    }
}

impl Sending {
    async fn run(mut self, body: Bytes) {
        // a server that stopped reading says why in its response
        let sent = async {
            if !body.is_empty() {
                self.stream.send_data(body).await?;
            }
            self.stream.finish().await
        };
        self.ended = sent.await.is_ok();
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.ended {
            // else quinn would end the stream as if the body were whole
            self.stream.stop_stream(Code::H3_REQUEST_CANCELLED);
        }
    }
}

/// Waits for a fact about what quinn's own task has sent, at most [`FAREWELL`]; it tells nobody, so it is asked every
/// millisecond.
async fn until(fact: impl Fn() -> bool) {
    let _ = timeout(FAREWELL, async {
        while !fact() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
