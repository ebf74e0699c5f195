//! Connections, and the ways to use one.

use std::{fmt, net::SocketAddr, time::Instant};

use bytes::{Bytes, BytesMut};
use http::{Request, Uri, header, uri::PathAndQuery};

use crate::{
    Answer, Ask, ProbeError, Stage, Stream, Target, Timing, Tls, Version,
    dial::quic::Manner,
    proto::Wire,
    stream::Opening,
    wait::{Crew, Limit},
};

/// The longest body that `fetch` collects, 16 MiB: as much as the rendered NGINX takes in the other direction
/// (`client_max_body_size`), and no answer of this project is longer.
pub const MAX_BODY: usize = 16 * 1024 * 1024;

/// One connection to a server, good for as many requests as its version allows: over HTTP/1.1 one after the other, each
/// when the body before it has ended; over HTTP/2 and HTTP/3 side by side. Dropping it closes it, and the streams that
/// it carries fail.
pub struct Connection {
    // dropped first: HTTP/3 says goodbye then
    wire: Wire,
    crew: Crew,
    version: Version,
    target: Target,
    tls: Option<Tls>,
    timing: Timing,
}

impl Connection {
    /// Connects and ends the handshakes, within the shorter of the target's `connect_timeout` and `timeout`.
    ///
    /// Errors: everything that [`ProbeError`] has before the request.
    pub async fn open(target: &Target, version: Version) -> Result<Self, ProbeError> {
        Self::open_within(target, Limit::new(version, target.time_to_connect())).await
    }

    async fn open_within(target: &Target, limit: Limit) -> Result<Self, ProbeError> {
        Self::open_in(target, limit, None).await
    }

    /// `manner`: how its QUIC connection is made.
    pub(crate) async fn open_in(
        target: &Target,
        limit: Limit,
        manner: Option<&Manner>,
    ) -> Result<Self, ProbeError> {
        // boxed: every question to a server holds this, and it is most of it
        let opened = Box::pin(Wire::open(target, limit, manner)).await?;
        Ok(Self {
            wire: opened.wire,
            crew: opened.crew,
            version: limit.version,
            target: target.clone(),
            tls: opened.tls,
            timing: opened.timing,
        })
    }

    /// Sends a request and waits for the response head, at most the target's `timeout`.
    ///
    /// Errors: [`ProbeError::Ask`], or the request's or the response's stage.
    pub async fn send(&mut self, ask: Ask) -> Result<Stream, ProbeError> {
        let limit = Limit::new(self.version, self.target.timeout);
        self.send_within(ask, limit).await
    }

    async fn send_within(&mut self, ask: Ask, limit: Limit) -> Result<Stream, ProbeError> {
        let request = request(&self.target, self.version, ask)?;
        let start = Instant::now();
        let (head, body) = self.wire.send(request, limit).await?;
        let first_byte = start.elapsed();
        Ok(Stream::new(Opening {
            head,
            body,
            version: self.version,
            tls: self.tls.clone(),
            timing: Timing {
                first_byte,
                total: first_byte,
                ..self.timing
            },
            idle: self.target.timeout,
        }))
    }

    /// Sends a request and waits for the whole response, at most the target's `timeout`.
    ///
    /// Errors: as `send`, the body's stage, and [`ProbeError::TooLong`] beyond [`MAX_BODY`].
    pub async fn fetch(&mut self, ask: Ask) -> Result<Answer, ProbeError> {
        let limit = Limit::new(self.version, self.target.timeout);
        self.fetch_within(ask, limit, Instant::now()).await
    }

    async fn fetch_within(
        &mut self,
        ask: Ask,
        limit: Limit,
        start: Instant,
    ) -> Result<Answer, ProbeError> {
        let stream = self.send_within(ask, limit).await?;
        let (stream, body) = collect(stream, limit).await?;
        let mut answer = stream.into_answer(body);
        answer.timing.total = start.elapsed();
        Ok(answer)
    }

    /// Goes on from another local port, as a client does whose address changed (RFC 9000, section 9). Whether the server goes
    /// along, the next request shows. Returns the new address.
    ///
    /// Errors: [`ProbeError::Unsupported`] but over HTTP/3; [`Stage::Connect`] when there is no other port.
    pub fn rebind(&mut self) -> Result<SocketAddr, ProbeError> {
        let wire = self.wire.http3().ok_or(ProbeError::Unsupported {
            version: self.version,
            reason: "a TCP connection is bound to its port",
        })?;
        wire.rebind()
            .map_err(|error| ProbeError::failed(self.version, Stage::Connect, error))
    }

    /// Whether the server had this client prove its address before the handshake (Retry; RFC 9000, section 8.1.2); nothing but
    /// over HTTP/3.
    pub fn was_retried(&self) -> Option<bool> {
        Some(self.wire.http3()?.retries() > 0)
    }

    /// The address at the other end of a QUIC connection.
    pub(crate) fn quic_peer(&self) -> Option<SocketAddr> {
        Some(self.wire.http3()?.remote_address())
    }

    /// The version that is spoken.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The TLS session; nothing for `http`.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// How long its making took; `first_byte` is zero.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// Closes it in the version's own way (GOAWAY and FIN, or CONNECTION_CLOSE with H3_NO_ERROR) and waits until that
    /// is sent, at most half a second.
    pub async fn close(self) {
        self.wire.close().await;
        self.crew.part().await;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("version", &self.version)
            .field("authority", &self.target.authority())
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}

/// Asks over a fresh connection and returns the whole response, its body at most [`MAX_BODY`] bytes, within the
/// target's `timeout`.
///
/// Errors: [`ProbeError`].
pub async fn fetch(target: &Target, version: Version, ask: Ask) -> Result<Answer, ProbeError> {
    let start = Instant::now();
    let (limit, connecting) = limits(target, version);
    let mut connection = Connection::open_within(target, connecting).await?;
    let answer = connection.fetch_within(ask, limit, start).await?;
    connection.close().await;
    Ok(answer)
}

/// Asks over a fresh connection and returns when the response head is there, within the target's `timeout`. The
/// connection belongs to the stream.
///
/// Errors: [`ProbeError`].
pub async fn open(target: &Target, version: Version, ask: Ask) -> Result<Stream, ProbeError> {
    let start = Instant::now();
    let (limit, connecting) = limits(target, version);
    let mut connection = Connection::open_within(target, connecting).await?;
    let mut stream = connection.send_within(ask, limit).await?;
    stream.own(connection, start.elapsed());
    Ok(stream)
}

/// Makes `count` fresh connections one after the other, closes each as soon as its handshakes have ended, and says what
/// became of every one.
pub async fn handshakes(
    target: &Target,
    version: Version,
    count: usize,
) -> Vec<Result<Timing, ProbeError>> {
    let mut seen = Vec::with_capacity(count);
    for _ in 0..count {
        let opened = Connection::open(target, version).await;
        seen.push(match opened {
            Ok(connection) => {
                let timing = connection.timing();
                connection.close().await;
                Ok(timing)
            }
            Err(error) => Err(error),
        });
    }
    seen
}

/// The limit of the whole and that of connecting.
fn limits(target: &Target, version: Version) -> (Limit, Limit) {
    let whole = Limit::new(version, target.timeout);
    let connecting = Limit::new(version, target.time_to_connect());
    (whole, connecting)
}

async fn collect(mut stream: Stream, limit: Limit) -> Result<(Stream, Bytes), ProbeError> {
    let mut body = BytesMut::new();
    while let Some((_, piece)) = stream.chunk_within(limit).await? {
        if body.len() + piece.len() > MAX_BODY {
            return Err(ProbeError::TooLong {
                version: limit.version,
                cap: MAX_BODY,
            });
        }
        body.extend_from_slice(&piece);
    }
    Ok((stream, body.freeze()))
}

/// The request that goes out, with an absolute URI.
fn request(target: &Target, version: Version, ask: Ask) -> Result<Request<Bytes>, ProbeError> {
    let fault = |reason: String| ProbeError::Ask { reason };
    let Ask {
        method,
        path,
        mut headers,
        body,
    } = ask;
    if !path.starts_with('/') || path.contains('#') {
        return Err(fault(format!("`{path}` is no path")));
    }
    let path =
        PathAndQuery::try_from(path.as_str()).map_err(|_| fault(format!("`{path}` is no path")))?;
    if let Some(credentials) = &target.credentials {
        headers
            .entry(header::AUTHORIZATION)
            .or_insert_with(|| credentials.clone());
    }
    let own = target.authority();
    let authority = match headers.get(header::HOST) {
        Some(host) => host
            .to_str()
            .map_err(|_| fault("the Host is not ASCII".to_owned()))?
            .to_owned(),
        None => own.clone(),
    };
    if version == Version::Http1 {
        if !headers.contains_key(header::HOST) {
            let host = own
                .parse()
                .map_err(|_| fault(format!("`{own}` is no authority")))?;
            headers.insert(header::HOST, host);
        }
    } else {
        headers.remove(header::HOST);
    }
    // over HTTP/1.1 the URI's authority is not sent, and a Host may be anything there
    let authority = if version == Version::Http1 {
        own
    } else {
        authority
    };
    let uri = Uri::builder()
        .scheme(target.scheme.as_str())
        .authority(authority.as_str())
        .path_and_query(path)
        .build()
        .map_err(|_| fault(format!("`{authority}` is no authority")))?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    *request.version_mut() = match version {
        Version::Http1 => http::Version::HTTP_11,
        Version::Http2 => http::Version::HTTP_2,
        Version::Http3 => http::Version::HTTP_3,
    };
    Ok(request)
}
