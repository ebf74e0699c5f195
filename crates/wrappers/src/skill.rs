//! A skill a server: a page that says when to use which tool, and the bash scripts that call them.

use findings::Report;
use serde_json::Value;

use crate::bash::{script, taken};
use crate::catalog::{Catalog, Service, Tool};
use crate::cli::same;
use crate::fields::Fields;
use crate::flags::{Flag, Kind, flags};
use crate::help::{form, notes};
use crate::quote::{bash, escape_bash, escape_markdown, lines, summary};
use crate::schema::Type;
use crate::templates::{Filler, TemplateError, Templates};
use crate::{File, names};

/// A folder a server, with `SKILL.md` and `scripts`.
pub(crate) fn render(
    catalog: &Catalog,
    templates: &Templates,
    report: &mut Report,
) -> Result<Vec<File>, TemplateError> {
    let pages = templates.compile(escape_markdown)?;
    let scripts = templates.compile(escape_bash)?;
    let mut folders: Vec<String> = Vec::new();
    let mut files = Vec::new();
    for service in &catalog.services {
        let folder = names::skill(&service.name);
        if folders.contains(&folder) {
            report.push(same(&service.name, &folder));
            continue;
        }
        let mut programs: Vec<(String, &Tool)> = Vec::new();
        for tool in &service.tools {
            let program = names::file(&tool.name);
            if programs
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(&program))
            {
                report.push(taken(&tool.name, &program));
                continue;
            }
            files.push(File {
                path: format!("{folder}/scripts/{program}"),
                text: script(tool, &program, &scripts)?,
                executable: true,
            });
            programs.push((program, tool));
        }
        files.push(File {
            path: format!("{folder}/SKILL.md"),
            text: page(service, &folder, &programs, &pages)?,
            executable: false,
        });
        folders.push(folder);
    }
    Ok(files)
}

fn page(
    service: &Service,
    folder: &str,
    programs: &[(String, &Tool)],
    filler: &Filler,
) -> Result<String, TemplateError> {
    let tools = programs
        .iter()
        .map(|(program, tool)| section(program, tool))
        .collect();
    let fields = Fields::default()
        .code("skill", folder)
        .code("about", &about(service))
        .data("server", &service.name)
        .list("tools", tools);
    filler.fill("skill/SKILL.tera", fields)
}

/// When to use it, as a string of YAML, of which JSON's are a part.
fn about(service: &Service) -> String {
    let mut text = format!(
        "Calls the tools of the MCP server {}. Use it to: ",
        summary(&service.name)
    );
    for (index, tool) in service.tools.iter().enumerate() {
        let description = tool.description.as_deref().unwrap_or(&tool.local);
        let next = format!(
            "{}{}",
            if index == 0 { "" } else { "; " },
            summary(description)
        );
        if text.chars().count() + next.chars().count() > LONGEST_ABOUT {
            text.push_str("; and more");
            break;
        }
        text.push_str(&next);
    }
    Value::from(text).to_string()
}

fn section(program: &str, tool: &Tool) -> Fields {
    let description = tool.description.as_deref().unwrap_or_default();
    let flags = flags(tool);
    let arguments = flags.iter().map(|flag| {
        let description = lines(flag.field.description.as_deref().unwrap_or_default()).join(" ");
        Fields::default()
            .code("form", &form(flag).replace('|', "\\|"))
            .data("notes", notes(flag).trim())
            .data("description", &description)
    });
    let required = flags.iter().filter(|flag| flag.field.required);
    Fields::default()
        .code("program", program)
        .code("example", &required.map(example).collect::<String>())
        .data("summary", &summary(description))
        .texts("description", &lines(description))
        .list("arguments", arguments.collect())
}

/// A flag with a value that its type takes.
fn example(flag: &Flag<'_>) -> String {
    let (kind, _) = flag.field.kind.without_null();
    let kind = match kind {
        Type::List(items) => *items,
        other => other,
    };
    let value = match (&flag.field.default, &kind) {
        (Some(value), _) if !value.is_null() && !value.is_array() => value.clone(),
        (_, Type::Literal(values)) => values[0].clone(),
        (_, Type::Integer | Type::Number) => Value::from(1),
        (_, Type::Object(_) | Type::Map(_)) => Value::Object(serde_json::Map::new()),
        (_, Type::List(_)) => Value::Array(Vec::new()),
        _ => Value::from("TEXT"),
    };
    match (flag.kind, &value) {
        (Kind::Boolean, _) => format!(" {}", flag.word),
        (Kind::Text, Value::String(text)) => format!(" {} {}", flag.word, bash(text)),
        _ => format!(" {} {}", flag.word, bash(&value.to_string())),
    }
}

/// The longest description of a skill has 1024 characters (agentskills.io); what says that there is more needs some.
const LONGEST_ABOUT: usize = 1000;
