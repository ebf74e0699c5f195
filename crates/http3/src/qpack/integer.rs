//! Integers with a prefix (RFC 7541 section 5.1, which RFC 9204 section 4.1.1 takes over).

use bytes::{BufMut, BytesMut};

/// What came of reading one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// This number.
    Whole(u64),
    /// More bytes are needed.
    Partial,
    /// It is larger than any that is allowed: "QPACK implementations MUST be able to decode integers up to and including 62
    /// bits long".
    TooLarge,
}

/// Takes one from the front, whose first byte has `prefix` bits of it. Nothing is taken unless it is whole.
pub(super) fn take(bytes: &mut &[u8], prefix: u32) -> Taken {
    let mask = (1_u64 << prefix) - 1;
    let mut rest = bytes.iter();
    let Some(first) = rest.next() else {
        return Taken::Partial;
    };
    let mut value = u64::from(*first) & mask;
    if value == mask {
        let mut shift = 0;
        loop {
            let Some(byte) = rest.next() else {
                return if shift > LONGEST {
                    Taken::TooLarge
                } else {
                    Taken::Partial
                };
            };
            if shift > LONGEST {
                return Taken::TooLarge;
            }
            value += u64::from(byte & 0x7f) << shift;
            if value >= 1 << 62 {
                return Taken::TooLarge;
            }
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    *bytes = rest.as_slice();
    Taken::Whole(value)
}

/// Appends one behind the bits of `first` that are no part of it.
pub(super) fn put(out: &mut BytesMut, first: u8, prefix: u32, value: usize) {
    let mask = (1_usize << prefix) - 1;
    // The casts lose nothing: what is cast was made less than a byte.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "masked to less than a byte"
    )]
    let byte = |number: usize| number as u8;
    if value < mask {
        out.put_u8(first | byte(value));
        return;
    }
    out.put_u8(first | byte(mask));
    let mut left = value - mask;
    while left >= 0x80 {
        out.put_u8(byte(left & 0x7f) | 0x80);
        left >>= 7;
    }
    out.put_u8(byte(left));
}

/// Eight groups of 7 bits reach 56, the ninth 63: of that one what is above 62 bits is refused by its value.
const LONGEST: u32 = 56;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_read_and_written() {
        // RFC 7541 appendices C.1.1 to C.1.3
        for (prefix, value, bytes) in [
            (5, 10, &[0b0000_1010][..]),
            (5, 1337, &[0b0001_1111, 0b1001_1010, 0b0000_1010]),
            (8, 42, &[0b0010_1010]),
        ] {
            let mut rest = bytes;
            assert_eq!(take(&mut rest, prefix), Taken::Whole(value));
            assert!(rest.is_empty());
            let mut out = BytesMut::new();
            put(&mut out, 0, prefix, usize::try_from(value).expect("small"));
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn no_number_grows_without_end() {
        let mut endless = &[0xff; 32][..];
        assert_eq!(take(&mut endless, 7), Taken::TooLarge);
        let mut cut = &[0xff, 0x80][..];
        assert_eq!(take(&mut cut, 7), Taken::Partial);
        assert_eq!(cut.len(), 2, "nothing is taken");
    }
}
