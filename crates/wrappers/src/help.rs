//! What `--help` of a generated program says of a tool.

use serde_json::Value;

use crate::catalog::Tool;
use crate::flags::{Flag, Kind};
use crate::quote::lines;
use crate::shape::shape;

/// The lines that are about the tool: how it is called, what it is for, its arguments. What goes for every tool stands in
/// the templates.
pub(crate) fn usage(program: &str, tool: &Tool, flags: &[Flag<'_>]) -> Vec<String> {
    let mut usage = format!("Usage: {program}");
    for flag in flags.iter().filter(|flag| flag.field.required) {
        usage.push(' ');
        usage.push_str(&form(flag));
    }
    usage.push_str(" [OPTIONS]");
    let mut all = vec![usage];
    if let Some(description) = &tool.description {
        all.push(String::new());
        all.extend(lines(description));
    }
    if !flags.is_empty() {
        all.push(String::new());
        all.push("Arguments:".to_owned());
    }
    for flag in flags {
        all.push(format!("  {}{}", form(flag), notes(flag)));
        let description = flag.field.description.as_deref().unwrap_or_default();
        let described = lines(description)
            .into_iter()
            .filter(|line| !line.is_empty());
        all.extend(described.map(|line| format!("      {line}")));
    }
    all
}

/// A flag with its value: `--limit NUMBER`.
pub(crate) fn form(flag: &Flag<'_>) -> String {
    let value = match flag.kind {
        Kind::Text => " TEXT",
        Kind::Number => " NUMBER",
        Kind::Json => " JSON",
        Kind::Boolean => "",
    };
    let off = flag.off.as_ref().map(|off| format!(" | {off}"));
    let more = if flag.repeated { "…" } else { "" };
    format!("{}{value}{more}{}", flag.word, off.unwrap_or_default())
}

/// What can be said of the value in brackets.
pub(crate) fn notes(flag: &Flag<'_>) -> String {
    let mut notes = Vec::new();
    if flag.field.required {
        notes.push("required".to_owned());
    }
    if flag.repeated {
        notes.push("once for each element".to_owned());
    }
    let says_more = !matches!(flag.kind, Kind::Boolean)
        && !matches!(
            shape(&flag.field.kind).as_str(),
            "text" | "number" | "any" | "[text, …]"
        );
    if says_more {
        notes.push(shape(&flag.field.kind));
    }
    if let Some(default) = flag.field.default.as_ref().filter(|value| !value.is_null()) {
        notes.push(format!("default {}", short(default)));
    }
    if notes.is_empty() {
        return String::new();
    }
    // a name in a shape may hold anything
    lines(&format!("  ({})", notes.join("; ")))
        .iter()
        .fold(String::from("  "), |all, line| all + line.trim())
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= LONGEST_DEFAULT {
        return text;
    }
    text.chars().take(LONGEST_DEFAULT).chain(['…']).collect()
}

/// A default is a word or two; what is longer is a document.
const LONGEST_DEFAULT: usize = 80;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::flags::flags;
    use crate::schema::Type;

    #[test]
    fn help_says_what_each_argument_takes() {
        let schema = json!({
            "properties": {
                "path": {"type": "string", "description": "Where.\nExactly."},
                "all": {"type": "boolean", "default": false},
                "tags": {"items": {"enum": ["a", "b"]}},
            },
            "required": ["path"],
        });
        let Type::Object(mut parameters) = Type::of(&schema) else {
            panic!();
        };
        parameters.sort_by_key(|field| !field.required);
        let tool = Tool {
            name: "s__t".into(),
            local: "t".into(),
            description: Some("Does it.".into()),
            parameters,
        };
        let text = usage("s__t", &tool, &flags(&tool)).join("\n");
        let expected = "Usage: s__t --path TEXT [OPTIONS]\n\nDoes it.\n\nArguments:\n  --path TEXT  (required)\n      Where.\n      Exactly.\n  \
            --all | --no-all  (default false)\n  --tags TEXT…  (once for each element; [\"a\" or \"b\", …])";
        assert_eq!(text, expected);
    }
}
