//! Reading the lists of a server, page by page.

use crate::caching::Caching;
use crate::offers::{Kind, List};
use crate::raw::{self, Object};
use crate::version::Era;

/// A list that is being read.
#[derive(Debug, Default)]
pub(super) struct Listing {
    items: Vec<Box<str>>,
    pages: usize,
    bytes: usize,
    caching: Option<Caching>,
    /// Another change was announced meanwhile: read it once more.
    pub(super) stale: bool,
}

/// What comes after a page.
#[derive(Debug)]
pub(super) enum Next {
    /// Another page, with this cursor as raw JSON.
    Page(Listing, String),
    /// Nothing: this is the list. `stale`: it has changed since.
    End { list: List, stale: bool },
    /// The list cannot be read.
    Broken(String),
}

impl Listing {
    /// Takes in the answer to the request for a page.
    pub(super) fn page(mut self, era: Era, kind: Kind, outcome: Result<&str, &str>) -> Next {
        let key = kind.key();
        let object = outcome.ok().and_then(Object::read);
        let Some(page) = object
            .as_ref()
            .and_then(|object| object.find(key))
            .and_then(|items| raw::elements(items.value))
        else {
            let error = outcome.err().unwrap_or("it is not in the answer");
            return Next::Broken(format!("the server does not list its `{key}`: {error}"));
        };
        self.pages += 1;
        self.bytes += page.iter().map(|item| item.len()).sum::<usize>();
        self.items.extend(page.into_iter().map(Box::from));
        if let (Era::Modern, Some(object)) = (era, &object) {
            let page = Caching::read(object);
            let before = self.caching.unwrap_or(page);
            self.caching = Some(before.strictest(page));
        }
        let cursor = object
            .as_ref()
            .and_then(|object| object.find("nextCursor"))
            .map(|member| member.value)
            .filter(|cursor| cursor.starts_with('"'));
        match cursor {
            Some(_) if self.pages >= MAX_PAGES || self.bytes > MAX_LIST => {
                Next::Broken(format!("the server's list of `{key}` has no end"))
            }
            Some(cursor) => Next::Page(self, cursor.to_owned()),
            None => Next::End {
                list: List {
                    items: self.items,
                    caching: self.caching,
                },
                stale: self.stale,
            },
        }
    }
}

/// The most pages that one list may have: a server whose cursor never ends must not be followed for ever.
const MAX_PAGES: usize = 1000;

/// The most bytes that one list may have: as much as one line (rmcp's line cap, 16 MiB).
const MAX_LIST: usize = 16 << 20;
