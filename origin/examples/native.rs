//! An origin with two tools of its own, beside whatever servers its configuration names.
//!
//! `cargo run -p origin --example native -- origin.toml`, then
//! `curl http://127.0.0.1:8000/call-tool -d '{"tool":"native__count_words","arguments":{"text":"one two"}}'`.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use origin::native::{Answer, Arguments, Calling, Context, Tool};
use origin::{Origin, logging, settings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Counts: a tool with a result that programs read.
struct CountWords;

#[derive(Deserialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Count {
    words: usize,
    characters: usize,
}

impl Tool for CountWords {
    fn name(&self) -> &'static str {
        "count_words"
    }

    fn description(&self) -> &'static str {
        "Counts the words and characters of a text"
    }

    fn input_schema(&self) -> Value {
        json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"], "additionalProperties": false})
    }

    fn output_schema(&self) -> Option<Value> {
        let number = json!({"type": "integer", "minimum": 0});
        Some(
            json!({"type": "object", "properties": {"words": number, "characters": number}, "required": ["words", "characters"]}),
        )
    }

    fn annotations(&self) -> Option<Value> {
        Some(json!({"readOnlyHint": true, "idempotentHint": true, "openWorldHint": false}))
    }

    fn call<'a>(&'a self, arguments: Arguments<'a>, _: &'a Context) -> Calling<'a> {
        Box::pin(async move {
            let Text { text } = arguments.parse()?;
            Answer::json(&Count {
                words: text.split_whitespace().count(),
                characters: text.chars().count(),
            })
        })
    }
}

/// Counts down: a tool that tells how far it is, and that ends when its caller goes.
struct Countdown;

#[derive(Deserialize)]
struct Steps {
    from: u32,
}

impl Tool for Countdown {
    fn name(&self) -> &'static str {
        "countdown"
    }

    fn description(&self) -> &'static str {
        "Counts down, ten steps a second"
    }

    fn input_schema(&self) -> Value {
        json!({"type": "object", "properties": {"from": {"type": "integer", "minimum": 0, "maximum": 100}}, "required": ["from"]})
    }

    fn call<'a>(&'a self, arguments: Arguments<'a>, context: &'a Context) -> Calling<'a> {
        Box::pin(async move {
            let Steps { from } = arguments.parse()?;
            for step in 0..from {
                let left = format!("{} left", from - step);
                context.progress(step.into(), Some(from.into()), &left);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(Answer::text("liftoff"))
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let environment: Vec<_> = std::env::vars_os().collect();
    let file = std::env::args()
        .nth(1)
        .ok_or("give the origin's configuration file")?;
    let (config, report) = settings::from_file(Path::new(&file), &environment);
    let config = config.ok_or_else(|| report.to_string())?;
    logging::start(config.loglevel);
    Origin::new(config, environment)
        .tool(CountWords)
        .tool(Countdown)
        .run()
        .await?;
    Ok(())
}
