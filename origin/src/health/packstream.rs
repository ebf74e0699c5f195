//! PackStream, the bytes of Bolt's messages: as much as a login, a query of no parameters and its answer need.

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    /// Its bytes are passed over: nothing here asks for one.
    Float,
    Bytes,
    Text(String),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
    /// A structure: the tag of its kind, and its fields.
    Structure(u8, Vec<Value>),
}

/// Bytes that are no value, or one that is nested too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its message is not PackStream")]
pub(super) struct Malformed;

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn map<const N: usize>(entries: [(&str, Self); N]) -> Self {
        let entries = entries.into_iter();
        Self::Map(
            entries
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }

    /// The value of a key of a map.
    pub(super) fn find(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Writes it.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Integer(number) => match i8::try_from(*number) {
                Ok(small) if small >= -16 => out.extend(small.to_be_bytes()),
                _ => {
                    out.push(0xCB);
                    out.extend(number.to_be_bytes());
                }
            },
            Self::Boolean(flag) => out.push(if *flag { 0xC3 } else { 0xC2 }),
            Self::Text(text) => {
                head(out, [0x80, 0xD0, 0xD1, 0xD2], text.len());
                out.extend(text.as_bytes());
            }
            Self::List(items) => {
                head(out, [0x90, 0xD4, 0xD5, 0xD6], items.len());
                for item in items {
                    item.encode(out);
                }
            }
            Self::Map(entries) => {
                head(out, [0xA0, 0xD8, 0xD9, 0xDA], entries.len());
                for (key, value) in entries {
                    Self::text(key).encode(out);
                    value.encode(out);
                }
            }
            Self::Structure(tag, fields) => {
                // Sixteen fields are more than any message of Bolt has.
                out.push(0xB0 | u8::try_from(fields.len() & 0xF).unwrap_or_default());
                out.push(*tag);
                for field in fields {
                    field.encode(out);
                }
            }
            Self::Null | Self::Float | Self::Bytes => out.push(0xC0),
        }
    }

    /// Reads one value that is the whole of these bytes.
    pub(super) fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let value = read(&mut bytes, DEEPEST)?;
        if bytes.is_empty() {
            Ok(value)
        } else {
            Err(Malformed)
        }
    }
}

/// The marker of a text, list or map with its length: `markers` for a length in the marker itself, and in 1, 2 and 4 bytes.
fn head(out: &mut Vec<u8>, markers: [u8; 4], length: usize) {
    if let Ok(short) = u8::try_from(length) {
        if short < 16 {
            out.push(markers[0] | short);
        } else {
            out.extend([markers[1], short]);
        }
    } else if let Ok(length) = u16::try_from(length) {
        out.push(markers[2]);
        out.extend(length.to_be_bytes());
    } else {
        out.push(markers[3]);
        out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
}

fn read(bytes: &mut &[u8], depth: usize) -> Result<Value, Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed)?;
    let marker = take(bytes, 1)?[0];
    Ok(match marker {
        0x00..=0x7F | 0xF0..=0xFF => Value::Integer(i64::from(i8::from_be_bytes([marker]))),
        0xC0 => Value::Null,
        0xC1 => {
            take(bytes, 8)?;
            Value::Float
        }
        0xC2 | 0xC3 => Value::Boolean(marker == 0xC3),
        0xC8..=0xCB => integer(take(bytes, 1 << (marker - 0xC8))?),
        0xCC..=0xCE => {
            let length = size(bytes, 1 << (marker - 0xCC))?;
            take(bytes, length)?;
            Value::Bytes
        }
        0x80..=0x8F => text(bytes, low(marker))?,
        0xD0..=0xD2 => {
            let length = size(bytes, 1 << (marker - 0xD0))?;
            text(bytes, length)?
        }
        0x90..=0x9F => Value::List(values(bytes, low(marker), depth)?),
        0xD4..=0xD6 => {
            let length = size(bytes, 1 << (marker - 0xD4))?;
            Value::List(values(bytes, length, depth)?)
        }
        0xA0..=0xAF => map(bytes, low(marker), depth)?,
        0xD8..=0xDA => {
            let length = size(bytes, 1 << (marker - 0xD8))?;
            map(bytes, length, depth)?
        }
        0xB0..=0xBF => {
            let tag = take(bytes, 1)?[0];
            Value::Structure(tag, values(bytes, low(marker), depth)?)
        }
        _ => return Err(Malformed),
    })
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> Result<&'b [u8], Malformed> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(Malformed)?;
    *bytes = rest;
    Ok(taken)
}

fn low(marker: u8) -> usize {
    usize::from(marker & 0xF)
}

/// A length in `width` bytes.
fn size(bytes: &mut &[u8], width: usize) -> Result<usize, Malformed> {
    let bytes = take(bytes, width)?;
    Ok(bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

fn integer(bytes: &[u8]) -> Value {
    let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    let mut wide = if negative { [0xFF; 8] } else { [0; 8] };
    wide[8 - bytes.len()..].copy_from_slice(bytes);
    Value::Integer(i64::from_be_bytes(wide))
}

fn text(bytes: &mut &[u8], length: usize) -> Result<Value, Malformed> {
    let text = String::from_utf8_lossy(take(bytes, length)?);
    Ok(Value::Text(text.into_owned()))
}

fn values(bytes: &mut &[u8], count: usize, depth: usize) -> Result<Vec<Value>, Malformed> {
    // Not reserved beforehand: the count is the sender's word, and every value costs it a byte.
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(read(bytes, depth)?);
    }
    Ok(values)
}

fn map(bytes: &mut &[u8], count: usize, depth: usize) -> Result<Value, Malformed> {
    let mut entries = Vec::new();
    for _ in 0..count {
        let Value::Text(key) = read(bytes, depth)? else {
            return Err(Malformed);
        };
        entries.push((key, read(bytes, depth)?));
    }
    Ok(Value::Map(entries))
}

/// Answers to a login nest two or three deep.
const DEEPEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        bytes
    }

    #[test]
    fn a_query_has_the_bytes_of_the_specification() {
        let run = [Value::text("RETURN 1"), Value::map([]), Value::map([])];
        let bytes = encoded(&Value::Structure(0x10, run.into()));
        assert_eq!(bytes, b"\xB3\x10\x88RETURN 1\xA0\xA0");
        let pull = Value::Structure(0x3F, vec![Value::map([("n", Value::Integer(-1))])]);
        assert_eq!(encoded(&pull), b"\xB1\x3F\xA1\x81n\xFF");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for value in [
            Value::Integer(1),
            Value::Integer(-16),
            Value::Integer(-17),
            Value::Integer(i64::MAX),
            Value::Boolean(true),
            Value::text("x".repeat(300)),
            Value::List(vec![Value::Null; 70_000]),
            Value::map([("a", Value::List(vec![Value::text("")]))]),
        ] {
            assert_eq!(Value::decode(&encoded(&value)), Ok(value));
        }
    }

    #[test]
    fn an_integer_has_any_width() {
        for (bytes, number) in [
            (&b"\x2A"[..], 42),
            (b"\xC8\x80", -128),
            (b"\xC9\x01\x00", 256),
            (b"\xCA\xFF\xFF\xFF\xFF", -1),
            (b"\xCB\x00\x00\x00\x00\x00\x00\x00\x01", 1),
        ] {
            assert_eq!(Value::decode(bytes), Ok(Value::Integer(number)));
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_take_memory_that_they_do_not_have() {
        let deep = [0x91; 100];
        for bytes in [
            &b""[..],
            b"\xD2\xFF\xFF\xFF\xFFx",
            b"\xD6\xFF\xFF\xFF\xFF",
            b"\xA1\x01\x01",
            b"\xB1",
            b"\xC4",
            &deep,
        ] {
            assert_eq!(Value::decode(bytes), Err(Malformed), "{bytes:?}");
        }
        for first in 0..=255 {
            for second in [0x00, 0x01, 0x7F, 0x80, 0xFF] {
                let _ = Value::decode(&[first, second, 0, 0, 0, 0, 0, 0, 1]);
            }
        }
    }
}
