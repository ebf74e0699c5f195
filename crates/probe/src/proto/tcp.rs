//! HTTP/1.1 and HTTP/2 by hyper.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::TokioIo;

use super::Piece;
use crate::{
    Head, ProbeError, Stage,
    dial::tcp::Io,
    wait::{Limit, Spawner},
};

pub(crate) type Http1 = http1::SendRequest<Full<Bytes>>;
pub(crate) type Http2 = http2::SendRequest<Full<Bytes>>;

pub(super) async fn http1(
    io: Box<dyn Io>,
    tasks: &Spawner,
    limit: Limit,
) -> Result<Http1, ProbeError> {
    let (sender, driver) = limit
        .try_on(Stage::Http, http1::handshake(TokioIo::new(io)))
        .await?;
    // what goes wrong on the connection reaches the request that waits for it
    tasks.spawn(async {
        let _ = driver.await;
    });
    Ok(sender)
}

pub(super) async fn http2(
    io: Box<dyn Io>,
    tasks: &Spawner,
    limit: Limit,
) -> Result<Http2, ProbeError> {
    let builder = http2::Builder::new(tasks.clone());
    let (sender, driver) = limit
        .try_on(Stage::Http, builder.handshake(TokioIo::new(io)))
        .await?;
    tasks.spawn(async {
        let _ = driver.await;
    });
    Ok(sender)
}

pub(super) async fn send1(
    sender: &mut Http1,
    mut request: Request<Bytes>,
    limit: Limit,
) -> Result<(Head, Incoming), ProbeError> {
    // RFC 9112, section 3.2.1: "the most common form of request-target is the origin-form"; the authority is in Host
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    (parts.scheme, parts.authority) = (None, None);
    *request.uri_mut() = http::Uri::from_parts(parts).map_err(|error| ProbeError::Ask {
        reason: error.to_string(),
    })?;
    limit.try_on(Stage::Request, sender.ready()).await?;
    let response = sender.send_request(request.map(Full::new));
    Ok(split(limit.try_on(Stage::Response, response).await?))
}

pub(super) async fn send2(
    sender: &mut Http2,
    request: Request<Bytes>,
    limit: Limit,
) -> Result<(Head, Incoming), ProbeError> {
    limit.try_on(Stage::Request, sender.ready()).await?;
    let response = sender.send_request(request.map(Full::new));
    Ok(split(limit.try_on(Stage::Response, response).await?))
}

fn split(response: http::Response<Incoming>) -> (Head, Incoming) {
    let (parts, body) = response.into_parts();
    let head = Head {
        version: parts.version,
        status: parts.status,
        headers: parts.headers,
    };
    (head, body)
}

pub(super) async fn next(body: &mut Incoming) -> Result<Option<Piece>, hyper::Error> {
    while let Some(frame) = body.frame().await.transpose()? {
        match frame.into_data() {
            Ok(data) => return Ok(Some(Piece::Data(data))),
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return Ok(Some(Piece::Trailers(trailers)));
                }
            }
        }
    }
    Ok(None)
}
