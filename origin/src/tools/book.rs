//! The tools of one catalog, as plain clients see them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use http::HeaderValue;
use mcp::catalog::{Catalog, Entry, Resolution};
use mcp::plain;
use sha2::{Digest, Sha256};

use super::check::Check;

/// The book of the catalog that is current.
#[derive(Debug, Default)]
pub struct Books(Mutex<Arc<Book>>);

/// What is made of one catalog, each part when it is first asked for.
#[derive(Debug, Default)]
pub struct Book {
    catalog: Arc<Catalog>,
    checks: HashMap<Box<str>, OnceLock<Arc<Check>>>,
    list: OnceLock<Document>,
    openapi: OnceLock<Document>,
}

/// JSON, and what names this state of it.
#[derive(Debug, Clone)]
pub struct Document {
    /// The bytes.
    pub json: Bytes,
    /// An entity tag with its quotes (RFC 9110 section 8.8.3).
    pub etag: HeaderValue,
}

impl Books {
    /// The book of `catalog`. What is known of tools that have not changed since the last catalog is kept.
    pub fn open(&self, catalog: &Arc<Catalog>) -> Arc<Book> {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&book.catalog, catalog) {
            *book = Arc::new(book.next(catalog));
        }
        Arc::clone(&book)
    }
}

impl Book {
    fn next(&self, catalog: &Arc<Catalog>) -> Self {
        let kept = |entry: &Entry| {
            let Resolution::Found(old) = self.catalog.resolve(&entry.public) else {
                return OnceLock::new();
            };
            let same = old.json == entry.json;
            let check = self.checks.get(&entry.public).filter(|_| same);
            check.cloned().unwrap_or_default()
        };
        let entries = catalog.entries().iter();
        Self {
            checks: entries
                .map(|entry| (entry.public.clone(), kept(entry)))
                .collect(),
            catalog: Arc::clone(catalog),
            list: OnceLock::new(),
            openapi: OnceLock::new(),
        }
    }

    /// The check of the arguments of a tool of this catalog. Made once; a schema that cannot be used is said in the log then.
    pub fn check(&self, entry: &Entry) -> Arc<Check> {
        let make = || {
            let schema = plain::member_of(entry, "inputSchema").unwrap_or("{}");
            let check = Check::compile(schema);
            if let Some(reason) = check.unusable() {
                tracing::warn!(
                    server = %entry.server,
                    tool = %entry.name,
                    reason,
                    "the arguments of this tool are not checked here: its input schema cannot be used"
                );
            }
            Arc::new(check)
        };
        match self.checks.get(&entry.public) {
            Some(check) => Arc::clone(check.get_or_init(make)),
            None => make(),
        }
    }

    /// `{"tools":[…]}`: the tools of `catalog`, which is this one or a part of it.
    pub fn list(&self, catalog: &Arc<Catalog>) -> Document {
        if Arc::ptr_eq(catalog, &self.catalog) {
            let whole = self.list.get_or_init(|| list(catalog.entries().iter()));
            return whole.clone();
        }
        list(catalog.entries().iter())
    }

    /// The OpenAPI document of `catalog`, which is this one or a part of it: what `make` makes, once for the whole.
    pub fn openapi(
        &self,
        catalog: &Arc<Catalog>,
        make: impl FnOnce(&Catalog) -> Document,
    ) -> Document {
        if Arc::ptr_eq(catalog, &self.catalog) {
            return self.openapi.get_or_init(|| make(catalog)).clone();
        }
        make(catalog)
    }
}

impl Document {
    /// A document of these bytes.
    pub fn new(json: impl Into<Bytes>) -> Self {
        let json = json.into();
        let digest = Sha256::digest(&json);
        let (number, _) = digest.split_at(TAG_BYTES);
        let number = number
            .iter()
            .fold(0_u64, |tag, byte| tag << 8 | u64::from(*byte));
        // Quotes and hex digits are always a header value; the other one says that any state may have changed.
        let etag = HeaderValue::try_from(format!("\"{number:016x}\""));
        Self {
            json,
            etag: etag.unwrap_or(HeaderValue::from_static("\"\"")),
        }
    }
}

/// `{"tools":[…]}`.
pub fn list<'a>(entries: impl Iterator<Item = &'a Entry>) -> Document {
    let tools: Vec<_> = entries.map(plain::described).collect();
    Document::new(format!("{{\"tools\":[{}]}}", tools.join(",")))
}

/// 64 bits: a tag tells the states of one document apart, one after the other.
const TAG_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use mcp::catalog::Source;
    use mcp::{Kind, Naming, Offers};

    use super::*;

    fn catalog(tools: &[&str]) -> Arc<Catalog> {
        let tools = tools.iter().map(|&tool| tool.into()).collect();
        let offers = Offers::default().with(Kind::Tools, tools);
        let source = Source {
            server: "s",
            offers: &offers,
            private: false,
        };
        Arc::new(Catalog::build(Naming::Prefixed, &[source]))
    }

    const ONE: &str = r#"{"name":"one","inputSchema":{"type":"object"}}"#;

    #[test]
    fn a_check_is_made_once_and_kept_while_its_tool_stays_the_same() {
        let books = Books::default();
        let first = catalog(&[ONE, r#"{"name":"two","inputSchema":{}}"#]);
        let check = |catalog: &Arc<Catalog>, index: usize| {
            books.open(catalog).check(&catalog.entries()[index])
        };
        let (one, two) = (check(&first, 0), check(&first, 1));
        assert!(Arc::ptr_eq(&one, &check(&first, 0)));
        let second = catalog(&[ONE, r#"{"name":"two","inputSchema":{"maximum":1}}"#]);
        assert!(Arc::ptr_eq(&one, &check(&second, 0)));
        assert!(!Arc::ptr_eq(&two, &check(&second, 1)));
    }

    #[test]
    fn the_tag_follows_what_is_listed() {
        let books = Books::default();
        let (same, again, other) = (catalog(&[ONE]), catalog(&[ONE]), catalog(&[]));
        let tag = |catalog: &Arc<Catalog>| books.open(catalog).list(catalog).etag;
        assert_eq!(tag(&same), tag(&again));
        assert_ne!(tag(&same), tag(&other));
        assert_eq!(books.open(&same).list(&other).json, r#"{"tools":[]}"#);
    }
}
