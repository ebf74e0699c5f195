//! The headers that keep a proxy from holding a stream back.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response};

use crate::stream::{NDJSON, SSE};

/// Sets `X-Accel-Buffering: no` and `Cache-Control: no-cache` on a response that streams, whatever its status. No endpoint
/// sets them itself: on any other answer NGINX would stop buffering what it should buffer.
pub fn mark<B>(response: &mut Response<B>) {
    if streams(response) {
        let headers = response.headers_mut();
        headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
}

/// A response streams when its media type does: the type is what tells the reader to read event by event.
pub fn streams<B>(response: &Response<B>) -> bool {
    response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.as_bytes().split(|byte| *byte == b';').next())
        .map(<[u8]>::trim_ascii)
        .is_some_and(|essence| {
            [SSE, NDJSON]
                .iter()
                .any(|streaming| essence.eq_ignore_ascii_case(streaming.as_bytes()))
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
