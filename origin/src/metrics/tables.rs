//! Every metric that there is.

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// Its name, by Prometheus' conventions.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says, in one line without a backslash.
    pub help: &'static str,
}

const fn family(
    name: &'static str,
    kind: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family {
        name,
        kind,
        labels,
        help,
    }
}

/// All of them, in the order of a page; `docs/metrics.md` has the same.
pub const FAMILIES: [Family; 19] = [
    family(
        "origin_build_info",
        "gauge",
        &["version"],
        "Always 1, with the version.",
    ),
    family(
        "origin_http_requests_total",
        "counter",
        &["protocol", "route", "status"],
        "Requests that have ended, by HTTP version, route and status; 499 for a client that left before its answer.",
    ),
    family(
        "origin_limited_total",
        "counter",
        &["by", "what"],
        "What was answered 429, by client address or key: requests, calls or streams.",
    ),
    family(
        "origin_tool_call_duration_seconds",
        "histogram",
        &["server", "tool", "outcome"],
        "How long calls of tools took at their server, by outcome: answered, refused, timeout, unavailable or abandoned.",
    ),
    family(
        "origin_open_streams",
        "gauge",
        &["route"],
        "Streams that are open now.",
    ),
    family(
        "origin_sessions",
        "gauge",
        &[],
        "Sessions of MCP clients up to 2025-11-25.",
    ),
    family(
        "origin_server_state",
        "gauge",
        &["server", "state"],
        "1 for the state that an MCP server is in: ready, restarting, starting or failed; 0 for the others.",
    ),
    family(
        "origin_server_restarts_total",
        "counter",
        &["server"],
        "How often an MCP server was started again.",
    ),
    family(
        "origin_server_tools",
        "gauge",
        &["server"],
        "Tools that an MCP server offers now.",
    ),
    family(
        "origin_server_calls_in_flight",
        "gauge",
        &["server"],
        "Requests that an MCP server has not answered yet, of all its processes.",
    ),
    family(
        "origin_server_queue_depth",
        "gauge",
        &["server"],
        "Requests that wait until an MCP server reads them, of the processes that all clients share.",
    ),
    family(
        "origin_dependency_up",
        "gauge",
        &["dependency", "kind"],
        "1 for a dependency that was there at its last check, else 0.",
    ),
    family(
        "origin_dependency_check_duration_seconds",
        "gauge",
        &["dependency", "kind"],
        "How long the last check of a dependency took.",
    ),
    family(
        "origin_certificate_expiry_timestamp_seconds",
        "gauge",
        &["file"],
        "When a certificate that the origin itself shows ends, in seconds since 1970.",
    ),
    family(
        "process_start_time_seconds",
        "gauge",
        &[],
        "When the origin was started, in seconds since 1970.",
    ),
    family(
        "process_resident_memory_bytes",
        "gauge",
        &[],
        "Memory of the origin itself in RAM.",
    ),
    family(
        "process_virtual_memory_bytes",
        "gauge",
        &[],
        "Address space of the origin itself.",
    ),
    family(
        "process_open_fds",
        "gauge",
        &[],
        "File descriptors that are open.",
    ),
    family(
        "process_max_fds",
        "gauge",
        &[],
        "File descriptors that may be open.",
    ),
];
