//! One connection, from its handshake to its end.

use std::borrow::Cow;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use http3::{Code, Fault};
use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::activity::{Activity, Deadline};
use super::super::stall::poll_until;
use super::super::tcp::{Flooded, Limits};
use super::outbound::Sender;
use super::room::Room;
use super::sent::Sent;
use super::{exchange, uni, var_int};
use crate::app::App;
use crate::body::BoxError;
use crate::conn::{ConnInfo, Peer};
use crate::current::Current;
use crate::heed::Heed;

/// What the streams of one connection share.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) app: Current<App>,
    pub(super) conn: ConnInfo,
    pub(super) limits: Limits,
    pub(super) activity: Arc<Activity>,
    pub(super) streams: TaskTracker,
    opened: uni::Opened,
    sent: Sent,
}

impl Session {
    /// What a request shows of its connection: the client may have moved since it began.
    pub(super) fn conn(&self) -> Cow<'_, ConnInfo> {
        let peer = Peer::Ip(self.connection.remote_address());
        if self.conn.peer == peer {
            return Cow::Borrowed(&self.conn);
        }
        let conn = self.conn.clone();
        Cow::Owned(ConnInfo { peer, ..conn })
    }

    /// Closes the connection when a fault reaches that far.
    pub(super) fn punish(&self, fault: Fault) {
        if let Fault::Connection(code, reason) = fault {
            tracing::debug!(peer = %self.connection.remote_address(), %fault, "a connection is closed");
            self.connection.close(var_int(code), reason.as_bytes());
        }
    }

    /// Ends an answer, of which the client is to have everything before the connection is closed.
    pub(super) async fn finish(&self, answer: Sender) {
        if let Some(sent) = answer.finish().await {
            self.sent.keep(sent);
        }
    }

    /// Takes the client's requests, and notes where the next one will be, until the connection ends.
    async fn requests(self: &Arc<Self>, next: &mut u64) -> ConnectionError {
        loop {
            match self.connection.accept_bi().await {
                Ok((send, receive)) => {
                    *next = after(&send);
                    // Who asks for the deadline asks again once there is no more request.
                    self.activity.forget();
                    self.request(send, receive);
                }
                Err(error) => return error,
            }
        }
    }

    /// Begins to serve a request. What needs to wait for nothing is answered before the next one is looked at, so that all
    /// answers to what one datagram brought leave together; only the others become tasks.
    fn request(self: &Arc<Self>, send: SendStream, receive: RecvStream) {
        let in_flight = self.activity.begin(true);
        let serving = exchange::serve(Arc::clone(self), send, receive, in_flight);
        let mut serving = SERVING.with(|room| room.lodge(serving));
        // A panic ends the request alone, as in a task; the panic itself is in the log.
        match catch_unwind(AssertUnwindSafe(|| (&mut serving).now_or_never())) {
            Ok(Some(())) => SERVING.with(|room| room.leave(serving)),
            Ok(None) => {
                self.streams.spawn(serving);
            }
            Err(_) => {}
        }
    }

    /// Takes the client's streams in one direction until the connection ends.
    async fn unis(self: &Arc<Self>) -> ConnectionError {
        loop {
            match self.connection.accept_uni().await {
                Ok(stream) => self.uni(stream),
                Err(error) => return error,
            }
        }
    }

    fn uni(self: &Arc<Self>, stream: RecvStream) {
        let session = Arc::clone(self);
        self.streams.spawn(async move {
            let read = uni::read(stream, &session.opened);
            tokio::select! {
                read = read => {
                    if let Err(fault) = read {
                        session.punish(fault);
                    }
                }
                // It lives as long as the connection, which does not wait for it.
                _ = session.connection.closed() => {}
            }
        });
    }
}

/// Serves one connection to its end. When `stop` is cancelled it takes no new request and ends with the last one in flight.
///
/// # Errors
/// How the connection ended, when it did not in peace.
pub async fn serve(
    connection: Connection,
    conn: ConnInfo,
    app: Current<App>,
    limits: Limits,
    stop: CancellationToken,
) -> Result<(), BoxError> {
    // "Each side MUST initiate a single control stream at the beginning of the connection and send its SETTINGS frame as the
    // first frame on this stream" (RFC 9114 section 6.2.1).
    let mut control = connection.open_uni().await?;
    control
        .write_chunk(http3::control_stream(limits.section))
        .await?;
    let session = Arc::new(Session {
        connection,
        app,
        conn,
        limits,
        activity: Activity::new(limits.h3_streams),
        streams: TaskTracker::new(),
        opened: uni::Opened::default(),
        sent: Sent::default(),
    });
    let mut next = 0;
    let ended = tokio::select! {
        // The deadline is asked for when the requests that came are known.
        biased;
        error = session.requests(&mut next) => Some(Err(error.into())),
        error = session.unis() => Some(Err(error.into())),
        why = idle(&session) => Some(why),
        () = Heed::new(stop) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => drain(&session, &mut control, next).await,
    };
    // In peace; when the connection is gone already, this says nothing.
    session.connection.close(var_int(Code::NO_ERROR), b"");
    session.streams.close();
    session.streams.wait().await;
    ended
}

/// Waits until there was no request for `keep_alive_timeout`. A client that is silent is gone after `quic.idle_timeout` already;
/// this is for one that only says that it is there.
///
/// "The endpoint detected that its peer is exhibiting a behavior that might be generating excessive load": `H3_EXCESSIVE_LOAD`
/// (RFC 9114 section 8.1).
async fn idle(session: &Session) -> Result<(), BoxError> {
    let patience = session.limits.patience();
    let mut timer = pin!(sleep(patience.idle));
    poll_fn(|cx| match session.activity.deadline(patience, cx.waker()) {
        Deadline::Idle(at) => poll_until(timer.as_mut(), at, cx).map(Ok),
        Deadline::Never | Deadline::Head(_) => Poll::Pending,
        Deadline::Flood => {
            session.punish(Fault::Connection(
                Code::EXCESSIVE_LOAD,
                "requests are given up",
            ));
            Poll::Ready(Err(Flooded.into()))
        }
    })
    .await
}

/// Says that the connection ends, lets those in who had not heard of it, and waits for the last answer.
///
/// A first GOAWAY with the largest id refuses nothing and makes clients look elsewhere; one with the id of the next request follows
/// when what was on its way has had the time to arrive (RFC 9114 section 5.2).
async fn drain(
    session: &Arc<Session>,
    control: &mut SendStream,
    mut next: u64,
) -> Result<(), BoxError> {
    control.write_chunk(http3::goaway(LAST_STREAM)).await?;
    let mut moment = pin!(sleep(IN_FLIGHT));
    loop {
        tokio::select! {
            request = session.connection.accept_bi() => {
                let (send, receive) = request?;
                next = after(&send);
                session.request(send, receive);
            }
            () = &mut moment => break,
        }
    }
    control.write_chunk(http3::goaway(next)).await?;
    let mut quiet = pin!(session.activity.quiet());
    loop {
        tokio::select! {
            request = session.connection.accept_bi() => {
                let (mut send, mut receive) = request?;
                // Behind the last GOAWAY: nothing was done for it, and it may be sent again (section 5.2).
                let _ = send.reset(var_int(Code::REQUEST_REJECTED));
                let _ = receive.stop(var_int(Code::REQUEST_REJECTED));
            }
            () = &mut quiet => break,
        }
    }
    // A client that acknowledges nothing for as long has none of it.
    let _ = timeout(session.limits.write_stall(), session.sent.settle()).await;
    // What is not sent when a connection is closed is never sent: a round trip lets the goodbye arrive.
    sleep(session.connection.rtt().min(IN_FLIGHT)).await;
    Ok(())
}

/// The id of the request behind this one: "client-initiated streams have even-numbered stream IDs", and of four numbers one is
/// that of a stream in both directions (RFC 9000 section 2.1).
fn after(request: &SendStream) -> u64 {
    (request.id().index() + 1) * 4
}

/// The largest id of a request stream: 2^62-4 (section 5.2).
const LAST_STREAM: u64 = http3::varint::MAX - 3;

thread_local! {
    static SERVING: Room<()> = const { Room::new() };
}

/// A quarter of a second spans the earth; the same as over TCP.
const IN_FLIGHT: Duration = Duration::from_millis(250);

/// A client that is still sending has no longer pauses than this; the same as over HTTP/1.1.
pub(super) const PAUSE: Duration = Duration::from_secs(2);
