//! The HTTP client of one remote server: its pool, its TLS, its headers.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use origin_config::Remote;
use rustls::ClientConfig;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::connect::Connector;
use super::secrets::Secrets;

/// What sends the requests of one server.
pub(super) struct Client {
    http: legacy::Client<Connector, Full<Bytes>>,
    uri: Uri,
    secrets: Secrets,
    /// The requests that may still be on their way.
    pub(super) places: Semaphore,
    /// How long an answer, or a stream, may be silent.
    pub(super) patience: Duration,
    /// The server has answered a ping: one that it refuses says something.
    pub(super) answers_pings: AtomicBool,
}

/// A request, but for what is the same in all.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why a request has no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server has not seen it.
    Unsent(String),
    /// It may have been seen.
    Broken(String),
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Reads secrets and certificates; no connection is made yet.
    ///
    /// # Errors
    /// What cannot be read, as a sentence for the operator.
    pub(super) fn new(
        remote: &Remote,
        environment: &[(OsString, OsString)],
    ) -> Result<Self, String> {
        let secrets = Secrets::read(remote, environment)?;
        let tls = remote.url.is_tls().then(|| tls(remote.ca_file.as_deref()));
        let tls = tls.transpose()?.map(Arc::new);
        let uri = remote.url.to_string().parse();
        let uri = uri.map_err(|_| format!("`{}` is no URL", remote.url))?;
        let places = usize::try_from(remote.max_connections).unwrap_or(usize::MAX);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_PATIENCE)
            .build(Connector::new(tls, remote.connect_timeout));
        Ok(Self {
            http,
            uri,
            secrets,
            places: Semaphore::new(places.min(Semaphore::MAX_PERMITS)),
            patience: remote.read_timeout,
            answers_pings: AtomicBool::new(false),
        })
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(&self, ask: Ask) -> Result<Response<Incoming>, Fault> {
        let mut request = Request::new(Full::new(ask.body));
        *request.method_mut() = ask.method;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        self.secrets.add_to(headers);
        headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(AGENT));
        headers.extend(ask.headers);
        match timeout(self.patience, self.http.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(fault(&error)),
            Err(_) => Err(Fault::Broken(format!(
                "it did not answer within {:?}",
                self.patience
            ))),
        }
    }

    /// Reads the files of secrets again. `true` when one has changed: what was refused may be taken now.
    pub(super) fn has_new_secrets(&self) -> bool {
        self.secrets.look_again()
    }
}

impl Fault {
    /// Its reason.
    pub(super) fn reason(self) -> String {
        match self {
            Self::Unsent(reason) | Self::Broken(reason) => reason,
        }
    }
}

fn fault(error: &legacy::Error) -> Fault {
    let reason = root(error);
    if error.is_connect() {
        return Fault::Unsent(format!("it cannot be connected to: {reason}"));
    }
    let reason = format!("its connection broke: {reason}");
    if is_unsent(error) {
        Fault::Unsent(reason)
    } else {
        Fault::Broken(reason)
    }
}

/// Whether the server has told, or the connection shows, that nothing was done for the request.
fn is_unsent(error: &legacy::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if error
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_canceled)
        {
            return true;
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            // RFC 9113 section 8.7: "requests on streams with identifiers greater than the last stream identifier in a GOAWAY"
            // and "a RST_STREAM frame with the REFUSED_STREAM error code" were not processed. A stream at or below that
            // identifier is not ended by a GOAWAY without an error.
            let left = error.is_go_away()
                && error.is_remote()
                && error.reason() == Some(h2::Reason::NO_ERROR);
            return left
                || (error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM));
        }
        cause = error.source();
    }
    false
}

/// The innermost cause, which says most.
fn root(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The reason of a broken body.
pub(super) fn broken(error: &hyper::Error) -> String {
    format!("its answer broke off: {}", root(error))
}

fn tls(ca: Option<&Path>) -> Result<ClientConfig, String> {
    let mut config = crate::tls::client(ca)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Both, as the specification has it for a POST; a GET gets what it takes.
const ACCEPTED: &str = "application/json, text/event-stream";

const AGENT: &str = concat!("mcp-edge-kit-origin/", env!("CARGO_PKG_VERSION"));

/// Below the 5 s after which Node's servers and uvicorn close an idle connection: a request on one that is just being closed
/// may or may not have arrived.
const IDLE: Duration = Duration::from_secs(4);

/// A vanished HTTP/2 server is found in about this time.
const PING_EVERY: Duration = Duration::from_secs(30);

/// How long it may take to answer a ping.
const PING_PATIENCE: Duration = Duration::from_secs(10);
