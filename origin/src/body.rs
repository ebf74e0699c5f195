//! The one body type of requests and responses, whatever the HTTP version.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use serde::Serialize;

/// Any error that a body may end with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of every request that an endpoint sees and of every response that it makes.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A body of these bytes, with its length known.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body without bytes.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A response of `value` as JSON with `Content-Type: application/json`.
///
/// A value that cannot be written as JSON (a map whose keys are no strings) becomes `null`: the types given here have none.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Response<Body> {
    let bytes = serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec());
    json_bytes(status, bytes)
}

/// A response of bytes that are JSON already, with `Content-Type: application/json`.
pub fn json_bytes(status: StatusCode, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(bytes));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Reads a whole request body.
///
/// The size is bounded by the body limit of the middleware (`max_body_size`), which also makes the 413 answer: an
/// endpoint that gets [`ReadError::TooLarge`] may answer anything.
pub async fn read(body: Body) -> Result<Bytes, ReadError> {
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<TooLarge>() => Err(ReadError::TooLarge),
        Err(error) => Err(ReadError::Broken(error)),
    }
}

/// The error of a body that is cut because it is larger than `max_body_size`.
#[derive(Debug, thiserror::Error)]
#[error("the body is larger than `max_body_size`")]
pub struct TooLarge;

/// Why a request body could not be read whole.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is longer than `max_body_size`.
    #[error("the body is larger than `max_body_size`")]
    TooLarge,
    /// The connection ended or broke the framing before the body's end.
    #[error("the body ended early")]
    Broken(#[source] BoxError),
}
