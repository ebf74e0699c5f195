//! One request and its answer.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use http3::request::Head;
use http3::{Code, Fault, Piece, request, response};
use quinn::{RecvStream, SendStream};

use super::super::activity::InFlight;
use super::super::authority;
use super::body::{Incoming, Verdict};
use super::connection::Session;
use super::inbound::{Broken, Receiver};
use super::outbound::{PIECE, Sender, Unsent};
use super::room::Room;
use crate::body::{self, Body, BoxError};
use crate::middleware::access_log::Observed;
use crate::middleware::{self, access_log};
use crate::within::within;

/// Reads a request, has it answered, and sends the answer. Whatever the client does wrong ends here.
pub(super) async fn serve(
    session: Arc<Session>,
    send: SendStream,
    receive: RecvStream,
    in_flight: InFlight,
) {
    let mut sender = Sender::new(send, session.limits.write_stall());
    let mut receiver = Receiver::new(receive, session.limits.section);
    let reading = within(
        session.limits.patience().head,
        read(&mut receiver, &session),
    );
    let Ok(read) = reading.await else {
        let late = "the request took longer than `read_timeout`";
        log(&session, StatusCode::REQUEST_TIMEOUT, &BoxError::from(late));
        in_flight.answered();
        receiver.stop(Code::REQUEST_INCOMPLETE);
        return sender.reset(Code::REQUEST_INCOMPLETE);
    };
    let (head, prefix) = match read {
        Ok(read) => read,
        Err(Broken::Gone(_)) => return,
        Err(Broken::Fault(fault)) => {
            in_flight.answered();
            return refuse(&session, sender, receiver, fault).await;
        }
    };
    let (request, verdict) = request(head, prefix, receiver, &session);
    let named = authority::named(&request);
    let answering = middleware::respond(session.app.now(), &session.conn(), &named, request);
    // In a room of its own, which is free again with the head of the answer: a stream may be held for hours.
    let mut answering = ANSWERING.with(|room| room.lodge(answering));
    let answer = tokio::select! {
        biased;
        answer = &mut answering => answer,
        () = sender.until_gone() => return,
    };
    ANSWERING.with(|room| room.leave(answering));
    if let Some(fault) = verdict.as_ref().and_then(|verdict| verdict.get()) {
        in_flight.answered();
        if let Fault::Stream(code, _) = fault {
            sender.reset(*code);
        }
        return;
    }
    if let Err(unsent) = self::answer(&mut sender, answer).await {
        tracing::debug!(
            error = &unsent as &dyn std::error::Error,
            "an answer was not sent whole"
        );
        if matches!(unsent, Unsent::Failed | Unsent::Stalled) {
            in_flight.answered();
        }
        let code = match unsent {
            Unsent::Failed => Code::INTERNAL_ERROR,
            _ => Code::REQUEST_CANCELLED,
        };
        return sender.reset(code);
    }
    in_flight.answered();
    session.finish(sender).await;
}

/// The head of the request, and its body where that has to be known before.
async fn read(receiver: &mut Receiver, session: &Session) -> Result<(Head, Option<Bytes>), Broken> {
    // The reader gives nothing else first, and a stream without a request is a fault already.
    let Some(Piece::Head(section)) = receiver.piece().await? else {
        return Err(Fault::Stream(Code::REQUEST_INCOMPLETE, "there is no request").into());
    };
    let head = request::head(&section, session.limits.section)?;
    receiver.declare(head.length);
    // Nobody reads what a GET brings along; that it is as long as it says is to be known all the same.
    let unread = !matches!(
        head.parts.method,
        Method::POST | Method::PUT | Method::PATCH
    );
    if !unread || head.length.is_none_or(|length| length > PIECE as u64) {
        receiver.settle().await?;
        return Ok((head, None));
    }
    let mut body = BytesMut::new();
    while let Some(piece) = receiver.piece().await? {
        match piece {
            Piece::Data(data) => body.extend_from_slice(&data),
            Piece::Head(section) | Piece::Trailers(section) => {
                request::trailers(&section, session.limits.section)?;
            }
        }
    }
    Ok((head, Some(body.freeze())))
}

/// The request as an endpoint sees it, and what may yet turn out to be wrong with it.
fn request(
    head: Head,
    prefix: Option<Bytes>,
    receiver: Receiver,
    session: &Arc<Session>,
) -> (Request<Body>, Option<Verdict>) {
    let (body, verdict) = match prefix {
        Some(whole) => (body::full(whole), None),
        None if receiver.has_ended() => (body::empty(), None),
        None => {
            let verdict = Verdict::default();
            let (session, told) = (Arc::clone(session), Arc::clone(&verdict));
            let body = Incoming::new(receiver, head.length, session, told);
            (body.boxed_unsync(), Some(verdict))
        }
    };
    (Request::from_parts(head.parts, body), verdict)
}

/// Sends an answer. What is there at once goes out together: a small answer is one write.
async fn answer(sender: &mut Sender, answer: Response<Observed>) -> Result<(), Unsent> {
    let (head, mut body) = answer.into_parts();
    let mut out = BytesMut::with_capacity(512);
    response::headers(&head, &mut out);
    let sent = pour(sender, &mut out, &mut body).await;
    if sent.is_err() {
        body.cut();
    }
    sent
}

async fn pour(sender: &mut Sender, out: &mut BytesMut, body: &mut Observed) -> Result<(), Unsent> {
    loop {
        if body.is_end_stream() {
            return sender.send(std::mem::take(out).freeze()).await;
        }
        let frame = if let Some(frame) = body.frame().now_or_never() {
            frame
        } else {
            sender.send(out.split().freeze()).await?;
            tokio::select! {
                frame = body.frame() => frame,
                () = sender.until_gone() => return Err(Unsent::Unwanted),
            }
        };
        let Some(frame) = frame else {
            return sender.send(std::mem::take(out).freeze()).await;
        };
        let Ok(frame) = frame else {
            // What is broken off is to look broken off.
            sender.send(out.split().freeze()).await?;
            return Err(Unsent::Failed);
        };
        match frame.into_data() {
            Ok(data) => {
                response::data(data.len(), out);
                if data.len() <= SMALL {
                    out.extend_from_slice(&data);
                } else {
                    sender.send(out.split().freeze()).await?;
                    sender.send(data).await?;
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    response::trailers(&trailers, out);
                }
            }
        }
        if out.len() >= PIECE {
            sender.send(out.split().freeze()).await?;
        }
    }
}

/// Answers what never became a request.
async fn refuse(session: &Session, mut sender: Sender, mut receiver: Receiver, fault: Fault) {
    session.punish(fault);
    match fault {
        Fault::Connection(..) => log(session, StatusCode::BAD_REQUEST, &fault.into()),
        Fault::Stream(code, _) => {
            log(session, StatusCode::BAD_REQUEST, &fault.into());
            receiver.stop(code);
            sender.reset(code);
        }
        // "An HTTP/3 implementation MAY impose a limit on the maximum size of the message header it will accept on an individual
        // HTTP message. A server that receives a larger header section than it is willing to handle can send an HTTP 431 (Request
        // Header Fields Too Large) status code" (RFC 9114 section 4.2.2).
        Fault::TooLarge => {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            log(session, status, &fault.into());
            receiver.stop(Code::NO_ERROR);
            let mut head = Response::new(()).into_parts().0;
            head.status = status;
            let mut out = BytesMut::new();
            response::headers(&head, &mut out);
            match sender.send(out.freeze()).await {
                Ok(()) => session.finish(sender).await,
                Err(_) => sender.reset(Code::REQUEST_CANCELLED),
            }
        }
    }
}

fn log(session: &Session, status: StatusCode, error: &BoxError) {
    access_log::refused(&session.app.now(), &session.conn(), status, &**error);
}

thread_local! {
    static ANSWERING: Room<Response<Observed>> = const { Room::new() };
}

/// Up to here a copy costs less than a chunk of its own.
const SMALL: usize = 1024;
