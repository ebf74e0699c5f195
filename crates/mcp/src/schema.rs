//! What a tool's input schema says to a gateway: which arguments stand in headers too, and where schemas stand in it.

mod keyword;

use crate::raw::Object;

pub use keyword::{Place, Reach, embedded, keyword};

/// An argument that a client repeats as `Mcp-Param-{header}` (2026-07-28).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderParameter {
    /// The name after `Mcp-Param-`.
    pub header: Box<str>,
    /// The keys that lead to the argument.
    path: Vec<Box<str>>,
}

impl HeaderParameter {
    /// The argument's value as raw JSON; `None` when it is not there.
    pub fn value<'a>(&self, arguments: &'a str) -> Option<&'a str> {
        let mut value = arguments;
        for key in &self.path {
            value = Object::read(value)?.find(key)?.value;
        }
        Some(value)
    }
}

/// The parameters that a schema puts into headers: properties of properties with `x-mcp-header`, and no other way to reach them
/// (2026-07-28, Streamable HTTP). Clients drop a tool whose marks break the rules, so a mark that does is not looked at.
pub fn header_parameters(schema: &str) -> Vec<HeaderParameter> {
    let mut found = Vec::new();
    collect(schema, &mut Vec::new(), &mut found);
    found
}

fn collect(schema: &str, path: &mut Vec<Box<str>>, found: &mut Vec<HeaderParameter>) {
    let properties = Object::read(schema).and_then(|schema| {
        let properties = schema.find("properties")?;
        Object::read(properties.value)
    });
    let Some(properties) = properties.filter(|_| path.len() < DEEPEST) else {
        return;
    };
    for member in properties.members() {
        path.push(member.key.as_ref().into());
        let property = Object::read(member.value);
        let text = |key: &str| Some(property.as_ref()?.find(key)?.text()?.into_owned());
        let scalar = text("type").is_some_and(|kind| SCALARS.contains(&kind.as_str()));
        match text("x-mcp-header") {
            Some(header) if scalar && is_token(&header) => found.push(HeaderParameter {
                header: header.into(),
                path: path.clone(),
            }),
            _ => collect(member.value, path, found),
        }
        path.pop();
    }
}

/// RFC 9110 section 5.6.2: a token.
fn is_token(text: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(sign)
}

/// The kinds that may stand in a header.
const SCALARS: [&str; 3] = ["string", "integer", "boolean"];

/// A schema that goes deeper has no parameter there: no real one was seen to go beyond two.
const DEEPEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_properties_are_found_through_properties_only() {
        let schema = r#"{"type":"object","properties":{
            "a":{"type":"string","x-mcp-header":"Region"},
            "b":{"type":"object","properties":{"c":{"type":"boolean","x-mcp-header":"Flag"}}},
            "d":{"type":"array","items":{"type":"string","x-mcp-header":"Not"}},
            "e":{"type":"number","x-mcp-header":"Float"},
            "f":{"type":"string","x-mcp-header":"a b"}}}"#;
        let found = header_parameters(schema);
        let names: Vec<&str> = found.iter().map(|found| found.header.as_ref()).collect();
        assert_eq!(names, ["Region", "Flag"]);
        assert_eq!(found[1].value(r#"{"b":{"c" : true}}"#), Some("true"));
        assert_eq!(found[1].value(r#"{"b":7}"#), None);
    }

    #[test]
    fn what_is_no_schema_has_no_parameters() {
        assert!(header_parameters("true").is_empty());
        assert!(header_parameters(r#"{"properties":[]}"#).is_empty());
    }
}
