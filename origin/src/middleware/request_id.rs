//! One id per request, from the edge to the last log line.

use std::cell::RefCell;
use std::sync::OnceLock;

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Response};

use super::Asked;
use crate::clock::Clock;

/// The id of a request. What [`RequestId::adopt`] changes is changed for all who ask for it after that.
#[derive(Debug)]
pub struct RequestId {
    sent: HeaderValue,
    /// In a box: few requests have one.
    adopted: OnceLock<Box<HeaderValue>>,
}

/// An id that the client chose and that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`request_id` is not 1 to {LONGEST} characters of `A-Z a-z 0-9 . _ : -`")]
pub struct NoId;

impl RequestId {
    fn new(sent: HeaderValue) -> Self {
        Self {
            sent,
            adopted: OnceLock::new(),
        }
    }

    /// The id: 1 to 128 characters of `A-Z a-z 0-9 . _ : -`.
    pub fn as_str(&self) -> &str {
        self.value().to_str().unwrap_or_default()
    }

    /// Takes the id that stands in the body of the request in place of that of its header, which an edge may have made up. The
    /// first one stays.
    ///
    /// # Errors
    /// [`NoId`]: the id stays as it was.
    pub fn adopt(&self, text: &str) -> Result<(), NoId> {
        let valid = is_valid(text.as_bytes());
        let value = HeaderValue::from_str(text)
            .ok()
            .filter(|_| valid)
            .ok_or(NoId)?;
        let _ = self.adopted.set(Box::new(value));
        Ok(())
    }

    fn value(&self) -> &HeaderValue {
        self.adopted.get().map_or(&self.sent, |adopted| adopted)
    }

    /// A new one, of 32 hex digits.
    pub fn fresh(clock: Clock) -> Self {
        let text = STORE.with_borrow_mut(|store| store.next(clock));
        HeaderValue::from_maybe_shared(text).map_or(Self::new(NO_ID), Self::new)
    }
}

/// Ids that are not given out yet.
struct Store {
    /// The digits of the next ones.
    text: Bytes,
    random: [[u8; ID]; RANDOM_AT_A_TIME],
    /// How many of them have no digits yet.
    left: usize,
}

impl Store {
    /// The digits of one.
    fn next(&mut self, clock: Clock) -> Bytes {
        if self.text.is_empty() {
            if self.left == 0 {
                self.fill(clock);
            }
            let from = self.left - DIGITS_AT_A_TIME;
            let random = self.random[from..self.left].as_flattened();
            let mut text = vec![0; 2 * random.len()];
            for (pair, byte) in text.chunks_exact_mut(2).zip(random) {
                pair.copy_from_slice(&HEX[usize::from(*byte)]);
            }
            self.text = text.into();
            self.left = from;
        }
        self.text.split_to((2 * ID).min(self.text.len()))
    }

    fn fill(&mut self, clock: Clock) {
        if getrandom::fill(self.random.as_flattened_mut()).is_err() {
            // A system without entropy still serves; an id is then only as unique as the time.
            let time = clock.wall().as_nanosecond();
            let times = self.random.iter_mut().zip(0..);
            times.for_each(|(id, number)| *id = (time + number).to_be_bytes());
        }
        self.left = self.random.len();
    }
}

thread_local! {
    static STORE: RefCell<Store> = const {
        RefCell::new(Store {
            text: Bytes::new(),
            random: [[0; ID]; RANDOM_AT_A_TIME],
            left: 0,
        })
    };
}

/// Keeps the client's id when it is valid and alone, makes one of 32 hex digits otherwise.
pub fn admit(headers: &HeaderMap, clock: Clock) -> RequestId {
    sent(headers).unwrap_or_else(|| RequestId::fresh(clock))
}

/// Sets the id on the response, once.
pub fn stamp<B>(response: &mut Response<B>, id: &RequestId) {
    let mut value = id.value().clone();
    // Over HTTP/2 a field that is never twice the same is not to push the others out of the table (RFC 7541 section 6.2.3).
    value.set_sensitive(true);
    response.headers_mut().insert(HEADER, value);
}

/// The id that [`admit`] gave a request.
pub fn of(extensions: &Extensions) -> &str {
    Asked::of(extensions).map_or("unknown", |asked| asked.id.as_str())
}

/// The client's id. Two of them name no request.
fn sent(headers: &HeaderMap) -> Option<RequestId> {
    let mut values = headers.get_all(HEADER).iter();
    let value = values.next()?;
    (values.next().is_none() && is_valid(value.as_bytes())).then(|| RequestId::new(value.clone()))
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

/// Bytes of an id.
const ID: usize = 16;

/// Ids of one system call: one for each was a tenth of what a short request costs.
const RANDOM_AT_A_TIME: usize = 64;

/// Ids whose digits are one piece of memory. Whoever keeps one of them keeps all, 256 bytes.
const DIGITS_AT_A_TIME: usize = 8;

/// The two digits of every byte.
const HEX: [[u8; 2]; 256] = {
    let (digits, mut hex, mut byte) = (b"0123456789abcdef", [[0; 2]; 256], 0);
    while byte < hex.len() {
        hex[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    hex
};

/// Hex digits always make a header value; this stands where the type wants an answer.
const NO_ID: HeaderValue = HeaderValue::from_static("unknown");

/// Room for a UUID, a ULID, a trace id or an edge's own scheme, and no more.
const LONGEST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(sent: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in sent {
            let value = HeaderValue::from_str(value).expect("a header value");
            headers.append(HEADER, value);
        }
        admit(&headers, Clock::system()).as_str().to_owned()
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

    #[test]
    fn an_id_from_the_body_takes_the_place_of_the_first() {
        let id = RequestId::fresh(Clock::system());
        let made = id.as_str().to_owned();
        assert_eq!(id.adopt("a b"), Err(NoId));
        assert_eq!(id.as_str(), made);
        assert_eq!(id.adopt("mine-1"), Ok(()));
        assert_eq!(id.as_str(), "mine-1");
    }
}
