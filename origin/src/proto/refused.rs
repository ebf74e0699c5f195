//! Answers that hyper makes itself, before there is a request.
//!
//! A head that cannot be read is answered with 400, 414 or 431 and an empty body, and the connection is closed. hyper lets
//! nobody add to that answer: it has no `X-Request-ID` and no CORS. Its line in the access log has an id that was made for it.
//! Over HTTP/2 a head that is too large is a 431 of the same kind on its own stream, which nobody hears of.

use http::StatusCode;

use super::tcp::HeadTooSlow;
use crate::body::BoxError;

/// The status of a connection that ended in `error` before there was a request; `None` for an error of another kind. A
/// client that was too slow with its head is a 408 in the log, and is told nothing.
pub(super) fn status(error: &BoxError) -> Option<StatusCode> {
    if error.is::<HeadTooSlow>() {
        return Some(StatusCode::REQUEST_TIMEOUT);
    }
    let error = error
        .downcast_ref::<hyper::Error>()
        .filter(|error| error.is_parse())?;
    Some(if !error.is_parse_too_large() {
        StatusCode::BAD_REQUEST
    } else if error.to_string().contains("URI") {
        StatusCode::URI_TOO_LONG
    } else {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    })
}
