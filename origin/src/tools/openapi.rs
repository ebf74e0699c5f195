//! The tools as an OpenAPI 3.1 document, for clients that are made from one.

use std::collections::HashSet;

use mcp::catalog::Entry;
use mcp::{Catalog, Service, plain, schema};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::book::Document;

/// The document of these tools: `/call-tool` takes one of as many bodies, each with the schema of its tool's arguments. `keys`: the
/// origin asks for API keys.
///
/// A schema that cannot stand in another document (it is of an older draft, is no valid one, or refers to another document) becomes any object: the
/// tool can be called still.
pub fn openapi(service: &Service, catalog: &Catalog, keys: bool) -> Document {
    let fixed: Value = serde_json::from_str(FIXED).unwrap_or_default();
    let mut schemas = Schemas(Vec::new());
    for key in ["Envelope", "Tool"] {
        schemas.add(key, &fixed["schemas"][key]);
    }
    let names = names(catalog.entries());
    for (entry, name) in catalog.entries().iter().zip(&names) {
        schemas.add_tool(entry, name);
    }
    schemas.add("Call", &choice(catalog.entries(), &names));
    let mut components = Components {
        schemas,
        responses: &fixed["responses"],
        security_schemes: None,
    };
    let mut security = None;
    if keys {
        components.security_schemes = Some(&fixed["securitySchemes"]);
        security = Some(json!([{"bearer": []}, {"header": []}]));
    }
    let whole = Whole {
        openapi: "3.1.0",
        info: json!({"title": service.name, "version": service.version}),
        // Relative to where the document was fetched: the origin does not know its public name.
        servers: json!([{"url": "/"}]),
        paths: &fixed["paths"],
        components,
        security,
    };
    Document::new(serde_json::to_vec(&whole).unwrap_or_default())
}

#[derive(Serialize)]
struct Whole<'a> {
    openapi: &'static str,
    info: Value,
    servers: Value,
    paths: &'a Value,
    components: Components<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security: Option<Value>,
}

#[derive(Serialize)]
struct Components<'a> {
    schemas: Schemas,
    responses: &'a Value,
    #[serde(rename = "securitySchemes", skip_serializing_if = "Option::is_none")]
    security_schemes: Option<&'a Value>,
}

/// Schemas by their keys; those of the servers keep their bytes.
struct Schemas(Vec<(String, Box<RawValue>)>);

impl Serialize for Schemas {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, schema) in &self.0 {
            map.serialize_entry(key, schema)?;
        }
        map.end()
    }
}

impl Schemas {
    fn add(&mut self, key: &str, schema: &Value) {
        self.0
            .extend(serde_json::value::to_raw_value(schema).map(|raw| (key.to_owned(), raw)));
    }

    /// The arguments of a tool, and the body that calls it.
    fn add_tool(&mut self, entry: &Entry, name: &str) {
        let key = format!("Arguments.{name}");
        match arguments(entry, &key) {
            Some(raw) => self.0.push((key.clone(), raw)),
            None => self.add(&key, &json!({
                "type": "object",
                "description": "The schema of these arguments cannot stand here: `/tools` has it.",
            })),
        }
        let text = |member| {
            let raw = plain::member_of(entry, member)?;
            serde_json::from_str::<String>(raw).ok()
        };
        let mut call = json!({
            "type": "object",
            "required": ["tool", "arguments"],
            "additionalProperties": false,
            "properties": {
                "tool": {"type": "string", "const": entry.public},
                "arguments": {"$ref": format!("#/components/schemas/{key}")},
                "request_id": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
            },
        });
        for (member, text) in [
            ("title", text("title")),
            ("description", text("description")),
        ] {
            if let Some(text) = text {
                call[member] = text.into();
            }
        }
        self.add(&format!("Call.{name}"), &call);
    }
}

/// The schema of a tool's arguments, if it can stand in this document, whose schemas are of 2020-12.
fn arguments(entry: &Entry, key: &str) -> Option<Box<RawValue>> {
    let own = plain::member_of(entry, "inputSchema")?;
    let text = schema::embedded(own, &format!("#/components/schemas/{key}"))?;
    let value: Value = serde_json::from_str(&text).ok()?;
    let sound = jsonschema::draft202012::meta::is_valid(&value);
    sound.then(|| RawValue::from_string(text).ok())?
}

/// What `/call-tool` takes.
fn choice(entries: &[Entry], names: &[String]) -> Value {
    let place = |name: &String| format!("#/components/schemas/Call.{name}");
    if entries.is_empty() {
        // A choice of nothing is no schema.
        return json!({"type": "object", "required": ["tool"], "properties": {"tool": {"type": "string"}, "arguments": {"type": "object"}}});
    }
    let of: Vec<_> = names
        .iter()
        .map(|name| json!({"$ref": place(name)}))
        .collect();
    let mapping: serde_json::Map<String, Value> = entries
        .iter()
        .zip(names)
        .map(|(entry, name)| (entry.public.to_string(), place(name).into()))
        .collect();
    json!({"oneOf": of, "discriminator": {"propertyName": "tool", "mapping": mapping}})
}

/// A key for each tool: its name, but for the characters that a key may not have (OpenAPI 3.1, components object).
fn names(entries: &[Entry]) -> Vec<String> {
    let mut taken = HashSet::new();
    let fits = |char: char| char.is_ascii_alphanumeric() || ".-_".contains(char);
    entries
        .iter()
        .enumerate()
        .map(|(number, entry)| {
            let cleaned: String = entry
                .public
                .chars()
                .map(|char| if fits(char) { char } else { '_' })
                .collect();
            let name = if taken.contains(&cleaned) {
                format!("{cleaned}.{number}")
            } else {
                cleaned
            };
            taken.insert(name.clone());
            name
        })
        .collect()
}

/// What does not depend on the tools.
const FIXED: &str = include_str!("openapi.json");

#[cfg(test)]
mod tests {
    use mcp::catalog::Source;
    use mcp::{Kind, Naming, Offers};

    use super::*;

    fn document(tools: &[&str], keys: bool) -> (String, Value) {
        let tools = tools.iter().map(|&tool| tool.into()).collect();
        let offers = Offers::default().with(Kind::Tools, tools);
        let source = Source {
            server: "s",
            offers: &offers,
            private: false,
        };
        let catalog = Catalog::build(Naming::Plain, &[source]);
        let service = Service {
            name: "o".into(),
            version: "1".into(),
            keyed: false,
        };
        let text =
            String::from_utf8(openapi(&service, &catalog, keys).json.to_vec()).expect("UTF-8");
        let value = serde_json::from_str(&text).expect("JSON");
        (text, value)
    }

    #[test]
    fn each_tool_is_one_of_the_bodies() {
        let tool = r##"{"name":"say","description":"Says it","inputSchema":{"type":"object","properties":{"z":{"maximum":1.0},"a":{"$ref":"#/properties/z"}}}}"##;
        let (text, document) = document(&[tool], false);
        let schemas = &document["components"]["schemas"];
        assert_eq!(
            schemas["Call"]["discriminator"]["mapping"]["say"],
            "#/components/schemas/Call.say"
        );
        assert_eq!(schemas["Call.say"]["description"], "Says it");
        assert_eq!(
            schemas["Call.say"]["properties"]["arguments"]["$ref"],
            "#/components/schemas/Arguments.say"
        );
        let kept = r##""z":{"maximum":1.0},"a":{"$ref":"#/components/schemas/Arguments.say/properties/z"}"##;
        assert!(text.contains(kept), "{text}");
        assert!(document.get("security").is_none());
    }

    #[test]
    fn a_schema_that_cannot_stand_here_is_any_object() {
        for schema in [
            r#"{"type":"banana"}"#,
            r#"{"$ref":"https://example.com/x"}"#,
            r#"{"properties":{"a":{"items":[{}]}}}"#,
        ] {
            let (_, document) = document(
                &[&format!("{{\"name\":\"x\",\"inputSchema\":{schema}}}")],
                false,
            );
            let arguments = &document["components"]["schemas"]["Arguments.x"];
            assert!(
                arguments["description"].is_string(),
                "{schema}: {arguments}"
            );
        }
    }

    #[test]
    fn names_that_cannot_be_keys_get_keys_of_their_own() {
        let tools = [r#"{"name":"a/b"}"#, r#"{"name":"a b"}"#, r#"{"name":"c"}"#];
        let (_, document) = document(&tools, true);
        let mapping = &document["components"]["schemas"]["Call"]["discriminator"]["mapping"];
        assert_eq!(mapping["a/b"], "#/components/schemas/Call.a_b");
        assert_eq!(mapping["a b"], "#/components/schemas/Call.a_b.1");
        assert_eq!(document["security"][0], json!({"bearer": []}));
    }

    #[test]
    fn without_tools_there_is_a_document_still() {
        let (_, document) = document(&[], false);
        assert!(
            document["components"]["schemas"]["Call"]
                .get("oneOf")
                .is_none()
        );
    }
}
