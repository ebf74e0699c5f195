//! What the origin's health depends on beside its servers.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use findings::{Finding, Reader, format_duration};

use crate::authority::Authority;
use crate::read::is_server_name;
use crate::url::Url;
use crate::write::text;

/// Something that the servers behind this origin need, and how it is asked whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// `name`: as a server's.
    pub name: String,
    /// `kind` with its keys.
    pub kind: DependencyKind,
    /// `interval`: the pause between two checks; `health_check_interval` when absent.
    pub interval: Duration,
    /// `timeout`: how long one check may take.
    pub timeout: Duration,
    /// `critical`: without it the origin is not ready, and not only degraded.
    pub critical: bool,
}

/// How a dependency is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencyKind {
    /// `bolt`: a graph database; `RETURN 1` has to give its row.
    Bolt(Service),
    /// `redis`: Redis, Valkey and their like; `PING` has to be answered.
    Redis(Service),
    /// `tcp`: a connection has to be accepted.
    Tcp(Address),
    /// `http`: a GET has to be answered with a status of 200 to 299.
    Http(Web),
}

/// A service that clients may have to log in to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// `address`; the port is the kind's own where it names none.
    pub address: Address,
    /// `user`.
    pub user: Option<String>,
    /// `password_file`: the first line of it, read for each check.
    pub password_file: Option<PathBuf>,
    /// `tls`: whether it speaks TLS from the first byte.
    pub tls: bool,
    /// `ca_file`: the certificates, in PEM, that its own must lead to; those of the system when absent.
    pub ca_file: Option<PathBuf>,
}

/// A page that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// `url`.
    pub url: Url,
    /// `ca_file`: the certificates, in PEM, that the page's own must lead to; those of the system when absent.
    pub ca_file: Option<PathBuf>,
}

/// A host and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    authority: Authority,
    port: u16,
}

impl Address {
    /// The host; an IPv6 address without its brackets.
    pub fn host(&self) -> String {
        self.authority.host()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.authority.port() {
            Some(_) => write!(f, "{}", self.authority),
            None => write!(f, "{}:{}", self.authority, self.port),
        }
    }
}

impl DependencyKind {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Bolt(_) => "bolt",
            Self::Redis(_) => "redis",
            Self::Tcp(_) => "tcp",
            Self::Http(_) => "http",
        }
    }
}

/// Reads `[[dependencies]]`; `usual` is `health_check_interval`.
pub(crate) fn read(reader: &Reader<'_>, usual: Duration) -> Vec<Dependency> {
    let mut names = BTreeSet::new();
    let mut dependencies = Vec::new();
    for table in reader.tables("dependencies") {
        let name = table.string("name").map(|name| name.value);
        let name = name.unwrap_or_default();
        if !is_server_name(&name) {
            let message = format!("`{}` is not a name", name.escape_debug());
            let hint = "a lower-case letter, then at most 31 of a-z, 0-9, `-` and single `_`";
            table.find(
                "name",
                Finding::error("dependencies.name", message).hint(hint),
            );
        } else if !names.insert(name.clone()) {
            let message = format!("dependency `{name}` is named twice");
            table.find("name", Finding::error("dependencies.duplicate", message));
        }
        let interval = positive(&table, "interval").unwrap_or(usual);
        let timeout = positive(&table, "timeout").unwrap_or(TIMEOUT);
        let critical = table.boolean("critical").is_some_and(|flag| flag.value);
        let kind = read_kind(&table);
        table.finish();
        dependencies.extend(kind.map(|kind| Dependency {
            name,
            kind,
            interval,
            timeout,
            critical,
        }));
    }
    dependencies
}

fn read_kind(table: &Reader<'_>) -> Option<DependencyKind> {
    let kind = table.string("kind");
    let word = kind.as_ref().map_or("", |kind| kind.value.as_str());
    // Every key is read whatever the kind, so that one of another kind is named as such and not as unknown.
    let address = table.word::<Authority>("address", "dependencies.address");
    let url = table.word::<Url>("url", "dependencies.url");
    let user = table.string("user").map(|user| user.value);
    let password_file = path(table, "password_file");
    let tls = table.boolean("tls").is_some_and(|flag| flag.value);
    let ca_file = path(table, "ca_file");
    let (allowed, port): (&[&str], _) = match word {
        "bolt" => (&SERVICE, Some(7687)),
        "redis" => (&SERVICE, Some(6379)),
        "tcp" => (&["address"], None),
        "http" => (&["url", "ca_file"], None),
        _ => {
            let message = format!(
                "`{}` is not `bolt`, `redis`, `http` or `tcp`",
                word.escape_debug()
            );
            table.find("kind", Finding::error("dependencies.kind", message));
            return None;
        }
    };
    for key in SERVICE.iter().chain(&["url"]) {
        if table.has(key) && !allowed.contains(key) {
            let message = format!("`{key}` says nothing to the kind `{word}`");
            table.find(key, Finding::error("dependencies.key", message));
        }
    }
    if !table.has(allowed[0]) {
        let message = format!("`{}` is missing", allowed[0]);
        let hint = match word {
            "http" => "as `url = \"http://127.0.0.1:9200/health\"`",
            _ => "as `address = \"127.0.0.1:7687\"`",
        };
        table.find(
            allowed[0],
            Finding::error("dependencies.missing", message).hint(hint),
        );
    }
    if word == "http" {
        return Some(DependencyKind::Http(Web {
            url: url?.value,
            ca_file,
        }));
    }
    let authority = address?.value;
    let Some(port) = authority.port().or(port) else {
        let finding = Finding::error(
            "dependencies.address",
            format!("`{authority}` names no port"),
        );
        table.find("address", finding.hint("as `address = \"127.0.0.1:7687\"`"));
        return None;
    };
    let address = Address { authority, port };
    let service = |address| Service {
        address,
        user,
        password_file,
        tls,
        ca_file,
    };
    Some(match word {
        "bolt" => DependencyKind::Bolt(service(address)),
        "redis" => DependencyKind::Redis(service(address)),
        _ => DependencyKind::Tcp(address),
    })
}

fn path(table: &Reader<'_>, key: &'static str) -> Option<PathBuf> {
    let path = PathBuf::from(table.string(key)?.value);
    if !path.is_absolute() {
        let message = format!("`{}` is not an absolute path", path.display());
        table.find(key, Finding::error("dependencies.path", message));
    }
    Some(path)
}

/// A time that is not 0.
pub(crate) fn positive(table: &Reader<'_>, key: &'static str) -> Option<Duration> {
    let time = table.duration(key)?;
    if time.value.is_zero() {
        table.find(key, Finding::error("value.out-of-range", "`0s` is no time"));
        return None;
    }
    Some(time.value)
}

/// Writes one as a table that [`read`] reads back.
pub(crate) fn write(out: &mut String, dependency: &Dependency) {
    let mut line = |key: &str, value: String| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{key} = {value}");
    };
    line("\n[[dependencies]]\nname", text(&dependency.name));
    line("kind", text(dependency.kind.as_str()));
    match &dependency.kind {
        DependencyKind::Tcp(address) => line("address", text(address)),
        DependencyKind::Http(web) => {
            line("url", text(&web.url));
            if let Some(file) = &web.ca_file {
                line("ca_file", text(file.display()));
            }
        }
        DependencyKind::Bolt(service) | DependencyKind::Redis(service) => {
            line("address", text(&service.address));
            if let Some(user) = &service.user {
                line("user", text(user));
            }
            line("tls", service.tls.to_string());
            for (key, file) in [
                ("password_file", &service.password_file),
                ("ca_file", &service.ca_file),
            ] {
                if let Some(file) = file {
                    line(key, text(file.display()));
                }
            }
        }
    }
    line("interval", text(format_duration(dependency.interval)));
    line("timeout", text(format_duration(dependency.timeout)));
    line("critical", dependency.critical.to_string());
}

/// The keys of a service; the first one has to be there.
const SERVICE: [&str; 5] = ["address", "user", "password_file", "tls", "ca_file"];

/// A database on the same network answers within milliseconds; a second is long enough for one that is busy.
const TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use findings::{Document, Report};

    use crate::{OriginConfig, load};

    fn loaded(text: &str) -> (Option<OriginConfig>, Report) {
        let mut report = Report::new();
        let document = Document::parse(text, "x", &mut report);
        assert!(report.is_empty(), "{report}");
        load(document)
    }

    const ALL: &str = "health_check_interval = \"20s\"\n\
        [[dependencies]]\nname = \"graph\"\nkind = \"bolt\"\naddress = \"db.example\"\nuser = \"neo4j\"\n\
        password_file = \"/run/p\"\ntls = true\nca_file = \"/run/ca\"\ncritical = true\n\
        [[dependencies]]\nname = \"cache\"\nkind = \"redis\"\naddress = \"[::1]:1\"\ninterval = \"1s\"\n\
        [[dependencies]]\nname = \"web\"\nkind = \"http\"\nurl = \"https://a.example/x?y\"\ntimeout = \"5s\"\n\
        [[dependencies]]\nname = \"port\"\nkind = \"tcp\"\naddress = \"127.0.0.1:22\"\n";

    #[test]
    fn dependencies_are_written_as_they_were_read() {
        let (config, report) = loaded(ALL);
        let config = config.unwrap_or_else(|| panic!("{report}"));
        let seconds: Vec<_> = config
            .dependencies
            .iter()
            .map(|d| (d.interval.as_secs(), d.timeout.as_secs()))
            .collect();
        assert_eq!(seconds, [(20, 1), (1, 1), (20, 5), (20, 1)]);
        let written = crate::write(&config, "");
        assert!(
            written.contains("address = \"db.example:7687\"")
                || written.contains("address = 'db.example:7687'"),
            "{written}"
        );
        let again = loaded(&written).0.expect("what was written is sound");
        assert_eq!(crate::write(&again, ""), written);
    }

    #[test]
    fn what_a_kind_does_not_have_is_named() {
        let faults = "[[dependencies]]\nname = \"A\"\nkind = \"sql\"\n\
            [[dependencies]]\nname = \"b\"\nkind = \"tcp\"\naddress = \"b.example\"\nuser = \"x\"\ninterval = \"0s\"\n\
            [[dependencies]]\nname = \"b\"\nkind = \"http\"\naddress = \"b:1\"\n\
            [[dependencies]]\nname = \"d\"\nkind = \"redis\"\nadress = \"b:1\"\npassword_file = \"p\"\n";
        let (config, report) = loaded(faults);
        assert!(config.is_none());
        let ids: Vec<_> = report.findings().iter().map(|f| f.id.as_str()).collect();
        for id in [
            "name",
            "kind",
            "address",
            "key",
            "duplicate",
            "missing",
            "path",
        ] {
            let id = format!("dependencies.{id}");
            assert!(ids.contains(&id.as_str()), "{id} in {ids:?}");
        }
        for id in ["value.out-of-range", "key.unknown"] {
            assert!(ids.contains(&id), "{id} in {ids:?}");
        }
    }
}
