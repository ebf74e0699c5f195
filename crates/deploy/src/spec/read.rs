//! The keys of the spec, table by table.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use findings::{Document, Finding, Located, Reader, Report, Value};

use super::{EdgeSpec, SiteSpec, Spec, launchd, policy, site, tcp_sites};
use crate::deployment::Topology;
use crate::words::{ListenAddress, Name, Port, SpecFile};

/// Reads the whole document, whatever is wrong with its parts.
pub(super) fn read(document: &Document, file: &str, report: Report) -> (Option<Spec>, Report) {
    let report = RefCell::new(report);
    let reader = Reader::new(document.root(), &report);
    let name = required_name(&reader);
    let topology = read_topology(&reader);
    let edge = read_edge(&reader);
    let keep_generations = reader
        .integer("keep_generations", 1..=10_000)
        .and_then(|number| usize::try_from(number.value).ok());
    let launchd = launchd::read(&reader);
    let sites = read_sites(&reader, name.as_ref(), &report);
    reader.finish();
    let spec = name.zip(launchd).map(|(name, launchd)| Spec {
        file: SpecFile::of(file),
        name,
        topology,
        keep_generations,
        edge,
        launchd,
        sites: sites.into_iter().flatten().collect(),
    });
    if let Some(spec) = &spec {
        let mut report = report.borrow_mut();
        find_duplicates(&spec.sites, &mut report);
        tcp_sites::find_duplicates(&spec.edge.tcp_sites, &spec.sites, &mut report);
    }
    (spec, report.into_inner())
}

/// A key whose absence is a fault.
pub(super) fn missing(reader: &Reader<'_>, key: &'static str, hint: &str) {
    if !reader.has(key) {
        let finding = Finding::error("spec.missing", format!("`{key}` is missing"));
        reader.find(key, finding.hint(hint));
    }
}

/// Something that the spec may name and that is not built yet.
pub(super) fn not_available(what: &str, instead: &str) -> Finding {
    Finding::error(
        "spec.not-available",
        format!("{what} is not available in this version"),
    )
    .hint(instead)
}

fn required_name(reader: &Reader<'_>) -> Option<Located<Name>> {
    missing(
        reader,
        "name",
        "as `name = \"codeintel\"`: unit, file and user names come from it",
    );
    reader.word("name", "spec.name")
}

fn read_topology(reader: &Reader<'_>) -> Topology {
    reader
        .word("topology", "spec.topology")
        .map_or(Topology::H3Termination, |topology| topology.value)
}

fn read_edge(reader: &Reader<'_>) -> EdgeSpec {
    let Some(edge) = reader.table("edge") else {
        return EdgeSpec::default();
    };
    refuse_unbuilt_choices(&edge);
    let spec = EdgeSpec {
        keys: keys(reader),
        listen: edge.words::<ListenAddress>("listen", "spec.listen"),
        https_port: port(&edge, "https_port"),
        public_https_port: port(&edge, "public_https_port").map(|port| port.value),
        http_port: edge
            .integer("http_port", 0..=65_535)
            .map(|located| Located {
                value: number(located.value),
                path: located.path,
                place: located.place,
            }),
        worker_shutdown_timeout: edge
            .duration("worker_shutdown_timeout")
            .map(|located| located.value),
        udp: edge.word("udp", "spec.word"),
        max_concurrent_streams: edge
            .integer("max_concurrent_streams", 1..=65_535)
            .and_then(|located| u32::try_from(located.value).ok()),
        expose: edge
            .words("expose", "spec.expose")
            .map(|words| words.into_iter().map(|word| word.value).collect()),
        h3check: edge.boolean("h3check").map(|flag| flag.value),
        limits: policy::read_limits(&edge),
        routes: policy::read_routes(&edge),
        tcp_sites: tcp_sites::read(&edge),
    };
    check_edge(&edge, &spec);
    edge.finish();
    spec
}

/// The keys that `[edge]` has.
fn keys(reader: &Reader<'_>) -> Vec<Located<String>> {
    let Some(Value::Table(entries)) = reader.value("edge").map(|located| located.value) else {
        return Vec::new();
    };
    let entries = entries.iter();
    entries
        .map(|(key, node)| Located {
            value: key.clone(),
            path: format!("edge.{key}"),
            place: node.place.clone(),
        })
        .collect()
}

fn refuse_unbuilt_choices(edge: &Reader<'_>) {
    if let Some(word) = edge.string("strategy") {
        if word.value == "handoff" {
            let instead = "write `strategy = \"reload\"`";
            edge.find("strategy", not_available("strategy `handoff`", instead));
        } else if word.value != "reload" {
            let word = word.value.escape_debug();
            let message = format!("`{word}` is not `reload` or `handoff`");
            edge.find("strategy", Finding::error("spec.word", message));
        }
    }
}

fn check_edge(edge: &Reader<'_>, spec: &EdgeSpec) {
    // addresses that were refused have their own findings
    let written = edge.value("listen").map(|located| located.value);
    if matches!(written, Some(Value::Array(items)) if items.is_empty()) {
        let finding = Finding::error("spec.listen", "there is no address to listen on");
        edge.find(
            "listen",
            finding.hint("leave it out for every address of the machine"),
        );
    }
    let mut seen = Vec::new();
    for address in spec.listen.iter().flatten() {
        if seen.contains(&address.value) {
            let message = format!("address `{}` is named twice", address.value);
            edge.find("listen", Finding::error("spec.duplicate", message));
        }
        seen.push(address.value);
    }
    if spec
        .worker_shutdown_timeout
        .is_some_and(|time| time.is_zero())
    {
        let hint = "NGINX reads 0 as `for ever`: old workers would pile up with each reload; write `\"1h\"`";
        edge.find(
            "worker_shutdown_timeout",
            Finding::error("value.out-of-range", "`0s` sets no limit").hint(hint),
        );
    }
}

fn read_sites(
    reader: &Reader<'_>,
    name: Option<&Located<Name>>,
    report: &RefCell<Report>,
) -> Vec<Option<SiteSpec>> {
    if !reader.has("sites") {
        // named here so that a slip of the hand in it has a nearest key
        let _ = reader.value("sites");
        return vec![site::read(reader, name.cloned(), "", report)];
    }
    for key in site::KEYS {
        if reader.value(key).is_some() {
            let message = format!("`{key}` stands beside `[[sites]]`, and each site has its own");
            let finding = Finding::error("spec.two-forms", message);
            reader.find(
                key,
                finding.hint("move it into a site, or leave `[[sites]]` out"),
            );
        }
    }
    let tables = reader.tables("sites");
    if tables.is_empty() {
        let finding = Finding::error("spec.missing", "there is no site");
        reader.find(
            "sites",
            finding.hint("write at least one `[[sites]]` table"),
        );
    }
    tables
        .into_iter()
        .map(|table| {
            missing(
                &table,
                "name",
                "each site needs a `name`: its unit, user and folder",
            );
            let name = table.word("name", "spec.name");
            let prefix = format!("{}.", table.path());
            let spec = site::read(&table, name, &prefix, report);
            table.finish();
            spec
        })
        .collect()
}

fn find_duplicates(sites: &[SiteSpec], report: &mut Report) {
    let mut names = BTreeSet::new();
    let mut server_names = BTreeMap::new();
    for site in sites {
        if !names.insert(&site.name.value) {
            let message = format!("site `{}` is named twice", site.name.value);
            report.push(
                site.name
                    .error("spec.duplicate", message)
                    .hint("each site needs its own name"),
            );
        }
        for name in &site.server_names {
            let Some(owner) = server_names.insert(name.value.clone(), &site.name.value) else {
                continue;
            };
            let message = format!(
                "server name `{}` belongs to site `{owner}` already",
                name.value
            );
            report.push(
                name.error("spec.duplicate", message)
                    .hint("NGINX chooses the site by this name: it needs one owner"),
            );
        }
    }
}

fn port(reader: &Reader<'_>, key: &'static str) -> Option<Located<Port>> {
    let located = reader.integer(key, 1..=65_535)?;
    Some(Located {
        value: number(located.value)?,
        path: located.path,
        place: located.place,
    })
}

fn number(value: i64) -> Option<Port> {
    u16::try_from(value)
        .ok()
        .and_then(|port| port.try_into().ok())
}
