//! Python: a package with a module a service.

use std::fmt::Write as _;

use findings::{Finding, Report};
use serde_json::Value;

use crate::File;
use crate::catalog::{Catalog, Service, Tool};
use crate::fields::Fields;
use crate::names::{self, Names};
use crate::quote::{escape_python, lines, python, summary};
use crate::schema::{Field, Type};
use crate::shape::shape;
use crate::templates::{Filler, TemplateError, Templates};

/// The package: `__init__.py`, `_client.py`, and a module a service.
pub(crate) fn render(
    catalog: &Catalog,
    templates: &Templates,
    report: &mut Report,
) -> Result<Vec<File>, TemplateError> {
    let filler = templates.compile(escape_python)?;
    let mut files = Vec::new();
    let mut taken: Vec<String> = Vec::new();
    for service in &catalog.services {
        let module = names::identifier(&service.name).to_ascii_lowercase();
        if taken.contains(&module) || module == "_client" {
            report.push(same(&service.name, &module));
            continue;
        }
        files.push(File {
            path: format!("{module}.py"),
            text: module_text(service, &filler)?,
            executable: false,
        });
        taken.push(module);
    }
    for (path, template) in [
        ("__init__.py", "python/package.tera"),
        ("_client.py", "python/client.tera"),
    ] {
        files.push(File {
            path: path.to_owned(),
            text: filler.fill(template, Fields::default().flag("program", false))?,
            executable: false,
        });
    }
    Ok(files)
}

fn same(service: &str, module: &str) -> Finding {
    let message = format!(
        "the module of `{}` would be `{module}`, which is taken",
        service.escape_debug()
    );
    Finding::error("wrappers.name", message)
        .hint("`--server NAME` makes that of one service, in a folder of its own")
}

fn module_text(service: &Service, filler: &Filler) -> Result<String, TemplateError> {
    let class = names::class(&service.name);
    let mut module = Module {
        names: Names::without(&[&class, &format!("Async{class}")]),
        types: Vec::new(),
    };
    let mut methods = Names::without(&["client", "_call", "_c"]);
    let locals = service.tools.iter().map(|tool| tool.local.as_str());
    let methods = methods.take_all(locals, names::identifier, '_');
    let tools = service.tools.iter().zip(methods);
    let tools = tools
        .map(|(tool, method)| module.method(tool, &method))
        .collect();
    let fields = Fields::default()
        .code("class", &class)
        .code("made", &names::file(&service.name))
        .list("tools", tools)
        .list("types", module.types);
    filler.fill("python/service.tera", fields)
}

/// A module while it is made: its types are found on the way.
struct Module {
    names: Names,
    types: Vec<Fields>,
}

impl Module {
    fn method(&mut self, tool: &Tool, method: &str) -> Fields {
        let mut names = Names::without(&["self", "base"]);
        let wires = tool.parameters.iter().map(|field| field.name.as_str());
        let names = names.take_all(wires, names::identifier, '_');
        let mut doc = Doc::of(tool.description.as_deref().unwrap_or(&tool.name));
        let mut parameters = Vec::new();
        for (field, name) in tool.parameters.iter().zip(&names) {
            let hint = format!("{}{}", names::class(&tool.local), names::class(&field.name));
            let kind = self.text(&field.kind, &hint);
            let kind = if field.required {
                kind
            } else {
                format!("{kind} | _c.Unset = _c.UNSET")
            };
            parameters.push(
                Fields::default()
                    .data("wire", &field.name)
                    .code("name", name)
                    .code("plain", name)
                    .code("type", &kind),
            );
            doc.argument(name, field);
        }
        Fields::default()
            .data("tool", &tool.name)
            .code("method", method)
            .code("doc", &doc.finish())
            .list("parameters", parameters)
    }

    /// A type as an annotation. Objects become classes of the module, called after `hint`, those inside before those around them.
    fn text(&mut self, kind: &Type, hint: &str) -> String {
        match kind {
            Type::Any => "t.Any".to_owned(),
            Type::Null => "None".to_owned(),
            Type::Boolean => "bool".to_owned(),
            Type::Integer => "int".to_owned(),
            Type::Number => "float".to_owned(),
            Type::String => "str".to_owned(),
            Type::Literal(values) => literal(values),
            Type::List(items) => format!("list[{}]", self.text(items, hint)),
            Type::Map(values) => format!("dict[str, {}]", self.text(values, hint)),
            Type::Union(types) => {
                let mut texts: Vec<String> = Vec::new();
                for text in types
                    .iter()
                    .map(|kind| self.text(kind, hint))
                    .collect::<Vec<_>>()
                {
                    if !texts.contains(&text) {
                        texts.push(text);
                    }
                }
                texts.join(" | ")
            }
            Type::Object(fields) => self.object(fields, hint),
        }
    }

    fn object(&mut self, fields: &[Field], hint: &str) -> String {
        let mut members = Vec::new();
        for field in fields {
            let kind = self.text(&field.kind, &format!("{hint}{}", names::class(&field.name)));
            let kind = if field.required {
                kind
            } else {
                format!("t.NotRequired[{kind}]")
            };
            members.push(
                Fields::default()
                    .data("name", &field.name)
                    .code("type", &kind),
            );
        }
        let name = self.names.take(hint, '_');
        self.types.push(
            Fields::default()
                .code("name", &name)
                .list("members", members),
        );
        name
    }
}

/// `Literal` takes no fractions (PEP 586): a number with one is any number.
fn literal(values: &[Value]) -> String {
    let mut words = Vec::new();
    let mut others = Vec::new();
    for value in values {
        match value {
            Value::String(text) => words.push(python(text)),
            Value::Bool(true) => words.push("True".to_owned()),
            Value::Bool(false) => words.push("False".to_owned()),
            Value::Number(number) if number.is_i64() || number.is_u64() => {
                words.push(number.to_string());
            }
            Value::Null => others.push("None"),
            _ => others.push("float"),
        }
    }
    others.dedup();
    let words = (!words.is_empty()).then(|| format!("t.Literal[{}]", words.join(", ")));
    let parts = words
        .into_iter()
        .chain(others.into_iter().map(str::to_owned));
    parts.collect::<Vec<_>>().join(" | ")
}

/// The documentation of a method.
struct Doc(String);

impl Doc {
    fn of(description: &str) -> Self {
        let mut doc = Self(String::new());
        doc.0.push_str("\"\"\"");
        for (index, line) in lines(description).iter().enumerate() {
            doc.line(if index == 0 { "" } else { INDENT }, line);
        }
        doc
    }

    fn line(&mut self, indent: &str, line: &str) {
        let indent = if line.is_empty() { "" } else { indent };
        // one quote ends nothing, and the last line holds none
        let line = line.replace('\\', "\\\\").replace("\"\"", "\\\"\\\"");
        let _ = writeln!(self.0, "{indent}{line}");
    }

    fn argument(&mut self, name: &str, field: &Field) {
        if !self.0.contains("\n        Args:\n") {
            self.0.push_str("\n        Args:\n");
        }
        let mut line = format!("{name}: {}", summary(&shape(&field.kind)));
        let description = summary(field.description.as_deref().unwrap_or_default());
        if !description.is_empty() {
            let _ = write!(line, ". {description}");
        }
        if let Some(default) = field.default.as_ref().filter(|value| !value.is_null()) {
            let _ = write!(line, " (default {})", summary(&default.to_string()));
        }
        self.line("            ", &line);
    }

    fn finish(mut self) -> String {
        self.0.push_str(INDENT);
        self.0.push_str("\"\"\"");
        self.0
    }
}

/// Of what stands in a method.
const INDENT: &str = "        ";
