//! What a JSON Schema says of the values that it takes, as far as a type can say it.

use serde_json::{Map, Value};

/// A type of JSON values. Where a schema says more, the check of the server says it.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// Any value: nothing is said, or nothing that a type can say.
    Any,
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number without a fraction.
    Integer,
    /// A number.
    Number,
    /// A text.
    String,
    /// One of these values, all of them `null`, booleans, numbers or texts.
    Literal(Vec<Value>),
    /// An array of these.
    List(Box<Type>),
    /// An object with these members.
    Object(Vec<Field>),
    /// An object with any members, whose values are these.
    Map(Box<Type>),
    /// One of these, at least two.
    Union(Vec<Type>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name, any text without NUL.
    pub name: String,
    /// Its values.
    pub kind: Type,
    /// Whether it has to be there.
    pub required: bool,
    /// What its absence means.
    pub default: Option<Value>,
    /// What it is for.
    pub description: Option<String>,
}

impl Type {
    /// The type of a schema. A reference that leads in a circle or to another document is any value, and so is what lies beyond
    /// `MOST_NODES`.
    pub fn of(schema: &Value) -> Self {
        let mut reader = Reader {
            root: schema,
            nodes: 0,
            references: Vec::new(),
        };
        reader.read(schema)
    }

    /// The type without `null`, and whether it had it.
    pub fn without_null(&self) -> (Self, bool) {
        let Self::Union(types) = self else {
            return (self.clone(), false);
        };
        let rest: Vec<_> = types
            .iter()
            .filter(|kind| **kind != Self::Null)
            .cloned()
            .collect();
        let nullable = rest.len() < types.len();
        (Self::union(rest), nullable)
    }

    fn union(types: Vec<Self>) -> Self {
        let mut flat = Vec::new();
        for kind in types {
            let parts = match kind {
                Self::Union(parts) => parts,
                other => vec![other],
            };
            for part in parts {
                if !flat.contains(&part) {
                    flat.push(part);
                }
            }
        }
        if flat.contains(&Self::Any) {
            return Self::Any;
        }
        match flat.len() {
            0 => Self::Any,
            1 => flat.remove(0),
            _ => Self::Union(flat),
        }
    }
}

struct Reader<'s> {
    root: &'s Value,
    nodes: usize,
    /// The references that lead to where we are.
    references: Vec<&'s str>,
}

impl<'s> Reader<'s> {
    fn read(&mut self, schema: &'s Value) -> Type {
        self.nodes += 1;
        let Some(object) = schema.as_object().filter(|_| self.nodes <= MOST_NODES) else {
            return Type::Any;
        };
        let kind = self.read_object(object);
        // OpenAPI 3.0's word, which many servers still write
        if object.get("nullable") == Some(&Value::Bool(true)) {
            return Type::union(vec![kind, Type::Null]);
        }
        kind
    }

    fn read_object(&mut self, object: &'s Map<String, Value>) -> Type {
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            return self.follow(reference);
        }
        if let Some(value) = object.get("const") {
            return literal(std::slice::from_ref(value));
        }
        if let Some(values) = object.get("enum").and_then(Value::as_array) {
            return literal(values);
        }
        if !object.contains_key("properties") {
            let choice = object.get("anyOf").or_else(|| object.get("oneOf"));
            if let Some(branches) = choice.and_then(Value::as_array) {
                let types = branches.iter().map(|branch| self.read(branch)).collect();
                return Type::union(types);
            }
        }
        let own = self.own(object);
        match object.get("allOf").and_then(Value::as_array) {
            Some(parts) => parts.iter().map(|part| self.read(part)).fold(own, both),
            None => own,
        }
    }

    /// What the keywords of this very object say.
    fn own(&mut self, object: &'s Map<String, Value>) -> Type {
        match object.get("type") {
            Some(Value::String(name)) => self.named(name, object),
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str);
                let types = names.map(|name| self.named(name, object)).collect();
                Type::union(types)
            }
            _ if object.contains_key("properties") => self.named("object", object),
            _ if object.contains_key("items") => self.named("array", object),
            _ => Type::Any,
        }
    }

    fn named(&mut self, name: &str, object: &'s Map<String, Value>) -> Type {
        match name {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "string" => Type::String,
            "array" => {
                let items = object.get("items").map(|items| self.read(items));
                Type::List(Box::new(items.unwrap_or(Type::Any)))
            }
            "object" => self.members(object),
            _ => Type::Any,
        }
    }

    fn members(&mut self, object: &'s Map<String, Value>) -> Type {
        let properties = object.get("properties").and_then(Value::as_object);
        let Some(properties) = properties.filter(|properties| !properties.is_empty()) else {
            let others = object.get("additionalProperties");
            let others = others.map(|schema| self.read(schema));
            return Type::Map(Box::new(others.unwrap_or(Type::Any)));
        };
        let required = object.get("required").and_then(Value::as_array);
        let fields = properties.iter().map(|(name, schema)| Field {
            name: name.clone(),
            kind: self.read(schema),
            required: required
                .is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name))),
            default: schema.get("default").cloned(),
            description: schema
                .get("description")
                .or_else(|| schema.get("title"))
                .and_then(Value::as_str)
                .map(str::to_owned),
        });
        Type::Object(fields.collect())
    }

    fn follow(&mut self, reference: &'s str) -> Type {
        let Some(pointer) = reference.strip_prefix('#') else {
            return Type::Any;
        };
        if self.references.contains(&reference) {
            return Type::Any;
        }
        let Some(schema) = self.root.pointer(pointer) else {
            return Type::Any;
        };
        self.references.push(reference);
        let kind = self.read(schema);
        self.references.pop();
        kind
    }
}

/// What is of both types, as far as that is a type.
fn both(one: Type, other: Type) -> Type {
    match (one, other) {
        (Type::Object(mut fields), Type::Object(more)) => {
            for field in more {
                match fields.iter_mut().find(|known| known.name == field.name) {
                    Some(known) => known.required |= field.required,
                    None => fields.push(field),
                }
            }
            Type::Object(fields)
        }
        (Type::Map(_), Type::Object(fields)) => Type::Object(fields),
        (Type::Any, kind) | (kind, _) => kind,
    }
}

fn literal(values: &[Value]) -> Type {
    if values.is_empty()
        || values
            .iter()
            .any(|value| value.is_array() || value.is_object())
    {
        return Type::Any;
    }
    let mut kept: Vec<Value> = Vec::new();
    for value in values {
        if !kept.contains(value) {
            kept.push(value.clone());
        }
    }
    Type::Literal(kept)
}

/// How many schemas are looked at for one tool. The largest of the tools that are in use have some hundred; references to
/// references could make billions of a few lines.
const MOST_NODES: usize = 2_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(schema: &Value) -> Vec<Field> {
        match Type::of(schema) {
            Type::Object(fields) => fields,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keywords_become_types() {
        for (schema, kind) in [
            (json!({"type": "string"}), Type::String),
            (
                json!({"type": ["string", "null"]}),
                Type::Union(vec![Type::String, Type::Null]),
            ),
            (
                json!({"type": "integer", "nullable": true}),
                Type::Union(vec![Type::Integer, Type::Null]),
            ),
            (
                json!({"anyOf": [{"type": "number"}, {"type": "null"}]}),
                Type::Union(vec![Type::Number, Type::Null]),
            ),
            (
                json!({"enum": ["a", 1, null, "a"]}),
                Type::Literal(vec![json!("a"), json!(1), json!(null)]),
            ),
            (json!({"const": true}), Type::Literal(vec![json!(true)])),
            (json!({"enum": [[1]]}), Type::Any),
            (
                json!({"type": "array", "items": {"type": "boolean"}}),
                Type::List(Box::new(Type::Boolean)),
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "string"}}),
                Type::Map(Box::new(Type::String)),
            ),
            (json!({"type": "object"}), Type::Map(Box::new(Type::Any))),
            (json!({"$ref": "https://example.com/x"}), Type::Any),
            (json!({"type": "banana"}), Type::Any),
            (json!(true), Type::Any),
        ] {
            assert_eq!(Type::of(&schema), kind, "{schema}");
        }
    }

    #[test]
    fn a_reference_is_followed_and_a_circle_ends() {
        let schema = json!({
            "$defs": {"a/b": {"type": "string"}, "tree": {"properties": {"left": {"$ref": "#/$defs/tree"}}}},
            "properties": {"name": {"$ref": "#/$defs/a~1b"}, "root": {"$ref": "#/$defs/tree"}},
            "required": ["name"],
        });
        let fields = fields(&schema);
        assert_eq!((&fields[0].kind, fields[0].required), (&Type::String, true));
        let Type::Object(tree) = &fields[1].kind else {
            panic!("{fields:?}");
        };
        assert_eq!((&tree[0].kind, tree[0].required), (&Type::Any, false));
    }

    #[test]
    fn parts_of_a_whole_are_put_together() {
        let schema = json!({"allOf": [
            {"properties": {"a": {"type": "string"}}},
            {"properties": {"a": {}, "b": {"default": 3}}, "required": ["a"]},
        ]});
        let fields = fields(&schema);
        assert_eq!(fields.len(), 2);
        assert!(fields[0].required && fields[1].default == Some(json!(3)));
    }

    #[test]
    fn references_that_multiply_come_to_an_end() {
        let mut definitions = Map::new();
        for level in 0..40 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            definitions.insert(
                format!("d{level}"),
                json!({"properties": {"a": next, "b": next}}),
            );
        }
        let schema = json!({"$defs": definitions, "$ref": "#/$defs/d0"});
        assert_eq!(fields(&schema).len(), 2);
    }

    #[test]
    fn null_can_be_taken_from_a_type() {
        let kind = Type::Union(vec![Type::Integer, Type::Null]);
        assert_eq!(kind.without_null(), (Type::Integer, true));
        assert_eq!(Type::Any.without_null(), (Type::Any, false));
    }
}
