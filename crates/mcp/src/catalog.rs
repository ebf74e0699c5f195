//! What all servers offer, under its public names.

mod named;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use crate::caching::Caching;
use crate::capabilities::Capabilities;
use crate::filter::Filter;
use crate::offers::{Kind, Offers};
use crate::raw::Object;
use crate::template;
use crate::tool::{self, Naming};
use crate::version::Era;

pub use named::Entry;
use named::{Named, Origin};

/// What one server has to offer, as a [`Catalog`] takes it in.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The server's name.
    pub server: &'a str,
    /// What it offers; nothing for a server that is not there.
    pub offers: &'a Offers,
    /// Whether each session has a process of it to itself.
    pub private: bool,
}

/// The merged offers of some servers, ready to be answered. The order is that of the servers, then each server's own.
///
/// Of an item's JSON only the value of `name` is changed, for tools and prompts; all other bytes are as the server sent them.
/// A resource keeps its URI: it is read from the server that lists it, or else from the first one with a template that may
/// have made it; of two servers that list one URI the first has it.
#[derive(Debug, Default)]
pub struct Catalog {
    tools: Named,
    prompts: Named,
    resources: Listed,
    templates: Listed,
    members: Vec<Member>,
    legacy: Capabilities,
    modern: Capabilities,
    instructions: Option<String>,
    skipped: Vec<String>,
    /// What the servers say of their lists, where any does.
    caching: [Option<Caching>; 4],
    plain: bool,
}

/// One server of a [`Catalog`].
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: Arc<str>,
    /// What it declared when it was met.
    pub capabilities: Capabilities,
    /// The era that is spoken with it.
    pub era: Era,
    /// Whether each session has a process of it to itself.
    pub private: bool,
    filter: Arc<Filter>,
    /// Whether it has tools now; see [`Resolution::Absent`].
    offers: bool,
}

/// What a public name means.
#[derive(Clone, Copy, Debug)]
pub enum Resolution<'a> {
    /// A tool or prompt that is there.
    Found(&'a Entry),
    /// Nothing now; the name may be one of a server that offers none now, and is there again when that server is.
    Absent {
        /// That server.
        server: &'a str,
    },
    /// Nothing, and no server of this name.
    Unknown,
}

/// Resources or templates: found by their text, not renamed.
#[derive(Debug, Default)]
struct Listed {
    items: Vec<(Box<str>, usize)>,
    index: HashMap<Box<str>, usize>,
    list: String,
}

impl Catalog {
    /// Merges the offers of `sources` in their order.
    ///
    /// What is not a JSON object with the string that names it is left out and said in [`Catalog::skipped`], and so is the second
    /// of one name in one server.
    pub fn build(naming: Naming, sources: &[Source<'_>]) -> Self {
        let mut catalog = Self {
            plain: naming == Naming::Plain,
            ..Self::default()
        };
        let mut instructions = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            let offers = source.offers;
            let origin = Origin {
                naming,
                server: source.server.into(),
            };
            let skipped = &mut catalog.skipped;
            catalog
                .tools
                .extend(&origin, offers.list(Kind::Tools), skipped);
            catalog
                .prompts
                .extend(&origin, offers.list(Kind::Prompts), skipped);
            for (listed, kind, key) in [
                (&mut catalog.resources, Kind::Resources, "uri"),
                (&mut catalog.templates, Kind::Templates, "uriTemplate"),
            ] {
                for item in offers.list(kind) {
                    if let Err(why) = listed.push(index, key, item) {
                        skipped.push(format!("`{}`: {why}", source.server));
                    }
                }
            }
            catalog.unite(source);
            for kind in Kind::ALL {
                let known = &mut catalog.caching[kind.index()];
                let said = offers.caching(kind);
                *known = known.map_or(said, |known| {
                    Some(said.map_or(known, |said| known.strictest(said)))
                });
            }
            if let Some(text) = &offers.instructions {
                instructions.push((source.server, text));
            }
            catalog.members.push(Member {
                name: origin.server,
                capabilities: offers.capabilities.clone(),
                era: offers.era,
                private: source.private,
                filter: Arc::clone(&offers.filter),
                offers: !offers.list(Kind::Tools).is_empty(),
            });
        }
        catalog.instructions = match instructions.as_slice() {
            [] => None,
            // With one server it is as if the client spoke with it alone.
            [(_, text)] if sources.len() == 1 => Some((*text).clone()),
            several => {
                let parts: Vec<String> = several
                    .iter()
                    .map(|(server, text)| format!("{server}: {text}"))
                    .collect();
                Some(parts.join("\n\n"))
            }
        };
        catalog
    }

    fn unite(&mut self, source: &Source<'_>) {
        let own = &source.offers.capabilities;
        let extensions = match source.offers.era {
            Era::Modern => own.extensions.clone(),
            Era::Legacy => Vec::new(),
        };
        self.modern.unite(&Capabilities {
            extensions,
            ..own.clone()
        });
        // A session's log messages are those of its own process, or of its requests where these say what they want.
        let logging = own.logging && (source.private || source.offers.era == Era::Modern);
        self.legacy.unite(&Capabilities {
            logging,
            ..own.clone()
        });
    }

    /// Finds the tool that `public` means.
    pub fn resolve(&self, public: &str) -> Resolution<'_> {
        if let Some(entry) = self.tools.find(public) {
            return Resolution::Found(entry);
        }
        self.absent(public, |member| !member.offers)
    }

    /// Finds the prompt that `public` means.
    pub fn prompt(&self, public: &str) -> Resolution<'_> {
        if let Some(entry) = self.prompts.find(public) {
            return Resolution::Found(entry);
        }
        self.absent(public, |member| {
            member.capabilities == Capabilities::default()
        })
    }

    fn absent(&self, public: &str, lacks: impl Fn(&Member) -> bool) -> Resolution<'_> {
        let prefix = public.split_once(tool::SEPARATOR).map(|(server, _)| server);
        let absent = self.members.iter().find(|member| {
            // A plain name does not say whose it is.
            (self.plain || prefix == Some(member.name.as_ref())) && lacks(member)
        });
        absent.map_or(Resolution::Unknown, |member| Resolution::Absent {
            server: &member.name,
        })
    }

    /// The server that reads `uri`, which is a resource's or that of a template.
    pub fn reader(&self, uri: &str) -> Option<&Member> {
        let reader = self.reader_of_any(uri)?;
        reader.filter.passes(Kind::Resources, uri).then_some(reader)
    }

    fn reader_of_any(&self, uri: &str) -> Option<&Member> {
        let listed = self.resources.index.get(uri);
        let template = || {
            let same = self.templates.index.get(uri);
            same.or_else(|| {
                let made = self
                    .templates
                    .items
                    .iter()
                    .find(|(text, _)| template::matches(text, uri));
                made.map(|(_, index)| index)
            })
        };
        if let Some(index) = listed.or_else(template) {
            return self.members.get(*index);
        }
        // A server may read more than it lists; with only one there is no doubt which.
        let mut readers = self
            .members
            .iter()
            .filter(|member| member.capabilities.resources);
        readers.next().filter(|_| readers.next().is_none())
    }

    /// The server of that name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members
            .iter()
            .find(|member| member.name.as_ref() == name)
    }

    /// All servers in their order.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The tools in their order.
    pub fn entries(&self) -> &[Entry] {
        self.tools.entries()
    }

    /// One list as a JSON array.
    pub fn list(&self, kind: Kind) -> &str {
        let list = match kind {
            Kind::Tools => self.tools.list(),
            Kind::Prompts => self.prompts.list(),
            Kind::Resources => &self.resources.list,
            Kind::Templates => &self.templates.list,
        };
        // An empty default has no text yet.
        if list.is_empty() { "[]" } else { list }
    }

    /// How long a list may be kept: no longer, and by nobody else, than every server says of its part.
    pub fn caching(&self, kind: Kind) -> Caching {
        let said = self.caching[kind.index()];
        said.map_or(Caching::OWN, |said| said.strictest(Caching::OWN))
    }

    /// What the servers can do together, for clients of an era.
    pub fn capabilities(&self, era: Era) -> &Capabilities {
        match era {
            Era::Legacy => &self.legacy,
            Era::Modern => &self.modern,
        }
    }

    /// What the servers have to say to a model: that of the one server, or a paragraph of each.
    pub fn instructions(&self) -> Option<&str> {
        self.instructions.as_deref()
    }

    /// Whether names are the servers' own.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain
    }

    /// What was left out, one line each: `server`, and why.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }
}

impl Listed {
    fn push(&mut self, server: usize, key: &str, item: &str) -> Result<(), String> {
        let text: Option<Box<str>> = Object::read(item)
            .and_then(|object| object.find(key)?.text().map(|text| text.as_ref().into()));
        let text = text.ok_or_else(|| format!("an item has no `{key}`"))?;
        if self.index.contains_key(&text) {
            return Err(format!("`{text}` is listed already"));
        }
        self.index.insert(text.clone(), server);
        self.items.push((text, server));
        let close = self.list.pop();
        self.list.push(if close.is_some() { ',' } else { '[' });
        self.list.push_str(item);
        self.list.push(']');
        Ok(())
    }
}
