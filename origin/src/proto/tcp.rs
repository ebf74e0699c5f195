//! HTTP/1.1 and HTTP/2 over a byte stream: TCP, a Unix socket, later TLS.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use http::header::ALT_SVC;
use http::{HeaderValue, Method, Request, Response, Version};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::{HttpService, service_fn};
use origin_config::OriginConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::activity::{Activity, Deadline, InFlight, Patience, Tracked};
use super::flow::{Flow, Metered, Starter};
use super::linger::Lingering;
use super::stall::{Watched, poll_until};
use super::version::Connection;
use super::{authority, refused};
use crate::app::App;
use crate::body::{self, BoxError};
use crate::conn::ConnInfo;
use crate::current::Current;
use crate::heed::{Heed, Until};
use crate::middleware::{self, access_log};
use crate::stop::Stop;

/// The limits of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    patience: Patience,
    write_stall: Duration,
    pub(super) h1_head: usize,
    pub(super) h2_streams: u32,
    pub(super) h2_header_list: u32,
    /// HTTP/3's requests of a connection at a time.
    pub(super) h3_streams: u32,
    /// HTTP/3's largest field section.
    pub(super) section: u64,
}

impl Limits {
    /// The limits that the configuration sets.
    pub fn new(config: &OriginConfig) -> Self {
        Self {
            patience: Patience {
                idle: config.keep_alive_timeout,
                head: config.read_timeout,
            },
            write_stall: config.timeouts.write_stall,
            // hyper panics below 8 KiB, and RFC 9112 section 3 wants at least 8000 octets of request line.
            h1_head: usize::try_from(config.h11_max_incomplete_size)
                .unwrap_or(usize::MAX)
                .max(8 * 1024),
            h2_streams: config.h2_max_concurrent_streams,
            h2_header_list: config.h2_max_header_list_size,
            h3_streams: config.quic.max_concurrent_streams,
            section: config.quic.max_field_section_size,
        }
    }

    pub(super) fn patience(&self) -> Patience {
        self.patience
    }

    pub(super) fn write_stall(&self) -> Duration {
        self.write_stall
    }
}

/// Serves one connection to its end. When `stop` is cancelled it takes no new request and ends with the last one in
/// flight (RFC 9112 section 9.6 and RFC 9113 section 6.8), or at once. An error says how the transport ended, which stands in
/// the log then; nobody waits for it.
///
/// What it needs only to begin is gone when this returns: the future lives as long as the connection.
pub fn serve<S>(
    io: S,
    conn: ConnInfo,
    app: Current<App>,
    limits: Limits,
    stop: Stop,
) -> impl Future<Output = Result<(), BoxError>> + Send
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let activity = Activity::new(limits.h2_streams);
    let conn = Arc::new(conn);
    let (log, peer) = (app.clone(), Arc::clone(&conn));
    let service = {
        let activity = Arc::clone(&activity);
        service_fn(move |request: Request<Incoming>| {
            let multiplexed = request.version() == Version::HTTP_2;
            let exchange = Exchange {
                guard: Arc::new(activity.begin(multiplexed)),
                flow: multiplexed.then(|| activity.next.begin()),
            };
            answer(app.now(), &conn, exchange, request)
        })
    };
    let starter = Starter::new(Arc::clone(&activity), limits.write_stall);
    let io = Watched::new(io, Arc::clone(&activity), limits.write_stall);
    let mut driver = Driver {
        connection: Connection::new(io, service, limits, starter),
        activity,
        patience: limits.patience,
        timer: None,
        closing: false,
    };
    async move {
        let ended = tokio::select! {
            biased;
            ended = &mut driver => ended,
            () = Heed::new(stop.graceful) => {
                let ending = Box::pin(Until::new(stop.now, driver.end()));
                ending.await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = &ended {
            if let Some(status) = refused::status(error) {
                access_log::refused(&log.now(), &peer, status, &**error);
            } else {
                let peer = peer.peer;
                tracing::debug!(%peer, error = &**error, "a connection ended in an error");
            }
        }
        ended
    }
}

/// What the connection knows of one request.
struct Exchange {
    guard: Arc<InFlight>,
    /// Over HTTP/2 only.
    flow: Option<Arc<Flow>>,
}

fn answer(
    app: Arc<App>,
    conn: &ConnInfo,
    exchange: Exchange,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Tracked<Metered>>, Infallible>> + Send + use<> {
    let named = authority::named(&request);
    let Exchange { guard, flow } = exchange;
    if request.method() == Method::HEAD {
        // Nobody asks for a body that is not sent.
        guard.answered();
    }
    let (head, body) = request.into_parts();
    // Over HTTP/2 a stream is closed alone, and its client hears of the answer before.
    let body = if body.is_end_stream() {
        body::empty()
    } else if flow.is_some() {
        body.map_err(BoxError::from).boxed_unsync()
    } else {
        let lingering = Lingering::new(body, &head.headers, Arc::clone(&guard));
        lingering.map_err(BoxError::from).boxed_unsync()
    };
    let request = Request::from_parts(head, body);
    let alternative = conn.alternative.clone();
    let answering = middleware::respond(app, conn, &named, request);
    // In a box, which is gone with the head of the answer: a connection has room for this future for as long as it lives.
    Box::pin(answering.map(move |mut response| {
        if let Some(alternative) = alternative {
            response
                .headers_mut()
                .insert(ALT_SVC, HeaderValue::clone(&alternative));
        }
        Ok(response.map(|body| Tracked::new(Metered::new(body, flow), guard)))
    }))
}

/// The error of a connection whose client took too long.
#[derive(Debug, thiserror::Error)]
#[error("the request head took longer than `read_timeout`")]
pub(super) struct HeadTooSlow;

/// The error of a connection whose client gives up requests as fast as it can.
#[derive(Debug, thiserror::Error)]
#[error("the client gives its requests up faster than they can be answered")]
pub(super) struct Flooded;

/// A connection with its clock.
struct Driver<S, V: HttpService<Incoming>> {
    connection: Connection<S, V>,
    activity: Arc<Activity>,
    patience: Patience,
    /// For as long as there is no request: a stream may last for hours.
    timer: Option<Pin<Box<Sleep>>>,
    closing: bool,
}

impl<S, V> Driver<S, V>
where
    S: AsyncRead + AsyncWrite + Unpin,
    V: HttpService<Incoming, ResBody = Tracked<Metered>, Error: Into<BoxError>> + Unpin,
    V::Future: Send + 'static,
{
    /// Ends with the last request in flight, and takes the one that comes at once.
    async fn end(&mut self) -> Result<(), BoxError> {
        if let Some(ended) = self.await_first().await {
            return ended;
        }
        self.close();
        (&mut *self).await
    }

    /// Takes no new request; ends with the last one in flight.
    fn close(&mut self) {
        if !std::mem::replace(&mut self.closing, true) {
            self.connection.close();
        }
    }

    fn poll_until(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        poll_until(timer.as_mut(), at, cx)
    }

    /// Waits a moment for the first request of a connection that had none: it was accepted, so its client believes that it
    /// is served. The connection's end, if it came first.
    async fn await_first(&mut self) -> Option<Result<(), BoxError>> {
        let mut moment = pin!(sleep(FIRST_REQUEST));
        poll_fn(|cx| {
            if self.activity.has_begun() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(ended) = Pin::new(&mut *self).poll(cx) {
                return Poll::Ready(Some(ended));
            }
            if self.activity.has_begun() {
                return Poll::Ready(None);
            }
            moment.as_mut().poll(cx).map(|()| None)
        })
        .await
    }
}

impl<S, V> Future for Driver<S, V>
where
    S: AsyncRead + AsyncWrite + Unpin,
    V: HttpService<Incoming, ResBody = Tracked<Metered>, Error: Into<BoxError>> + Unpin,
    V::Future: Send + 'static,
{
    type Output = Result<(), BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            this.activity.forget();
            if let Poll::Ready(ended) = this.connection.poll(cx) {
                return Poll::Ready(ended);
            }
            match this.activity.deadline(this.patience, cx.waker()) {
                Deadline::Never => {
                    this.timer = None;
                    return Poll::Pending;
                }
                // hyper says no other goodbye than one in peace.
                Deadline::Flood => return Poll::Ready(Err(Flooded.into())),
                // A client that does not answer the goodbye has as long again, and is not waited for after that.
                Deadline::Idle(at) if this.closing => {
                    return this
                        .poll_until(at + this.patience.idle, cx)
                        .map(|()| Ok(()));
                }
                Deadline::Idle(at) => {
                    if this.poll_until(at, cx).is_pending() {
                        return Poll::Pending;
                    }
                    // Once more through the connection, which has to say goodbye.
                    this.close();
                }
                Deadline::Head(at) => {
                    if this.poll_until(at, cx).is_pending() {
                        return Poll::Pending;
                    }
                    // There is no request to answer yet, and nothing that a slow sender should be told.
                    return Poll::Ready(Err(HeadTooSlow.into()));
                }
            }
        }
    }
}

/// A request follows its connection within a round trip: a quarter of a second spans the earth, and delays the end of an
/// origin only while somebody has just connected.
const FIRST_REQUEST: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of the future that a function makes.
    fn room<A, C, D, F>(_: fn(A, &ConnInfo, C, D) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_keeps_little_room_for_a_request() {
        // A silent stream does not need it.
        let kept = room(answer);
        assert!(kept < 64, "{kept}");
    }
}
