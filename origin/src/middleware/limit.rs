//! No client takes more than its share.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Response};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

use crate::body::{Body, BoxError};
use crate::envelope::{Code, Failure};
use crate::limits::{Place, Refusal, What};
use crate::stream::Endless;

/// The 429 of a request that is too much.
pub fn refuse(refusal: Refusal) -> Failure {
    // Whole seconds (RFC 9110 section 10.2.3), and none too few.
    let seconds = refusal.after.as_millis().div_ceil(1_000).max(1);
    let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
    let what = match refusal.what {
        What::Requests => "requests",
        What::Calls => "requests at a time",
        What::Streams => "open streams",
    };
    let message = format!("too many {what}: ask again in {seconds} s");
    Failure::new(Code::RateLimited, message).with(RETRY_AFTER, HeaderValue::from(seconds))
}

/// Keeps the places of a request until its answer has ended.
///
/// # Errors
/// The answer is a stream without an end, and one of them may not have another.
pub fn hold(
    response: Response<Body>,
    places: [Option<Place>; 2],
) -> Result<Response<Body>, Refusal> {
    let mut places: Vec<Place> = places.into_iter().flatten().collect();
    if places.is_empty() {
        return Ok(response);
    }
    if response.extensions().get::<Endless>().is_some() {
        let streams = places.into_iter().map(Place::into_stream);
        places = streams.collect::<Result<_, _>>()?;
    }
    Ok(response.map(|inner| {
        Held {
            inner,
            _places: places,
        }
        .boxed_unsync()
    }))
}

/// A body with the places that it takes.
struct Held {
    inner: Body,
    _places: Vec<Place>,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
