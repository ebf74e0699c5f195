//! QPACK (RFC 9204) with a table of no room: the static table and literals.

mod decode;
mod encode;
mod huffman;
mod instructions;
mod integer;
mod table;

pub use decode::{Field, Fields, decode};
pub use encode::{begin, put};
pub use instructions::Instructions;
