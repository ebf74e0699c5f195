//! A request's field section, by the rules of RFC 9114 sections 4.2 and 4.3.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, request};

use crate::Fault;
use crate::qpack::{self, Field};

/// The head of a request, and how long it says that its body is.
#[derive(Debug)]
pub struct Head {
    /// Method, target and fields; the version is HTTP/3.
    pub parts: request::Parts,
    /// `Content-Length`.
    pub length: Option<u64>,
}

/// Reads the field section of a request.
///
/// # Errors
/// It cannot be decoded, is larger than `largest` bytes (as section 4.2.2 counts them), or is malformed.
pub fn head(section: &Bytes, largest: u64) -> Result<Head, Fault> {
    let mut pseudo = Pseudo::default();
    let mut fields = HeaderMap::new();
    for field in qpack::decode(section, largest)? {
        let field = field?;
        if field.name.first() == Some(&b':') {
            // "All pseudo-header fields MUST appear in the header section before regular header fields. Any request or
            // response that contains a pseudo-header field that appears in a header section after a regular header field
            // MUST be treated as malformed" (section 4.3).
            if !fields.is_empty() {
                return Err(Fault::malformed(
                    "a pseudo-header field behind a regular one",
                ));
            }
            pseudo.put(field)?;
        } else {
            put(&mut fields, field)?;
        }
    }
    let length = content_length(&fields)?;
    let (method, uri) = pseudo.target(&fields)?;
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.method = method;
    parts.uri = uri;
    parts.version = Version::HTTP_3;
    parts.headers = fields;
    Ok(Head { parts, length })
}

/// Reads the field section behind a body.
///
/// # Errors
/// As for a head; and "pseudo-header fields MUST NOT appear in trailer sections" (section 4.3).
pub fn trailers(section: &Bytes, largest: u64) -> Result<HeaderMap, Fault> {
    let mut fields = HeaderMap::new();
    for field in qpack::decode(section, largest)? {
        let field = field?;
        if field.name.first() == Some(&b':') {
            return Err(Fault::malformed("a pseudo-header field in trailers"));
        }
        put(&mut fields, field)?;
    }
    Ok(fields)
}

#[derive(Default)]
struct Pseudo {
    method: Option<Bytes>,
    scheme: Option<Bytes>,
    authority: Option<Bytes>,
    path: Option<Bytes>,
}

impl Pseudo {
    fn put(&mut self, field: Field) -> Result<(), Fault> {
        let place = match &field.name[..] {
            b":method" => &mut self.method,
            b":scheme" => &mut self.scheme,
            b":authority" => &mut self.authority,
            b":path" => &mut self.path,
            // "Endpoints MUST treat a request or response that contains undefined or invalid pseudo-header fields as malformed"
            // (section 4.3): `:status` belongs to responses, `:protocol` to those who said that they know it.
            _ => {
                return Err(Fault::malformed(
                    "a pseudo-header field that requests have not",
                ));
            }
        };
        // "All HTTP/3 requests MUST include exactly one value for the :method, :scheme, and :path pseudo-header fields, unless
        // the request is a CONNECT request" (section 4.3.1); of `:authority` there is one at most.
        if place.replace(field.value).is_some() {
            return Err(Fault::malformed(
                "a pseudo-header field that is there twice",
            ));
        }
        Ok(())
    }

    fn target(self, fields: &HeaderMap) -> Result<(Method, Uri), Fault> {
        let method = self
            .method
            .ok_or(Fault::malformed("there is no `:method`"))?;
        let method =
            Method::from_bytes(&method).map_err(|_| Fault::malformed("`:method` is no method"))?;
        let authority = self.authority.map(authority).transpose()?;
        let mut parts = http::uri::Parts::default();
        if method == Method::CONNECT {
            // "The :scheme and :path pseudo-header fields are omitted" (section 4.4).
            if self.scheme.is_some() || self.path.is_some() || authority.is_none() {
                return Err(Fault::malformed(
                    "CONNECT has `:authority` and nothing else",
                ));
            }
            parts.authority = authority;
        } else {
            let scheme = self
                .scheme
                .ok_or(Fault::malformed("there is no `:scheme`"))?;
            let path = self.path.ok_or(Fault::malformed("there is no `:path`"))?;
            check_hosts(authority.as_ref(), fields)?;
            let scheme = Scheme::try_from(&scheme[..])
                .map_err(|_| Fault::malformed("`:scheme` is no scheme"))?;
            // A URI has all three or no scheme; a client that names its host in `host` has not said `:authority`.
            parts.scheme = authority.is_some().then_some(scheme);
            parts.authority = authority;
            parts.path_and_query = Some(path_and_query(path, &method)?);
        }
        let uri = Uri::from_parts(parts).map_err(|_| Fault::malformed("the target is none"))?;
        Ok((method, uri))
    }
}

/// "This pseudo-header field MUST NOT be empty for "http" or "https" URIs" (section 4.3.1); it begins with a slash but for the
/// `*` of OPTIONS, and a fragment is no part of it.
fn path_and_query(path: Bytes, method: &Method) -> Result<PathAndQuery, Fault> {
    let star = *method == Method::OPTIONS && &path[..] == b"*";
    if !(star || path.first() == Some(&b'/')) || path.contains(&b'#') {
        return Err(Fault::malformed("`:path` is no path"));
    }
    PathAndQuery::from_maybe_shared(path).map_err(|_| Fault::malformed("`:path` is no path"))
}

/// "The authority MUST NOT include the deprecated userinfo subcomponent for URIs of scheme "http" or "https"" (section
/// 4.3.1).
fn authority(text: Bytes) -> Result<Authority, Fault> {
    let odd = Fault::malformed("`:authority` is no host");
    if text.contains(&b'@') {
        return Err(odd);
    }
    Authority::from_maybe_shared(text).map_err(|_| odd)
}

/// "If the :scheme pseudo-header field identifies a scheme that has a mandatory authority component (including "http" and
/// "https"), the request MUST contain either an :authority pseudo-header field or a Host header field. If these fields are
/// present, they MUST NOT be empty. If both fields are present, they MUST contain the same value" (section 4.3.1).
fn check_hosts(authority: Option<&Authority>, fields: &HeaderMap) -> Result<(), Fault> {
    let mut hosts = fields.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Fault::malformed("there is more than one `host`"));
    }
    match (authority, host) {
        (None, None) => Err(Fault::malformed("there is neither `:authority` nor `host`")),
        (_, Some(host)) if host.is_empty() => Err(Fault::malformed("`host` is empty")),
        (Some(authority), Some(host))
            if !authority
                .as_str()
                .as_bytes()
                .eq_ignore_ascii_case(host.as_bytes()) =>
        {
            Err(Fault::malformed("`:authority` and `host` differ"))
        }
        _ => Ok(()),
    }
}

fn put(fields: &mut HeaderMap, field: Field) -> Result<(), Fault> {
    // "Characters in field names MUST be converted to lowercase prior to their encoding. A request or response containing
    // uppercase characters in field names MUST be treated as malformed" (section 4.2).
    let name = HeaderName::from_lowercase(&field.name)
        .map_err(|_| Fault::malformed("a field name that is none"))?;
    // "An endpoint MUST NOT generate an HTTP/3 field section containing connection-specific fields; any message containing
    // connection-specific fields MUST be treated as malformed. The only exception to this is the TE header field, which MAY
    // be present in an HTTP/3 request header; when it is, it MUST NOT contain any value other than "trailers"" (section 4.2).
    if is_connection_specific(&name) || name == TE && !field.value.eq_ignore_ascii_case(b"trailers")
    {
        return Err(Fault::malformed(
            "a field that is about a connection of HTTP/1.1",
        ));
    }
    // "Any request or response that contains a character not permitted in a field value MUST be treated as malformed" (section
    // 10.3).
    let value = HeaderValue::from_maybe_shared(field.value)
        .map_err(|_| Fault::malformed("a field value that is none"))?;
    // The map has an end of its own, far above what a section may hold by default.
    let appended = fields.try_append(name, value);
    appended.map(|_| ()).map_err(|_| Fault::TooLarge)
}

/// Fields that are about a connection of HTTP/1.1 (RFC 9110 section 7.6.1).
pub(crate) fn is_connection_specific(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade"
    )
}

fn content_length(fields: &HeaderMap) -> Result<Option<u64>, Fault> {
    let mut lengths = fields.get_all(CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else {
        return Ok(None);
    };
    let number = length.to_str().ok();
    let number = number.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.and_then(|text| text.parse().ok());
    match number {
        Some(number) if lengths.all(|other| other == length) => Ok(Some(number)),
        _ => Err(Fault::malformed("`content-length` is no length")),
    }
}
