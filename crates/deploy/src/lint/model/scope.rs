//! What is in force in a block: its own directives, then those of the blocks around it.

use crate::nginx_conf::Statement;

/// A block and the blocks around it, outermost first.
#[derive(Debug, Clone)]
pub(in crate::lint) struct Scope<'c> {
    blocks: Vec<&'c [Statement]>,
}

impl<'c> Scope<'c> {
    /// The top level.
    pub(in crate::lint) fn of(root: &'c [Statement]) -> Self {
        Self { blocks: vec![root] }
    }

    /// A block inside this one.
    pub(in crate::lint) fn inside(&self, block: &'c Statement) -> Self {
        let mut blocks = self.blocks.clone();
        blocks.push(block.children());
        Self { blocks }
    }

    /// The directives of this name in this very block.
    pub(in crate::lint) fn own(&self, name: &str) -> impl Iterator<Item = &'c Statement> {
        named(self.blocks.last().copied().unwrap_or_default(), name)
    }

    /// The directive in force: the last one of the nearest block that has one.
    pub(in crate::lint) fn nearest(&self, name: &str) -> Option<&'c Statement> {
        self.blocks
            .iter()
            .rev()
            .find_map(|block| named(block, name).last())
    }

    /// The word in force behind this name; empty where the directive is not there.
    pub(in crate::lint) fn word(&self, name: &str) -> &'c str {
        self.nearest(name)
            .map_or("", |statement| statement.argument(0))
    }

    /// The array in force (`add_header`, `proxy_set_header`, …): all of the nearest block that has one, and no other.
    pub(in crate::lint) fn array(&self, name: &str) -> Vec<&'c Statement> {
        self.array_depth(name)
            .map(|depth| named(self.blocks[depth], name).collect())
            .unwrap_or_default()
    }

    /// The array that would be in force if this block had none of its own.
    pub(in crate::lint) fn outer_array(&self, name: &str) -> Vec<&'c Statement> {
        let mut outer = self.clone();
        outer.blocks.pop();
        outer.array(name)
    }

    /// The value that `name HEADER value` gives a header, whatever the case of the header's name.
    pub(in crate::lint) fn header(&self, name: &str, header: &str) -> Option<&'c Statement> {
        let array = self.array(name);
        array
            .into_iter()
            .rev()
            .find(|statement| statement.argument(0).eq_ignore_ascii_case(header))
    }

    fn array_depth(&self, name: &str) -> Option<usize> {
        self.blocks
            .iter()
            .rposition(|block| named(block, name).next().is_some())
    }
}

fn named<'c>(block: &'c [Statement], name: &str) -> impl Iterator<Item = &'c Statement> {
    block
        .iter()
        .filter(move |statement| statement.name() == name)
}
