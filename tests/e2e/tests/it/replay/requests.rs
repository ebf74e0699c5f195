//! The requests that are replayed.

pub(crate) mod legacy;
pub(crate) mod modern;
pub(crate) mod refused;

use http::{HeaderName, HeaderValue};
use probe::Ask;
use serde_json::{Map, Value};

/// The members of an object.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

/// The request with one header set.
fn with(mut ask: Ask, name: &'static str, value: &str) -> Ask {
    let value = HeaderValue::from_str(value).expect("a header value");
    ask.headers.insert(HeaderName::from_static(name), value);
    ask
}

/// The request without one header.
fn without(mut ask: Ask, name: &'static str) -> Ask {
    ask.headers.remove(name);
    ask
}
