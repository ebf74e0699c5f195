//! Who asks, by the key that they show.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use api_keys::Key;
use bytes::Bytes;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::body::{Body, BoxError};
use crate::envelope::{Code, Failure};
use crate::keys::{Holder, Keys};

/// The holder of the key that a request shows.
///
/// # Errors
/// 401 with `WWW-Authenticate` for no key, more than one, or one that opens nothing. RFC 6750 section 3.1: a request that
/// "lacks any authentication information" gets no error code.
pub fn check(keys: &Keys, headers: &HeaderMap) -> Result<Arc<Holder>, Failure> {
    let Some(shown) = shown(headers)? else {
        let message = "an API key is needed, as `Authorization: Bearer KEY` or `X-API-Key: KEY`";
        return Err(Failure::new(Code::Unauthorized, message).with(WWW_AUTHENTICATE, CHALLENGE));
    };
    let key: Key = shown
        .parse()
        .map_err(|fault| refused(format!("what is shown {fault}")))?;
    keys.admit(&key)
        .map_err(|refusal| refused(refusal.to_string()))
}

/// The one key of a request.
fn shown(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let bearer = headers.get_all(AUTHORIZATION).iter();
    let bearer = bearer.map(|value| {
        let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let named = headers.get_all(X_API_KEY).iter();
    let named = named.map(|value| value.to_str().ok().map(str::trim));
    let mut all = bearer.chain(named);
    let Some(first) = all.next() else {
        return Ok(None);
    };
    // RFC 6750 section 2: "Clients MUST NOT use more than one method to transmit the token in each request."
    if all.next().is_some() {
        return Err(refused("more than one credential is shown"));
    }
    let first = first.ok_or_else(|| refused("`Authorization` is not `Bearer KEY`"))?;
    Ok(Some(first))
}

fn refused(reason: impl Into<Cow<'static, str>>) -> Failure {
    Failure::new(Code::Unauthorized, reason).with(WWW_AUTHENTICATE, INVALID)
}

/// Notes on an answer whose it is. A stream ends with the key that opened it.
pub fn bind(mut response: Response<Body>, holder: Arc<Holder>) -> Response<Body> {
    let over = holder.over();
    response.extensions_mut().insert(holder);
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|inner| {
        let over = Box::pin(over);
        Bound { inner, over }.boxed_unsync()
    })
}

/// A body that ends when its key does.
struct Bound {
    inner: Body,
    over: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl http_body::Body for Bound {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.over.as_mut().poll(cx).is_ready() {
            // A clean end: the client asks again, and is told.
            self.inner = crate::body::empty();
        }
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// RFC 6750 section 3: the scheme "MUST be followed by one or more auth-param values".
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"mcp\"");
const INVALID: HeaderValue =
    HeaderValue::from_static("Bearer realm=\"mcp\", error=\"invalid_token\"");
