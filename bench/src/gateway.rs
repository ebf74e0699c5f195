//! `bench gateway`: one tool of a stdio server through the origin, through the bridges of others, and over its own pipe.

pub(crate) mod call;
pub(crate) mod contender;
mod http;
pub(crate) mod peers;
mod pipe;
pub(crate) mod tree;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::protocol::Figures;
use crate::table::{bytes, seconds, table};
use crate::{Arguments, Fault};
use call::Sample;
use contender::{Behind, Contender};
use peers::Peers;

#[derive(Debug, clap::Args)]
pub(crate) struct Gateway {
    #[command(flatten)]
    pub(crate) common: Arguments,
    /// The server behind every bridge: it does one thing after another
    #[arg(long)]
    server: PathBuf,
    /// A server of its own over HTTP, for a peer that starts no process
    #[arg(long)]
    http_server: PathBuf,
    /// The peers: `{NAME: {"version": …, "command": […]}}`
    #[arg(long, value_parser = |text: &str| serde_json::from_str::<Value>(text))]
    peers: Value,
}

/// How many callers there are at a time; each has a session and a connection of its own.
const CALLERS: [usize; 2] = [1, 16];

pub(crate) fn run(arguments: &Gateway) -> Result<Figures, Fault> {
    // one thread for all callers: the other core is the bridge's
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(arguments))
}

async fn measure(arguments: &Gateway) -> Result<Figures, Fault> {
    let (rounds, turn) = if arguments.common.quick {
        (2, Duration::from_millis(300))
    } else {
        (9, Duration::from_secs(2))
    };
    let mut contenders = Peers::new(arguments)?.start().await?;
    let mut samples = vec![[Sample::default(), Sample::default()]; contenders.len()];
    for round in 0..=rounds {
        for (contender, samples) in contenders.iter_mut().zip(&mut samples) {
            for (&callers, sample) in CALLERS.iter().zip(samples) {
                let taken = contender.turn(callers, turn).await?;
                // the first round is for compilers, caches and pools
                if round > 0 {
                    sample.add(taken);
                }
            }
        }
    }
    let rows: Vec<Row> = contenders
        .iter()
        .zip(samples)
        .map(|(contender, samples)| Row::new(contender, samples))
        .collect::<Result<_, _>>()?;
    let group = |behind| rows.iter().filter(move |row| row.behind == behind);
    let groups: Vec<Vec<&Row>> = [Behind::Pipe, Behind::Http]
        .map(|behind| group(behind).collect())
        .into();
    let places = CALLERS.iter().enumerate();
    let tables = places.flat_map(|(place, callers)| {
        let groups = groups.iter();
        groups.map(move |rows| show(rows, place, *callers))
    });
    let json = groups
        .iter()
        .flat_map(|rows| rows.iter().map(|row| row.json(rows[0])));
    Ok(Figures {
        table: tables.collect::<Vec<_>>().join("\n"),
        json: json!({
            "quick": arguments.common.quick,
            "rounds": rounds,
            "turn_seconds": turn.as_secs_f64(),
            "contenders": json.collect::<Vec<_>>(),
        }),
    })
}

struct Row {
    name: String,
    behind: Behind,
    /// Bytes of the bridge, without the server.
    memory: f64,
    samples: [Sample; 2],
}

impl Row {
    fn new(contender: &Contender, samples: [Sample; 2]) -> Result<Self, Fault> {
        Ok(Self {
            name: contender.name(),
            behind: contender.behind(),
            memory: contender.memory()?,
            samples,
        })
    }

    fn json(&self, alone: &Self) -> Value {
        let each = |(place, callers): (usize, &usize)| {
            let sample = &self.samples[place];
            json!({
                "callers": callers,
                "calls_per_second": sample.rate(),
                "latency_p50_seconds": sample.latency(0.5),
                "latency_p99_seconds": sample.latency(0.99),
                "added_p50_seconds": sample.latency(0.5) - alone.samples[place].latency(0.5),
                "added_p99_seconds": sample.latency(0.99) - alone.samples[place].latency(0.99),
                "cpu_seconds_per_1000_calls": sample.cpu(),
            })
        };
        json!({
            "name": self.name,
            "behind": self.behind.word(),
            "memory_bytes": self.memory,
            "callers": CALLERS.iter().enumerate().map(each).collect::<Vec<_>>(),
        })
    }
}

/// The table of one number of callers and one sort of server. The first row is the server alone, the second the origin.
fn show(rows: &[&Row], place: usize, callers: usize) -> String {
    let alone = &rows[0].samples[place];
    let origin = rows[1].samples[place].rate();
    let cells = rows.iter().enumerate().map(|(number, row)| {
        let sample = &row.samples[place];
        let bridge = |text: String| if number == 0 { String::new() } else { text };
        let added = |share| bridge(seconds(sample.latency(share) - alone.latency(share)));
        vec![
            row.name.clone(),
            bridge(format!("{:.1} x", origin / sample.rate())),
            format!("{:.0}", sample.rate()),
            added(0.5),
            added(0.99),
            bridge(format!("{:.0} ms", sample.cpu() * 1e3)),
            bridge(bytes(row.memory)),
        ]
    });
    let heads = [
        "",
        "origin's calls/s to its",
        "calls/s",
        "added p50",
        "added p99",
        "CPU/1,000 calls",
        "memory",
    ];
    let who = if callers == 1 { "caller" } else { "callers" };
    table(
        &format!(
            "One tool of a server over {}, {callers} {who}",
            rows[0].behind.word()
        ),
        &heads,
        &cells.collect::<Vec<_>>(),
    )
}
