//! Field sections, read (RFC 9204 section 4.5).

use bytes::{Buf, Bytes};

use super::integer::{self, Taken};
use super::{huffman, table};
use crate::{Code, Fault};

/// One field line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name, as it came.
    pub name: Bytes,
    /// Its value, as it came.
    pub value: Bytes,
}

/// The field lines of a section, one by one; nothing follows an error.
#[derive(Debug)]
pub struct Fields {
    rest: Bytes,
    left: u64,
}

/// Begins to read a section that may have `largest` bytes: "The size of a field list is calculated based on the uncompressed size
/// of fields, including the length of the name and value in bytes plus an overhead of 32 bytes for each field" (RFC 9114
/// section 4.2.2).
///
/// # Errors
/// It refers to a table that is not there.
pub fn decode(section: &Bytes, largest: u64) -> Result<Fields, Fault> {
    let mut rest = &section[..];
    let required = integer(&mut rest, 8)?;
    let sign = rest.first().is_some_and(|byte| byte & 0x80 != 0);
    integer(&mut rest, 7)?;
    // "If the decoder encounters a value of EncodedInsertCount that could not have been produced by a conformant encoder, it
    // MUST treat this as a connection error of type QPACK_DECOMPRESSION_FAILED" (section 4.5.1.1): in a table without room
    // nothing was inserted, and then a base below it is negative.
    if required != 0 || sign {
        return Err(failed("a field section that needs a table"));
    }
    let skipped = section.len() - rest.len();
    Ok(Fields {
        rest: section.slice(skipped..),
        left: largest,
    })
}

impl Iterator for Fields {
    type Item = Result<Field, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = *self.rest.first()?;
        let field = self.take(first).and_then(|field| {
            let size = field.name.len() as u64 + field.value.len() as u64 + 32;
            self.left = self.left.checked_sub(size).ok_or(Fault::TooLarge)?;
            Ok(field)
        });
        if field.is_err() {
            self.rest.clear();
        }
        Some(field)
    }
}

impl Fields {
    fn take(&mut self, first: u8) -> Result<Field, Fault> {
        // The highest bit that is set says which form it is; of each only the one that refers to the static table is possible.
        match first {
            0b1100_0000.. => {
                let (name, value) = entry(self.integer(6)?)?;
                Ok(Field {
                    name: Bytes::from_static(name.as_bytes()),
                    value: Bytes::from_static(value.as_bytes()),
                })
            }
            0b0101_0000..=0b0101_1111 | 0b0111_0000..=0b0111_1111 => {
                let (name, _) = entry(self.integer(4)?)?;
                Ok(Field {
                    name: Bytes::from_static(name.as_bytes()),
                    value: self.text(7)?,
                })
            }
            0b0010_0000..=0b0011_1111 => Ok(Field {
                name: self.text(3)?,
                value: self.text(7)?,
            }),
            _ => Err(failed("a field that refers to a table")),
        }
    }

    /// A text whose length has `prefix` bits of the first byte; the bit above them says whether it is Huffman's.
    fn text(&mut self, prefix: u32) -> Result<Bytes, Fault> {
        let first = *self.rest.first().ok_or(CUT)?;
        let length = usize::try_from(self.integer(prefix)?).map_err(|_| CUT)?;
        if length > self.rest.len() {
            return Err(CUT);
        }
        let text = self.rest.split_to(length);
        if first & 1 << prefix == 0 {
            return Ok(text);
        }
        huffman::decode(&text).ok_or(failed("a text that is no Huffman code"))
    }

    fn integer(&mut self, prefix: u32) -> Result<u64, Fault> {
        let mut rest = &self.rest[..];
        let value = integer(&mut rest, prefix)?;
        let taken = self.rest.len() - rest.len();
        self.rest.advance(taken);
        Ok(value)
    }
}

fn entry(index: u64) -> Result<(&'static str, &'static str), Fault> {
    let index = usize::try_from(index).ok();
    // "When the decoder encounters an invalid static table index in a field line representation, it MUST treat this as a
    // connection error of type QPACK_DECOMPRESSION_FAILED" (section 3.1).
    let entry = index.and_then(|index| table::TABLE.get(index));
    entry
        .copied()
        .ok_or(failed("an index beyond the static table"))
}

fn integer(rest: &mut &[u8], prefix: u32) -> Result<u64, Fault> {
    match integer::take(rest, prefix) {
        Taken::Whole(value) => Ok(value),
        Taken::Partial => Err(CUT),
        Taken::TooLarge => Err(failed("a number of more than 62 bits")),
    }
}

const fn failed(reason: &'static str) -> Fault {
    Fault::Connection(Code::QPACK_DECOMPRESSION_FAILED, reason)
}

const CUT: Fault = failed("a field section that is cut off");
