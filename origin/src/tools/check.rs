//! Whether arguments fit a tool's input schema.

use std::fmt::Write as _;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde::Serialize;
use serde_json::Value;

use super::arguments::Arguments;
use super::work::Work;

/// A tool's input schema, ready to be held against arguments.
///
/// JSON Schema 2020-12, or what `$schema` names of drafts 4 to 2019-09. A schema that cannot be used leaves its tool callable and its
/// arguments to the server, which checks them anyway: this check is there to say all that is wrong at once, before anything runs.
/// It cannot be used when it is no valid schema, when it refers to another document, which is never fetched, or when
/// it makes more work than `MOST_WORK` of the arguments.
#[derive(Debug)]
pub struct Check(Result<Usable, String>);

#[derive(Debug)]
struct Usable {
    validator: Validator,
    work: Work,
}

/// How arguments do not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What is wrong, at most `MOST_VIOLATIONS`. Empty when finding out would make too much work.
    pub violations: Vec<Violation>,
    /// Whether there is more.
    pub more: bool,
}

/// One thing that is wrong with arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Where, as a JSON Pointer into the arguments (RFC 6901).
    pub path: String,
    /// The keyword of the schema.
    pub keyword: String,
    /// What it wants, without the value that was sent.
    pub message: String,
}

impl Check {
    /// Prepares a schema, one JSON value.
    pub fn compile(schema: &str) -> Self {
        Self(compile(schema))
    }

    /// Why the schema cannot be used.
    pub fn unusable(&self) -> Option<&str> {
        self.0.as_ref().err().map(String::as_str)
    }

    /// Holds arguments against the schema.
    ///
    /// # Errors
    /// What does not fit.
    pub fn judge(&self, arguments: &Arguments) -> Result<(), Misfit> {
        let Ok(Usable { validator, work }) = &self.0 else {
            return Ok(());
        };
        let effort = work.at(arguments.depth).saturating_mul(arguments.count);
        if effort > MOST_WORK || validator.is_valid(&arguments.value) {
            return Ok(());
        }
        if effort > MOST_EXPLAINED {
            return Err(Misfit {
                violations: Vec::new(),
                more: true,
            });
        }
        let mut errors = validator.iter_errors(&arguments.value);
        let violations: Vec<_> = errors
            .by_ref()
            .take(MOST_VIOLATIONS)
            .map(|error| violation(&error))
            .collect();
        Err(Misfit {
            violations,
            more: errors.next().is_some(),
        })
    }
}

fn compile(schema: &str) -> Result<Usable, String> {
    let schema: Value = serde_json::from_str(schema).map_err(|error| error.to_string())?;
    let work = Work::of(&schema)?;
    // Look-around is part of JSON Schema's regular expressions, so the engine has to go back, within bounds.
    let patterns = PatternOptions::fancy_regex()
        .backtrack_limit(MOST_BACKTRACKS)
        .size_limit(LARGEST_PATTERN)
        .dfa_size_limit(LARGEST_PATTERN);
    let validator = jsonschema::options()
        .offline()
        .with_pattern_options(patterns)
        .build(&schema)
        .map_err(|error| brief(&error.to_string()))?;
    Ok(Usable { validator, work })
}

fn violation(error: &ValidationError<'_>) -> Violation {
    Violation {
        path: error.instance_path().as_str().to_owned(),
        keyword: error.kind().keyword().to_owned(),
        message: brief(&message(error)),
    }
}

/// What is wrong, and of a choice what is wrong with each of its branches: that none fits says nothing.
fn message(error: &ValidationError<'_>) -> String {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) =
        error.kind()
    else {
        return error.masked_with(VALUE).to_string();
    };
    let branches: Vec<_> = context
        .iter()
        .filter_map(|branch| branch.first())
        .map(|error| error.masked_with(VALUE).to_string())
        .collect();
    format!(
        "nothing that is allowed here fits: {}",
        branches.join("; or ")
    )
}

/// A text that fits into a line.
fn brief(text: &str) -> String {
    if text.chars().count() <= LONGEST_MESSAGE {
        return text.to_owned();
    }
    text.chars().take(LONGEST_MESSAGE).chain(['…']).collect()
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the arguments do not fit the tool's `input_schema`")?;
        for (index, violation) in self.violations.iter().enumerate() {
            let steps = violation.path.split('/').skip(1);
            let steps: Vec<_> = steps
                .map(|step| step.replace("~1", "/").replace("~0", "~"))
                .collect();
            let place = place(steps.iter().map(String::as_str));
            let before = if index == 0 { ": " } else { "; " };
            write!(f, "{before}`{place}`: {}", violation.message)?;
        }
        if self.more && !self.violations.is_empty() {
            f.write_str("; and more")?;
        }
        Ok(())
    }
}

/// A place in the arguments as people write it: `arguments.files[0]["a b"]`.
pub(super) fn place<'a>(steps: impl Iterator<Item = &'a str>) -> String {
    let mut place = "arguments".to_owned();
    for step in steps {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        // Writing to a string does not fail.
        let _ = if step.bytes().all(|byte| byte.is_ascii_digit()) && !step.is_empty() {
            write!(place, "[{step}]")
        } else if step.bytes().all(word) && !step.is_empty() {
            write!(place, ".{step}")
        } else {
            write!(place, "[{}]", Value::from(brief(step)))
        };
    }
    place
}

/// What stands for the value: it may be a secret, or 16 MiB.
const VALUE: &str = "the value";

/// How many violations are told.
const MOST_VIOLATIONS: usize = 20;

/// The longest message of one violation, in characters: an `enum` may list a thousand words.
const LONGEST_MESSAGE: usize = 300;

/// How often values may be looked at. One look was measured at 30 ns, so this is a tenth of a second.
const MOST_WORK: u64 = 3_000_000;

/// How often they may be looked at for an explanation, which was measured at 2 µs a look and keeps all of them until it is read.
const MOST_EXPLAINED: u64 = 30_000;

/// fancy-regex's own default is a million, at which one look at one string takes tens of milliseconds.
const MOST_BACKTRACKS: usize = 10_000;

/// The largest compiled pattern, in bytes; the `regex` crate's own default is ten times that.
const LARGEST_PATTERN: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(schema: &str, arguments: &str) -> Result<(), Misfit> {
        let check = Check::compile(schema);
        assert_eq!(check.unusable(), None, "{schema}");
        check.judge(&Arguments::read(arguments).expect("JSON"))
    }

    fn said(schema: &str, arguments: &str) -> String {
        judged(schema, arguments).unwrap_err().to_string()
    }

    const SCHEMA: &str = r#"{"type":"object","required":["path"],"additionalProperties":false,
        "properties":{"path":{"type":"string"},"n":{"type":"integer","maximum":9},"tags":{"items":{"enum":["a","b"]}},
        "o":{"anyOf":[{"type":"integer"},{"type":"null"}]}}}"#;

    #[test]
    fn all_that_is_wrong_is_said_at_once_with_its_place() {
        let misfit = judged(SCHEMA, r#"{"n":10,"tags":["a","c"],"x y":1}"#).unwrap_err();
        let paths: Vec<_> = misfit
            .violations
            .iter()
            .map(|violation| violation.path.as_str())
            .collect();
        assert!(
            paths.contains(&"/n") && paths.contains(&"/tags/1") && paths.contains(&""),
            "{paths:?}"
        );
        let text = misfit.to_string();
        for part in [
            "`arguments.n`: ",
            "`arguments.tags[1]`: ",
            "\"path\" is a required property",
            "'x y' was unexpected",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_choice_says_what_each_of_its_branches_wants() {
        let text = said(SCHEMA, r#"{"path":"","o":"secret"}"#);
        assert!(
            text.contains("\"integer\"; or ") && text.contains("\"null\""),
            "{text}"
        );
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn the_draft_is_the_one_that_the_schema_names() {
        let items = r#"{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":{"items":[{"type":"string"}]}}}"#;
        assert!(said(items, r#"{"a":[1]}"#).contains("arguments.a[0]"));
        let prefix = r#"{"properties":{"a":{"prefixItems":[{"type":"string"}]}}}"#;
        assert!(said(prefix, r#"{"a":[1]}"#).contains("arguments.a[0]"));
    }

    #[test]
    fn numbers_beyond_a_double_are_integers_still() {
        let schema = r#"{"properties":{"n":{"type":"integer","minimum":9007199254740993}}}"#;
        assert!(judged(schema, r#"{"n":123456789012345678901234567890}"#).is_ok());
        assert!(judged(schema, r#"{"n":9007199254740993}"#).is_ok());
        assert!(judged(schema, r#"{"n":9007199254740992}"#).is_err());
    }

    #[test]
    fn a_schema_that_cannot_be_used_says_why_and_lets_all_pass() {
        for (schema, part) in [
            (r#"{"type":"banana"}"#, "banana"),
            (
                r#"{"$ref":"https://example.com/x.json"}"#,
                "https://example.com/x.json",
            ),
            (r#"{"$ref":"file:///etc/passwd"}"#, "file:///etc/passwd"),
            (
                r#"{"$schema":"https://example.com/own"}"#,
                "https://example.com/own",
            ),
            (r#"{"pattern":"(a{1000}){1000}"}"#, "regex"),
            ("{", "EOF"),
        ] {
            let check = Check::compile(schema);
            assert!(
                check.unusable().is_some_and(|why| why.contains(part)),
                "{schema}: {check:?}"
            );
            assert!(check.judge(&Arguments::read("{}").unwrap()).is_ok());
        }
    }

    #[test]
    fn what_would_take_for_ever_is_not_begun() {
        let mut links = String::new();
        for link in 0..60 {
            let next = format!("{{\"$ref\":\"#/$defs/d{}\"}}", link + 1);
            let _ = write!(links, "\"d{link}\":{{\"allOf\":[{next},{next}]}},");
        }
        let laughs = format!(
            "{{\"$ref\":\"#/$defs/d0\",\"$defs\":{{{links}\"d60\":{{\"type\":\"string\"}}}}}}"
        );
        assert!(judged(&laughs, "{}").is_ok());
        let tree = r##"{"anyOf":[{"required":["z"],"properties":{"n":{"$ref":"#"}}},{"required":["y"],"properties":{"n":{"$ref":"#"}}}]}"##;
        let deep = format!("{}1{}", "{\"n\":".repeat(100), "}".repeat(100));
        assert!(judged(tree, &deep).is_ok());
        assert!(said(tree, r#"{"n":{"n":{}}}"#).contains("`arguments`"));
        let many = format!("{{\"a\":[{}1]}}", "1,".repeat(100_000));
        let misfit =
            judged(r#"{"properties":{"a":{"items":{"type":"string"}}}}"#, &many).unwrap_err();
        assert!(misfit.violations.is_empty() && misfit.more);
        let backtracks = r#"{"properties":{"a":{"pattern":"^(?=a)(a|a)*\\1$"}}}"#;
        assert!(judged(backtracks, &format!("{{\"a\":\"{}b\"}}", "a".repeat(100))).is_err());
    }
}
