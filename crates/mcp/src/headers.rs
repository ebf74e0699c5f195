//! The headers of a POST and whether they agree with its body.
//!
//! 2026-07-28 repeats in headers what a proxy may route by. A proxy that believes the header and a server that believes the
//! body must not be told different things, so a request whose header and body differ is refused.

use std::borrow::Cow;

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
}

impl Headers<'_> {
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
    String::from_utf8(base64(inner.as_bytes())?)
        .ok()
        .map(Cow::Owned)
}

/// RFC 4648 section 4, strictly: full groups, padding only at the end, no bits left over. A lax decoder would give two
/// spellings to one name.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text
        .iter()
        .rev()
        .take(2)
        .take_while(|byte| **byte == b'=')
        .count();
    let (mut bits, mut count, mut bytes) = (0_u32, 0_u32, Vec::with_capacity(text.len() / 4 * 3));
    for byte in &text[..text.len() - padding] {
        bits = (bits << 6) | u32::from(sextet(*byte)?);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(bytes)
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
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
    fn fields_are_trimmed_and_told_apart() {
        assert_eq!(Field::of([b" a ".as_slice()]), Field::One("a"));
        assert_eq!(Field::of([b"a".as_slice(), b"a"]), Field::Bad);
        assert_eq!(Field::of([b"\xc3\xb6".as_slice()]), Field::Bad);
        assert_eq!(Field::of([]), Field::Absent);
    }

    #[test]
    fn base64_is_strict() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
        ] {
            assert_eq!(
                base64(text.as_bytes()).as_deref(),
                Some(bytes.as_bytes()),
                "{text}"
            );
        }
        for text in [
            "Zg", "Zg=", "Zh==", "Z===", "====", "Zm9v=", "Zm 9", "Zm9-", "Zg==Zg==",
        ] {
            assert_eq!(base64(text.as_bytes()), None, "{text}");
        }
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
