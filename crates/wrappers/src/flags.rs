//! The command line of a tool: one flag for each of its arguments.

use serde_json::Value;

use crate::catalog::Tool;
use crate::names::{self, Names};
use crate::schema::{Field, Type};

/// A flag.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Flag<'t> {
    /// With its hyphens, as `--repo-path`.
    pub(crate) word: String,
    /// What sets a boolean to false, as `--no-verbose`.
    pub(crate) off: Option<String>,
    /// The argument that it is for.
    pub(crate) field: &'t Field,
    /// How its value is written.
    pub(crate) kind: Kind,
    /// Whether it may stand several times, once for each element of an array.
    pub(crate) repeated: bool,
}

/// How a value is written on a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As it is.
    Text,
    /// A number of JSON.
    Number,
    /// By the flag alone, or as `true` and `false`.
    Boolean,
    /// As JSON.
    Json,
}

impl Kind {
    /// The word by which the generated programs know it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Json => "json",
        }
    }

    /// How a single value of this type is written.
    fn of(kind: &Type) -> Self {
        let all = |values: &[Value], is: fn(&Value) -> bool| values.iter().all(is);
        match kind {
            Type::String => Self::Text,
            Type::Literal(values) if all(values, Value::is_string) => Self::Text,
            Type::Integer | Type::Number => Self::Number,
            Type::Literal(values) if all(values, Value::is_number) => Self::Number,
            Type::Boolean => Self::Boolean,
            _ => Self::Json,
        }
    }
}

/// The flags of a tool, in the order of its arguments.
pub(crate) fn flags(tool: &Tool) -> Vec<Flag<'_>> {
    let mut taken = Names::without(&OWN);
    let fields = tool.parameters.iter();
    let wanted = fields.clone().map(|field| field.name.as_str());
    let flags = taken.take_all(wanted, names::flag, '-');
    let mut all: Vec<_> = fields
        .zip(flags)
        .map(|(field, word)| {
            let (kind, _) = field.kind.without_null();
            let (kind, repeated) = match &kind {
                // a list of switches would have no order
                Type::List(items) if **items == Type::Boolean => (Kind::Json, true),
                Type::List(items) => (Kind::of(items), true),
                one => (Kind::of(one), false),
            };
            Flag {
                word,
                off: None,
                field,
                kind,
                repeated,
            }
        })
        .collect();
    for flag in all.iter_mut().filter(|flag| flag.kind == Kind::Boolean) {
        let off = format!("--no-{}", flag.word.trim_start_matches('-'));
        flag.off = Some(taken.take(&off, '-'));
    }
    all
}

/// What every generated program has besides the flags of its tool.
const OWN: [&str; 3] = ["--help", "--arguments", "--envelope"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(schema: &Value) -> Vec<(String, Kind, bool, Option<String>)> {
        let Type::Object(parameters) = Type::of(schema) else {
            panic!("{schema}");
        };
        let tool = Tool {
            name: "t".into(),
            local: "t".into(),
            description: None,
            parameters,
        };
        let flags = flags(&tool);
        flags
            .into_iter()
            .map(|one| (one.word, one.kind, one.repeated, one.off))
            .collect()
    }

    #[test]
    fn the_type_says_how_a_value_is_written() {
        let of = |schema: Value| {
            let made = made(&json!({"properties": {"a": schema}}));
            (made[0].1, made[0].2)
        };
        for (schema, expected) in [
            (json!({"type": "string"}), (Kind::Text, false)),
            (json!({"type": ["integer", "null"]}), (Kind::Number, false)),
            (json!({"enum": ["a", "b"]}), (Kind::Text, false)),
            (json!({"enum": ["a", 1]}), (Kind::Json, false)),
            (json!({"enum": [1, 2.5]}), (Kind::Number, false)),
            (
                json!({"oneOf": [{"type": "string"}, {"type": "integer"}]}),
                (Kind::Json, false),
            ),
            (json!({"items": {"type": "string"}}), (Kind::Text, true)),
            (json!({"items": {"type": "boolean"}}), (Kind::Json, true)),
            (
                json!({"items": {"properties": {"x": {}}}}),
                (Kind::Json, true),
            ),
            (json!({"properties": {"x": {}}}), (Kind::Json, false)),
            (json!({}), (Kind::Json, false)),
        ] {
            assert_eq!(of(schema.clone()), expected, "{schema}");
        }
    }

    #[test]
    fn no_argument_takes_a_flag_that_means_something_else() {
        let boolean = json!({"type": "boolean"});
        let made = made(&json!({"properties": {"help": {}, "a": boolean, "no-a": boolean}}));
        let flags: Vec<_> = made.iter().map(|one| one.0.as_str()).collect();
        assert_eq!(flags, ["--a", "--help-2", "--no-a"]);
        assert_eq!(made[0].3.as_deref(), Some("--no-a-2"));
        assert_eq!(made[2].3.as_deref(), Some("--no-no-a"));
    }
}
