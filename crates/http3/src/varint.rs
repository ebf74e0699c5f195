//! Variable-length integers (RFC 9000 section 16).

use bytes::{BufMut, BytesMut};

/// The largest: 62 bits.
pub const MAX: u64 = (1 << 62) - 1;

/// Appends `value`, which is at most [`MAX`], in the shortest form.
pub fn put(out: &mut BytesMut, value: u64) {
    debug_assert!(value <= MAX);
    // The two highest bits of the first byte say how many there are.
    match value {
        0..0x40 => out.put_uint(value, 1),
        0x40..0x4000 => out.put_uint(value | 1 << 14, 2),
        0x4000..0x4000_0000 => out.put_uint(value | 2 << 30, 4),
        _ => out.put_uint(value | 3 << 62, 8),
    }
}

/// Takes one from the front; `None` when it is not whole yet.
pub fn take(bytes: &mut &[u8]) -> Option<u64> {
    let first = *bytes.first()?;
    let length = 1_usize << (first >> 6);
    let (number, rest) = bytes.split_at_checked(length)?;
    let value = number[1..]
        .iter()
        .fold(u64::from(first & 0x3f), |value, byte| {
            value << 8 | u64::from(*byte)
        });
    *bytes = rest;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        // RFC 9000 appendix A.1
        for (bytes, value) in [
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..],
                151_288_809_941_952_652,
            ),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ] {
            let mut rest = bytes;
            assert_eq!(take(&mut rest), Some(value));
            assert!(rest.is_empty());
            assert_eq!(take(&mut &bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for value in [0, 63, 64, 16_383, 16_384, (1 << 30) - 1, 1 << 30, MAX] {
            let mut out = BytesMut::new();
            put(&mut out, value);
            assert_eq!(take(&mut &out[..]), Some(value));
        }
    }
}
