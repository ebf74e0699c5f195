//! The catalog: what `GET /tools` answers, as services with typed tools.

use findings::{Finding, Report, nearest};
use serde_json::Value;

use crate::schema::{Field, Type};

/// Services by name, each with at least one tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    /// The services, sorted by name.
    pub services: Vec<Service>,
}

/// An MCP server behind the origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its tools, sorted by name.
    pub tools: Vec<Tool>,
}

/// A tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// What it is called by, as `time__get_current_time`.
    pub name: String,
    /// The server's own name of it, as `get_current_time`.
    pub local: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its arguments, those that have to be there first.
    pub parameters: Vec<Field>,
}

/// Which tools of a catalog are taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Of these services; of all when empty.
    pub servers: Vec<String>,
    /// Not these tools, by the name that they are called by.
    pub skip: Vec<String>,
}

impl Catalog {
    /// Reads the JSON of `GET /tools`.
    ///
    /// Findings go to `report`, all of them errors: `wrappers.catalog` (no such JSON, or a tool without what it needs),
    /// `wrappers.schema` (an `input_schema` that takes no object), `wrappers.choice` (a service or tool that is not there),
    /// `wrappers.empty`.
    pub fn read(text: &str, choice: &Choice, report: &mut Report) -> Self {
        let mut catalog = Self {
            services: Vec::new(),
        };
        let document: Result<Value, _> = serde_json::from_str(text);
        let document = document.unwrap_or_else(|error| {
            let message = format!("the catalog is no JSON: {error}");
            report.push(Finding::error("wrappers.catalog", message).hint(FROM));
            Value::Null
        });
        let Some(tools) = document.get("tools").and_then(Value::as_array) else {
            if !report.has_errors() {
                let message = "the catalog has no list `tools`";
                report.push(Finding::error("wrappers.catalog", message).hint(FROM));
            }
            return catalog;
        };
        choice.check(tools, report);
        for (index, tool) in tools.iter().enumerate() {
            if choice.takes(tool) {
                catalog.add(tool, index, report);
            }
        }
        catalog.sort();
        if catalog.services.is_empty() && !report.has_errors() {
            let message = "there is no tool to make a wrapper of";
            let hint = "the origin lists the tools of servers that are up: see `/readyz`, and what `--server` and `--skip` leave";
            report.push(Finding::error("wrappers.empty", message).hint(hint));
        }
        catalog
    }

    fn add(&mut self, tool: &Value, index: usize, report: &mut Report) {
        let path = format!("tools[{index}]");
        let named = |member: &str| {
            let text = tool.get(member).and_then(Value::as_str);
            text.filter(|text| !text.is_empty() && !text.contains('\0'))
        };
        let (Some(name), Some(server)) = (named("name"), named("server")) else {
            let message = "a tool needs a `name` and a `server`, texts without NUL";
            report.push(
                Finding::error("wrappers.catalog", message)
                    .at(path)
                    .hint(FROM),
            );
            return;
        };
        let Some(parameters) = tool.get("input_schema").and_then(parameters) else {
            let message = format!(
                "the `input_schema` of `{name}` does not describe an object, so its arguments have no names"
            );
            report.push(
                Finding::error("wrappers.schema", message)
                    .at(path)
                    .hint(skip(name)),
            );
            return;
        };
        if parameters.iter().any(|field| field.name.contains('\0')) {
            let message = format!("an argument of `{name}` has NUL in its name");
            report.push(
                Finding::error("wrappers.schema", message)
                    .at(path)
                    .hint(skip(name)),
            );
            return;
        }
        let words = |member: &str| tool.get(member).and_then(Value::as_str).map(str::to_owned);
        let tool = Tool {
            name: name.to_owned(),
            local: named("tool").unwrap_or(name).to_owned(),
            description: words("description").or_else(|| words("title")),
            parameters,
        };
        match self.services.iter_mut().find(|one| one.name == server) {
            Some(service) => service.tools.push(tool),
            None => self.services.push(Service {
                name: server.to_owned(),
                tools: vec![tool],
            }),
        }
    }

    fn sort(&mut self) {
        self.services
            .sort_by(|one, other| one.name.cmp(&other.name));
        for service in &mut self.services {
            service
                .tools
                .sort_by(|one, other| one.name.cmp(&other.name));
        }
    }
}

impl Choice {
    fn takes(&self, tool: &Value) -> bool {
        let named = |names: &[String], member: &str| {
            let name = tool.get(member).and_then(Value::as_str);
            name.is_some_and(|name| names.iter().any(|one| one == name))
        };
        (self.servers.is_empty() || named(&self.servers, "server")) && !named(&self.skip, "name")
    }

    fn check(&self, tools: &[Value], report: &mut Report) {
        for (names, member, flag) in [
            (&self.servers, "server", "--server"),
            (&self.skip, "name", "--skip"),
        ] {
            let known = || {
                tools
                    .iter()
                    .filter_map(|tool| tool.get(member).and_then(Value::as_str))
            };
            for name in names.iter().filter(|name| !known().any(|one| one == *name)) {
                let message = format!("`{flag} {name}` is not in the catalog");
                let finding = Finding::error("wrappers.choice", message);
                report.push(match nearest(name, known()) {
                    Some(meant) => finding.hint(format!("`{meant}` is")),
                    None => finding.hint("a server that is down has no tools there: see `/readyz`"),
                });
            }
        }
    }
}

/// The arguments that a schema names; nothing when it takes no object.
fn parameters(schema: &Value) -> Option<Vec<Field>> {
    if !schema.is_object() {
        return None;
    }
    let mut fields = match Type::of(schema) {
        Type::Object(fields) => fields,
        Type::Map(_) | Type::Any => Vec::new(),
        Type::Union(types) => any_of(types)?,
        _ => return None,
    };
    fields.sort_by_key(|field| !field.required);
    Some(fields)
}

/// The members of several objects of which one is sent: what all of them need is needed.
fn any_of(types: Vec<Type>) -> Option<Vec<Field>> {
    let mut all: Vec<Field> = Vec::new();
    let branches: Option<Vec<_>> = types
        .into_iter()
        .map(|kind| match kind {
            Type::Object(fields) => Some(fields),
            Type::Map(_) => Some(Vec::new()),
            _ => None,
        })
        .collect();
    let branches = branches?;
    for field in branches.iter().flatten() {
        if all.iter().any(|known| known.name == field.name) {
            continue;
        }
        let needs = |branch: &Vec<Field>| {
            branch
                .iter()
                .any(|one| one.name == field.name && one.required)
        };
        let mut field = field.clone();
        field.required = branches.iter().all(needs);
        all.push(field);
    }
    Some(all)
}

/// The way round a tool of which no wrapper can be made.
pub(crate) fn skip(tool: &str) -> String {
    format!("`--skip {}` makes the others", tool.escape_debug())
}

const FROM: &str = "`--from` wants what `GET /tools` of the tool API answers: the address of an origin, or a file with that JSON";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(document: &Value, choice: &Choice) -> (Catalog, Vec<String>) {
        let mut report = Report::new();
        let catalog = Catalog::read(&document.to_string(), choice, &mut report);
        let ids = report.findings().iter().map(|finding| finding.id.clone());
        (catalog, ids.collect())
    }

    fn tool(server: &str, name: &str) -> Value {
        json!({"name": format!("{server}__{name}"), "server": server, "tool": name, "input_schema": {"type": "object"}})
    }

    #[test]
    fn tools_stand_below_their_services_in_one_order() {
        let document = json!({"tools": [tool("b", "y"), tool("a", "z"), tool("b", "x")]});
        let (catalog, findings) = read(&document, &Choice::default());
        let names: Vec<_> = catalog
            .services
            .iter()
            .map(|service| (service.name.as_str(), service.tools.len()))
            .collect();
        assert_eq!((names, findings.len()), (vec![("a", 1), ("b", 2)], 0));
        assert_eq!(catalog.services[1].tools[0].local, "x");
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let mut schemas = [
            json!("text"),
            json!({"type": "string"}),
            json!({"oneOf": [{"type": "null"}, {"type": "string"}]}),
        ];
        let mut tools: Vec<_> = schemas
            .iter_mut()
            .map(|schema| json!({"name": "x", "server": "s", "input_schema": schema.take()}))
            .collect();
        tools.push(json!({"name": "", "server": "s", "input_schema": {}}));
        tools.push(json!(7));
        let (catalog, findings) = read(&json!({"tools": tools}), &Choice::default());
        assert_eq!(
            findings,
            [
                "wrappers.schema",
                "wrappers.schema",
                "wrappers.schema",
                "wrappers.catalog",
                "wrappers.catalog"
            ]
        );
        assert!(catalog.services.is_empty());
    }

    #[test]
    fn what_is_no_catalog_is_said_once() {
        for text in ["", "<html>", "{}", "[]", "null", r#"{"tools": {}}"#] {
            let mut report = Report::new();
            Catalog::read(text, &Choice::default(), &mut report);
            let ids: Vec<_> = report
                .findings()
                .iter()
                .map(|one| one.id.as_str())
                .collect();
            assert_eq!(ids, ["wrappers.catalog"], "{text}");
        }
        assert_eq!(
            read(&json!({"tools": []}), &Choice::default()).1,
            ["wrappers.empty"]
        );
    }

    #[test]
    fn services_are_chosen_and_tools_left_out() {
        let document = json!({"tools": [tool("a", "x"), tool("a", "y"), tool("b", "x")]});
        let choice = Choice {
            servers: vec!["a".into()],
            skip: vec!["a__y".into()],
        };
        let (catalog, findings) = read(&document, &choice);
        assert_eq!(
            (
                catalog.services.len(),
                catalog.services[0].tools.len(),
                findings.len()
            ),
            (1, 1, 0)
        );
        let choice = Choice {
            servers: vec!["c".into()],
            skip: vec!["a__z".into()],
        };
        assert_eq!(
            read(&document, &choice).1,
            ["wrappers.choice", "wrappers.choice"]
        );
    }

    #[test]
    fn a_choice_of_objects_has_the_arguments_of_all() {
        let schema = json!({"oneOf": [
            {"properties": {"id": {}, "a": {}}, "required": ["id", "a"]},
            {"properties": {"id": {}, "b": {}}, "required": ["id"]},
        ]});
        let fields = parameters(&schema).expect("objects");
        let names: Vec<_> = fields
            .iter()
            .map(|field| (field.name.as_str(), field.required))
            .collect();
        assert_eq!(names, [("id", true), ("a", false), ("b", false)]);
    }
}
