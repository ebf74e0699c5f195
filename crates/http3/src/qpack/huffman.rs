//! The Huffman code of RFC 7541 appendix B.
//!
//! The code is canonical: its words of one length are consecutive numbers in the order of their symbols, and each length goes on
//! where the one before ended. So the lengths are the whole code.

use bytes::{BufMut, Bytes, BytesMut};

/// How many bits the word of each symbol has; the last is that of EOS.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

const LONGEST: usize = 30;
const EOS: u16 = 256;

/// The words of one length.
#[derive(Clone, Copy)]
struct Row {
    /// The first of them.
    first: u32,
    /// How many there are.
    count: u32,
    /// Where their symbols begin in [`SYMBOLS`].
    place: u32,
}

/// The symbols in the order of their words.
static SYMBOLS: [u16; 257] = symbols();
static ROWS: [Row; LONGEST + 1] = rows();

const fn symbols() -> [u16; 257] {
    let (mut sorted, mut place, mut length) = ([0; 257], 0, 1);
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol as usize] as usize == length {
                sorted[place] = symbol;
                place += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    sorted
}

const fn rows() -> [Row; LONGEST + 1] {
    const NONE: Row = Row {
        first: 0,
        count: 0,
        place: 0,
    };
    let (mut rows, mut length) = ([NONE; LONGEST + 1], 1);
    while length <= LONGEST {
        let before = rows[length - 1];
        let (mut count, mut symbol) = (0, 0);
        while symbol < 257 {
            if LENGTHS[symbol] as usize == length {
                count += 1;
            }
            symbol += 1;
        }
        rows[length] = Row {
            first: (before.first + before.count) << 1,
            count,
            place: before.place + before.count,
        };
        length += 1;
    }
    rows
}

/// Decodes a text; `None` when it is none.
pub(super) fn decode(text: &[u8]) -> Option<Bytes> {
    // The shortest words have 5 bits.
    let mut out = BytesMut::with_capacity(text.len() * 8 / 5);
    let (mut word, mut length) = (0_u32, 0_usize);
    for byte in text {
        for bit in (0..8).rev() {
            word = word << 1 | u32::from(byte >> bit & 1);
            length += 1;
            // No word is longer, and each that long was found.
            let row = ROWS.get(length)?;
            if let Some(offset) = word.checked_sub(row.first)
                && offset < row.count
            {
                // "A Huffman-encoded string literal containing the EOS symbol MUST be treated as a decoding error" (RFC 7541
                // section 5.2): it alone is no byte.
                let symbol = SYMBOLS[(row.place + offset) as usize];
                out.put_u8(u8::try_from(symbol).ok()?);
                (word, length) = (0, 0);
            }
        }
    }
    // "A padding strictly longer than 7 bits MUST be treated as a decoding error. A padding not corresponding to the most
    // significant bits of the code for the EOS symbol MUST be treated as a decoding error": those are ones.
    (length < 8 && word == (1 << length) - 1).then(|| out.freeze())
}

const _: () = assert!(SYMBOLS[256] == EOS, "the longest words end with EOS");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        // RFC 7541 appendices C.4.1, C.4.2 and C.6.1
        for (bytes, text) in [
            (
                &[
                    0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
                ][..],
                "www.example.com",
            ),
            (&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], "no-cache"),
            (&[0xae, 0xc3, 0x77, 0x1a, 0x4b], "private"),
        ] {
            assert_eq!(decode(bytes).as_deref(), Some(text.as_bytes()));
        }
    }

    #[test]
    fn padding_is_short_and_made_of_ones() {
        assert_eq!(decode(&[0x1f]).as_deref(), Some(&b"a"[..]), "00011 and 111");
        assert!(decode(&[0x18]).is_none(), "00011 and 000");
        assert!(decode(&[0x1f, 0xff]).is_none(), "eleven bits");
        assert!(decode(&[0xff; 4]).is_none(), "EOS");
    }
}
