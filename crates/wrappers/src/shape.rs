//! A type as a person reads it, for help texts: `{"x": number, "tags"?: [text, …]}`.

use serde_json::Value;

use crate::schema::Type;

/// At most [`LONGEST`] characters.
pub(crate) fn shape(kind: &Type) -> String {
    let text = whole(kind);
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

fn whole(kind: &Type) -> String {
    match kind {
        Type::Any => "any".to_owned(),
        Type::Null => "null".to_owned(),
        Type::Boolean => "true or false".to_owned(),
        Type::Integer => "integer".to_owned(),
        Type::Number => "number".to_owned(),
        Type::String => "text".to_owned(),
        Type::Literal(values) => joined(values.iter().map(Value::to_string), " or "),
        Type::List(items) => format!("[{}, …]", whole(items)),
        Type::Map(values) => format!("{{name: {}, …}}", whole(values)),
        Type::Union(types) => joined(types.iter().map(whole), " or "),
        Type::Object(fields) => {
            let fields = fields.iter().map(|field| {
                let mark = if field.required { "" } else { "?" };
                format!(
                    "{}{mark}: {}",
                    Value::from(field.name.as_str()),
                    whole(&field.kind)
                )
            });
            format!("{{{}}}", joined(fields, ", "))
        }
    }
}

fn joined(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.collect::<Vec<_>>().join(between)
}

/// Some lines of a terminal.
const LONGEST: usize = 400;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_type_is_shown_as_the_json_that_it_takes() {
        let schema = json!({
            "properties": {"x": {"type": "number"}, "m": {"enum": ["a", 1]}, "l": {"type": ["array", "null"], "items": {"type": "string"}}},
            "required": ["x"],
        });
        let text = shape(&Type::of(&schema));
        assert_eq!(
            text,
            r#"{"l"?: [text, …] or null, "m"?: "a" or 1, "x": number}"#
        );
    }
}
