//! Memory of silent streams: each kind against a server that was just started.

use std::time::{Duration, Instant};

use serde_json::json;

use super::budget::{Budget, NO_TIME};
use super::contenders::{Asked, Contender, Stage};
use super::load::{Held, Version};
use crate::Fault;
use crate::protocol::Figures;
use crate::table::{bytes, table};

/// What became of one number of streams.
struct Row {
    name: String,
    kind: Kind,
    /// How many there should be.
    wanted: usize,
    /// How many there were.
    held: usize,
    /// Bytes of the server before the first.
    before: f64,
    /// Bytes of the server with all of them.
    after: f64,
    /// Why there were not more, or were fewer at the end.
    note: String,
}

/// Which streams, and how many on a connection.
type Kind = (Version, usize);

impl Row {
    /// Bytes that a stream adds; none without streams.
    fn each(&self) -> Option<f64> {
        let held = f64::from(u32::try_from(self.held).unwrap_or(u32::MAX));
        (self.held > 0).then(|| (self.after - self.before) / held)
    }

    fn cells(&self) -> Vec<String> {
        let (version, each) = self.kind;
        let memory = self
            .each()
            .map(|memory| format!("{:.1} KiB", memory / 1024.0));
        vec![
            self.name.clone(),
            format!("{} × {each} a connection", version.word()),
            self.wanted.to_string(),
            memory.unwrap_or_default(),
            bytes(self.before),
            self.note.clone(),
        ]
    }

    fn json(&self) -> serde_json::Value {
        let (version, each) = self.kind;
        json!({
            "server": self.name, "version": version.word(), "streams_a_connection": each,
            "streams": self.wanted, "held": self.held, "bytes_a_stream": self.each(),
            "bytes_before": self.before, "note": self.note,
        })
    }
}

/// Opens as many as each server takes, in the time that there is.
pub(crate) async fn measure(
    stage: &Stage,
    contenders: &[Contender],
    counts: &[usize],
    budget: Budget,
) -> Figures {
    let mut rows = Vec::new();
    for contender in contenders {
        for kind in HELD {
            if !contender.can(kind.0, Asked::Silence) {
                continue;
            }
            let (name, version) = (&contender.name, kind.0.word());
            budget.say(&format!("silent streams of {name}, {version} × {}", kind.1));
            if let Err(fault) = hold(stage, contender, kind, counts, budget, &mut rows).await {
                rows.push(Row {
                    name: name.clone(),
                    kind,
                    wanted: counts[0],
                    held: 0,
                    before: 0.0,
                    after: 0.0,
                    note: fault.to_string(),
                });
            }
        }
    }
    let heads = ["", "streams", "of", "each", "without", ""];
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    Figures {
        table: table("Memory of a silent stream", &heads, &cells),
        json: rows.iter().map(Row::json).collect(),
    }
}

/// The counts one after the other on one server, so that the larger goes on from the smaller.
async fn hold(
    stage: &Stage,
    contender: &Contender,
    kind: Kind,
    counts: &[usize],
    budget: Budget,
    rows: &mut Vec<Row>,
) -> Result<(), Fault> {
    if budget.is_spent() {
        return Err(NO_TIME.into());
    }
    let (version, each) = kind;
    let server = stage.start(contender).await?;
    let goal = server.goal(version, Asked::Silence);
    let mut first = Held::new(goal.clone(), each);
    first.grow(each, budget.end_of(OPENING)).await?;
    let before = server.memory()?;
    let mut held = Held::new(goal, each);
    for &wanted in counts {
        let began = Instant::now();
        let grown = held.grow(wanted, budget.end_of(OPENING)).await;
        // what the last handshakes needed is given back
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (came, open) = (held.streams(), held.open());
        let mut notes = Vec::new();
        if let Err(fault) = &grown {
            let seconds = began.elapsed().as_secs();
            notes.push(format!("{came} after {seconds} s: {fault}"));
        }
        if open < came {
            notes.push(format!("{} were given up", came - open));
        }
        rows.push(Row {
            name: contender.name.clone(),
            kind,
            wanted,
            held: came,
            before,
            after: server.memory()?,
            note: notes.join(", "),
        });
        if grown.is_err() {
            break;
        }
    }
    Ok(())
}

const HELD: [Kind; 5] = [
    (Version::Http1, 1),
    (Version::Http1Tls, 1),
    (Version::Http2, 100),
    (Version::Http3, 100),
    (Version::Http3, 1),
];

/// How long a server may take for the streams of one row. Ten thousand handshakes of the slowest take longer; it has then
/// as many as there are.
const OPENING: Duration = Duration::from_secs(30);
