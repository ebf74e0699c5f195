//! One program in Python: a sub-command a server, and one a tool below it.

use findings::{Finding, Report};
use serde_json::{Map, Value, json};

use crate::bash::taken;
use crate::catalog::{Catalog, Service, Tool};
use crate::fields::Fields;
use crate::flags::flags;
use crate::help::usage;
use crate::quote::{escape_python, summary};
use crate::templates::{TemplateError, Templates};
use crate::{File, names};

/// The one file.
pub(crate) fn render(
    catalog: &Catalog,
    templates: &Templates,
    report: &mut Report,
) -> Result<Vec<File>, TemplateError> {
    let mut words: Vec<String> = Vec::new();
    let mut services = Vec::new();
    for service in &catalog.services {
        let word = names::file(&service.name);
        if words.contains(&word) {
            report.push(same(&service.name, &word));
            continue;
        }
        let fields = Fields::default().data("word", &word);
        services.push(fields.list("tools", tools(service, &word, report)));
        words.push(word);
    }
    let fields = Fields::default()
        .flag("program", true)
        .list("services", services);
    let text = templates
        .compile(escape_python)?
        .fill("cli/program.tera", fields)?;
    Ok(vec![File {
        path: PROGRAM.to_owned(),
        text,
        executable: true,
    }])
}

fn tools(service: &Service, server: &str, report: &mut Report) -> Vec<Fields> {
    let mut words: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for tool in &service.tools {
        let word = names::file(&tool.local);
        if words.contains(&word) {
            report.push(taken(&tool.name, &format!("{server} {word}")));
            continue;
        }
        let spec = spec(tool, &format!("{PROGRAM} {server} {word}"));
        rows.push(
            Fields::default()
                .data("word", &word)
                .data("spec", &spec.to_string()),
        );
        words.push(word);
    }
    rows
}

/// What the program has to know of a tool.
fn spec(tool: &Tool, program: &str) -> Value {
    let flags = flags(tool);
    let mut known = Map::new();
    for flag in &flags {
        let name = &flag.field.name;
        known.insert(
            flag.word.clone(),
            json!([name, flag.kind.word(), flag.repeated]),
        );
        if let Some(off) = &flag.off {
            known.insert(off.clone(), json!([name, "off", false]));
        }
    }
    json!({
        "tool": tool.name,
        "about": summary(tool.description.as_deref().unwrap_or_default()),
        "usage": usage(program, tool, &flags),
        "flags": known,
    })
}

/// That a name is taken already by another server.
pub(crate) fn same(service: &str, name: &str) -> Finding {
    let message = format!(
        "the server `{}` would be `{name}`, which is taken",
        service.escape_debug()
    );
    Finding::error("wrappers.name", message)
        .hint("`--server NAME` makes that of one server, in a folder of its own")
}

const PROGRAM: &str = "mcp-tools";
