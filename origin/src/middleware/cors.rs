//! What lets the script of an allowed web page read the answers (the Fetch standard's CORS protocol).
//!
//! No credentials: an MCP client sends its token in `Authorization`, which needs none, and without cookies a page can do no
//! more than its script could do with the token in hand.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response};

use super::page::Page;

/// What the answer to one request says to a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    page: Option<HeaderValue>,
    /// The value of `Access-Control-Allow-Headers`, for a preflight.
    preflight: Option<HeaderValue>,
}

impl Cors {
    /// Reads what the answer will need, before the request is given away.
    pub fn of<B>(page: &Page, request: &Request<B>) -> Self {
        let Page::Allowed(page) = page else {
            return Self {
                page: None,
                preflight: None,
            };
        };
        let headers = request.headers();
        let preflight = request.method() == Method::OPTIONS
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        Self {
            page: Some(page.clone()),
            preflight: preflight.then(|| allowed_headers(headers)),
        }
    }

    /// Marks an answer, whoever made it and whatever its status: a script that cannot read a 404 does not learn that its
    /// session is gone.
    pub fn mark<B>(self, response: &mut Response<B>) {
        let headers = response.headers_mut();
        // Also without a page: a cache must not give this answer to one.
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let Some(page) = self.page else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        if let Some(allowed) = self.preflight {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
            headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            headers.append(
                VARY,
                HeaderValue::from_static("Access-Control-Request-Headers"),
            );
        }
    }
}

/// The headers of MCP, and those of the asked-for ones that carry an argument of a tool (`Mcp-Param-*`): their names are the
/// servers', and a wildcard does not cover them once a browser sends `Authorization`.
fn allowed_headers(request: &HeaderMap) -> HeaderValue {
    let mut allowed = ALLOWED.to_owned();
    request
        .get_all(ACCESS_CONTROL_REQUEST_HEADERS)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|name| is_parameter(name))
        .take(MOST_PARAMETERS)
        .for_each(|name| {
            allowed.push_str(", ");
            allowed.push_str(name);
        });
    // Only tokens were added, so this is always a value.
    HeaderValue::from_maybe_shared(bytes::Bytes::from(allowed))
        .unwrap_or(HeaderValue::from_static(ALLOWED))
}

fn is_parameter(name: &str) -> bool {
    let named = name
        .get(..PARAMETER.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PARAMETER));
    named
        && (PARAMETER.len() + 1..=LONGEST_PARAMETER).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE, OPTIONS");

const ALLOWED: &str = "Content-Type, Authorization, Accept, Mcp-Session-Id, Mcp-Protocol-Version, Last-Event-ID, \
    Mcp-Method, Mcp-Name, X-API-Key, X-Request-ID";

/// What a script may read beside the headers that it always may; the edge says the same on its own answers.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Mcp-Session-Id, WWW-Authenticate, MCP-Protocol-Version, X-Request-ID, Retry-After",
);

/// Two hours: the longest that Chromium keeps a preflight (Firefox: a day).
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// MCP 2026-07-28, Streamable HTTP: arguments that a tool marks with `x-mcp-header`.
const PARAMETER: &str = "mcp-param-";

/// More arguments than any tool has, and still less than a line of an access log.
const MOST_PARAMETERS: usize = 32;
const LONGEST_PARAMETER: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(page: &Page, method: &Method, headers: &[(&str, &str)]) -> HeaderMap {
        let mut request = Request::builder().method(method).uri("/mcp");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        let mut response = Response::new(());
        Cors::of(page, &request).mark(&mut response);
        response.into_parts().0.headers
    }

    fn page() -> Page {
        Page::Allowed(HeaderValue::from_static("https://app.example"))
    }

    #[test]
    fn an_allowed_page_may_read_every_answer() {
        let headers = marked(&page(), &Method::POST, &[]);
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example");
        assert!(headers.contains_key(ACCESS_CONTROL_EXPOSE_HEADERS));
        assert_eq!(headers[VARY], "Origin");
        assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS));
    }

    #[test]
    fn nobody_else_is_told_anything_and_no_cache_mixes_the_two() {
        for page in [Page::None, Page::Refused("https://evil.test".to_owned())] {
            let headers = marked(
                &page,
                &Method::OPTIONS,
                &[("access-control-request-method", "POST")],
            );
            assert_eq!(headers.len(), 1, "{headers:?}");
            assert_eq!(headers[VARY], "Origin");
        }
    }

    #[test]
    fn a_preflight_hears_of_methods_and_headers() {
        let asked = [
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "content-type, mcp-param-region,Mcp-Param-X,x-evil, mcp-param-, mcp-param-a b",
            ),
        ];
        let headers = marked(&page(), &Method::OPTIONS, &asked);
        let allowed = headers[ACCESS_CONTROL_ALLOW_HEADERS]
            .to_str()
            .expect("text");
        assert_eq!(allowed, format!("{ALLOWED}, mcp-param-region, Mcp-Param-X"));
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_METHODS], METHODS);
        assert_eq!(headers[ACCESS_CONTROL_MAX_AGE], "7200");
    }

    #[test]
    fn a_preflight_that_asks_for_very_much_gets_no_more_than_there_is_room_for() {
        let many = "mcp-param-a,".repeat(1_000);
        let asked = [
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", many.as_str()),
        ];
        let headers = marked(&page(), &Method::OPTIONS, &asked);
        let allowed = headers[ACCESS_CONTROL_ALLOW_HEADERS]
            .to_str()
            .expect("text");
        assert_eq!(allowed.matches("mcp-param-a").count(), MOST_PARAMETERS);
    }
}
