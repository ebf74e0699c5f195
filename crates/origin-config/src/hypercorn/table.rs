//! All settings of Hypercorn's `Config`, in the order of their names.

use super::Fate::{Always, Differs, Needless, Refused, Same};
use super::Form::{
    AccessLog, Binds, Bytes, Count, Flag, Hosts, Level, Mask, Path, Protocols, Seconds, Texts,
    UdpBinds,
};
use super::{Fate, Setting};

/// Every setting. A test holds them against the attributes of Hypercorn's own class.
pub const SETTINGS: &[Setting] = &[
    setting(
        "access_log_format",
        "'%(h)s %(l)s %(l)s %(t)s \"%(r)s\" %(s)s %(b)s \"%(f)s\" \"%(a)s\"'",
        Needless(
            "a line of the access log is a JSON object, and whoever reads it chooses the fields",
        ),
    ),
    setting(
        "accesslog",
        NONE,
        Differs {
            form: AccessLog,
            key: "accesslog",
            how: "standard output or nothing: systemd and launchd keep what is written there; the origin's default is `\"-\"`",
        },
    ),
    setting("alpn_protocols", "[\"h2\", \"http/1.1\"]", Same(Protocols)),
    setting("alt_svc_headers", "[]", Same(Texts)),
    setting(
        "application_path",
        NONE,
        Refused(
            "there is no application to load: MCP servers stand in `[[servers]]`, each with its command or URL",
        ),
    ),
    setting("backlog", "100", Same(Count)),
    setting(
        "bind",
        "[\"127.0.0.1:8000\"]",
        Differs {
            form: Binds,
            key: "bind",
            how: ADDRESSES,
        },
    ),
    setting("ca_certs", NONE, Refused(CLIENTS)),
    setting("cert_reqs", NONE, Refused(CLIENTS)),
    setting(
        "certfile",
        NONE,
        Differs {
            form: Path,
            key: "certfile",
            how: FILES,
        },
    ),
    setting(
        "ciphers",
        "\"ECDHE+AESGCM\"",
        Needless(
            "TLS 1.3, and of TLS 1.2 only the suites with ECDHE and AES-GCM or ChaCha20-Poly1305: nothing weak is left to switch off",
        ),
    ),
    setting("daemon", "true", Needless(PROCESSES)),
    setting(
        "debug",
        "false",
        Needless("`loglevel = \"DEBUG\"` says more"),
    ),
    setting("dogstatsd_tags", "\"\"", Refused(FIGURES)),
    setting(
        "errorlog",
        "\"-\"",
        Needless(
            "faults stand in the one log, JSON lines on standard output, which systemd and launchd keep",
        ),
    ),
    setting("graceful_timeout", "3", Same(Seconds)),
    setting("group", NONE, Refused(OWNERS)),
    setting("h11_max_incomplete_size", "16384", Same(Bytes)),
    setting(
        "h11_pass_raw_headers",
        "false",
        Needless(
            "the names of headers have no case (RFC 9110 section 5.1), and no application asks for it",
        ),
    ),
    setting("h2_max_concurrent_streams", "100", Same(Count)),
    setting("h2_max_header_list_size", "65536", Same(Count)),
    setting(
        "h2_max_inbound_frame_size",
        "16384",
        Always {
            value: "16384",
            why: "the smallest that RFC 9113 section 4.2 allows; larger frames only make others on the connection wait",
        },
    ),
    setting(
        "include_date_header",
        "true",
        Always {
            value: "true",
            why: "a server with a clock sends `Date` (RFC 9110 section 6.6.1)",
        },
    ),
    setting("include_server_header", "true", Same(Flag)),
    setting(
        "insecure_bind",
        "[]",
        Differs {
            form: Binds,
            key: "insecure_bind",
            how: ADDRESSES,
        },
    ),
    setting(
        "keep_alive_max_requests",
        "1000",
        Refused(
            "a connection may be used for as long as it is; an idle one ends by `keep_alive_timeout`, and all of them with a drain",
        ),
    ),
    setting("keep_alive_timeout", "5", Same(Seconds)),
    setting(
        "keyfile",
        NONE,
        Differs {
            form: Path,
            key: "keyfile",
            how: FILES,
        },
    ),
    setting(
        "keyfile_password",
        NONE,
        Refused(
            "write the key without one (`openssl pkey -in KEY -out NEW`), readable by the origin's user alone",
        ),
    ),
    setting("logconfig", NONE, Refused(LOGS)),
    setting("logconfig_dict", NONE, Refused(LOGS)),
    setting("logger_class", "Logger", Refused(LOGS)),
    setting("loglevel", "\"INFO\"", Same(Level)),
    setting(
        "max_app_queue_size",
        "10",
        Needless(
            "a request body is read as fast as it is used, on every HTTP version: no queue stands between",
        ),
    ),
    setting("max_requests", NONE, Refused(RECYCLING)),
    setting("max_requests_jitter", "0", Refused(RECYCLING)),
    setting(
        "pid_path",
        NONE,
        Refused(
            "systemd and launchd know the process: `systemctl show -p MainPID`, `launchctl print`",
        ),
    ),
    setting(
        "quic_bind",
        "[]",
        Differs {
            form: UdpBinds,
            key: "quic_bind",
            how: "addresses with their ports, and `certfile` beside them; the numbers of HTTP/3 stand in `[quic]`",
        },
    ),
    setting(
        "read_timeout",
        NONE,
        Differs {
            form: Seconds,
            key: "read_timeout",
            how: "for a whole request head and for each pause in a body, on every HTTP version; an idle connection ends by `keep_alive_timeout`",
        },
    ),
    setting(
        "root_path",
        "\"\"",
        Refused("the paths are the origin's own; where clients use a prefix the edge takes it off"),
    ),
    setting(
        "server_names",
        "[]",
        Differs {
            form: Hosts,
            key: "allowed_hosts",
            how: "421 for other hosts where Hypercorn says 404, and without any name only loopback and the addresses of `bind` are answered, where Hypercorn answers everybody",
        },
    ),
    setting(
        "shutdown_timeout",
        "60",
        Needless(
            "no application has a shutdown of its own; MCP servers are ended within some seconds, by force at last",
        ),
    ),
    setting("ssl_handshake_timeout", "60", Same(Seconds)),
    setting(
        "startup_timeout",
        "60",
        Refused(
            "`start_timeout` of each of `[[servers]]`; the origin itself listens at once and `/readyz` says when it is ready",
        ),
    ),
    setting("statsd_host", NONE, Refused(FIGURES)),
    setting("statsd_prefix", "\"\"", Refused(FIGURES)),
    setting("umask", NONE, Same(Mask)),
    setting(
        "use_reloader",
        "false",
        Refused(
            "there is no code to load again; certificates and API keys are read again when they change",
        ),
    ),
    setting("user", NONE, Refused(OWNERS)),
    setting("verify_flags", NONE, Refused(CLIENTS)),
    setting("verify_mode", NONE, Refused(CLIENTS)),
    setting(
        "websocket_max_message_size",
        "16777216",
        Needless(WEBSOCKETS),
    ),
    setting("websocket_ping_interval", NONE, Needless(WEBSOCKETS)),
    setting("worker_class", "\"asyncio\"", Needless(PROCESSES)),
    setting("workers", "1", Needless(PROCESSES)),
    setting(
        "wsgi_max_body_size",
        "16777216",
        Differs {
            form: Bytes,
            key: "max_body_size",
            how: "for every request, and a larger body is a 413",
        },
    ),
];

const fn setting(name: &'static str, default: &'static str, fate: Fate) -> Setting {
    Setting {
        name,
        default,
        fate,
    }
}

const NONE: &str = "–";
const ADDRESSES: &str = "addresses with their ports and `unix:/path`; `fd://N` has no form here, since sockets of systemd are found by their names, and a host is an address or `localhost`";
const CLIENTS: &str = "clients are not asked for certificates; `api_keys_file` asks them for keys";
const FIGURES: &str =
    "figures are asked for, not sent: `metrics = true` shows them to Prometheus on `admin_bind`";
const FILES: &str = "absolute; two lists of the same length for several names; read again when a file changes and on SIGHUP";
const LOGS: &str =
    "the log is JSON lines on standard output; `loglevel` and `accesslog` choose what is in it";
const OWNERS: &str = "whose a Unix socket is stands in the unit that makes it (`SocketUser=`, `SocketGroup=`); `umask` says who may connect";
const PROCESSES: &str = "one process uses all cores; there are no workers";
const RECYCLING: &str = "the origin needs no new process from time to time; an MCP server that does has `limits` and, when it ends, is started again";
const WEBSOCKETS: &str = "MCP has no WebSocket transport, and an upgrade is refused";
