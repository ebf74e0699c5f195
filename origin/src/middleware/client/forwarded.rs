//! The two header families that speak for a client.

use std::net::{IpAddr, SocketAddr};

use http::header::{FORWARDED, VIA};
use http::{HeaderMap, HeaderName};

use crate::proto;

/// What one proxy said of whoever connected to it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hop {
    /// `None` when the proxy chose to hide it (`for=unknown`, `for=_secret`: RFC 7239 section 6).
    pub(super) address: Option<IpAddr>,
    pub(super) scheme: Option<&'static str>,
    pub(super) host: Option<String>,
}

/// The entry of `X-Forwarded-For` that stands `hops` from the right, with `-Proto` and `-Host` counted the same way.
/// `None` when there is no such entry, or when it is no address.
pub(super) fn legacy(headers: &HeaderMap, hops: usize) -> Option<Hop> {
    let entry = nth_from_right(&items(headers, &X_FORWARDED_FOR), hops)?;
    Some(Hop {
        address: Some(address(&entry)?),
        scheme: nth_from_right(&items(headers, &X_FORWARDED_PROTO), hops)
            .and_then(|word| scheme(&word)),
        host: nth_from_right(&items(headers, &X_FORWARDED_HOST), hops).and_then(|text| host(&text)),
    })
}

/// The element of `Forwarded` that stands `hops` from the right. `None` when there is no such element, or when anything
/// in it is malformed.
pub(super) fn standard(headers: &HeaderMap, hops: usize) -> Option<Hop> {
    let element = nth_from_right(&items(headers, &FORWARDED), hops)?;
    let mut hop = Hop::default();
    let mut named = false;
    for pair in split(&element, ';') {
        let (name, value) = pair.split_once('=')?;
        let value = unquote(value)?;
        match name.to_ascii_lowercase().as_str() {
            // "Each parameter MUST NOT occur more than once per field-value" (RFC 7239 section 4).
            "for" if named => return None,
            "for" => {
                named = true;
                if !(value.eq_ignore_ascii_case("unknown") || value.starts_with('_')) {
                    hop.address = Some(address(&value)?);
                }
            }
            "proto" => hop.scheme = scheme(&value),
            "host" => hop.host = host(&value),
            _ => {}
        }
    }
    named.then_some(hop)
}

/// The HTTP version in the entry of `Via` that stands `hops` from the right.
pub(super) fn via(headers: &HeaderMap, hops: usize) -> Option<&'static str> {
    let entry = nth_from_right(&items(headers, &VIA), hops)?;
    proto::received(entry.split_whitespace().next()?)
}

/// The items of a comma-separated header, over all its lines in their order.
fn items(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| split(line.to_str().unwrap_or("\u{fffd}"), ','))
        .collect()
}

/// Splits at a separator that is not inside quotes; items are trimmed, empty ones are left out.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut items = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for character in text.chars() {
        if character == separator && !quoted {
            items.push(String::new());
            continue;
        }
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        if let Some(item) = items.last_mut() {
            item.push(character);
        }
    }
    items.retain_mut(|item| {
        *item = item.trim().to_owned();
        !item.is_empty()
    });
    items
}

fn nth_from_right(items: &[String], n: usize) -> Option<String> {
    items
        .len()
        .checked_sub(n)
        .and_then(|at| items.get(at))
        .cloned()
}

/// A token as it is, or what a quoted string (RFC 9110 section 5.6.4) says.
fn unquote(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else {
        return (!value.contains('"')).then(|| value.to_owned());
    };
    let inner = inner.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.push(characters.next()?),
            '"' => return None,
            other => text.push(other),
        }
    }
    Some(text)
}

/// An address with or without a port; IPv6 with a port stands in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

fn scheme(word: &str) -> Option<&'static str> {
    ["http", "https"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(word))
}

/// A host and port in the characters that RFC 3986 section 3.2 gives them; 255 is the longest name of DNS, 6 the port.
fn host(text: &str) -> Option<String> {
    let fits = text.len() <= 261
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(&byte));
    (fits && !text.is_empty()).then(|| text.to_owned())
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
