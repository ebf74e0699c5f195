//! One line per request, written when its answer has ended; it is counted at the same moment.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, StatusCode, Version};
use http_body::{Body as _, Frame, SizeHint};

use super::asked::Asked;
use super::panic_guard;
use super::request_id::RequestId;
use crate::app::App;
use crate::body::{Body, BoxError};
use crate::clock::Clock;
use crate::conn::{ConnInfo, Peer, Role};
use crate::keys::Holder;
use crate::metrics::{self, Failure, Metrics};

/// The line of a request that never became one: its head could not be read, or took too long, which is a 408 that
/// nobody was told of.
pub fn refused(app: &App, conn: &ConnInfo, status: StatusCode, error: &(dyn Error + 'static)) {
    if app.config.accesslog {
        tracing::info!(
            target: "access",
            request_id = RequestId::fresh(app.clock).as_str(),
            route = "none",
            status = status.as_u16(),
            peer = %conn.peer,
            listener = &*conn.listener,
            error,
            "no request"
        );
    }
}

/// A line that is not written yet. It is written when it is dropped: after the last byte, or when the request is cut.
#[derive(Debug)]
pub struct Entry {
    asked: Arc<Asked>,
    version: Version,
    metrics: Option<Arc<Metrics>>,
    clock: Clock,
    /// What only the line says; nothing where there is to be none.
    line: Option<Box<Line>>,
    is_head: bool,
    status: Option<StatusCode>,
    bytes: u64,
    complete: bool,
}

#[derive(Debug)]
struct Line {
    method: Method,
    path: String,
    listener: Arc<str>,
    peer: Peer,
    key: Option<Arc<Holder>>,
}

impl Entry {
    /// Opens the line of one request.
    pub fn open<B>(app: &App, conn: &ConnInfo, asked: &Arc<Asked>, request: &Request<B>) -> Self {
        let line = || Line {
            method: request.method().clone(),
            // Without the query: it may carry what does not belong in a log.
            path: request.uri().path().to_owned(),
            listener: Arc::clone(&conn.listener),
            peer: conn.peer,
            key: None,
        };
        Self {
            asked: Arc::clone(asked),
            version: request.version(),
            metrics: app.metrics.clone(),
            clock: app.clock,
            line: app.config.accesslog.then(|| Box::new(line())),
            is_head: request.method() == Method::HEAD,
            status: None,
            bytes: 0,
            complete: false,
        }
    }

    fn is_public(&self) -> bool {
        self.asked.role == Role::Public
    }

    fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.asked.started)
    }

    /// Notes the key that the request showed.
    pub fn key(&mut self, holder: &Arc<Holder>) {
        if let Some(line) = &mut self.line {
            line.key = Some(Arc::clone(holder));
        }
    }

    /// Notes the head of the answer.
    pub fn head(&mut self, status: StatusCode) {
        self.status = Some(status);
        // The operator's own looks are not what clients wait for.
        if let Some(metrics) = self.metrics.as_ref().filter(|_| self.is_public()) {
            let now = self.clock.now();
            metrics.answered(self.asked.client.http_version, now, self.elapsed(now));
        }
    }

    /// Counts the request, and keeps it for a while when it failed.
    fn count(&self, metrics: &Metrics, status: u16) {
        metrics.request(metrics::Request {
            status,
            protocol: self.asked.client.http_version,
            route: self.asked.target.name(),
        });
        if status >= 500 && self.is_public() {
            metrics.failures.add(Failure {
                at: self.clock.now(),
                request_id: self.asked.id.as_str().to_owned(),
                what: self.asked.target.name().to_owned(),
                why: status.to_string(),
            });
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let status = self.status.unwrap_or(CLIENT_CLOSED).as_u16();
        if let Some(metrics) = &self.metrics {
            self.count(metrics, status);
        }
        let Some(line) = &self.line else {
            return;
        };
        let asked = &*self.asked;
        let elapsed = self.elapsed(self.clock.now());
        tracing::info!(
            target: "access",
            request_id = asked.id.as_str(),
            route = asked.target.name(),
            method = line.method.as_str(),
            path = line.path,
            status,
            bytes = self.bytes,
            duration_ms = (elapsed.as_secs_f64() * 1_000_000.0).round() / 1_000.0,
            cut = !self.complete,
            key = line.key.as_deref().map(Holder::id),
            client = asked.client.address.map(tracing::field::display),
            peer = %line.peer,
            scheme = asked.client.scheme,
            host = asked.client.host,
            http_version = ?self.version,
            listener = &*line.listener,
            "request"
        );
    }
}

/// A response body that is counted, whose end closes the log line, and whose panic ends it alone.
#[derive(Debug)]
pub struct Observed {
    inner: Body,
    entry: Entry,
}

impl Observed {
    /// Observes `inner` for the line `entry`.
    pub fn new(inner: Body, mut entry: Entry) -> Self {
        // The transport does not ask for the bytes of an answer to HEAD.
        entry.complete = inner.is_end_stream() || entry.is_head;
        Self { inner, entry }
    }

    /// Notes that what was given out did not all reach the client.
    pub fn cut(&mut self) {
        self.entry.complete = false;
    }
}

impl http_body::Body for Observed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let inner = Pin::new(&mut this.inner);
        // A stream runs outside the panic guard of its request; over HTTP/1.1 it runs in the connection's own task.
        let polled = catch_unwind(AssertUnwindSafe(|| inner.poll_frame(cx)));
        let frame = match polled {
            Ok(poll) => ready!(poll),
            Err(panic) => {
                let reason = panic_guard::reason(panic.as_ref());
                tracing::error!(
                    request_id = this.entry.asked.id.as_str(),
                    reason,
                    "a stream panicked"
                );
                // Its state is unknown: nothing asks it again.
                this.inner = crate::body::empty();
                return Poll::Ready(Some(Err("the stream failed".into())));
            }
        };
        match &frame {
            Some(Ok(frame)) => {
                this.entry.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                this.entry.complete = this.inner.is_end_stream();
            }
            Some(Err(_)) => this.entry.complete = false,
            None => this.entry.complete = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// NGINX's own number for a client that went away before its answer had a head.
const CLIENT_CLOSED: StatusCode = match StatusCode::from_u16(499) {
    Ok(status) => status,
    Err(_) => StatusCode::REQUEST_TIMEOUT,
};
