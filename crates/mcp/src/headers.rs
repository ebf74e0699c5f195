//! The headers of a POST and whether they agree with its body.
//!
//! 2026-07-28 repeats in headers what a proxy may route by. A proxy that believes the header and a server that believes the
//! body must not be told different things, so a request whose header and body differ is refused.

use std::borrow::Cow;

use crate::base64;
use crate::raw;
use crate::schema::HeaderParameter;
use crate::version::{Era, Revision};

/// One header of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Field<'a> {
    /// It is not there.
    #[default]
    Absent,
    /// It is there once, with this value, white space around it taken off.
    One(&'a str),
    /// It is there more than once, or holds bytes that are not visible ASCII.
    Bad,
}

impl<'a> Field<'a> {
    /// Reads the values that came under one name.
    pub fn of(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None)
                if value
                    .iter()
                    .all(|byte| (b' '..=b'~').contains(byte) || *byte == b'\t') =>
            {
                std::str::from_utf8(value)
                    .map_or(Self::Bad, |text| Self::One(text.trim_matches([' ', '\t'])))
            }
            (Some(_), _) => Self::Bad,
        }
    }

    /// Its value, where it is there once.
    pub fn value(self) -> Option<&'a str> {
        match self {
            Self::One(value) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }
}

/// The headers that MCP looks at. Build it with `..Headers::default()`: later revisions add to it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// `Content-Type`.
    pub content_type: Field<'a>,
    /// `MCP-Protocol-Version`.
    pub protocol_version: Field<'a>,
    /// `Mcp-Method`.
    pub method: Field<'a>,
    /// `Mcp-Name`.
    pub name: Field<'a>,
    /// `Mcp-Param-*`: each name after the prefix, in lower case, with its value.
    pub parameters: &'a [(&'a str, Field<'a>)],
}

impl Headers<'_> {
    /// Whether the request says that it is of a revision without sessions.
    pub fn is_modern(&self) -> bool {
        let version = self.protocol_version.value().and_then(Revision::parse);
        version.is_some_and(|revision| revision.era() == Era::Modern)
    }

    /// Whether the body is said to be JSON.
    ///
    /// It must be said: a page of another site can send a form or plain text here without the browser asking first, but not
    /// `application/json`.
    pub fn is_json(&self) -> bool {
        let value = self.content_type.value().unwrap_or_default();
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case("application/json")
    }
}

/// What the body says, to be held against the headers.
#[derive(Clone, Copy, Debug)]
pub struct Claims<'a> {
    /// `_meta["io.modelcontextprotocol/protocolVersion"]`.
    pub version: &'a str,
    /// `method`.
    pub method: &'a str,
    /// What `Mcp-Name` repeats, for a method that has it there: `Some(None)` when the body lacks it.
    pub name: Option<Option<&'a str>>,
}

/// Holds the headers of a 2026-07-28 request against its body.
///
/// # Errors
/// One line that names the first header that is missing, broken or different.
pub fn agree(headers: &Headers<'_>, claims: &Claims<'_>) -> Result<(), String> {
    same(
        "MCP-Protocol-Version",
        headers.protocol_version,
        claims.version,
    )?;
    same("Mcp-Method", headers.method, claims.method)?;
    match (claims.name, headers.name) {
        (None, _) | (Some(None), Field::Absent) => Ok(()),
        (Some(_), Field::Bad) => Err("`Mcp-Name` is repeated or not visible ASCII".to_owned()),
        (Some(Some(_)), Field::Absent) => Err("`Mcp-Name` is missing".to_owned()),
        (Some(expected), Field::One(value)) => {
            let value = decode(value).ok_or("`Mcp-Name` is not the Base64 of UTF-8 text")?;
            let agrees = expected == Some(value.as_ref());
            agrees
                .then_some(())
                .ok_or_else(|| "`Mcp-Name` differs from the body".to_owned())
        }
    }
}

/// Holds the `Mcp-Param-*` headers of a call against its arguments: those that the tool's schema asks for. Others are none of
/// the origin's business.
///
/// # Errors
/// One line that names the first header that is missing, broken or different.
pub fn parameters_agree(
    headers: &Headers<'_>,
    wanted: &[HeaderParameter],
    arguments: Option<&str>,
) -> Result<(), String> {
    for parameter in wanted {
        let name = &parameter.header;
        let field = headers
            .parameters
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map_or(Field::Absent, |(_, field)| *field);
        let value = arguments.and_then(|arguments| parameter.value(arguments));
        match (field, value.filter(|value| *value != "null")) {
            (Field::Absent, None) => {}
            (Field::Absent, Some(_)) => return Err(format!("`Mcp-Param-{name}` is missing")),
            (Field::Bad, _) => {
                return Err(format!(
                    "`Mcp-Param-{name}` is repeated or not visible ASCII"
                ));
            }
            (Field::One(_), None) => {
                return Err(format!("`Mcp-Param-{name}` has no argument in the body"));
            }
            (Field::One(text), Some(value)) => {
                let text = decode(text)
                    .ok_or_else(|| format!("`Mcp-Param-{name}` is not the Base64 of UTF-8 text"))?;
                if !means(&text, value) {
                    return Err(format!("`Mcp-Param-{name}` differs from the body"));
                }
            }
        }
    }
    Ok(())
}

/// Whether a header's text means the same as an argument, which is raw JSON: 42 and 42.0 are one number.
fn means(text: &str, value: &str) -> bool {
    match value.as_bytes().first() {
        Some(b'"') => raw::unquote(value).is_some_and(|value| value == text),
        Some(b't' | b'f') => text == value,
        Some(b'-' | b'0'..=b'9') => {
            text == value
                || matches!(
                    (text.parse::<f64>(), value.parse::<f64>()),
                    // Beyond 2^53 two different integers may be one number to this comparison.
                    (Ok(one), Ok(other)) if one.total_cmp(&other).is_eq() && one.abs() < 9e15
                )
        }
        _ => false,
    }
}

fn same(name: &str, field: Field<'_>, expected: &str) -> Result<(), String> {
    match field {
        Field::One(value) if value == expected => Ok(()),
        Field::One(value) => Err(format!("`{name}` is `{value}`, the body says `{expected}`")),
        Field::Absent => Err(format!("`{name}` is missing")),
        Field::Bad => Err(format!("`{name}` is repeated or not visible ASCII")),
    }
}

/// The meaning of a header value that may be wrapped as `=?base64?…?=`; `None` when the wrapping holds no valid text.
///
/// The markers are lower case, exactly; what has not both of them is meant literally.
pub fn decode(value: &str) -> Option<Cow<'_, str>> {
    let Some(inner) = value
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="))
    else {
        return Some(Cow::Borrowed(value));
    };
    String::from_utf8(base64::decode(inner.as_bytes())?)
        .ok()
        .map(Cow::Owned)
}

/// A header value that means `text`: wrapped where it cannot stand as it is, or would be taken for a wrapped one.
pub fn encode(text: &str) -> String {
    let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && text == text.trim();
    if plain && !text.starts_with("=?base64?") {
        return text.to_owned();
    }
    format!("=?base64?{}?=", base64::encode(text.as_bytes()))
}

/// What a client takes as the answer to a POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accept {
    /// `application/json`.
    pub json: bool,
    /// `text/event-stream`.
    pub events: bool,
}

impl Accept {
    /// Reads the values of `Accept`. Both kinds must be named by the specification; clients that name one, or nothing, are
    /// taken at their word, for many do.
    pub fn read<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let (mut accept, mut named) = (
            Self {
                json: false,
                events: false,
            },
            false,
        );
        let values = values
            .into_iter()
            .filter_map(|value| std::str::from_utf8(value).ok());
        for range in values.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let refused = parts.any(|part| {
                part.strip_prefix("q=")
                    .is_some_and(|weight| weight.parse() == Ok(0.0))
            });
            named |= !kind.is_empty();
            if refused {
                continue;
            }
            accept.json |= matches!(kind.as_str(), "application/json" | "application/*" | "*/*");
            accept.events |= matches!(kind.as_str(), "text/event-stream" | "text/*" | "*/*");
        }
        if named {
            accept
        } else {
            Self {
                json: true,
                events: true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIMS: Claims<'_> = Claims {
        version: "2026-07-28",
        method: "tools/call",
        name: Some(Some("wörld")),
    };

    fn parameter(header: &str, value: Option<&str>) -> Result<(), String> {
        let schema = r#"{"properties":{"n":{"type":"integer","x-mcp-header":"N"},"s":{"properties":{"t":{"type":"string","x-mcp-header":"T"}}}}}"#;
        let wanted = crate::schema::header_parameters(schema);
        let (name, text) = header.split_once(':').expect("a header");
        let fields = [(name, Field::One(text))];
        let headers = Headers {
            parameters: if text.is_empty() { &[] } else { &fields },
            ..Headers::default()
        };
        parameters_agree(&headers, &wanted, value)
    }

    #[test]
    fn parameters_agree_by_their_meaning() {
        for (header, arguments) in [
            ("n:42", r#"{"n":42.0}"#),
            ("n:", r#"{"n":null}"#),
            ("n:", "{}"),
            ("t:=?base64?w7Y=?=", r#"{"s":{"t":"\u00f6"}}"#),
            ("other:1", "{}"),
            ("n:123456789012345678901", r#"{"n":123456789012345678901}"#),
        ] {
            assert_eq!(parameter(header, Some(arguments)), Ok(()), "{header}");
        }
        assert_eq!(parameter("n:", None), Ok(()));
    }

    #[test]
    fn parameters_that_are_missing_extra_or_different_are_refused() {
        for (header, arguments) in [
            ("n:43", r#"{"n":42}"#),
            ("n:", r#"{"n":42}"#),
            ("n:42", "{}"),
            ("n:", r#"{"n":1,"s":{"t":"x"}}"#),
            ("t:=?base64?w7Y?=", r#"{"s":{"t":"\u00f6"}}"#),
            ("n:123456789012345678902", r#"{"n":123456789012345678901}"#),
        ] {
            assert!(parameter(header, Some(arguments)).is_err(), "{header}");
        }
    }

    fn headers(name: &str) -> Headers<'_> {
        Headers {
            protocol_version: Field::One("2026-07-28"),
            method: Field::One("tools/call"),
            name: Field::One(name),
            ..Headers::default()
        }
    }

    #[test]
    fn a_name_agrees_when_its_meaning_does() {
        assert_eq!(agree(&headers("=?base64?d8O2cmxk?="), &CLAIMS), Ok(()));
        assert!(agree(&headers("world"), &CLAIMS).is_err());
        assert!(agree(&headers("=?BASE64?d8O2cmxk?="), &CLAIMS).is_err());
    }

    #[test]
    fn each_header_that_is_missing_or_different_is_named() {
        let other = Headers {
            method: Field::One("tools/list"),
            ..headers("x")
        };
        assert!(agree(&other, &CLAIMS).unwrap_err().contains("Mcp-Method"));
        let missing = Headers {
            protocol_version: Field::Absent,
            ..headers("x")
        };
        assert!(
            agree(&missing, &CLAIMS)
                .unwrap_err()
                .contains("MCP-Protocol-Version")
        );
        let repeated = Headers {
            name: Field::Bad,
            ..headers("x")
        };
        assert!(agree(&repeated, &CLAIMS).unwrap_err().contains("Mcp-Name"));
    }

    #[test]
    fn a_header_for_a_name_that_the_body_lacks_is_a_mismatch() {
        assert!(
            agree(
                &headers("x"),
                &Claims {
                    name: Some(None),
                    ..CLAIMS
                }
            )
            .is_err()
        );
        let absent = Headers {
            name: Field::Absent,
            ..headers("x")
        };
        assert_eq!(
            agree(
                &absent,
                &Claims {
                    name: Some(None),
                    ..CLAIMS
                }
            ),
            Ok(())
        );
        assert_eq!(
            agree(
                &headers("x"),
                &Claims {
                    name: None,
                    ..CLAIMS
                }
            ),
            Ok(())
        );
    }

    #[test]
    fn a_value_is_wrapped_where_it_could_be_misread() {
        assert_eq!(encode("a b"), "a b");
        for text in ["wörld", " a", "a ", "\n", "=?base64?x?=", "\u{7f}"] {
            let value = encode(text);
            assert!(value.starts_with("=?base64?"), "{value}");
            assert_eq!(decode(&value).as_deref(), Some(text));
        }
    }

    #[test]
    fn fields_are_trimmed_and_told_apart() {
        assert_eq!(Field::of([b" a ".as_slice()]), Field::One("a"));
        assert_eq!(Field::of([b"a".as_slice(), b"a"]), Field::Bad);
        assert_eq!(Field::of([b"\xc3\xb6".as_slice()]), Field::Bad);
        assert_eq!(Field::of([]), Field::Absent);
    }

    #[test]
    fn a_client_is_taken_at_its_word_about_what_it_accepts() {
        for (value, json, events) in [
            ("application/json, text/event-stream", true, true),
            ("", true, true),
            ("*/*", true, true),
            ("text/event-stream", false, true),
            ("Application/JSON;q=0.5", true, false),
            ("application/json, text/event-stream;q=0", true, false),
            ("text/html", false, false),
        ] {
            let accept = Accept::read([value.as_bytes()]);
            assert_eq!((accept.json, accept.events), (json, events), "{value}");
        }
        assert!(Accept::read([]).events);
    }

    #[test]
    fn a_body_must_be_called_json() {
        let said = |value| {
            Headers {
                content_type: Field::One(value),
                ..Headers::default()
            }
            .is_json()
        };
        assert!(said("application/json") && said("Application/JSON; charset=utf-8"));
        assert!(
            !said("text/plain") && !said("application/json-seq") && !Headers::default().is_json()
        );
    }
}
