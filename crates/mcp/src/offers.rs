//! What one server has to offer.

use std::sync::Arc;

use crate::caching::Caching;
use crate::capabilities::Capabilities;
use crate::filter::Filter;
use crate::version::Era;

/// The four lists of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Tools.
    Tools,
    /// Prompts.
    Prompts,
    /// Resources.
    Resources,
    /// Templates of resources.
    Templates,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Tools, Self::Prompts, Self::Resources, Self::Templates];

    /// The member of a result that holds the list.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
        }
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Tools => 0,
            Self::Prompts => 1,
            Self::Resources => 2,
            Self::Templates => 3,
        }
    }

    /// Whether a server with these capabilities has the list.
    pub(crate) fn of(self, capabilities: &Capabilities) -> bool {
        match self {
            Self::Tools => capabilities.tools,
            Self::Prompts => capabilities.prompts,
            Self::Resources | Self::Templates => capabilities.resources,
        }
    }
}

/// What one server has to offer. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// What it declared when it was met.
    pub capabilities: Capabilities,
    /// The era that is spoken with it.
    pub era: Era,
    /// What of it is offered. The lists hold nothing else.
    pub(crate) filter: Arc<Filter>,
    /// What it has to say to a model.
    pub instructions: Option<String>,
    pub(crate) lists: [Arc<List>; 4],
}

/// One list of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Its items in the server's own order, each one JSON object.
    pub items: Vec<Box<str>>,
    /// How long the server says that it is fresh; `None`: it does not say (up to 2025-11-25).
    pub caching: Option<Caching>,
}

impl From<Vec<Box<str>>> for List {
    fn from(items: Vec<Box<str>>) -> Self {
        Self {
            items,
            caching: None,
        }
    }
}

impl Offers {
    /// One list in the server's own order, each item one JSON object.
    pub fn list(&self, kind: Kind) -> &[Box<str>] {
        &self.lists[kind.index()].items
    }

    /// How long the server says that a list is fresh.
    pub fn caching(&self, kind: Kind) -> Option<Caching> {
        self.lists[kind.index()].caching
    }

    /// Replaces one list.
    pub fn set(&mut self, kind: Kind, mut list: List) {
        list.items
            .retain(|item| self.filter.passes_item(kind, item));
        self.lists[kind.index()] = Arc::new(list);
    }

    /// The same with what passes a filter alone, now and after each change of a list.
    #[must_use]
    pub fn filtered(mut self, filter: &Arc<Filter>) -> Self {
        self.filter = Arc::clone(filter);
        for kind in Kind::ALL {
            let list = self.lists[kind.index()].as_ref().clone();
            self.set(kind, list);
        }
        self
    }

    /// The same with one list replaced, of which the server says no more.
    #[must_use]
    pub fn with(mut self, kind: Kind, items: Vec<Box<str>>) -> Self {
        self.set(kind, items.into());
        self
    }
}
