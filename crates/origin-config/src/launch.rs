//! How the processes of a server are made: how many, with which secrets, within which limits.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use findings::{Finding, Reader, format_duration, format_size};

use crate::write::{text, texts};

/// What a server's processes are given beside their command; of no use to a server that runs elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// `processes`: how many processes all clients share.
    pub processes: u32,
    /// `environment_files`: files of `NAME=VALUE` lines, read at every start; a later file wins over an earlier one, and
    /// `environment` over all.
    pub environment_files: Vec<PathBuf>,
    /// `environment_secrets`: variables and the files whose text is their value, read at every start. A path that does not begin
    /// with `/` is below `$CREDENTIALS_DIRECTORY` (systemd.exec(5), `LoadCredential=`). They win over all others.
    pub environment_secrets: BTreeMap<String, PathBuf>,
    /// `limits`.
    pub limits: Limits,
}

impl Default for Launch {
    fn default() -> Self {
        Self {
            processes: 1,
            environment_files: Vec::new(),
            environment_secrets: BTreeMap::new(),
            limits: Limits::default(),
        }
    }
}

/// Resource limits of one process (getrlimit(2)); what it starts inherits them. Absent: as the origin's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// `limits.open_files`: descriptors (`RLIMIT_NOFILE`).
    pub open_files: Option<u64>,
    /// `limits.address_space`: bytes of virtual memory (`RLIMIT_AS`).
    pub address_space: Option<u64>,
    /// `limits.cpu_time`: CPU time of its whole life (`RLIMIT_CPU`), in whole seconds.
    pub cpu_time: Option<Duration>,
    /// `limits.processes`: processes and threads of its user, all together (`RLIMIT_NPROC`); root has no such limit.
    pub processes: Option<u64>,
}

/// Reads the keys of one of `[[servers]]`.
pub(crate) fn read(table: &Reader<'_>) -> Launch {
    let files = table.strings("environment_files").unwrap_or_default();
    let secrets = table.string_map("environment_secrets").unwrap_or_default();
    let processes = table.integer("processes", 1..=MOST_PROCESSES);
    let processes = processes.and_then(|found| u32::try_from(found.value).ok());
    Launch {
        processes: processes.unwrap_or(1),
        environment_files: files.into_iter().map(|file| file.value.into()).collect(),
        environment_secrets: secrets
            .into_iter()
            .map(|(name, file)| (name, file.into()))
            .collect(),
        limits: read_limits(table).unwrap_or_default(),
    }
}

/// Reads `socket`, beside which nothing may stand that makes a process.
pub(crate) fn read_socket(table: &Reader<'_>) -> Option<PathBuf> {
    let socket = PathBuf::from(table.string("socket")?.value);
    if !socket.is_absolute() {
        let message = format!("`{}` is not an absolute path", socket.display());
        table.find("socket", Finding::error("servers.path", message));
    }
    let keys = MAKING_KEYS
        .iter()
        .filter(|key| table.has(key) && !table.has("url"));
    for key in keys {
        let message =
            format!("`{key}` is for a server with `command`, and this one has a `socket`");
        let hint = "whoever listens on the socket starts the command";
        table.find(key, Finding::error("servers.kind", message).hint(hint));
    }
    Some(socket)
}

fn read_limits(table: &Reader<'_>) -> Option<Limits> {
    let limits = table.table("limits")?;
    let count = |key: &'static str| {
        let found = limits.integer(key, 1..=i64::from(u32::MAX))?;
        u64::try_from(found.value).ok()
    };
    let read = Limits {
        open_files: count("open_files"),
        address_space: limits.size("address_space").map(|size| size.value),
        cpu_time: limits.duration("cpu_time").map(|time| time.value),
        processes: count("processes"),
    };
    if read.cpu_time.is_some_and(|time| time < SECOND) {
        let finding = Finding::error("servers.limits", "CPU time is counted in whole seconds");
        limits.find(
            "cpu_time",
            finding.hint("as `\"10m\"`, for the whole life of the process"),
        );
    }
    limits.finish();
    Some(read)
}

/// Writes them as `key = value` lines, where they are not the defaults.
pub(crate) fn write(out: &mut String, launch: &Launch) {
    let mut line = |key: &str, value: String| {
        let _ = writeln!(out, "{key} = {value}");
    };
    if launch.processes != 1 {
        line("processes", launch.processes.to_string());
    }
    let files: Vec<_> = launch
        .environment_files
        .iter()
        .map(|file| file.display())
        .collect();
    if !files.is_empty() {
        line("environment_files", texts(&files));
    }
    let secrets = launch.environment_secrets.iter();
    let secrets: Vec<_> = secrets
        .map(|(name, file)| format!("{} = {}", text(name), text(file.display())))
        .collect();
    if !secrets.is_empty() {
        line(
            "environment_secrets",
            format!("{{ {} }}", secrets.join(", ")),
        );
    }
    let limits = &launch.limits;
    let limits = [
        (
            "open_files",
            limits.open_files.map(|count| count.to_string()),
        ),
        (
            "address_space",
            limits.address_space.map(|size| text(format_size(size))),
        ),
        (
            "cpu_time",
            limits.cpu_time.map(|time| text(format_duration(time))),
        ),
        ("processes", limits.processes.map(|count| count.to_string())),
    ];
    for (key, value) in limits {
        if let Some(value) = value {
            line(&format!("limits.{key}"), value);
        }
    }
}

/// Keys that say how a process is made.
const MAKING_KEYS: [&str; 7] = [
    "command",
    "working_directory",
    "environment",
    "environment_pass",
    "environment_files",
    "environment_secrets",
    "limits",
];

const SECOND: Duration = Duration::from_secs(1);

/// A Python server was measured at 40 to 60 MB: more of them fit on no small machine.
const MOST_PROCESSES: i64 = 256;
