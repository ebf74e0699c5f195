//! What is in force in a block: its own directives, then those of the blocks around it.

use std::collections::HashMap;
use std::rc::Rc;

use crate::nginx_conf::Statement;

/// A block and the blocks around it, outermost first.
#[derive(Debug, Clone)]
pub(crate) struct Scope<'c> {
    blocks: Vec<Rc<Block<'c>>>,
}

/// The directives of one block by name: a server with very many locations is looked into once for each of them.
type Block<'c> = HashMap<&'c str, Vec<&'c Statement>>;

impl<'c> Scope<'c> {
    /// The top level.
    pub(crate) fn of(root: &'c [Statement]) -> Self {
        Self {
            blocks: vec![index(root)],
        }
    }

    /// A block inside this one.
    pub(crate) fn inside(&self, block: &'c Statement) -> Self {
        let mut blocks = self.blocks.clone();
        blocks.push(index(block.children()));
        Self { blocks }
    }

    /// The directives of this name in this very block.
    pub(crate) fn own(
        &self,
        name: &str,
    ) -> impl DoubleEndedIterator<Item = &'c Statement> + use<'c> {
        let own = self.blocks.last().map(|block| named(block, name));
        own.unwrap_or_default().into_iter()
    }

    /// The directive in force: the last one of the nearest block that has one.
    pub(crate) fn nearest(&self, name: &str) -> Option<&'c Statement> {
        self.blocks
            .iter()
            .rev()
            .find_map(|block| block.get(name)?.last().copied())
    }

    /// The word in force behind this name; empty where the directive is not there.
    pub(crate) fn word(&self, name: &str) -> &'c str {
        self.nearest(name)
            .map_or("", |statement| statement.argument(0))
    }

    /// The array in force (`add_header`, `proxy_set_header`, …): all of the nearest block that has one, and no other.
    pub(crate) fn array(&self, name: &str) -> Vec<&'c Statement> {
        self.array_depth(name)
            .map(|depth| named(&self.blocks[depth], name))
            .unwrap_or_default()
    }

    /// The array that would be in force if this block had none of its own.
    pub(crate) fn outer_array(&self, name: &str) -> Vec<&'c Statement> {
        let mut outer = self.clone();
        outer.blocks.pop();
        outer.array(name)
    }

    /// The value that `name HEADER value` gives a header, whatever the case of the header's name.
    pub(crate) fn header(&self, name: &str, header: &str) -> Option<&'c Statement> {
        let array = self.array(name);
        array
            .into_iter()
            .rev()
            .find(|statement| statement.argument(0).eq_ignore_ascii_case(header))
    }

    fn array_depth(&self, name: &str) -> Option<usize> {
        self.blocks
            .iter()
            .rposition(|block| block.contains_key(name))
    }
}

fn index(block: &[Statement]) -> Rc<Block<'_>> {
    let mut index = Block::new();
    for statement in block {
        index.entry(statement.name()).or_default().push(statement);
    }
    Rc::new(index)
}

fn named<'c>(block: &Block<'c>, name: &str) -> Vec<&'c Statement> {
    block.get(name).cloned().unwrap_or_default()
}
