//! Where schemas stand in schemas, and one schema as a part of another document.

use crate::jsonrpc::MAX_DEPTH;
use crate::raw::{self, Member, Object, quote};

/// How schemas stand at a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// One schema; a list of them for `items` before 2020-12.
    One,
    /// A list.
    List,
    /// An object whose members are schemas.
    Named,
}

/// Which values the schemas at a keyword are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The value that the keyword is for, each of them.
    Same,
    /// The values in it, of any one value one of them at most.
    Inner,
    /// The values in it, of any one value all of them.
    InnerEach,
    /// None, until something refers to them.
    Nothing,
}

/// What stands at a keyword of JSON Schema, drafts 4 to 2020-12; `None` where no schema does.
pub fn keyword(key: &str) -> Option<(Place, Reach)> {
    Some(match key {
        "allOf" | "anyOf" | "oneOf" => (Place::List, Reach::Same),
        "not" | "if" | "then" | "else" => (Place::One, Reach::Same),
        "dependentSchemas" | "dependencies" => (Place::Named, Reach::Same),
        "properties" => (Place::Named, Reach::Inner),
        "patternProperties" => (Place::Named, Reach::InnerEach),
        "prefixItems" => (Place::List, Reach::Inner),
        "items"
        | "additionalItems"
        | "unevaluatedItems"
        | "contains"
        | "additionalProperties"
        | "unevaluatedProperties"
        | "propertyNames" => (Place::One, Reach::Inner),
        "$defs" | "definitions" => (Place::Named, Reach::Nothing),
        "contentSchema" => (Place::One, Reach::Nothing),
        _ => return None,
    })
}

/// A schema as a part of a document, at the place that `base` names (`#/components/schemas/x`): its references to itself are those of
/// the document, and it names no draft and no address of its own. All else keeps its bytes.
///
/// `None` where that cannot be: it refers to another document, has an anchor, or is addressed in parts.
pub fn embedded(schema: &str, base: &str) -> Option<String> {
    if raw::depth(schema.as_bytes()) > MAX_DEPTH {
        return None;
    }
    let object = Object::read(schema)?;
    let own = object.without(|key| ["$schema", "$id", "id"].contains(&key));
    part(&own, base)
}

fn part(schema: &str, base: &str) -> Option<String> {
    let Some(object) = Object::read(schema) else {
        // `true` and `false` are schemas; whatever else is here is no business of this function.
        return Some(schema.to_owned());
    };
    let members: Option<Vec<String>> = object
        .members()
        .map(|member| Some(format!("{}:{}", quote(&member.key), value(member, base)?)))
        .collect();
    Some(format!("{{{}}}", members?.join(",")))
}

fn value(member: &Member<'_>, base: &str) -> Option<String> {
    let each = |values: Vec<&str>| -> Option<String> {
        let parts: Option<Vec<_>> = values.into_iter().map(|one| part(one, base)).collect();
        Some(format!("[{}]", parts?.join(",")))
    };
    match member.key.as_ref() {
        "$id" | "$anchor" | "$dynamicAnchor" | "$dynamicRef" | "$recursiveRef" => return None,
        "$ref" => {
            let reference = member.text()?;
            let place = reference.strip_prefix('#')?;
            let inner = place.is_empty() || place.starts_with('/');
            return inner.then(|| quote(&format!("{base}{place}")));
        }
        _ => {}
    }
    match keyword(&member.key).map(|(place, _)| place) {
        None => Some(member.value.to_owned()),
        Some(Place::One | Place::List) => match raw::elements(member.value) {
            Some(values) => each(values),
            None => part(member.value, base),
        },
        Some(Place::Named) => match Object::read(member.value) {
            Some(named) => {
                let parts: Option<Vec<String>> = named
                    .members()
                    .map(|member| {
                        Some(format!(
                            "{}:{}",
                            quote(&member.key),
                            part(member.value, base)?
                        ))
                    })
                    .collect();
                Some(format!("{{{}}}", parts?.join(",")))
            }
            None => Some(member.value.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "#/components/schemas/x";

    #[test]
    fn references_follow_a_schema_to_its_place() {
        let schema = r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"urn:x","properties":{"a":{"$ref":"#/$defs/a"},"$ref":{"items":{"$ref":"#"}}},"$defs":{"a":{"maximum":1.0}},"default":{"$ref":"#"}}"##;
        let expected = r##"{"properties":{"a":{"$ref":"#/components/schemas/x/$defs/a"},"$ref":{"items":{"$ref":"#/components/schemas/x"}}},"$defs":{"a":{"maximum":1.0}},"default":{"$ref":"#"}}"##;
        assert_eq!(embedded(schema, BASE).as_deref(), Some(expected));
    }

    #[test]
    fn what_cannot_stand_in_another_document_is_told() {
        for schema in [
            r#"{"$ref":"https://example.com/x"}"#,
            r##"{"$ref":"#anchor"}"##,
            r#"{"properties":{"a":{"$id":"b"}}}"#,
            r#"{"allOf":[{"$anchor":"b"}]}"#,
            "true",
        ] {
            assert_eq!(embedded(schema, BASE), None, "{schema}");
        }
        let deep = format!("{}{}", "{\"not\":".repeat(1000), "}".repeat(1000));
        assert_eq!(embedded(&deep, BASE), None);
    }
}
