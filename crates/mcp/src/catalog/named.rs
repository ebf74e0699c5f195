//! Tools and prompts: found by a public name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::raw::{Object, quote};
use crate::schema::{HeaderParameter, header_parameters};
use crate::tool::{self, Naming};

/// One tool or prompt.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name that clients use.
    pub public: Box<str>,
    /// The server that has it.
    pub server: Arc<str>,
    /// The server's own name for it.
    pub name: Box<str>,
    /// It as JSON, under its public name.
    pub json: Box<str>,
    /// The arguments that clients of 2026-07-28 repeat in headers.
    pub headers: Vec<HeaderParameter>,
}

/// Whose items these are.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) naming: Naming,
    pub(super) server: Arc<str>,
}

/// Entries by their public names.
#[derive(Debug, Default)]
pub(super) struct Named {
    entries: Vec<Entry>,
    by_name: HashMap<Box<str>, usize>,
    list: String,
}

impl Named {
    /// Adds a server's items.
    pub(super) fn extend(
        &mut self,
        origin: &Origin,
        items: &[Box<str>],
        skipped: &mut Vec<String>,
    ) {
        let server = &origin.server;
        let mut own = HashSet::new();
        for item in items {
            match self.entry(origin, item) {
                Some(entry) if own.insert(entry.name.clone()) => self.push(entry),
                Some(entry) => skipped.push(format!("`{server}`: `{}` stands twice", entry.name)),
                None => skipped.push(format!("`{server}`: an item has no `name`")),
            }
        }
    }

    pub(super) fn find(&self, public: &str) -> Option<&Entry> {
        self.by_name.get(public).map(|&index| &self.entries[index])
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn list(&self) -> &str {
        &self.list
    }

    fn entry(&self, origin: &Origin, item: &str) -> Option<Entry> {
        let object = Object::read(item)?;
        let member = object.find("name")?;
        let name: Box<str> = member.text()?.into();
        let mut public = tool::public_name(origin.naming, &origin.server, &name);
        if self.by_name.contains_key(public.as_str()) {
            public = tool::digested(&origin.server, &name);
        }
        let json = if *public == *name {
            item.into()
        } else {
            object.replaced(member, &quote(&public)).into()
        };
        let schema = object.find("inputSchema");
        Some(Entry {
            public: public.into(),
            server: Arc::clone(&origin.server),
            name,
            json,
            headers: schema.map_or_else(Vec::new, |schema| header_parameters(schema.value)),
        })
    }

    fn push(&mut self, entry: Entry) {
        let close = self.list.pop();
        self.list.push(if close.is_some() { ',' } else { '[' });
        self.list.push_str(&entry.json);
        self.list.push(']');
        self.by_name
            .insert(entry.public.clone(), self.entries.len());
        self.entries.push(entry);
    }
}
