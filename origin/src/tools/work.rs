//! How much work a schema makes of the values that it is held against.
//!
//! A schema may look at one value many times: through `allOf` and its kin, and through references that do so again a level deeper. A
//! few lines can ask for more looks than there is time. So the looks are counted before the first one, from the schema alone.

use std::collections::HashMap;

use mcp::jsonrpc::MAX_DEPTH;
use mcp::schema::{Place, Reach, keyword};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// How often a schema looks at one value, at most, by the depth of the whole.
#[derive(Debug)]
pub(super) struct Work(Vec<u64>);

impl Work {
    /// Counts. The error says why there is no bound.
    pub(super) fn of(schema: &Value) -> Result<Self, String> {
        let mut graph = Graph::default();
        graph.enter(schema, schema)?;
        let order = graph.order()?;
        Ok(Self(graph.count(&order)))
    }

    /// The looks at one value in arguments of this depth.
    pub(super) fn at(&self, depth: usize) -> u64 {
        let last = self.0.last().copied().unwrap_or(u64::MAX);
        self.0.get(depth).copied().unwrap_or(last)
    }
}

/// The schemas that can be reached from one.
#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    known: HashMap<*const Value, usize>,
}

#[derive(Default)]
struct Node {
    /// Schemas for the same value.
    flat: Vec<usize>,
    /// Schemas for values in it; of each group one at most is for any one value.
    deep: Vec<Vec<usize>>,
}

impl Graph {
    /// Enters a schema and all that it reaches; its number.
    fn enter(&mut self, root: &Value, schema: &Value) -> Result<usize, String> {
        let address = std::ptr::from_ref(schema);
        if let Some(number) = self.known.get(&address) {
            return Ok(*number);
        }
        let number = self.nodes.len();
        if number >= MOST_SCHEMAS {
            return Err(format!("it has more than {MOST_SCHEMAS} schemas"));
        }
        self.nodes.push(Node::default());
        self.known.insert(address, number);
        let mut node = Node::default();
        for (key, value) in schema.as_object().into_iter().flatten() {
            if key == "$id" && !std::ptr::eq(root, schema) {
                return Err("a part of it has an `$id` of its own".to_owned());
            }
            if REFERENCES.contains(&key.as_str()) {
                let target = target(root, value)?;
                node.flat.push(self.enter(root, target)?);
            }
            let Some((place, reach)) = keyword(key).filter(|(_, reach)| *reach != Reach::Nothing)
            else {
                continue;
            };
            let mut group = Vec::new();
            for schema in schemas(place, value) {
                group.push(self.enter(root, schema)?);
            }
            match reach {
                Reach::Same => node.flat.extend(group),
                Reach::Inner => node.deep.push(group),
                Reach::InnerEach => node.deep.extend(group.into_iter().map(|one| vec![one])),
                Reach::Nothing => {}
            }
        }
        self.nodes[number] = node;
        Ok(number)
    }

    /// The schemas so that each comes after those for the same value that it leads to.
    fn order(&self) -> Result<Vec<usize>, String> {
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut states = vec![State::New; self.nodes.len()];
        for first in 0..self.nodes.len() {
            let mut way = vec![(first, 0)];
            while let Some((number, next)) = way.pop() {
                if next == 0 {
                    match states[number] {
                        State::New => states[number] = State::Open,
                        State::Open => {
                            return Err("a reference in it leads back to itself".to_owned());
                        }
                        State::Done => continue,
                    }
                }
                if let Some(child) = self.nodes[number].flat.get(next) {
                    way.push((number, next + 1));
                    way.push((*child, 0));
                } else {
                    states[number] = State::Done;
                    order.push(number);
                }
            }
        }
        Ok(order)
    }

    /// The looks of the first schema by depth, up to where they grow no more.
    fn count(&self, order: &[usize]) -> Vec<u64> {
        let mut counts: Vec<u64> = Vec::new();
        let mut above = vec![0_u64; self.nodes.len()];
        for depth in 0..=MAX_DEPTH {
            let mut looks = vec![0_u64; self.nodes.len()];
            for number in order {
                let node = &self.nodes[*number];
                let flat = node.flat.iter().map(|child| looks[*child]);
                let inner = |group: &Vec<usize>| {
                    group
                        .iter()
                        .map(|child| above[*child])
                        .max()
                        .unwrap_or_default()
                };
                let deep = node.deep.iter().map(inner);
                looks[*number] = flat.chain(deep).fold(1, u64::saturating_add);
            }
            if depth > 0 && looks == above {
                break;
            }
            counts.push(looks[0]);
            above = looks;
        }
        counts
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

/// The schemas at a place.
fn schemas(place: Place, value: &Value) -> Vec<&Value> {
    match (place, value) {
        (Place::Named, Value::Object(named)) => named.values().collect(),
        (Place::List | Place::One, Value::Array(list)) => list.iter().collect(),
        (Place::One, one) => vec![one],
        _ => Vec::new(),
    }
}

/// What a reference of this document means: a JSON Pointer (RFC 6901 section 6).
fn target<'a>(root: &'a Value, reference: &Value) -> Result<&'a Value, String> {
    let text = reference.as_str().unwrap_or_default();
    let pointer = text
        .strip_prefix('#')
        .filter(|pointer| pointer.is_empty() || pointer.starts_with('/'))
        .and_then(|pointer| percent_decode_str(pointer).decode_utf8().ok());
    let target = pointer.and_then(|pointer| root.pointer(&pointer));
    target.ok_or_else(|| {
        let text: String = text.chars().take(LONGEST_REFERENCE).collect();
        format!("it refers to `{text}`, which is no place in it")
    })
}

const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// The tools of one server that was seen to have the largest schemas have some hundred.
const MOST_SCHEMAS: usize = 20_000;

/// Room for a URL in a line of the log.
const LONGEST_REFERENCE: usize = 200;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn looks_are_counted_by_depth() {
        let flat = json!({"allOf": [{"type": "object"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {}, "unused": {}}});
        assert_eq!(Work::of(&flat).unwrap().0, [4]);
        let nested = json!({"properties": {"a": {"properties": {"b": {}}}, "c": {}}, "additionalProperties": {}});
        assert_eq!(Work::of(&nested).unwrap().0, [1, 3, 4]);
        let tree = json!({"anyOf": [{"items": {"$ref": "#"}}, {"type": "string"}]});
        let work = Work::of(&tree).unwrap();
        assert!(work.at(0) == 3 && work.at(50) > work.at(49), "{work:?}");
        let twice = json!({"patternProperties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}});
        assert_eq!(Work::of(&twice).unwrap().at(100), u64::MAX);
    }

    #[test]
    fn what_has_no_bound_is_refused() {
        for (schema, part) in [
            (json!({"allOf": [{"$ref": "#"}]}), "leads back"),
            (json!({"$ref": "#/$defs/none"}), "#/$defs/none"),
            (json!({"$ref": "#anchor"}), "#anchor"),
            (json!({"properties": {"a": {"$id": "x"}}}), "`$id`"),
        ] {
            let error = Work::of(&schema).unwrap_err();
            assert!(error.contains(part), "{schema}: {error}");
        }
    }

    #[test]
    fn what_is_no_schema_is_not_looked_into() {
        let schema = json!({"default": {"$ref": "x"}, "const": {"$id": "y"}, "properties": {"$ref": {}, "$id": {}}});
        assert_eq!(Work::of(&schema).unwrap().0, [1, 2]);
    }
}
