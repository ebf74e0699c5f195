//! A whole Hypercorn TOML as an origin's.

use std::fmt::Write as _;
use std::path::Path;

use findings::{Document, Finding, Node, Place, Report, Value, nearest};

use super::value::{self, Written};
use super::{Fate, SETTINGS, Setting};
use crate::model::Bind;
use crate::read::load;

/// An origin's TOML, and what became of each key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The TOML, with comments where a person has to look.
    pub toml: String,
    /// A row for each key that was there, in its order, and for what its absence meant.
    pub changes: Vec<Change>,
}

/// What became of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key in Hypercorn's file.
    pub key: String,
    /// Where it stands, from 1; none for what was not there.
    pub line: Option<usize>,
    /// The line that it became; none where nothing does the same.
    pub becomes: Option<String>,
    /// The difference, or the reason.
    pub note: Option<String>,
    /// Something that it did is not done any more, or is done otherwise.
    pub needs_a_look: bool,
}

/// Reads a Hypercorn TOML and writes what does the same for an origin. Relative paths are taken from `base`, the folder that
/// Hypercorn was started in.
///
/// # Errors
/// Findings about values that Hypercorn could not use either.
pub fn convert(text: &str, file: &str, base: &Path) -> Result<Converted, Report> {
    let mut report = Report::new();
    let document = Document::parse(text, file, &mut report);
    let Value::Table(entries) = &document.root().value else {
        return Err(report);
    };
    let keys = Keys::of(entries);
    let mut changes = Vec::new();
    for (key, node) in entries {
        match keys.change(key, node, base) {
            Ok(change) => changes.push(change),
            Err(message) => {
                let finding = Finding::error("hypercorn.value", message);
                report.push(
                    finding
                        .at(key.escape_debug().to_string())
                        .placed(&node.place),
                );
            }
        }
    }
    if !report.has_errors() {
        changes.extend(keys.absent(&changes));
        check(&changes, entries, &mut report);
    }
    if report.has_errors() {
        return Err(report.sorted());
    }
    let toml = compose(file, &changes);
    Ok(Converted { toml, changes })
}

/// What has to be known of a file before one of its keys is looked at.
struct Keys {
    tls: bool,
    hosts: bool,
}

impl Keys {
    fn of(entries: &[(String, Node)]) -> Self {
        let has = |key: &str| entries.iter().any(|(name, _)| name == key);
        Self {
            // Hypercorn encrypts only where it has both
            tls: has("certfile") && has("keyfile"),
            hosts: has("server_names"),
        }
    }

    fn change(&self, key: &str, node: &Node, base: &Path) -> Result<Change, String> {
        let change = |becomes, note: Option<String>, needs_a_look| Change {
            key: key.to_owned(),
            line: node.place.line,
            becomes,
            note,
            needs_a_look,
        };
        let Some(setting) = Setting::named(key) else {
            return Ok(change(None, Some(unknown(key)), true));
        };
        if !self.tls && TLS_ALONE.contains(&key) {
            let note = "without both of `certfile` and `keyfile` Hypercorn takes no notice of it";
            return Ok(change(None, Some(note.to_owned()), true));
        }
        let Some((name, form)) = setting.counterpart() else {
            let (note, lost) = without(setting, &node.value);
            return Ok(change(None, Some(note.to_owned()), lost));
        };
        let Written { toml, mut notes } = value::write(form, &node.value, base)?;
        let lost = !notes.is_empty();
        if !lost && let Fate::Differs { how, .. } = setting.fate {
            notes.push(how.to_owned());
        }
        let becomes = toml.map(|toml| format!("{name} = {toml}"));
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        Ok(change(becomes, note, lost))
    }

    /// What it meant that a key was not there.
    fn absent(&self, changes: &[Change]) -> Option<Change> {
        let lines = changes
            .iter()
            .filter_map(|change| change.becomes.as_deref());
        let open = lines.filter(|line| line.contains("bind = ")).any(is_open);
        (open && !self.hosts).then(|| Change {
            key: "server_names".to_owned(),
            line: None,
            becomes: None,
            note: Some("it was not there, and Hypercorn answers for every host: name yours in `allowed_hosts`, or clients get 421".to_owned()),
            needs_a_look: true,
        })
    }
}

/// Whether a line of addresses has one that others reach by a name.
fn is_open(line: &str) -> bool {
    let addresses = line.split('"').skip(1).step_by(2);
    let mut binds = addresses.filter_map(|address| address.parse::<Bind>().ok());
    binds.any(|bind| matches!(bind, Bind::Tcp(address) if !address.ip().is_loopback()))
}

fn unknown(key: &str) -> String {
    let names = SETTINGS.iter().map(|setting| setting.name);
    let meant = nearest(key, names).map(|name| format!(": `{name}` was meant?"));
    format!(
        "Hypercorn has no such setting and says nothing of it{}",
        meant.unwrap_or_default()
    )
}

/// Why there is no line for a setting, and whether that loses something.
fn without(setting: &Setting, value: &Value) -> (&'static str, bool) {
    let is_default = value_text(value) == setting.default.trim_matches('"');
    match setting.fate {
        Fate::Always { value: only, why } => (why, value_text(value) != only.trim_matches('"')),
        Fate::Refused(why) => (why, !is_default),
        Fate::Needless(why) => (why, false),
        Fate::Same(_) | Fate::Differs { how: _, .. } => ("", false),
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_json().to_string(),
    }
}

/// What the origin itself says of the lines; its findings stand where the keys stood.
fn check(changes: &[Change], entries: &[(String, Node)], report: &mut Report) {
    let lines: Vec<_> = changes
        .iter()
        .filter(|change| change.becomes.is_some())
        .collect();
    let text: String = lines
        .iter()
        .filter_map(|change| Some(format!("{}\n", change.becomes.as_deref()?)))
        .collect();
    let mut found = Report::new();
    let document = Document::parse(&text, "", &mut found);
    found.append(load(document).1);
    for finding in found.findings() {
        let line = finding.line.and_then(|line| line.checked_sub(1));
        let change = line.and_then(|line| lines.get(line));
        let key = change.map_or("", |change| change.key.as_str());
        let place = entries.iter().find(|(name, _)| name == key);
        let finding = finding.clone().at(key);
        report.push(match place {
            Some((_, node)) => finding.placed(&node.place),
            None => finding.placed(&Place {
                file: "".into(),
                line: None,
            }),
        });
    }
}

fn compose(file: &str, changes: &[Change]) -> String {
    let mut out = format!(
        "# What {} says, for an origin. Keys that are not here have the origin's own defaults.\n",
        comment(file)
    );
    out.push_str("#   origin check --config FILE\n\n");
    for change in changes {
        let Some(line) = &change.becomes else {
            continue;
        };
        if let Some(note) = change.note.as_ref().filter(|_| change.needs_a_look) {
            let _ = writeln!(out, "# Look: {}", comment(note));
        }
        let _ = writeln!(out, "{line}");
    }
    let lost = changes
        .iter()
        .filter(|change| change.becomes.is_none() && change.needs_a_look);
    for change in lost {
        let note = change.note.as_deref().unwrap_or_default();
        let _ = writeln!(
            out,
            "\n# Look: `{}`: {}",
            comment(&change.key),
            comment(note)
        );
        if change.key == "server_names" {
            out.push_str("# allowed_hosts = [\"mcp.example.com\"]\n");
        }
    }
    out.push_str(SERVERS);
    out
}

/// Words of the file in one line of a comment.
fn comment(text: &str) -> String {
    text.escape_debug()
        .to_string()
        .replace("\\\"", "\"")
        .replace("\\'", "'")
}

/// Hypercorn opens these only with TLS, or uses them for nothing else.
const TLS_ALONE: [&str; 7] = [
    "certfile",
    "keyfile",
    "insecure_bind",
    "quic_bind",
    "alpn_protocols",
    "alt_svc_headers",
    "ssl_handshake_timeout",
];
const SERVERS: &str = "\n# In the place of the application: the MCP servers, each by its command or its URL.\n\
    # [[servers]]\n# name = \"time\"\n# command = [\"mcp-server-time\"]\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(text: &str) -> Converted {
        let done = convert(text, "hypercorn.toml", Path::new("/srv/app"));
        done.unwrap_or_else(|report| panic!("{report}"))
    }

    /// The keys that a person is told to look at.
    fn looks(converted: &Converted) -> Vec<&str> {
        let looks = converted
            .changes
            .iter()
            .filter(|change| change.needs_a_look);
        looks.map(|change| change.key.as_str()).collect()
    }

    #[test]
    fn a_production_file_becomes_an_origins() {
        let done = converted(
            "bind = [\"0.0.0.0:443\", \"[::]:443\"]\nquic_bind = \"0.0.0.0:443\"\ncertfile = \"tls/cert.pem\"\n\
             keyfile = \"/etc/key.pem\"\nserver_names = [\"mcp.example.com\"]\nkeep_alive_timeout = 30\n\
             graceful_timeout = 2.5\nloglevel = \"warning\"\naccesslog = \"-\"\nworkers = 4\numask = 0o007\n",
        );
        assert_eq!(looks(&done), [""; 0]);
        for line in [
            "certfile = \"/srv/app/tls/cert.pem\"\n",
            "quic_bind = [\"0.0.0.0:443\"]\n",
            "allowed_hosts = [\"mcp.example.com\"]\n",
            "keep_alive_timeout = \"30s\"\n",
            "graceful_timeout = \"2500ms\"\n",
            "loglevel = \"WARNING\"\n",
            "umask = 0o007\n",
        ] {
            assert!(done.toml.contains(line), "{line}: {}", done.toml);
        }
    }

    #[test]
    fn what_nothing_does_any_more_is_to_be_looked_at_and_a_default_is_not() {
        let done = converted(
            "bind = \"127.0.0.1:9\"\nroot_path = \"/api\"\nstatsd_prefix = \"\"\naccess-log = \"-\"\n\
             include_date_header = false\nh2_max_inbound_frame_size = 16384\naccesslog = \"/var/log/x\"\n",
        );
        let wanted = [
            "root_path",
            "access-log",
            "include_date_header",
            "accesslog",
        ];
        assert_eq!(looks(&done), wanted);
        assert!(
            done.toml.contains("`accesslog` was meant?"),
            "{}",
            done.toml
        );
    }

    #[test]
    fn without_both_files_there_is_no_tls_and_nothing_that_needs_it() {
        let done = converted("certfile = \"/c\"\nquic_bind = \"[::]:443\"\nbind = \"[::]:80\"\n");
        assert_eq!(looks(&done), ["certfile", "quic_bind", "server_names"]);
        assert!(!done.toml.contains("quic_bind ="), "{}", done.toml);
    }

    #[test]
    fn a_value_that_hypercorn_could_not_use_is_a_finding_at_its_line() {
        for (text, line) in [
            ("backlog = 100\nkeep_alive_timeout = \"5\"\n", 2),
            ("backlog = 0\n", 1),
            ("loglevel = \"LOUD\"\n", 1),
            ("debug = false\nbind = [1]\n", 2),
            ("bind = \n", 1),
        ] {
            let report = convert(text, "h.toml", Path::new("/")).expect_err(text);
            assert_eq!(report.findings()[0].line, Some(line), "{text}: {report}");
        }
    }

    #[test]
    fn no_word_of_the_file_ends_a_comment() {
        let done = converted("\"a\\nbind = 1\" = 1\npid_path = \"x\"\n");
        let uncommented = done.toml.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(uncommented.collect::<String>(), "");
    }
}
