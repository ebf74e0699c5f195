//! `bench origin`: what a request and a silent stream cost over every version of HTTP, beside other servers.

mod configs;
mod contenders;
mod h1;
mod h2;
mod h3;
mod load;
mod place;

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gateway::call::Sample;
use crate::origin::write;
use crate::protocol::Figures;
use crate::table::{bytes, seconds, table};
use crate::{Arguments, Fault};
use contenders::{Asked, Contender, Stage, furnish};
use load::{Trust, Version};
use place::Places;

#[derive(Debug, clap::Args)]
pub(crate) struct Serving {
    #[command(flatten)]
    pub(crate) common: Arguments,
    /// The least that hyper can be
    #[arg(long)]
    bare: String,
    /// The peers: `{NAME: {"version": …, "command": […]}}`
    #[arg(long, value_parser = |text: &str| serde_json::from_str::<Value>(text))]
    peers: Value,
    /// Only servers whose name begins so, and the origin
    #[arg(long)]
    only: Vec<String>,
    /// Only requests, or only silent streams
    #[arg(long)]
    part: Option<Part>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Part {
    Requests,
    Streams,
}

pub(crate) fn run(arguments: &Serving) -> Result<Figures, Fault> {
    let places = Places::find()?;
    // one thread for all clients: the other core is the server's
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(arguments, places))
}

async fn measure(arguments: &Serving, places: Places) -> Result<Figures, Fault> {
    let (stage, contenders) = prepare(arguments, places).await?;
    let does = |part| arguments.part.is_none_or(|only| only == part);
    let mut figures = Figures {
        table: String::new(),
        json: json!({"quick": arguments.common.quick, "bytes": stage.text.len()}),
    };
    if does(Part::Requests) {
        let rows = requests(arguments, &stage, &contenders).await?;
        for version in Version::ALL {
            for asked in [Asked::Text, Asked::Events] {
                figures.table.push_str(&show(&rows, version, asked));
                figures.table.push('\n');
            }
        }
        figures.json["requests"] = rows.iter().map(Row::json).collect();
    }
    if does(Part::Streams) {
        let held = streams(arguments, &stage, &contenders).await?;
        figures.table.push_str(&held.table);
        figures.json["streams"] = held.json;
    }
    Ok(figures)
}

/// The origin first: what it answers is what all answer.
async fn prepare(arguments: &Serving, places: Places) -> Result<(Stage, Vec<Contender>), Fault> {
    let folder = TempDir::with_prefix("bench-")?;
    let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let key = certificate.signing_key.serialize_pem();
    furnish(folder.path(), &certificate.cert.pem(), &key)?;
    let mut stage = Stage {
        folder,
        places,
        trust: trust(certificate.cert.der())?,
        text: String::new(),
    };
    let origin = json!([arguments.common.origin]);
    let mut contenders = vec![
        Contender::new("origin", "", &origin)?,
        Contender::new("bare hyper", "", &json!([arguments.bare]))?,
    ];
    for (name, peer) in arguments.peers.as_object().into_iter().flatten() {
        let version = peer["version"].as_str().unwrap_or_default();
        contenders.push(Contender::new(name, version, &peer["command"])?);
    }
    let wanted = |name: &str| arguments.only.iter().any(|only| name.starts_with(only));
    contenders.retain(|one| one.is_origin() || arguments.only.is_empty() || wanted(&one.name));
    stage.text = stage.start(&contenders[0]).await?.text().await?;
    write(&stage.folder.path().join("text"), &stage.text)?;
    Ok((stage, contenders))
}

fn trust(certificate: &CertificateDer<'_>) -> Result<Trust, Fault> {
    let config = |protocol: &[u8]| -> Result<Arc<ClientConfig>, Fault> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone().into_owned())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Arc::new(config))
    };
    Ok(Trust {
        h2: config(b"h2")?,
        h3: config(b"h3")?,
    })
}

/// What was measured of one server over one version.
struct Row {
    name: String,
    version: Version,
    asked: Asked,
    sample: Sample,
}

impl Row {
    /// CPU seconds of a request.
    fn cpu(&self) -> f64 {
        self.sample.cpu() / 1000.0
    }

    fn json(&self) -> Value {
        json!({
            "server": self.name,
            "version": self.version.word(),
            "asked": format!("{:?}", self.asked).to_lowercase(),
            "requests_per_second": self.sample.rate(),
            "cpu_seconds_per_request": self.cpu(),
            "latency_p50_seconds": self.sample.latency(0.5),
            "latency_p99_seconds": self.sample.latency(0.99),
        })
    }
}

/// All servers run all the time, and every one has its turn in every round.
async fn requests(
    arguments: &Serving,
    stage: &Stage,
    contenders: &[Contender],
) -> Result<Vec<Row>, Fault> {
    let (rounds, turn) = if arguments.common.quick {
        (1, Duration::from_millis(300))
    } else {
        (5, Duration::from_secs(1))
    };
    let mut servers = Vec::new();
    for contender in contenders {
        servers.push(stage.start(contender).await?);
    }
    let mut rows: Vec<Row> = Vec::new();
    for round in 0..=rounds {
        for version in Version::ALL {
            for asked in [Asked::Text, Asked::Events] {
                for server in servers
                    .iter()
                    .filter(|one| one.contender.can(version, asked))
                {
                    let before = server.cpu()?;
                    let sample = load::turn(&server.goal(version, asked), turn).await;
                    let name = &server.contender.name;
                    let sample = sample
                        .map_err(|fault| format!("{name} over {}: {fault}", version.word()))?;
                    let sample = sample.with_cpu(server.cpu()?.saturating_sub(before));
                    let same = |row: &&mut Row| {
                        row.name == *name && row.version == version && row.asked == asked
                    };
                    match rows.iter_mut().find(same) {
                        // the first round is for compilers, caches and pools
                        _ if round == 0 => {}
                        Some(row) => row.sample.add(sample),
                        None => rows.push(Row {
                            name: name.clone(),
                            version,
                            asked,
                            sample,
                        }),
                    }
                }
            }
        }
    }
    Ok(rows)
}

/// The table of one version. The first row is the origin's.
fn show(rows: &[Row], version: Version, asked: Asked) -> String {
    let rows = rows
        .iter()
        .filter(|row| row.version == version && row.asked == asked);
    let rows: Vec<&Row> = rows.collect();
    let Some(origin) = rows.first() else {
        return String::new();
    };
    let cells = rows.iter().map(|row| {
        vec![
            row.name.clone(),
            format!("{:.2} ×", origin.cpu() / row.cpu()),
            seconds(row.cpu()),
            format!("{:.0}", row.sample.rate()),
            seconds(row.sample.latency(0.5)),
            seconds(row.sample.latency(0.99)),
        ]
    });
    let (connections, streams) = version.shape();
    let what = match asked {
        Asked::Events => "a stream of events",
        _ => "a short text",
    };
    table(
        &format!(
            "{}, {what}, {connections} connections × {streams}",
            version.word()
        ),
        &["", "origin needs", "CPU each", "a second", "p50", "p99"],
        &cells.collect::<Vec<_>>(),
    )
}

/// Memory of silent streams: each kind against a server that was just started.
async fn streams(
    arguments: &Serving,
    stage: &Stage,
    contenders: &[Contender],
) -> Result<Figures, Fault> {
    let counts: &[usize] = if arguments.common.quick {
        &[100]
    } else {
        &[1_000, 10_000]
    };
    let mut cells = Vec::new();
    let mut list = Vec::new();
    for contender in contenders {
        for (version, each) in HELD {
            for &count in counts {
                if !contender.can(version, Asked::Silence) {
                    continue;
                }
                let server = stage.start(contender).await?;
                let goal = server.goal(version, Asked::Silence);
                let first = load::hold(&goal, each, each).await?;
                let before = server.memory()?;
                let held = load::hold(&goal, count, each).await?;
                // what the last handshakes needed is given back
                tokio::time::sleep(Duration::from_secs(1)).await;
                #[expect(clippy::cast_precision_loss, reason = "ten thousand")]
                let memory = (server.memory()? - before) / count as f64;
                drop((first, held));
                let name = &contender.name;
                cells.push(vec![
                    name.clone(),
                    format!("{} × {each} a connection", version.word()),
                    count.to_string(),
                    format!("{:.1} KiB", memory / 1024.0),
                    bytes(before),
                ]);
                list.push(json!({
                    "server": name, "version": version.word(), "streams_a_connection": each,
                    "streams": count, "bytes_a_stream": memory, "bytes_before": before,
                }));
            }
        }
    }
    Ok(Figures {
        table: table(
            "Memory of a silent stream",
            &["", "streams", "of", "each", "without"],
            &cells,
        ),
        json: list.into(),
    })
}

/// Which streams are held, and how many on a connection.
const HELD: [(Version, usize); 4] = [
    (Version::Http1, 1),
    (Version::Http2, 100),
    (Version::Http3, 100),
    (Version::Http3, 1),
];
