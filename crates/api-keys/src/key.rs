//! The text of a key, and what is kept of it.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use ring::digest::{SHA256, digest};

/// A key as its holder has it: `mek_` with the id, `_`, and 64 hex digits of secret.
///
/// The fixed start lets scanners find a key that got into a repository; letters, digits and `_` alone make one word for a
/// double click, a header and a shell.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    id: KeyId,
    text: String,
}

/// What a key is called in the file, in logs and on the command line: 8 hex digits, which are no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

impl Key {
    /// The key of these random bits.
    pub fn new(id: [u8; 4], secret: [u8; 32]) -> Self {
        let id = KeyId(hex(&id));
        let text = format!("{PREFIX}{id}_{}", hex(&secret));
        Self { id, text }
    }

    /// Its id.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The whole text: for its holder's eyes.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the file keeps: the SHA-256 of the text.
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, self.text.as_bytes()).as_ref());
        bytes
    }
}

/// Reads a key as a client shows it.
impl FromStr for Key {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('_'));
        let (id, secret) = parts.ok_or("is not an API key, which begins with `mek_`")?;
        let is_secret = secret.len() == SECRET_DIGITS && secret.bytes().all(is_digit);
        if !is_secret {
            return Err("is not a whole API key");
        }
        Ok(Self {
            id: id.parse()?,
            text: text.to_owned(),
        })
    }
}

/// Without the secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl KeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == ID_DIGITS && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err("is not the id of an API key, which is 8 of 0-9 and a-f")
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

const PREFIX: &str = "mek_";
/// Four random bytes: two of a thousand keys share one once in 8,600 files, and the maker of a key then draws again.
const ID_DIGITS: usize = 8;
const SECRET_DIGITS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_from_its_text_and_shows_its_id_alone() {
        let key = Key::new([0xab; 4], [7; 32]);
        assert_eq!(key.text().parse(), Ok(key.clone()));
        assert_eq!(key.id().as_str(), "abababab");
        assert_eq!(format!("{key:?}"), "Key(abababab)");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let secret = "0".repeat(64);
        for text in [
            "",
            "mek_",
            "mek_abababab",
            "sk-123",
            &format!("mek_abababab_{}", &secret[1..]),
            &format!("mek_ABABABAB_{secret}"),
            &format!("mek_ababab_{secret}"),
            &format!("mek_abababab_{secret}\n"),
            &format!("mek_abababab_{}é", &secret[2..]),
        ] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }
}
