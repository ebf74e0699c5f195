//! `bench origin`: what a request and a silent stream cost over every version of HTTP, beside other servers, and what the
//! whole deployment costs in each topology.

mod budget;
mod configs;
mod contenders;
mod deployments;
mod h1;
mod h2;
mod h3;
mod load;
mod place;
mod requests;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::origin::write;
use crate::protocol::Figures;
use crate::{Arguments, Fault};
use budget::Budget;
use contenders::{Contender, Stage, furnish};
use deployments::{Edge, nginx_script};
use load::Trust;
use place::Places;
use requests::{Ratio, Rounds, Row};

#[derive(Debug, clap::Args)]
pub(crate) struct Serving {
    #[command(flatten)]
    pub(crate) common: Arguments,
    /// The least that hyper can be
    #[arg(long)]
    bare: String,
    /// What brings a whole deployment up
    #[arg(long)]
    opsctl: String,
    /// The peers: `{NAME: {"version": …, "command": […]}}`, NGINX with the `root` that it lies in
    #[arg(long, value_parser = |text: &str| serde_json::from_str::<Value>(text))]
    peers: Value,
    /// Only servers whose name begins so, and the origin
    #[arg(long)]
    only: Vec<String>,
    /// Only one of the three
    #[arg(long)]
    part: Option<Part>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Part {
    /// Requests of servers that answer by themselves
    Requests,
    /// Requests through NGINX to the origin, in each topology
    Topologies,
    /// Memory of silent streams
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
    let budget = Budget::new(WHOLE);
    let (stage, mut contenders) = prepare(arguments, places).await?;
    let quick = arguments.common.quick;
    let does = |part| arguments.part.is_none_or(|only| only == part);
    let rounds = if quick {
        Rounds {
            count: 1,
            turn: Duration::from_millis(300),
        }
    } else {
        Rounds {
            count: 5,
            turn: Duration::from_millis(700),
        }
    };
    let mut figures = Figures {
        table: String::new(),
        json: json!({"quick": quick, "bytes": stage.text.len()}),
    };
    if does(Part::Requests) {
        let rows = requests::measure(&stage, &contenders, rounds, budget).await;
        figures.table += &requests::show(&rows, Ratio::FirstNeeds);
        figures.json["requests"] = rows.iter().map(Row::json).collect();
    }
    if does(Part::Topologies) {
        let deployments = deployments(arguments, &stage)?;
        let rows = requests::measure(&stage, &deployments, rounds, budget).await;
        figures.table += "NGINX and the origin together\n\n";
        figures.table += &requests::show(&rows, Ratio::OfTheFirst);
        figures.json["topologies"] = rows.iter().map(Row::json).collect();
    }
    if does(Part::Streams) {
        let counts: &[usize] = if quick { &[100] } else { &[1_000, 10_000] };
        // who takes long takes what time is left
        contenders.sort_by_key(Contender::is_slow);
        let held = streams::measure(&stage, &contenders, counts, budget).await;
        figures.table += &held.table;
        figures.json["streams"] = held.json;
    }
    Ok(figures)
}

/// All of them with the NGINX of the peers.
fn deployments(arguments: &Serving, stage: &Stage) -> Result<Vec<Contender>, Fault> {
    let nginx = &arguments.peers["NGINX"];
    let command = nginx["command"]
        .as_array()
        .ok_or("no NGINX among the peers")?;
    let command: Vec<_> = command.iter().filter_map(Value::as_str).collect();
    let script = stage.folder.path().join("nginx");
    nginx_script(
        &script,
        &command,
        nginx["root"].as_str().unwrap_or_default(),
    )?;
    let (origin, script) = (&arguments.common.origin, script.display());
    let up = [
        arguments.opsctl.clone(),
        "up".to_owned(),
        format!("--origin={}", origin.display()),
        format!("--nginx={script}"),
    ];
    let all = Edge::ALL.map(|edge| Contender::deployment(edge, up.to_vec()));
    Ok(all.to_vec())
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
        bare: arguments.bare.clone(),
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
        h1: config(b"http/1.1")?,
        h2: config(b"h2")?,
        h3: config(b"h3")?,
    })
}

/// All of it ends in twelve minutes, of which the last is for servers that are slow to end.
const WHOLE: Duration = Duration::from_mins(11);
