//! The file of keys.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use findings::{Document, Finding, Reader, Report, Value};
use jiff::Timestamp;
use subtle::ConstantTimeEq as _;

use crate::key::{Key, KeyId, hex};

/// All keys of one origin, in the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFile {
    /// The keys; no id twice.
    pub keys: Vec<Record>,
}

/// What is kept of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// `id`.
    pub id: KeyId,
    /// `name`: who holds it, for people; several keys may have one name while they are exchanged.
    pub name: String,
    /// `sha256`: of the key's whole text.
    pub digest: [u8; 32],
    /// `servers`: the MCP servers that it opens; `None` for all, also those that come later.
    pub servers: Option<BTreeSet<String>>,
    /// `created`.
    pub created: Timestamp,
    /// `expires`: the first moment at which it opens nothing; `None`: never.
    pub expires: Option<Timestamp>,
}

/// Why a key opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not in the file: made up, or revoked. Which of the two is not said.
    #[error("this API key is not known here")]
    Unknown,
    /// It was good once.
    #[error("this API key expired at {0}")]
    Expired(Timestamp),
}

impl KeyFile {
    /// Reads a file. Every fault is found at once; `name` is the name that they carry. `None` when the report has an error.
    pub fn parse(text: &str, name: &str) -> (Option<Self>, Report) {
        let mut report = Report::new();
        let document = Document::parse(text, name, &mut report);
        let report = RefCell::new(report);
        let root = Reader::new(document.root(), &report);
        let mut file = Self::default();
        for table in root.tables("keys") {
            let record = read(&table);
            if let Some(record) = &record
                && file.record(&record.id).is_some()
            {
                let message = format!("key `{}` is there twice", record.id);
                table.find("id", Finding::error("keys.duplicate", message));
            }
            file.keys.extend(record);
            table.finish();
        }
        root.finish();
        let report = report.into_inner().sorted();
        ((!report.has_errors()).then_some(file), report)
    }

    /// The text of the file, which [`Self::parse`] reads back as the same value.
    pub fn write(&self) -> String {
        let mut out = String::from(HEADING);
        for key in &self.keys {
            out.push_str("\n[[keys]]\n");
            let mut line = |name: &str, value: String| {
                // Writing to a string does not fail.
                let _ = writeln!(out, "{name} = {value}");
            };
            line("id", quoted(key.id.as_str()));
            line("name", quoted(&key.name));
            line("sha256", quoted(&hex(&key.digest)));
            if let Some(servers) = &key.servers {
                let servers: Vec<_> = servers.iter().map(|server| quoted(server)).collect();
                line("servers", format!("[{}]", servers.join(", ")));
            }
            line("created", quoted(&key.created.to_string()));
            if let Some(expires) = key.expires {
                line("expires", quoted(&expires.to_string()));
            }
        }
        out
    }

    /// The key of that id.
    pub fn record(&self, id: &KeyId) -> Option<&Record> {
        self.keys.iter().find(|record| record.id == *id)
    }
}

impl Record {
    /// Judges a key that was found here by its id.
    ///
    /// The digests are compared in constant time. Whether the key has expired is told to its holder only.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub fn judge(&self, shown: &Key, now: Timestamp) -> Result<(), Refusal> {
        if !bool::from(self.digest.ct_eq(&shown.digest())) {
            return Err(Refusal::Unknown);
        }
        match self.expires {
            Some(expires) if expires <= now => Err(Refusal::Expired(expires)),
            _ => Ok(()),
        }
    }

    /// Whether it opens the server of that name.
    pub fn opens(&self, server: &str) -> bool {
        let servers = self.servers.as_ref();
        servers.is_none_or(|servers| servers.contains(server))
    }
}

/// Reads one key; what is wrong with it is in the report.
fn read(table: &Reader<'_>) -> Option<Record> {
    for key in ["id", "name", "sha256", "created"] {
        if !table.has(key) {
            let message = format!("`{key}` is missing");
            table.find(key, Finding::error("keys.missing", message).hint(MADE));
        }
    }
    let id = table.word("id", "keys.id");
    let name = table.word::<Name>("name", "keys.name");
    let digest = table.word::<Digest>("sha256", "keys.sha256");
    let servers = table.strings("servers");
    let created = table.word("created", "keys.time");
    // A word that cannot be read must not become a key without an end.
    let expires = match table.value("expires").map(|located| located.value) {
        Some(Value::Datetime(_)) => {
            let message = "is not in quotes";
            let hint = "as `expires = \"2027-01-01T00:00:00Z\"`";
            table.find("expires", Finding::error("keys.time", message).hint(hint));
            None
        }
        _ => table.word("expires", "keys.time"),
    };
    Some(Record {
        id: id?.value,
        name: name?.value.0,
        digest: digest?.value.0,
        servers: servers.map(|names| names.into_iter().map(|name| name.value).collect()),
        created: created?.value,
        expires: expires.map(|expires| expires.value),
    })
}

struct Name(String);

impl std::str::FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=64).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err("is not a name of 1 to 64 printable characters")
        }
    }
}

struct Digest([u8; 32]);

impl std::str::FromStr for Digest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FAULT: &str = "is not a SHA-256 of 64 hex digits";
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(FAULT);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| FAULT)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| FAULT)?;
        }
        Ok(Self(bytes))
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

const HEADING: &str = "# The API keys of an origin, hashed: no key can be read from this file.\n\
    # `opsctl keys add|list|revoke` edits it, and the origin takes a change up within a second.\n";

const MADE: &str = "`opsctl keys add` writes whole keys";

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: u8, expires: Option<&str>) -> (Key, Record) {
        let key = Key::new([id; 4], [id; 32]);
        let record = Record {
            id: key.id().clone(),
            name: "ci \"main\" \\ ü".to_owned(),
            digest: key.digest(),
            servers: Some(["git".to_owned(), "time".to_owned()].into()),
            created: Timestamp::UNIX_EPOCH,
            expires: expires.map(|text| text.parse().expect("a time")),
        };
        (key, record)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut all = record(2, None).1;
        all.servers = None;
        let keys = vec![record(1, Some("2027-01-01T00:00:00Z")).1, all];
        let file = KeyFile { keys };
        let text = file.write();
        let (read, report) = KeyFile::parse(&text, "keys.toml");
        assert_eq!(read, Some(file), "{report}{text}");
        assert!(!text.contains("mek_"));
    }

    #[test]
    fn every_fault_of_a_file_is_found_at_once_and_the_file_is_not_taken() {
        let text = "[[keys]]\nid = \"x\"\nname = \"\"\nsha256 = \"12\"\ncreated = \"yesterday\"\nexpires = 2027-01-01\nscope = []\n[[keys]]\n";
        let (file, report) = KeyFile::parse(text, "keys.toml");
        assert!(file.is_none());
        let ids: Vec<_> = report.findings().iter().map(|f| f.id.as_str()).collect();
        for id in [
            "keys.id",
            "keys.name",
            "keys.sha256",
            "keys.time",
            "key.unknown",
            "keys.missing",
        ] {
            assert!(ids.contains(&id), "{id} in {ids:?}");
        }
        let twice = KeyFile {
            keys: vec![record(1, None).1, record(1, None).1],
        };
        assert!(KeyFile::parse(&twice.write(), "").0.is_none());
    }

    #[test]
    fn a_key_opens_until_it_expires_and_another_never_does() {
        let (key, record) = record(1, Some("2027-01-01T00:00:00Z"));
        let at = |text: &str| text.parse().expect("a time");
        assert_eq!(record.judge(&key, at("2026-12-31T23:59:59Z")), Ok(()));
        let late = record.judge(&key, at("2027-01-01T00:00:00Z"));
        assert_eq!(late, Err(Refusal::Expired(at("2027-01-01T00:00:00Z"))));
        let other = Key::new([1; 4], [9; 32]);
        assert_eq!(
            record.judge(&other, at("2030-01-01T00:00:00Z")),
            Err(Refusal::Unknown)
        );
        assert!(record.opens("git") && !record.opens("gi"));
    }
}
