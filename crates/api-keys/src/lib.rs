//! API keys: their text, the file that keeps them hashed, and the verdict on one that is shown.
//!
//! A key is 256 random bits, so its plain SHA-256 is as hard to turn back as the key is to guess: a slow password hash
//! protects words that people choose, and would only make every request slow here. The file has no key in it.
//!
//! Nothing here reads a file, a clock or randomness: `opsctl` writes the file and `origin` reads it.

mod file;
mod key;

pub use file::{KeyFile, Record, Refusal};
pub use key::{Key, KeyId};
