//! One id per request, from the edge to the last log line.

use std::fmt::Write as _;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, Response};

use crate::clock::Clock;

/// The id of a request; an extension of every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id: 1 to 128 characters of `A-Z a-z 0-9 . _ : -`.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// A new one, of 32 hex digits.
    pub fn fresh(clock: Clock) -> Self {
        let mut random = [0; 16];
        if getrandom::fill(&mut random).is_err() {
            // A system without entropy still serves; the id is then only as unique as the time.
            random = clock.wall().as_nanosecond().to_be_bytes();
        }
        let mut text = String::with_capacity(32);
        for byte in random {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).unwrap_or(NO_ID))
    }
}

/// Keeps the client's id when it is valid and alone, makes one of 32 hex digits otherwise, and leaves it in the request's
/// header for whatever reads the request next.
pub fn admit<B>(request: &mut Request<B>, clock: Clock) -> RequestId {
    let id = sent(request.headers()).unwrap_or_else(|| RequestId::fresh(clock));
    request.headers_mut().insert(HEADER, id.0.clone());
    id
}

/// Sets the id on the response, once.
pub fn stamp<B>(response: &mut Response<B>, id: &RequestId) {
    response.headers_mut().insert(HEADER, id.0.clone());
}

/// The id that [`admit`] gave a request.
pub fn of(extensions: &Extensions) -> &str {
    extensions.get().map_or("unknown", RequestId::as_str)
}

/// The client's id. Two of them name no request.
fn sent(headers: &HeaderMap) -> Option<RequestId> {
    let mut values = headers.get_all(HEADER).iter();
    let value = values.next()?;
    (values.next().is_none() && is_valid(value.as_bytes())).then(|| RequestId(value.clone()))
}

/// `^[A-Za-z0-9._:-]{1,128}$`: the same rule as in the edge's `map`, so that both keep or both replace. Nothing in it can
/// break a log line, a header or a shell word.
fn is_valid(bytes: &[u8]) -> bool {
    (1..=LONGEST).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(byte))
}

/// The header that carries the id, in both directions.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Hex digits always make a header value; this stands where the type wants an answer.
const NO_ID: HeaderValue = HeaderValue::from_static("unknown");

/// Room for a UUID, a ULID, a trace id or an edge's own scheme, and no more.
const LONGEST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(sent: &[&str]) -> String {
        let mut request = Request::new(());
        for value in sent {
            let value = HeaderValue::from_str(value).expect("a header value");
            request.headers_mut().append(HEADER, value);
        }
        let id = admit(&mut request, Clock::system());
        let headers: Vec<_> = request.headers().get_all(HEADER).iter().collect();
        assert_eq!(headers, [id.as_str()], "the request carries it once");
        id.as_str().to_owned()
    }

    #[test]
    fn a_valid_client_id_is_kept() {
        for id in ["a", "req-1.2_3:4", &"x".repeat(128)] {
            assert_eq!(admitted(&[id]), id);
        }
    }

    #[test]
    fn a_client_id_that_is_not_valid_is_replaced() {
        for id in ["", "a b", "a/b", "a\"b", "a,b", &"x".repeat(129)] {
            let made = admitted(&[id]);
            assert_eq!(made.len(), 32, "{id:?} gave {made:?}");
            assert!(made.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }

    #[test]
    fn two_client_ids_are_replaced_by_one() {
        assert_eq!(admitted(&["a", "b"]).len(), 32);
    }

    #[test]
    fn two_requests_without_an_id_get_different_ones() {
        assert_ne!(admitted(&[]), admitted(&[]));
    }
}
