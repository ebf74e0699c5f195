//! Turns of requests: all servers run all the time, and every one has its turn in every round.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::budget::{Budget, NO_TIME};
use super::contenders::{Asked, Contender, Serving, Stage};
use super::load::{self, Version};
use crate::Fault;
use crate::gateway::call::Sample;
use crate::table::{seconds, table};

/// What was measured of one server over one version.
pub(crate) struct Row {
    name: String,
    version: Version,
    asked: Asked,
    sample: Sample,
    /// CPU seconds of NGINX's share, where there are two programs.
    edge: Option<f64>,
    /// What stopped it. What was measured before stays.
    fault: Option<String>,
}

/// How often, and how long.
#[derive(Clone, Copy)]
pub(crate) struct Rounds {
    pub(crate) count: u32,
    pub(crate) turn: Duration,
}

impl Row {
    fn new(contender: &Contender, version: Version, asked: Asked) -> Self {
        Self {
            name: contender.name.clone(),
            version,
            asked,
            sample: Sample::default(),
            edge: None,
            fault: None,
        }
    }

    async fn measure(&mut self, server: &Serving, turn: Duration) -> Result<Turn, Fault> {
        let goal = server.goal(self.version, self.asked);
        let connections = load::connect(&goal).await?;
        // handshakes are no part of a request
        let before = (server.cpu()?, server.edge_cpu()?);
        let sample = load::turn(connections, self.version, turn).await?;
        let cpu = server.cpu()?.saturating_sub(before.0);
        let edge = server.edge_cpu()?.zip(before.1);
        Ok(Turn {
            sample: sample.with_cpu(cpu),
            edge: edge.map(|(after, before)| after.saturating_sub(before).as_secs_f64()),
        })
    }

    fn add(&mut self, turn: Turn) {
        self.sample.add(turn.sample);
        if let Some(edge) = turn.edge {
            *self.edge.get_or_insert(0.0) += edge;
        }
    }

    /// CPU seconds of a request; none when none was answered.
    fn cpu(&self) -> Option<f64> {
        (self.sample.count() > 0).then(|| self.sample.cpu() / 1000.0)
    }

    /// The edge's CPU seconds of a request.
    fn edge(&self) -> Option<f64> {
        Some(self.edge? / f64::from(self.sample.count().max(1)))
    }

    /// None without a request that was answered.
    fn cells(&self, first: &Self, ratio: Ratio) -> Option<Vec<String>> {
        let cpu = self.cpu()?;
        // less than a tick of the kernel's clock compares with nothing
        let compared = first.cpu().filter(|_| cpu > 0.0);
        let beside = |share: fn(f64, f64) -> f64| {
            compared.map_or_else(String::new, |of| format!("{:.2} ×", share(of, cpu)))
        };
        let mut cells = vec![self.name.clone()];
        match ratio {
            Ratio::FirstNeeds => cells.extend([beside(|of, cpu| of / cpu), seconds(cpu)]),
            Ratio::OfTheFirst => {
                let edge = self.edge().unwrap_or_default();
                cells.extend([beside(|of, cpu| cpu / of), seconds(cpu)]);
                cells.extend([seconds(edge), seconds(cpu - edge)]);
            }
        }
        cells.extend([
            format!("{:.0}", self.sample.rate()),
            seconds(self.sample.latency(0.5)),
            seconds(self.sample.latency(0.99)),
        ]);
        Some(cells)
    }

    pub(crate) fn json(&self) -> Value {
        let measured = self.cpu().is_some();
        json!({
            "server": self.name,
            "version": self.version.word(),
            "asked": format!("{:?}", self.asked).to_lowercase(),
            "requests_per_second": measured.then(|| self.sample.rate()),
            "cpu_seconds_per_request": self.cpu(),
            "cpu_seconds_per_request_of_the_edge": self.edge(),
            "latency_p50_seconds": measured.then(|| self.sample.latency(0.5)),
            "latency_p99_seconds": measured.then(|| self.sample.latency(0.99)),
            "fault": self.fault,
        })
    }
}

struct Turn {
    sample: Sample,
    edge: Option<f64>,
}

/// A row for each version and question of each contender that can answer it. One that fails is named, and the others go on.
pub(crate) async fn measure(
    stage: &Stage,
    contenders: &[Contender],
    rounds: Rounds,
    budget: Budget,
) -> Vec<Row> {
    let mut servers = Vec::new();
    for contender in contenders {
        budget.say(&format!("starting {}", contender.name));
        let started = stage.start(contender).await;
        servers.push(started.map_err(|fault| fault.to_string()));
    }
    let mut rows: Vec<(usize, Row)> = Vec::new();
    for version in Version::ALL {
        for asked in [Asked::Text, Asked::Events] {
            let able = contenders.iter().enumerate();
            let able = able.filter(|(_, one)| one.can(version, asked));
            rows.extend(able.map(|(at, one)| (at, Row::new(one, version, asked))));
        }
    }
    // the first round is for compilers, caches and pools
    for round in 0..=rounds.count {
        budget.say(&format!("requests, round {round} of {}", rounds.count));
        for (at, row) in &mut rows {
            if row.fault.is_some() || budget.is_spent() {
                continue;
            }
            let turn = match &servers[*at] {
                Ok(server) => row.measure(server, rounds.turn).await,
                Err(fault) => Err(fault.clone().into()),
            };
            match turn {
                Ok(turn) if round > 0 => row.add(turn),
                Ok(_) => {}
                Err(fault) => {
                    let version = row.version.word();
                    budget.say(&format!("{} over {version}: {fault}", row.name));
                    row.fault = Some(fault.to_string());
                }
            }
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

/// A table for each version and question, in the order of the rows. The first row of each is what the others are beside.
pub(crate) fn show(rows: &[Row], ratio: Ratio) -> String {
    let mut text = String::new();
    for version in Version::ALL {
        for asked in [Asked::Text, Asked::Events] {
            let rows = rows.iter();
            let rows = rows.filter(|row| row.version == version && row.asked == asked);
            let rows: Vec<&Row> = rows.collect();
            if let Some(first) = rows.first() {
                text.push_str(&one(&rows, first, ratio));
                text.push('\n');
            }
        }
    }
    text
}

/// What the first row is compared by.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Ratio {
    /// How much of each other's CPU time the first needs.
    FirstNeeds,
    /// How much of the first one's CPU time each other needs, and which program it is.
    OfTheFirst,
}

fn one(rows: &[&Row], first: &Row, ratio: Ratio) -> String {
    let (connections, streams) = first.version.shape();
    let what = match first.asked {
        Asked::Events => "a stream of events",
        _ => "a short text",
    };
    let version = first.version.word();
    let title = format!("{version}, {what}, {connections} connections × {streams}");
    let cells: Vec<_> = rows
        .iter()
        .filter_map(|row| row.cells(first, ratio))
        .collect();
    let mut text = table(&title, ratio.heads(), &cells);
    for row in rows
        .iter()
        .filter(|row| row.fault.is_some() || row.cpu().is_none())
    {
        let why = row.fault.as_deref().unwrap_or(NO_TIME);
        let _ = writeln!(text, "  {}: {why}", row.name);
    }
    text
}

impl Ratio {
    fn heads(self) -> &'static [&'static str] {
        match self {
            Self::FirstNeeds => &["", "origin needs", "CPU each", "a second", "p50", "p99"],
            Self::OfTheFirst => &[
                "", "needs", "CPU each", "edge", "origin", "a second", "p50", "p99",
            ],
        }
    }
}
