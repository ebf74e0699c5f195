//! What it costs to take an answer from a server and give it to a client: read, find its id and payload, write.

use std::time::Duration;

use mcp::jsonrpc::{self, Message};
use mcp::reply;
use rmcp::model::ServerJsonRpcMessage;
use serde_json::{Value, json};

use super::Figures;
use super::payload::{Payload, payloads};
use crate::Fault;
use crate::clock::{Work, medians};
use crate::table::{seconds, table};

/// One way to pass a line on.
struct Way {
    name: &'static str,
    pass: fn(&str) -> Result<String, Fault>,
}

/// The first is measured against each of the others.
const WAYS: [Way; 3] = [
    Way {
        name: "origin",
        pass: envelope,
    },
    Way {
        name: "rmcp 3.9.0",
        pass: typed,
    },
    Way {
        name: "serde_json Value",
        pass: value,
    },
];

pub(crate) fn measure(quick: bool) -> Result<Figures, Fault> {
    let (rounds, turn) = if quick {
        (3, Duration::from_millis(5))
    } else {
        (21, Duration::from_millis(40))
    };
    let mut rows = Vec::new();
    let mut figures = Vec::new();
    for payload in payloads() {
        let kept = kept(&payload)?;
        let line = payload.line.as_str();
        let works: Vec<Work<'_>> = WAYS
            .iter()
            .map(|way| Box::new(|| (way.pass)(line).map_or(0, |line| line.len())) as Work<'_>)
            .collect();
        let times = medians(&works, rounds, turn);
        let mut row = vec![format!("{} ({} B)", payload.name, line.len())];
        row.extend(
            times[1..]
                .iter()
                .map(|time| format!("{:.1} x", time / times[0])),
        );
        row.extend(times.iter().map(|&time| seconds(time)));
        row.extend(kept.iter().map(|&kept| word(kept)));
        rows.push(row);
        let ways = WAYS.iter().zip(&times).zip(&kept);
        let ways = ways.map(|((way, time), kept)| {
            json!({"way": way.name, "cpu_seconds": time, "to_origin": time / times[0], "keeps_bytes": kept})
        });
        figures.push(json!({
            "payload": payload.name,
            "bytes": line.len(),
            "ways": ways.collect::<Vec<_>>(),
        }));
    }
    let mut heads = vec!["answer".to_owned()];
    heads.extend(WAYS[1..].iter().map(|way| format!("{} / origin", way.name)));
    heads.extend(WAYS.iter().map(|way| way.name.to_owned()));
    heads.extend(WAYS.iter().map(|way| format!("{}: bytes kept", way.name)));
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    Ok(Figures {
        table: table(
            "CPU time to read an answer and write it again",
            &heads,
            &rows,
        ),
        json: json!(figures),
    })
}

/// Whether each way gives the payload back byte for byte.
fn kept(payload: &Payload) -> Result<Vec<bool>, Fault> {
    WAYS.iter()
        .map(|way| {
            let passed = (way.pass)(&payload.line)?;
            let same: Value = serde_json::from_str(&passed)?;
            let sent: Value = serde_json::from_str(&payload.line)?;
            if same["id"] != sent["id"] {
                return Err(format!("{} lost the id", way.name).into());
            }
            let result = payload.line.split_once("\"result\":");
            let result = result.map_or("", |(_, result)| result.trim_end_matches('}'));
            Ok(passed.contains(result))
        })
        .collect()
}

fn word(kept: bool) -> String {
    if kept { "yes" } else { "no" }.to_owned()
}

/// As the origin does it: the payload is found and copied.
fn envelope(line: &str) -> Result<String, Fault> {
    match jsonrpc::read(line) {
        Ok(Message::Response(response)) => match (response.id, response.outcome) {
            (Some(id), Ok(result)) => Ok(reply::result(&id, result)),
            _ => Err("an answer with an id was sent".into()),
        },
        _ => Err("an answer was sent".into()),
    }
}

fn typed(line: &str) -> Result<String, Fault> {
    let message: ServerJsonRpcMessage = serde_json::from_str(line)?;
    Ok(serde_json::to_string(&message)?)
}

fn value(line: &str) -> Result<String, Fault> {
    let message: Value = serde_json::from_str(line)?;
    Ok(serde_json::to_string(&message)?)
}
