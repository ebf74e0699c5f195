//! One connection, from its handshake to its end.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http3::{Code, Fault};
use quinn::{Connection, RecvStream, SendStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::activity::{Activity, Deadline};
use super::super::stall::poll_until;
use super::super::tcp::{Flooded, Limits};
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
}

impl Session {
    /// What a request shows of its connection: the client may have moved since the last one.
    pub(super) fn conn(&self) -> ConnInfo {
        ConnInfo {
            peer: Peer::Ip(self.connection.remote_address()),
            ..self.conn.clone()
        }
    }

    /// Closes the connection when a fault reaches that far.
    pub(super) fn punish(&self, fault: Fault) {
        if let Fault::Connection(code, reason) = fault {
            tracing::debug!(peer = %self.connection.remote_address(), %fault, "a connection is closed");
            self.connection.close(var_int(code), reason.as_bytes());
        }
    }

    fn request(self: &Arc<Self>, send: SendStream, receive: RecvStream) {
        let guard = Arc::new(self.activity.begin(true));
        self.streams
            .spawn(exchange::serve(Arc::clone(self), send, receive, guard));
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
    });
    let mut next = 0;
    let ended = {
        let mut idle = pin!(idle(&session));
        let mut stopped = pin!(Heed::new(stop));
        loop {
            tokio::select! {
                request = session.connection.accept_bi() => match request {
                    Ok((send, receive)) => {
                        next = (send.id().index() + 1) * 4;
                        session.request(send, receive);
                    }
                    Err(error) => break Err(error.into()),
                },
                stream = session.connection.accept_uni() => match stream {
                    Ok(stream) => session.uni(stream),
                    Err(error) => break Err(error.into()),
                },
                why = &mut idle => break why,
                () = &mut stopped => break drain(&session, &mut control, next).await,
            }
        }
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
                next = (send.id().index() + 1) * 4;
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
    // What is not sent when a connection is closed is never sent: a round trip lets the goodbye arrive.
    sleep(session.connection.rtt().min(IN_FLIGHT)).await;
    Ok(())
}

/// The largest id of a request stream: 2^62-4 (section 5.2).
const LAST_STREAM: u64 = http3::varint::MAX - 3;

/// A quarter of a second spans the earth; the same as over TCP.
const IN_FLIGHT: Duration = Duration::from_millis(250);

/// A client that is still sending has no longer pauses than this; the same as over HTTP/1.1.
pub(super) const PAUSE: Duration = Duration::from_secs(2);
