//! Answers of an MCP server, as they come from its pipe.

use serde_json::{Value, json};

/// A line of a server and what it is called in the table.
pub(crate) struct Payload {
    pub(crate) name: &'static str,
    pub(crate) line: String,
}

/// About 100 bytes, 40 kB and 500 kB: a text, a list of tools, and rows of structured content.
pub(crate) fn payloads() -> Vec<Payload> {
    let text = json!({"content": [{"type": "text", "text": "17 files"}], "isError": false});
    let tools: Vec<Value> = (0..72).map(tool).collect();
    let rows: Vec<Value> = (0..4340).map(row).collect();
    let structured = json!({"content": [], "structuredContent": {"rows": rows}, "isError": false});
    vec![
        answer("text, 100 B", &text),
        answer("tools/list, 40 kB", &json!({"tools": tools})),
        answer("structured, 500 kB", &structured),
    ]
}

fn answer(name: &'static str, result: &Value) -> Payload {
    Payload {
        name,
        line: json!({"jsonrpc": "2.0", "id": 7, "result": result}).to_string(),
    }
}

fn tool(number: usize) -> Value {
    json!({
        "name": format!("repository_search_{number}"),
        "description": "Finds files and lines in the repository; the pattern is a regular expression, and what is \
                        ignored by the version control is left out unless asked for.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "pattern": {"type": "string", "description": "what to look for", "minLength": 1},
                "path": {"type": "string", "description": "where to begin; the root when absent"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
                "ignored": {"type": "boolean", "default": false}
            },
            "required": ["pattern"]
        },
        "annotations": {"readOnlyHint": true}
    })
}

fn row(number: usize) -> Value {
    json!({
        "path": format!("src/module_{}/file_{number}.rs", number % 40),
        "line": number,
        "score": f64::from(u32::try_from(number).unwrap_or(0)) / 7.0,
        "text": "let x = \"a\";",
        "tags": ["a", "b"]
    })
}
