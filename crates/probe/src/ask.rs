//! One request.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::ProbeError;

/// One request, apart from who is asked.
///
/// The probe adds only what the version needs: `Host` over HTTP/1.1, `content-length` where there is a body. A `Host`
/// among the headers replaces the target's authority; over HTTP/2 and HTTP/3 it becomes `:authority` and is not sent a
/// second time, because some servers refuse the two side by side.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// The path with its query, beginning with `/`.
    pub path: String,
    /// The header fields, sent as they are.
    pub headers: HeaderMap,
    /// The body; empty means none.
    pub body: Bytes,
}

impl Ask {
    /// A request of any method without headers or body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A POST of a JSON text, with `content-type: application/json`.
    pub fn post(path: impl Into<String>, json: impl Into<Bytes>) -> Self {
        let mut ask = Self::new(Method::POST, path);
        ask.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        ask.body = json.into();
        ask
    }

    /// The same with one more header field.
    ///
    /// Errors: [`ProbeError::Ask`] when the name or the value is not one.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, ProbeError> {
        let name = HeaderName::try_from(name).map_err(|_| ProbeError::Ask {
            reason: format!("`{name}` is no header name"),
        })?;
        let value = HeaderValue::try_from(value).map_err(|_| ProbeError::Ask {
            reason: format!("the value of `{name}` cannot be sent"),
        })?;
        self.headers.append(name, value);
        Ok(self)
    }
}
