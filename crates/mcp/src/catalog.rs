//! The tools of all servers under their public names.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::raw::{Object, quote};
use crate::tool::{self, Naming};

/// What one server has to offer, as a [`Catalog`] takes it in.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The server's name.
    pub server: &'a str,
    /// Its tools in its own order, each one JSON object; empty for a server that is not there.
    pub tools: &'a [Box<str>],
}

/// The merged tools of some servers, ready to be answered. The order is that of the servers, then each server's own.
///
/// Of a tool's JSON only the value of `name` is changed; all other bytes are as the server sent them.
#[derive(Debug, Default)]
pub struct Catalog {
    entries: Vec<Entry>,
    by_name: HashMap<Box<str>, usize>,
    servers: Vec<Arc<str>>,
    list: String,
    skipped: Vec<String>,
    plain: bool,
}

/// One tool of a [`Catalog`].
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name that clients use.
    pub public: Box<str>,
    /// The server that has the tool.
    pub server: Arc<str>,
    /// The server's own name for it.
    pub name: Box<str>,
    /// The tool as JSON, under its public name.
    pub json: Box<str>,
}

/// What a public name means.
#[derive(Clone, Copy, Debug)]
pub enum Resolution<'a> {
    /// A tool that is there.
    Tool(&'a Entry),
    /// No tool now; the name may be one of a server that offers none now, and is there again when that server is.
    Absent {
        /// That server.
        server: &'a str,
    },
    /// No tool and no server of this name.
    Unknown,
}

impl Catalog {
    /// Merges the tools of `sources` in their order.
    ///
    /// What is not a JSON object with a string `name` is left out and named in [`Catalog::skipped`], and so is the second
    /// tool of one name in one server.
    pub fn build(naming: Naming, sources: &[Source<'_>]) -> Self {
        let mut catalog = Self {
            plain: naming == Naming::Plain,
            ..Self::default()
        };
        for source in sources {
            let server: Arc<str> = source.server.into();
            let mut own = HashSet::new();
            for tool in source.tools {
                match catalog.entry(naming, &server, tool) {
                    Some(entry) if own.insert(entry.name.clone()) => catalog.push(entry),
                    Some(entry) => catalog
                        .skipped
                        .push(format!("`{server}`: `{}` stands twice", entry.name)),
                    None => catalog
                        .skipped
                        .push(format!("`{server}`: a tool has no name")),
                }
            }
            catalog.servers.push(server);
        }
        let tools: Vec<&str> = catalog
            .entries
            .iter()
            .map(|entry| entry.json.as_ref())
            .collect();
        catalog.list = format!("[{}]", tools.join(","));
        catalog
    }

    /// Finds what `public` means.
    pub fn resolve(&self, public: &str) -> Resolution<'_> {
        if let Some(&index) = self.by_name.get(public) {
            return Resolution::Tool(&self.entries[index]);
        }
        let prefix = public.split_once(tool::SEPARATOR).map(|(server, _)| server);
        let absent = self.servers.iter().find(|server| {
            // A plain name does not say whose it is.
            (self.plain || prefix == Some(server.as_ref())) && !self.offers(server)
        });
        absent.map_or(Resolution::Unknown, |server| Resolution::Absent { server })
    }

    /// The tools in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// All tools as one JSON array.
    pub fn list(&self) -> &str {
        // An empty default has no text yet.
        if self.list.is_empty() {
            "[]"
        } else {
            &self.list
        }
    }

    /// What was left out, one line each: `server`, and why.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    fn offers(&self, server: &str) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.server.as_ref() == server)
    }

    fn entry(&self, naming: Naming, server: &Arc<str>, tool: &str) -> Option<Entry> {
        let object = Object::read(tool)?;
        let member = object.find("name")?;
        let name: Box<str> = member.text()?.into();
        let mut public = tool::public_name(naming, server, &name);
        if self.by_name.contains_key(public.as_str()) {
            public = tool::digested(server, &name);
        }
        let json = if *public == *name {
            tool.into()
        } else {
            object.replaced(member, &quote(&public)).into()
        };
        Some(Entry {
            public: public.into(),
            server: Arc::clone(server),
            name,
            json,
        })
    }

    fn push(&mut self, entry: Entry) {
        self.by_name
            .insert(entry.public.clone(), self.entries.len());
        self.entries.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(texts: &[&str]) -> Vec<Box<str>> {
        texts.iter().map(|text| (*text).into()).collect()
    }

    fn two() -> Catalog {
        let git = tools(&[
            r#"{"inputSchema":{"max":1.0e2},"name":"log", "x":18446744073709551616}"#,
            r#"{"name":"a"}"#,
        ]);
        let sources = [
            Source {
                server: "git",
                tools: &git,
            },
            Source {
                server: "time",
                tools: &[],
            },
        ];
        Catalog::build(Naming::Prefixed, &sources)
    }

    #[test]
    fn only_the_name_of_a_tool_is_changed() {
        let expected = r#"[{"inputSchema":{"max":1.0e2},"name":"git__log", "x":18446744073709551616},{"name":"git__a"}]"#;
        assert_eq!(two().list(), expected);
    }

    #[test]
    fn a_public_name_leads_to_the_server_and_its_own_name() {
        let catalog = two();
        let Resolution::Tool(entry) = catalog.resolve("git__log") else {
            panic!("not found")
        };
        assert_eq!((entry.server.as_ref(), entry.name.as_ref()), ("git", "log"));
    }

    #[test]
    fn a_name_of_a_server_without_tools_is_absent_not_unknown() {
        let catalog = two();
        assert!(matches!(
            catalog.resolve("time__now"),
            Resolution::Absent { server: "time" }
        ));
        assert!(matches!(
            catalog.resolve("git__nothing"),
            Resolution::Unknown
        ));
        assert!(matches!(catalog.resolve("log"), Resolution::Unknown));
    }

    #[test]
    fn what_is_no_tool_is_left_out_and_said() {
        let odd = tools(&[
            "7",
            r#"{"name":3}"#,
            r#"{"name":"a","n":1}"#,
            r#"{"name":"a","n":2}"#,
        ]);
        let catalog = Catalog::build(
            Naming::Plain,
            &[Source {
                server: "s",
                tools: &odd,
            }],
        );
        assert_eq!(catalog.list(), r#"[{"name":"a","n":1}]"#);
        assert_eq!(catalog.skipped().len(), 3);
    }

    #[test]
    fn an_empty_catalog_is_an_empty_list() {
        assert_eq!(Catalog::default().list(), "[]");
    }
}
