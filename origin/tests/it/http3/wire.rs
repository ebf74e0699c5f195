//! What is sent over HTTP/3, put together without a view to whether it may be.

/// A frame.
pub(crate) fn frame(kind: u64, payload: &[u8]) -> Vec<u8> {
    [varint(kind), varint(payload.len() as u64), payload.to_vec()].concat()
}

/// A variable-length integer of four bytes, or of eight: never the shortest, which is allowed.
pub(crate) fn varint(value: u64) -> Vec<u8> {
    match u32::try_from(value) {
        Ok(value) if value < 1 << 30 => (value | 2 << 30).to_be_bytes().to_vec(),
        _ => (value | 3 << 62).to_be_bytes().to_vec(),
    }
}

/// HEADERS with these fields as literals.
pub(crate) fn headers(fields: &[(&str, &str)]) -> Vec<u8> {
    frame(1, &section(fields))
}

pub(crate) fn section(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = vec![0, 0];
    for (name, value) in fields {
        literal(&mut out, 0x20, 7, name);
        literal(&mut out, 0, 127, value);
    }
    out
}

/// A text with its length behind the bits of `first` (RFC 7541 section 5.1).
fn literal(out: &mut Vec<u8>, first: u8, most: usize, text: &str) {
    let byte = |number: usize| u8::try_from(number).expect("less than a byte");
    if text.len() < most {
        out.push(first | byte(text.len()));
    } else {
        out.push(first | byte(most));
        let mut left = text.len() - most;
        while left >= 128 {
            out.push(byte(left % 128) | 128);
            left /= 128;
        }
        out.push(byte(left));
    }
    out.extend(text.as_bytes());
}

/// HEADERS of a sound GET.
pub(crate) fn get(path: &str) -> Vec<u8> {
    with(&[("x-more", "1")], "GET", path)
}

/// HEADERS of a request with more fields.
pub(crate) fn with(more: &[(&str, &str)], method: &str, path: &str) -> Vec<u8> {
    headers(&[&sound(method, path)[..], more].concat())
}

/// The pseudo-header fields of a request.
pub(crate) fn sound<'a>(method: &'a str, path: &'a str) -> [(&'a str, &'a str); 4] {
    [
        (":method", method),
        (":scheme", "https"),
        (":authority", "origin.test"),
        (":path", path),
    ]
}
