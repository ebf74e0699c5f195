//! What one server has to offer.

use std::sync::Arc;

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

    const fn index(self) -> usize {
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
    pub(crate) lists: [Arc<Vec<Box<str>>>; 4],
}

impl Offers {
    /// One list in the server's own order, each item one JSON object.
    pub fn list(&self, kind: Kind) -> &[Box<str>] {
        &self.lists[kind.index()]
    }

    /// Replaces one list.
    pub fn set(&mut self, kind: Kind, mut items: Vec<Box<str>>) {
        items.retain(|item| self.filter.passes_item(kind, item));
        self.lists[kind.index()] = Arc::new(items);
    }

    /// The same with what passes a filter alone, now and after each change of a list.
    #[must_use]
    pub fn filtered(mut self, filter: &Arc<Filter>) -> Self {
        self.filter = Arc::clone(filter);
        for kind in Kind::ALL {
            let items = self.list(kind).to_vec();
            self.set(kind, items);
        }
        self
    }

    /// The same with one list replaced.
    #[must_use]
    pub fn with(mut self, kind: Kind, items: Vec<Box<str>>) -> Self {
        self.set(kind, items);
        self
    }
}
