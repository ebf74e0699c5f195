//! The headers that keep a proxy from holding a stream back.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response};

use crate::stream::{NDJSON, SSE};

/// Sets `X-Accel-Buffering: no` and `Cache-Control: no-cache` on a response that streams, whatever its status, and takes
/// the first away from any other: NGINX would stop buffering answers that it should buffer.
pub fn mark<B>(response: &mut Response<B>) {
    let streams = streams(response);
    let headers = response.headers_mut();
    if streams {
        headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    } else {
        headers.remove(ACCEL_BUFFERING);
    }
}

/// A response streams when its media type does: the type is what tells the reader to read event by event.
pub fn streams<B>(response: &Response<B>) -> bool {
    response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim())
        .is_some_and(|essence| {
            essence.eq_ignore_ascii_case(SSE) || essence.eq_ignore_ascii_case(NDJSON)
        })
}

/// NGINX's header (ngx_http_upstream_module, `X-Accel-Buffering`).
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(content_type: &'static str) -> Response<()> {
        let mut response = Response::new(());
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        mark(&mut response);
        response
    }

    #[test]
    fn streams_are_marked_and_others_are_not() {
        for streaming in [SSE, NDJSON, "Text/Event-Stream; charset=utf-8"] {
            let response = marked(streaming);
            assert_eq!(response.headers()[ACCEL_BUFFERING], "no", "{streaming}");
            assert_eq!(response.headers()[CACHE_CONTROL], "no-cache", "{streaming}");
        }
        let response = marked("application/json");
        assert!(!response.headers().contains_key(ACCEL_BUFFERING));
        assert!(!response.headers().contains_key(CACHE_CONTROL));
    }
}
