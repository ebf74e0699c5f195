//! Which web page asks: `Origin`, checked before anything of the request is believed.
//!
//! "Servers MUST validate the Origin header on all incoming connections to prevent DNS rebinding attacks. If the Origin
//! header is present and invalid, servers MUST respond with HTTP 403 Forbidden" (MCP 2025-11-25, Transports; 2026-07-28
//! has the same rule).

use http::header::ORIGIN;
use http::{HeaderMap, HeaderValue};
use origin_config::{OriginConfig, WebOrigin};

use crate::envelope::{Code, Failure};

/// The web page behind a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// None: the client is no browser, or asks from the address bar.
    None,
    /// One that may ask, as it named itself.
    Allowed(HeaderValue),
    /// One that may not; the text is what it named itself.
    Refused(String),
}

impl Page {
    /// Reads and judges `Origin`. Pages of this machine are always allowed, `null` (a file, a sandboxed frame) never is,
    /// and neither are two values at once.
    pub fn of(config: &OriginConfig, headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(ORIGIN).iter();
        let Some(value) = values.next() else {
            return Self::None;
        };
        if values.next().is_none() && is_allowed(config, value) {
            return Self::Allowed(value.clone());
        }
        let text = String::from_utf8_lossy(value.as_bytes());
        Self::Refused(text.chars().take(LONGEST_SHOWN).collect())
    }

    /// An error for a page that may not ask.
    pub fn check(&self) -> Result<(), Failure> {
        let Self::Refused(named) = self else {
            return Ok(());
        };
        Err(Failure::new(
            Code::Forbidden,
            format!(
                "web pages of `{}` may not use this server: add it to `allowed_origins`",
                named.escape_debug()
            ),
        ))
    }
}

fn is_allowed(config: &OriginConfig, value: &HeaderValue) -> bool {
    let asking: Option<WebOrigin> = value.to_str().ok().and_then(|text| text.parse().ok());
    asking.is_some_and(|asking| {
        asking.is_loopback()
            || config
                .allowed_origins
                .iter()
                .any(|entry| entry.admits(&asking))
    })
}

/// A whole origin is never longer than this: `https://`, 253 characters of a name and a port.
const LONGEST_SHOWN: usize = 270;

#[cfg(test)]
mod tests {
    use super::*;

    fn page(allowed: &[&str], sent: &[&str]) -> Page {
        let (config, _) = origin_config::load(findings::Document::empty());
        let mut config = config.expect("the defaults are valid");
        config.allowed_origins = allowed
            .iter()
            .map(|entry| entry.parse().expect("an entry"))
            .collect();
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(ORIGIN, value.parse().expect("a header value"));
        }
        Page::of(&config, &headers)
    }

    fn is_refused(page: &Page) -> bool {
        page.check().is_err()
    }

    #[test]
    fn a_client_without_a_page_is_not_asked() {
        assert_eq!(page(&[], &[]), Page::None);
    }

    #[test]
    fn pages_of_this_machine_and_listed_ones_may_ask() {
        for sent in [
            "http://localhost:6274",
            "https://127.0.0.1",
            "http://[::1]:1",
            "https://app.example",
            "https://a.b.example",
        ] {
            let judged = page(&["https://app.example", "https://*.b.example"], &[sent]);
            assert_eq!(judged, Page::Allowed(sent.parse().expect("a value")));
        }
    }

    #[test]
    fn every_other_page_may_not() {
        for sent in [
            "null",
            "",
            "*",
            "https://evil.test",
            "http://app.example",
            "https://app.example.evil.test",
            "https://app.example:8443",
            "http://localhost.evil.test",
            "https://app.example/",
        ] {
            let judged = page(&["https://app.example"], &[sent]);
            assert!(is_refused(&judged), "{sent}: {judged:?}");
        }
        let judged = page(&[], &["http://localhost", "https://evil.test"]);
        assert!(is_refused(&judged), "two of them");
    }

    #[test]
    fn null_is_refused_even_where_every_page_may_ask() {
        assert!(is_refused(&page(&["*"], &["null"])));
        assert!(!is_refused(&page(&["*"], &["https://any.test"])));
    }
}
