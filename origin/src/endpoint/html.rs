//! Pages for people: one file each, with everything in it.

use std::sync::LazyLock;

use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response};
use ring::digest::{SHA256, digest};

use crate::body::{self, Body};

/// A page and the policy that lets its own style and script run and nothing else.
#[derive(Debug)]
pub(super) struct Page {
    text: &'static str,
    policy: LazyLock<HeaderValue, fn() -> HeaderValue>,
}

impl Page {
    /// A page whose policy is `policy`, which has to come from [`policy_of`] the same text.
    pub(super) const fn new(text: &'static str, policy: fn() -> HeaderValue) -> Self {
        Self {
            text,
            policy: LazyLock::new(policy),
        }
    }

    /// The page as a response. It is never kept: a page from a cache would show an earlier connection or state.
    pub(super) fn serve(&self) -> Response<Body> {
        let mut response = Response::new(body::full(self.text));
        let headers = response.headers_mut();
        let fixed = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
            (VARY, "accept"),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        response
    }
}

/// The policy of a page (Content Security Policy Level 3): nothing is loaded, what runs is named by its digest, and data
/// comes from this origin alone. `data:` is for the empty icon that keeps browsers from asking for one.
pub(super) fn policy_of(text: &str) -> HeaderValue {
    let style = source(text, "<style>", "</style>");
    let script = source(text, "<script>", "</script>");
    let policy = format!(
        "default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    // Base64 and the words above are all that stands in it.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// What stands between two tags, as a source of a policy.
fn source(text: &str, open: &str, close: &str) -> String {
    let inner = text.split_once(open).and_then(|(_, rest)| {
        let (inner, _) = rest.split_once(close)?;
        Some(inner)
    });
    inner.map_or_else(
        || "'none'".to_owned(),
        |inner| {
            let digest = digest(&SHA256, inner.as_bytes());
            format!("'sha256-{}'", base64(digest.as_ref()))
        },
    )
}

/// Base64 with padding (RFC 4648 section 4).
fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = (0..3).fold(0_usize, |number, index| {
            number << 8 | usize::from(chunk.get(index).copied().unwrap_or(0))
        });
        for place in 0..4 {
            let letter = if place <= chunk.len() {
                ALPHABET[number >> (18 - 6 * place) & 63]
            } else {
                b'='
            };
            text.push(char::from(letter));
        }
    }
    text
}

/// Whether a client prefers this media type: it names it, as browsers name `text/html` and `EventSource` the event stream.
pub(super) fn names(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(ACCEPT).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|item| item.split(';').next())
        .any(|named| named.trim().eq_ignore_ascii_case(media_type))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 4648 section 10.
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_policy_names_the_script_by_its_digest() {
        // Content Security Policy Level 3, section 8.4 has this very example.
        let policy = policy_of("<script>alert('Hello, world.');</script>");
        let policy = policy.to_str().expect("text");
        let digest = "script-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='";
        assert!(policy.contains(digest), "{policy}");
        assert!(policy.contains("style-src 'none'"), "{policy}");
    }

    #[test]
    fn a_page_is_asked_for_by_its_media_type() {
        let asks = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().expect("a header value"));
            names(&headers, "text/html")
        };
        assert!(asks("text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(asks("application/json, Text/HTML;q=0.9"));
        assert!(!asks("*/*") && !asks("application/json"));
    }
}
